#!/usr/bin/env python3
"""Floods a scanner's address from the other end of its link, and counts what comes back.

    flood.py INTERFACE MAC ADDRESS NETWORK [--seconds N] [--frames FILE]

Sends forged SYN-ACKs, RSTs, SYNs, ACKs, echo requests, UDP, fragments and ICMP errors from all addresses of NETWORK (a
/24) to ADDRESS, for N seconds. With --frames it sends the frames in FILE once instead, each behind its length in two
bytes. Then prints, as JSON, how many frames it sent and how many IPv4 packets to NETWORK arrived. An XDP program on the
interface sees packets first; it must pass on what is to be counted.
"""
import argparse, json, random, socket, struct, time

SYN, RST, ACK = 2, 4, 16


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, destination, protocol, payload, fragment=0):
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), random.randrange(1 << 16), fragment, 60, protocol, 0,
        source, destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def tcp(source, destination, port, flags):
    segment = struct.pack(
        "!HHIIBBHHH", 443, port, random.randrange(1 << 32), random.randrange(1 << 32), 0x50, flags, 1024, 0, 0)
    sum_of = checksum(source + destination + struct.pack("!BBH", 0, 6, len(segment)) + segment)
    return ipv4(source, destination, 6, segment[:16] + struct.pack("!H", sum_of) + segment[18:])


def icmp(source, destination, kind, code, rest, fragment=0):
    message = struct.pack("!BBH", kind, code, 0) + rest
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return ipv4(source, destination, 1, message, fragment)


def packets(source, destination):
    """One packet of each kind."""
    port = random.randrange(32768, 61001)
    probe = ipv4(destination, source, 6, struct.pack("!HHI", port, 80, random.randrange(1 << 32)) + b"\0" * 12)
    return [
        tcp(source, destination, port, SYN | ACK), tcp(source, destination, 22, SYN | ACK),
        tcp(source, destination, port, RST | ACK), tcp(source, destination, port, RST),
        tcp(source, destination, port, SYN), tcp(source, destination, 22, SYN),
        tcp(source, destination, port, ACK), tcp(source, destination, 22, 0),
        icmp(source, destination, 8, 0, b"\0\1\0\1" + b"x" * 20),
        icmp(source, destination, 3, 3, b"\0" * 4 + probe), icmp(source, destination, 13, 0, b"\0" * 16),
        icmp(source, destination, 8, 0, b"\0\2\0\1" + b"x" * 20, fragment=0x2000),
        tcp(source, destination, port, SYN)[:6] + b"\0\1" + tcp(source, destination, port, SYN)[8:],
        ipv4(source, destination, 17, struct.pack("!HHHH", 53, 9, 8, 0)),
        ipv4(source, destination, 47, b"\0" * 8), ipv4(source, destination, 132, b"\0" * 12),
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
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    link.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    link.bind((options.interface, 0x0800))
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
