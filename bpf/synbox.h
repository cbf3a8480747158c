/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The whole contract between the BPF programs and the Swift program: the record that crosses the
 * ring buffer, the counters, the settings. Nothing else crosses. Both sides include this file.
 *
 * Byte order: every field named __be16 or __be32 is as it stood on the wire; all else is host order.
 */
#ifndef SYNBOX_H
#define SYNBOX_H

#include <linux/types.h>

/* The interface that frames made by BPF_PROG_TEST_RUN pretend to come from: lo, everywhere number 1. */
#define SYNBOX_LOOPBACK 1

/*
 * Bytes of an IPv4 packet that may be a reply. No honest one is longer: probes allow a segment of 1460 bytes
 * at most, and an ICMP error is to fit into 576 (RFC 1812, section 4.3.2.3).
 */
#define SYNBOX_LONGEST_REPLY 1500

/* What a valid reply is. */
enum synbox_kind {
  SYNBOX_SYN_ACK = 1, /* the port is open */
  SYNBOX_RST = 2,     /* the port is closed */
  SYNBOX_ICMP = 3,    /* an ICMP error that quotes our probe */
};

/* Who closes the half-open connection after a valid SYN-ACK. */
enum synbox_rst {
  SYNBOX_RST_NONE = 0,        /* nobody */
  SYNBOX_RST_IN_PLACE = 1,    /* the XDP program turns the packet round (XDP_TX) */
  SYNBOX_RST_TRANSMITTER = 2, /* the event asks the transmitter for it */
};

/* One valid reply, 88 bytes, written once into EVENTS. */
struct synbox_event {
  __u64 time_ns;         /* CLOCK_MONOTONIC_COARSE at receipt, nanoseconds: a clock tick late at most */
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
  __be32 icmp_responder; /* ICMP only: who sent the error */
  __u8 tcp_flags;        /* the TCP flags byte */
  __u8 options_length;   /* bytes of options that follow, 0..40 */
  __u8 rst_wanted;       /* 1: the transmitter must send the RST */
  __u8 zero;
  __u8 options[40]; /* TCP options as received, zero-padded */
  __u32 zero2;
};
_Static_assert(sizeof(struct synbox_event) == 88, "the event record is 88 bytes");

/*
 * STATS, per CPU. The first SYNBOX_FATES are fates: every packet the program sees is counted under
 * exactly one, so their sum is the number of packets seen. The rest are plain counters.
 */
enum synbox_stat {
  SYNBOX_PASS_NOT_IPV4 = 0,
  SYNBOX_PASS_MALFORMED,      /* a header runs past the packet's end, or a length is impossible in a reply */
  SYNBOX_PASS_FRAGMENT,       /* IPv4 fragments are never believed */
  SYNBOX_PASS_NOT_OURS,       /* destination not in WHITELIST_IPV4 */
  SYNBOX_PASS_OTHER_PROTOCOL, /* neither TCP nor an ICMP error */
  SYNBOX_PASS_OTHER_PORT,     /* destination port outside our source ports */
  SYNBOX_PASS_NOT_REPLY,      /* TCP, but neither SYN-ACK nor RST-ACK */
  SYNBOX_PASS_BAD_COOKIE,     /* looks like a reply, but the cookie does not hold */
  SYNBOX_PASS_BAD_CHECKSUM,   /* the cookie holds, the IPv4, TCP or ICMP checksum does not */
  SYNBOX_OPEN,                /* valid SYN-ACK, reported */
  SYNBOX_OPEN_RING_FULL,      /* valid SYN-ACK dropped without an RST: the target sends it again */
  SYNBOX_CLOSED,              /* valid RST, reported */
  SYNBOX_CLOSED_UNREPORTED,   /* valid RST that nobody asked for */
  SYNBOX_CLOSED_RING_FULL,
  SYNBOX_ICMP_VALID,      /* valid ICMP error, reported */
  SYNBOX_ICMP_UNREPORTED, /* valid ICMP error that nobody asked for */
  SYNBOX_ICMP_RING_FULL,
  SYNBOX_FATES,
  SYNBOX_RST_SENT = SYNBOX_FATES, /* RSTs returned by XDP_TX */
  SYNBOX_STATS,
};

/* Fixed before the program is loaded (read-only data, so dead branches go). */
struct synbox_settings {
  __u16 port_first; /* our source ports, host order, both inclusive */
  __u16 port_last;
  __u8 rst;           /* enum synbox_rst */
  __u8 report_closed; /* valid RSTs become events */
  __u8 report_icmp;   /* valid ICMP errors become events */
  __u8 generator;     /* frames made by BPF_PROG_TEST_RUN go on to the program in GENERATOR */
  __u8 partial_checksums; /* the link is virtual: TCP checksums may be left to an adapter that there is not */
  __u8 zero;
};
_Static_assert(sizeof(struct synbox_settings) == 10, "settings are 10 bytes");

/* The 128-bit SipHash key, as two little-endian words. Sole element of SIPHASH_KEY. */
struct synbox_key {
  __u64 k0;
  __u64 k1;
};

/* ---- the generator (probes.bpf.c) ---- */

enum synbox_frame {
  SYNBOX_FRAME_SYN = 1, /* a probe; its sequence number is the cookie */
  SYNBOX_FRAME_RST = 2, /* closes the half-open connection that a SYN-ACK told of */
};

/* One frame to send, 24 bytes, all in host order. What Wire.TransmitEntry is in Swift. */
struct synbox_entry {
  __u32 destination;
  __u32 sequence; /* RST only */
  union {
    struct {
      __u32 ports;  /* source port << 16 | destination port */
      __u16 source; /* index into TEMPLATES, which has a SYN and an RST for each */
      __u8 kind;    /* enum synbox_frame */
      __u8 refused; /* set by the program: the driver did not take the frame */
    };
    __u64 shape; /* under SYNBOX_SHAPE_MASK what frames share that differ only in what is stamped */
  };
  __u32 next_hop; /* 0 is the gateway, else an index into NEXT_HOPS */
  __u32 zero;
};
_Static_assert(sizeof(struct synbox_entry) == 24, "an entry is 24 bytes");
/* Destination port, source and kind; never 0, for no kind is. */
#define SYNBOX_SHAPE_MASK 0x00ffffff0000ffffULL

/*
 * What one of our source addresses fixes of a frame: the frame to the gateway with every changing field zero,
 * zero-padded. In the places of the checksums stand the sums of what is fixed, folded and not complemented
 * (IPv4 header; pseudo-header, TCP header and options), so that the shortest frame needs one cache line.
 * 128 bytes, so that an index becomes a shift.
 */
struct synbox_template {
  __u8 frame[128];
};
_Static_assert(sizeof(struct synbox_template) == 128, "a template is 128 bytes");

/* SipHash's state on the way through a message (cookie.h). */
struct synbox_sip_state {
  __u64 v0;
  __u64 v1;
  __u64 v2;
  __u64 v3;
};

/*
 * What all frames of one kind from one source to one port have in common: the shortest frame, and the hash's
 * state behind the message's first block, a third of the hash. A scan has few of these.
 */
struct synbox_memo {
  __u64 shape; /* as in the entries; 0 if there is none */
  __u64 zero;
  struct synbox_sip_state state;
  __u8 frame[60];
  __u32 zero2[5];
};
_Static_assert(sizeof(struct synbox_memo) == 128, "a memo is two cache lines");
#define SYNBOX_MEMO_BITS 9
#define SYNBOX_MEMOS (1 << SYNBOX_MEMO_BITS)

/* The state of one ring of entries. Positions count entries since the ring was made. */
struct synbox_queue {
  struct synbox_sip_state start; /* of the job's key, half a round on */
  __u64 end;     /* set by user space: entries below may be sent */
  __u64 built;   /* entries below have become frames */
  __u64 settled; /* entries below were taken by the driver, or refused */
  __u64 refused; /* how many entries were refused so far */
  __u64 resets;  /* how many of those built were RSTs */
  __u16 identification_mask;  /* the IPv4 identification: (hash bits & mask) | fixed */
  __u16 identification_fixed;
  __u32 error; /* the errno of the last bulk or frame that was refused for another reason than room */
  __u64 zero[6];
};
_Static_assert(sizeof(struct synbox_queue) == 128, "a queue is two cache lines");

/* Entries in a ring, and rings, the first of which stays empty. */
#define SYNBOX_RING 8192
#define SYNBOX_RINGS 16
#define SYNBOX_PROCESSORS 1024

/*
 * All that a sending thread shares with the program. It is found by the processor that the thread is pinned
 * to; no other processor touches it, so there is nothing to lock.
 */
struct synbox_sender {
  struct synbox_queue queue;
  struct synbox_memo memos[SYNBOX_MEMOS]; /* by a hash of their shape; the program's own, zero for each new job */
  struct synbox_entry entries[SYNBOX_RING];
};

/* In the program's own data: to look each up in a map would take as long as to fill a frame. */
struct synbox_senders {
  __u8 ring_of[SYNBOX_PROCESSORS]; /* by processor */
  struct synbox_sender senders[SYNBOX_RINGS];
};
enum {
  SYNBOX_SENDERS_AT = __builtin_offsetof(struct synbox_senders, senders),
  SYNBOX_SENDER_SIZE = sizeof(struct synbox_sender),
  SYNBOX_MEMOS_AT = __builtin_offsetof(struct synbox_sender, memos),
  SYNBOX_ENTRIES_AT = __builtin_offsetof(struct synbox_sender, entries),
};

/* ---- the target node (responder.bpf.c) ---- */

enum synbox_answer {
  SYNBOX_ANSWER_ALL = 0,
  SYNBOX_ANSWER_EVEN = 1,  /* even last byte */
  SYNBOX_ANSWER_SHARE = 2, /* a share of (address, port) pairs, by hash */
};

/* Fixed before load. */
struct synbox_responder_settings {
  __u64 seed;      /* of the hash behind SYNBOX_ANSWER_SHARE */
  __u64 threshold; /* a pair answers if the low 32 bits of its hash lie below; 2^32 is everyone */
  __u32 answer;    /* enum synbox_answer */
  __u32 closed_rst; /* 1: pairs that do not answer send an RST, 0: they are silent */
  __u32 redirect;   /* 1: answers leave by redirect to the own interface, 0: by XDP_TX */
  __u32 arrivals;   /* 1: count SYNs by the millisecond in ARRIVALS */
};
_Static_assert(sizeof(struct synbox_responder_settings) == 32, "responder settings are 32 bytes");

/*
 * ARRIVALS: valid SYNs in each millisecond, the first of which begins with the first valid SYN. The element
 * after these holds all that came later.
 */
#define SYNBOX_ARRIVAL_SLOTS 32768

enum synbox_responder_stat {
  SYNBOX_RESPONDER_RECEIVED = 0, /* packets seen */
  SYNBOX_RESPONDER_SYN,          /* TCP SYNs with correct checksums */
  SYNBOX_RESPONDER_SYN_BAD,      /* TCP SYNs with a wrong checksum or length: never answered */
  SYNBOX_RESPONDER_ANSWERED,     /* SYN-ACKs sent */
  SYNBOX_RESPONDER_REFUSED,      /* RSTs sent */
  SYNBOX_RESPONDER_RST,          /* RSTs received with correct checksums */
  SYNBOX_RESPONDER_RST_BAD,      /* RSTs received that a TCP would not accept */
  SYNBOX_RESPONDER_OTHER,        /* passed on */
  SYNBOX_RESPONDER_STATS,
};

#endif
