"""IPv4 packets, built by hand (RFC 791, 792, 1071, 9293), and a link to send them on."""

import socket
import struct

SYN, RST, ACK = 0x02, 0x04, 0x10


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload, options=b"", identification=7, fragment=0):
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), identification, fragment, 60,
        protocol, 0, source, destination) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def pseudo_header(source, destination, length):
    return source + destination + struct.pack("!HH", socket.IPPROTO_TCP, length)


def tcp(source, destination, ports, numbers, flags, window, words=5, spoil=0):
    """A segment without data that claims a header of `words`, and has a checksum whose bits in `spoil` are flipped."""
    segment = struct.pack("!HHIIBBHHH", *ports, *numbers, words << 4, flags, window, 0, 0)
    value = checksum(pseudo_header(source, destination, len(segment)) + segment) ^ spoil
    return segment[:16] + struct.pack("!H", value) + segment[18:]


def icmp(kind, code, rest):
    """A message; `rest` follows its checksum."""
    message = struct.pack("!BBH", kind, code, 0) + rest
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def open_link(interface):
    """A socket for IPv4 packets in Ethernet frames."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    link.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    link.bind((interface, 0x0800))
    return link
