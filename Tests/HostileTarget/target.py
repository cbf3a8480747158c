"""A target that replies to SYNs in hostile ways, chosen by the last byte of the probed address.

    python3 target.py INTERFACE

Prints "ready" and, on SIGTERM, a JSON object: for each last byte the number of RSTs with correct checksums and
sequence number, and under "bad" the number of other RSTs.
"""

import json
import select
import signal
import socket
import struct
import sys
import time

from packets import ACK, RST, SYN, checksum, icmp, ipv4, open_link, pseudo_header, tcp


class Segment:
    """A TCP segment received in an Ethernet frame."""

    def __init__(self, frame):
        self.frame = frame
        self.packet = frame[14:14 + struct.unpack_from("!H", frame, 16)[0]]
        self.source, self.address = frame[26:30], frame[30:34]
        self.source_port, self.port, self.sequence = struct.unpack_from("!HHI", frame, 34)
        self.flags = frame[47]

    def is_valid(self):
        segment = self.packet[20:]
        return checksum(self.packet[:20]) == 0 and checksum(
            pseudo_header(self.source, self.address, len(segment)) + segment) == 0


def replies(probe):
    """The replies to a probe: (seconds from now, IPv4 packet)."""
    def reply(flags, ahead=1, options=b"", **wrong):
        """A reply that acknowledges the probe's number + `ahead`."""
        numbers = 0x10203040, (probe.sequence + ahead) & 0xFFFFFFFF
        segment = tcp(probe.address, probe.source, (probe.port, probe.source_port), numbers, flags, 64240, **wrong)
        return ipv4(probe.address, probe.source, socket.IPPROTO_TCP, segment, options)

    open_port = reply(SYN | ACK)
    error = icmp(3, 13, b"\0" * 4 + probe.packet[:28])
    return {
        1: [(0, open_port)],
        2: [(0, reply(RST | ACK)), (0.2, open_port)],
        3: [(0, open_port)] * 1000,
        4: [(1.2, open_port)],
        5: [(0, reply(SYN | ACK, options=b"\1\1\1\0"))],
        6: [(0, reply(SYN | ACK, spoil=1))],
        7: [(0, reply(SYN | ACK, 2))],
        8: [(0, reply(SYN | ACK, words=15))],
        9: [(0, ipv4(b"\xc6\x12\x00\xfe", probe.source, socket.IPPROTO_ICMP, error))],
        10: [(0, reply(RST, 1)), (0.2, reply(RST | ACK, 0))],
        11: [(3, open_port)],
    }.get(probe.address[3], [])


def main(interface):
    link = open_link(interface)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    waiting, expected, resets = [], {}, {"bad": 0}
    print("ready", flush=True)
    while not ended:
        now = time.monotonic()
        for due, frame in [entry for entry in waiting if entry[0] <= now]:
            link.send(frame)
        waiting = [entry for entry in waiting if entry[0] > now]
        if not select.select([link], [], [], 0.02)[0]:
            continue
        frame, origin = link.recvfrom(2048)
        if origin[2] == socket.PACKET_OUTGOING or len(frame) < 54 or frame[23] != socket.IPPROTO_TCP:
            continue
        segment = Segment(frame)
        last = segment.address[3]
        if segment.flags == SYN:
            expected[segment.address, segment.port, segment.source_port] = segment.sequence
            for delay, packet in replies(segment):
                waiting.append((now + delay, frame[6:12] + frame[0:6] + b"\x08\x00" + packet))
        elif segment.flags & RST:
            wanted = expected.get((segment.address, segment.port, segment.source_port), 0)
            valid = segment.is_valid() and segment.sequence == (wanted + 1) & 0xFFFFFFFF
            key = str(last) if valid else "bad"
            resets[key] = resets.get(key, 0) + 1
    print(json.dumps(resets))


main(sys.argv[1])
