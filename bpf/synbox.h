/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Everything that the BPF programs and the Swift program share: event records, counters, settings, and the
 * generator's memory. Both sides include this file.
 *
 * Byte order: fields of type __be16 and __be32 are in network order, all others in host order.
 */
#ifndef SYNBOX_H
#define SYNBOX_H

#include <linux/types.h>

/* The ingress interface of frames made by BPF_PROG_TEST_RUN: lo, which always has index 1. */
#define SYNBOX_LOOPBACK 1

/*
 * The longest IPv4 packet, in bytes, that may be a reply. Probes announce an MSS of at most 1460 bytes, and an ICMP
 * error should not exceed 576 (RFC 1812, section 4.3.2.3).
 */
#define SYNBOX_LONGEST_REPLY 1500

/*
 * Slots for keys: each job whose replies are valid has one, so that a job's cooldown may run while others send. The
 * source port says which slots a packet may prove. Twin: Sources/Wire/KeySlots.swift.
 */
#define SYNBOX_SLOTS 64

/* The kinds of valid replies. */
enum synbox_kind {
  SYNBOX_SYN_ACK = 1, /* the port is open */
  SYNBOX_RST = 2,     /* the port is closed */
  SYNBOX_ICMP = 3,    /* an ICMP error that quotes our probe */
};

/* One valid reply, 88 bytes, in EVENTS. */
struct synbox_event {
  __u64 time_ns;         /* CLOCK_MONOTONIC_COARSE at receipt, nanoseconds; behind by up to a clock tick */
  __be32 saddr;          /* the probed address (ICMP: as quoted) */
  __be32 daddr;          /* our address */
  __be16 sport;          /* the probed port (ICMP: as quoted) */
  __be16 dport;          /* our port */
  __be32 seqnum;         /* TCP sequence number; 0 for ICMP */
  __be32 acknum;         /* TCP acknowledgment number; 0 for ICMP */
  __be16 window;         /* TCP window; 0 for ICMP */
  __be16 ipid;           /* IPv4 identification */
  __u8 ttl;              /* IPv4 time to live */
  __u8 kind;             /* enum synbox_kind */
  __u8 icmp_type;        /* ICMP only */
  __u8 icmp_code;        /* ICMP only */
  __be32 icmp_responder; /* ICMP only: the source address of the error */
  __u8 tcp_flags;        /* the TCP flags byte */
  __u8 options_length;   /* bytes of options that follow, 0..40 */
  __u8 rst_wanted;       /* 1: the transmitter is asked for an RST */
  __u8 slot;             /* the slot whose key the reply proved */
  __u8 options[40]; /* TCP options as received, zero-padded */
  __u32 zero2;
};
_Static_assert(sizeof(struct synbox_event) == 88, "the event record is 88 bytes");

/*
 * Who uses one of our addresses. Values of WHITELIST_IPV4. What is no valid reply is passed to the kernel or dropped.
 */
enum synbox_use {
  SYNBOX_SHARED = 1,    /* the host, too: passed */
  SYNBOX_DEDICATED = 2, /* the scan alone: dropped, so that nothing that anybody sends there draws an answer */
};

/*
 * Counters. The first SYNBOX_FATES are fates: every packet is counted under exactly one of them, so their sum is the
 * number of packets seen. Those behind are plain counters.
 */
enum synbox_stat {
  SYNBOX_PASS_NOT_IPV4 = 0,
  SYNBOX_PASS_MALFORMED,      /* a header exceeds the packet, or a length is impossible in a reply */
  SYNBOX_PASS_FRAGMENT,       /* an IPv4 fragment: never accepted */
  SYNBOX_PASS_NOT_OURS,       /* destination not in WHITELIST_IPV4 */
  SYNBOX_PASS_OTHER_PROTOCOL, /* neither TCP nor an ICMP error */
  SYNBOX_PASS_OTHER_PORT,     /* destination port outside our source ports */
  SYNBOX_PASS_NOT_REPLY,      /* TCP, but neither SYN-ACK nor RST-ACK */
  SYNBOX_PASS_BAD_COOKIE,     /* looks like a reply, but its cookie is wrong */
  SYNBOX_PASS_BAD_IDENTIFICATION, /* ICMP: the cookie is valid; the quoted IPv4 identification is not the probe's */
  SYNBOX_PASS_BAD_CHECKSUM,   /* the cookie is valid; the IPv4, TCP or ICMP checksum is wrong */
  SYNBOX_OPEN,                /* valid SYN-ACK, reported */
  SYNBOX_OPEN_RING_FULL,      /* valid SYN-ACK dropped without an RST: the target retransmits it */
  SYNBOX_CLOSED,              /* valid RST, reported */
  SYNBOX_CLOSED_UNREPORTED,   /* valid RST; the settings do not ask for them */
  SYNBOX_CLOSED_RING_FULL,
  SYNBOX_ICMP_VALID,      /* valid ICMP error, reported */
  SYNBOX_ICMP_UNREPORTED, /* valid ICMP error; the settings do not ask for them */
  SYNBOX_ICMP_RING_FULL,
  SYNBOX_FATES,
  SYNBOX_WITHHELD = SYNBOX_FATES, /* of the packets that are no valid replies: those dropped, to dedicated addresses */
  SYNBOX_STATS,
};

/*
 * One element of STATS, a per-CPU array. Element number s holds the fates from SYNBOX_OPEN on of slot s; the last
 * element, SYNBOX_NO_SLOT, holds everything else.
 */
struct synbox_counts {
  __u64 of[SYNBOX_STATS];
};
#define SYNBOX_NO_SLOT SYNBOX_SLOTS

/* The receive program's read-only data, set before it is loaded, so that the verifier removes dead branches. */
struct synbox_settings {
  __u16 port_first; /* our source ports, host order, inclusive */
  __u16 port_last;
  __u8 wants_rst;     /* valid SYN-ACKs ask the transmitter for an RST */
  __u8 report_closed; /* valid RSTs become events */
  __u8 report_icmp;   /* valid ICMP errors become events */
  __u8 generator;     /* frames made by BPF_PROG_TEST_RUN are passed to the program in GENERATOR */
  __u8 partial_checksums; /* accept CHECKSUM_PARTIAL: the link is virtual, and no adapter completes checksums */
  __u8 slots; /* slots in use, from 0 on: 1..SYNBOX_SLOTS */
  __u8 hints; /* the largest power of two that is at most `slots` and the number of source ports */
  __u8 zero;
};
_Static_assert(sizeof(struct synbox_settings) == 12, "settings are 12 bytes");

/*
 * An element of SIPHASH_KEY: the 128-bit key of one slot, as two little-endian words. In an inactive slot nothing is
 * valid, whatever the words are. User space clears `active` before it changes them and sets it, to a new number, after.
 */
struct synbox_key {
  __u64 k0;
  __u64 k1;
  __u64 active;  /* 0 if the slot is inactive, else the number of the key */
  __u64 changes; /* keys so far; only user space uses it */
};
_Static_assert(sizeof(struct synbox_key) == 32, "a key lies within one cache line");

/* ---- the generator (probes.bpf.c) ---- */

/* The generator's read-only data, set before it is loaded. */
struct synbox_generator_settings {
  __u32 interface;       /* the index of the interface that frames leave by */
  __u32 restore_lengths; /* 1: the link is virtual, so that a neighbour can change the kernel's idea of a frame's length */
};
_Static_assert(sizeof(struct synbox_generator_settings) == 8, "generator settings are 8 bytes");

/* Of an entry's `way`: the next hop, 0 for the gateway, else an index into NEXT_HOPS; and flags. */
enum synbox_way {
  SYNBOX_WAY_HOP = 0xffffff,
  SYNBOX_WAY_RST = 1 << 24,     /* the frame closes the half-open connection after a SYN-ACK; else it is a probe */
  SYNBOX_WAY_REFUSED = 1 << 25, /* set by `settle`: the driver did not take the frame */
};

/* One frame to send: all that differs from frame to frame, in the frame's byte order. Twin of TransmitEntry in
   Sources/Wire, which computes the checksums. */
struct synbox_entry {
  __u64 ports_and_sequence; /* source port, destination port, sequence number: of a SYN, the cookie */
  __be32 destination;
  __u16 ipv4_check;
  __u16 tcp_check;
  __be16 identification;
  __u16 source; /* index into TEMPLATES, which has a SYN and an RST for each. Host order. */
  __u32 way;    /* host order */
};
_Static_assert(sizeof(struct synbox_entry) == 24, "an entry is 24 bytes");

/*
 * A frame to the gateway from one of our source addresses, zero-padded, with every variable field and both checksums
 * zero. 128 bytes, so that indexing is a shift.
 */
struct synbox_template {
  __u8 frame[128];
};
_Static_assert(sizeof(struct synbox_template) == 128, "a template is 128 bytes");

/* The state of one ring of entries. Positions count entries since the ring was created. */
struct synbox_ring {
  __u64 end;     /* set by user space: entries below may be sent */
  __u64 built;   /* entries below have become frames */
  __u64 settled; /* entries below were taken or refused by the driver */
  __u64 refused; /* entries refused so far */
  __u64 resets;  /* RSTs among those built */
  __u32 error; /* the errno of the last bulk or frame that was refused for a reason other than a full queue */
  __u32 zero[5];
};
_Static_assert(sizeof(struct synbox_ring) == 64, "a ring's state is a cache line");

/* Entries of a ring, a power of two; the most rings; processors, a power of two. */
#define SYNBOX_RING_ENTRIES 8192
#define SYNBOX_RINGS 15
#define SYNBOX_PROCESSORS 1024

/*
 * An element of SENDERS: everything that a sender shares with the program, which finds it by the processor that the
 * sender is pinned to. No other processor touches it, so no lock is needed.
 */
struct synbox_sender {
  struct synbox_ring ring;
  struct synbox_entry entries[SYNBOX_RING_ENTRIES];
};
enum {
  SYNBOX_SENDER_SIZE = sizeof(struct synbox_sender),
  SYNBOX_ENTRIES_AT = __builtin_offsetof(struct synbox_sender, entries),
};

/* ---- the target node (responder.bpf.c) ---- */

/* Which pairs are open. */
enum synbox_answer {
  SYNBOX_ANSWER_ALL = 0,
  SYNBOX_ANSWER_EVEN = 1,  /* even last byte */
  SYNBOX_ANSWER_SHARE = 2, /* a share of (address, port) pairs, by hash */
};

/* The responder's read-only data, set before it is loaded. */
struct synbox_responder_settings {
  __u64 seed;      /* of the hash behind SYNBOX_ANSWER_SHARE */
  __u64 threshold; /* a pair is open if the low 32 bits of its hash are below this; 2^32 opens all */
  __u32 answer;    /* enum synbox_answer */
  __u32 closed_rst; /* 1: other pairs send an RST, 0: they are silent */
  __u32 redirect;   /* 1: replies leave by redirect to the ingress interface, 0: by XDP_TX */
  __u32 arrivals;   /* 1: count SYNs per millisecond in ARRIVALS */
  __be32 watch_network; /* SYNs to this network are also counted as SYNBOX_RESPONDER_WATCHED … */
  __be32 watch_mask;    /* … unless this is 0 */
};
_Static_assert(sizeof(struct synbox_responder_settings) == 40, "responder settings are 40 bytes");

/*
 * ARRIVALS counts valid SYNs per millisecond, starting at the first valid SYN. One further element counts all that
 * arrive later.
 */
#define SYNBOX_ARRIVAL_SLOTS 32768

enum synbox_responder_stat {
  SYNBOX_RESPONDER_RECEIVED = 0, /* packets seen */
  SYNBOX_RESPONDER_SYN,          /* TCP SYNs with correct checksums */
  SYNBOX_RESPONDER_SYN_BAD,      /* TCP SYNs with a wrong checksum or length: get no reply */
  SYNBOX_RESPONDER_ANSWERED,     /* SYN-ACKs sent */
  SYNBOX_RESPONDER_REFUSED,      /* RSTs sent */
  SYNBOX_RESPONDER_RST,          /* RSTs received with correct checksums */
  SYNBOX_RESPONDER_RST_BAD,      /* RSTs received that a TCP would not accept */
  SYNBOX_RESPONDER_OTHER,        /* passed to the kernel */
  SYNBOX_RESPONDER_WATCHED,      /* of the valid SYNs, those to the watched network */
  SYNBOX_RESPONDER_STATS,
};

#endif
