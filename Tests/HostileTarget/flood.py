#!/usr/bin/env python3
"""Floods a scanner's address from the other end of its link, and counts what comes back.

    flood.py INTERFACE MAC ADDRESS NETWORK [--seconds N] [--frames FILE]

Sends forged SYN-ACKs, RSTs, SYNs, ACKs, echo requests, UDP, fragments and ICMP errors from all addresses of NETWORK (a
/24) to ADDRESS, for N seconds. With --frames it sends the frames in FILE once instead, each behind its length in two
bytes. Then prints, as JSON, how many frames it sent and how many IPv4 packets to NETWORK arrived. An XDP program on the
interface sees packets first; it must pass on what is to be counted.
"""
import argparse, json, random, socket, struct, time

from packets import ACK, RST, SYN, icmp, ipv4, open_link, tcp


def packets(source, destination):
    """One packet of each kind."""
    port = random.randrange(32768, 61001)

    def ip(protocol, payload, fragment=0):
        return ipv4(source, destination, protocol, payload, identification=random.randrange(1 << 16), fragment=fragment)

    def segment(to, flags):
        numbers = random.randrange(1 << 32), random.randrange(1 << 32)
        return ip(6, tcp(source, destination, (443, to), numbers, flags, 1024))

    probe = ipv4(destination, source, 6, struct.pack("!HHI", port, 80, random.randrange(1 << 32)) + b"\0" * 12)
    echo = b"\0\1\0\1" + b"x" * 20
    return [
        segment(port, SYN | ACK), segment(22, SYN | ACK), segment(port, RST | ACK), segment(port, RST),
        segment(port, SYN), segment(22, SYN), segment(port, ACK), segment(22, 0),
        ip(1, icmp(8, 0, echo)), ip(1, icmp(3, 3, b"\0" * 4 + probe)), ip(1, icmp(13, 0, b"\0" * 16)),
        ip(1, icmp(8, 0, echo), fragment=0x2000),
        segment(port, SYN)[:6] + b"\0\1" + segment(port, SYN)[8:],
        ip(17, struct.pack("!HHHH", 53, 9, 8, 0)), ip(47, b"\0" * 8), ip(132, b"\0" * 12),
    ]


def read_frames(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        length = struct.unpack_from("!H", data, at)[0]
        yield data[at + 2:at + 2 + length]
        at += 2 + length


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("mac")
    parser.add_argument("address")
    parser.add_argument("network")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--frames")
    options = parser.parse_args()
    link = open_link(options.interface)
    ours = link.getsockname()[4]
    ethernet = bytes.fromhex(options.mac.replace(":", "")) + ours + b"\x08\0"
    destination = socket.inet_aton(options.address)
    network = socket.inet_aton(options.network)[:3]

    def generate():
        end, host = time.monotonic() + options.seconds, 0
        while time.monotonic() < end:
            host = host % 254 + 1
            for packet in packets(network + bytes([host]), destination):
                yield ethernet + packet + b"\0" * (46 - len(packet))

    sent = 0
    for frame in read_frames(options.frames) if options.frames else generate():
        link.send(frame)
        sent += 1
        # So that neither the veth's queue nor the event ring overflows.
        if sent % 64 == 0:
            time.sleep(0.001)
    received, quiet = {}, time.monotonic() + 1.5
    link.settimeout(0.1)
    while time.monotonic() < quiet:
        try:
            frame, origin = link.recvfrom(2048)
        except socket.timeout:
            continue
        if origin[2] != socket.PACKET_OUTGOING and len(frame) >= 34 and frame[30:33] == network:
            protocol = str(frame[23])
            received[protocol] = received.get(protocol, 0) + 1
    print(json.dumps({"sent": sent, "received": sum(received.values()), "by_protocol": received}))


main()
