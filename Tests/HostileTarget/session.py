#!/usr/bin/env python3
"""A TCP session, downloads and pings between two hosts, to see whether something on the way disturbs them.

    session.py serve ADDRESS     echoes what arrives on port 8000, and gives files on port 8001, until it is ended
    session.py use ADDRESS N     for N seconds, sends a kilobyte after the other and awaits each, and pings in between
    session.py fetch ADDRESS N   the same, and fetches one file after the other beside that

It prints as JSON the numbers of kilobytes and pings that came back, of pings that did not and were sent again (ICMP may
lose them on a full link), and of files that came whole, and the longest wait in seconds. It fails if the session or a
download breaks, or if eight pings in a row are lost.
"""
import json, os, socket, struct, sys, threading, time

FILE = bytes(range(256)) * (1 << 14)


def give(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.sendall(FILE)
            except OSError:
                pass


def fetch(address, end, files):
    """Fetches a file again and again. Ends early if one does not come whole."""
    while time.monotonic() < end:
        with socket.create_connection((address, 8001), timeout=20) as connection:
            got = b"".join(iter(lambda: connection.recv(1 << 20), b""))
        assert got == FILE, len(got)
        files.append(len(got))


def serve(address):
    listener = socket.create_server((address, 8000))
    threading.Thread(target=give, args=(socket.create_server((address, 8001)),), daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        while data := connection.recv(65536):
            connection.sendall(data)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def echo(ping, address, number):
    """Sends a ping until it is answered. Returns how many were lost before."""
    request = struct.pack("!BBHHH", 8, 0, 0, 77, number & 0xffff)
    request = request[:2] + struct.pack("!H", checksum(request)) + request[4:]
    for lost in range(8):
        ping.sendto(request, (address, 0))
        end = time.monotonic() + 0.5
        while (left := end - time.monotonic()) > 0:
            ping.settimeout(left)
            try:
                reply = ping.recv(2048)[20:]
            except TimeoutError:
                break
            if reply[0] == 0 and struct.unpack_from("!HH", reply, 4) == (77, number & 0xffff):
                return lost
    raise TimeoutError("eight pings in a row were lost")


def use(address, seconds, fetches=False):
    session = socket.create_connection((address, 8000), timeout=5)
    ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    end, number, lost, longest, files, broken = time.monotonic() + seconds, 0, 0, 0, [], []
    threading.excepthook = lambda failure: broken.append(repr(failure.exc_value))
    download = threading.Thread(target=fetch, args=(address, end, files))
    if fetches:
        download.start()
    while time.monotonic() < end:
        begun, message = time.monotonic(), os.urandom(1024)
        session.sendall(message)
        echoed = b""
        while len(echoed) < len(message):
            echoed += session.recv(65536)
        assert echoed == message
        lost += echo(ping, address, number)
        number += 1
        longest = max(longest, time.monotonic() - begun)
        time.sleep(0.002)
    if fetches:
        download.join()
    assert not broken, broken
    print(json.dumps({"rounds": number, "lost_pings": lost, "files": len(files), "longest_seconds": longest}))


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    use(sys.argv[2], float(sys.argv[3]), fetches=sys.argv[1] == "fetch")
