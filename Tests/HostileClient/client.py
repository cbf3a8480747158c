"""Clients that behave badly: client.py PORT TOKEN COMMAND. Prints one JSON object."""

import json
import random
import resource
import select
import socket
import ssl
import sys
import time

PORT, TOKEN, COMMAND = int(sys.argv[1]), sys.argv[2], sys.argv[3]
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
LIMIT = 60


def connect(source="127.0.0.1"):
    return CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", PORT), LIMIT, (source, 0)))


def is_healthy(connection):
    connection.sendall(request("GET", "/healthz"))
    return answer(connection) == 204


def is_served():
    """Whether somebody else gets an answer."""
    return is_healthy(connect())


def connections(count):
    """Connections that have had an answer, the last one not long ago."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, count + 100))
    made = []
    for number in range(1, count + 1):
        made.append(connect())
        if number % 100 == 0 or number == count:
            assert all(is_healthy(connection) for connection in made)
    return made


def push(connection, data, patience=1):
    """Sends until the other side takes no more for some seconds, or ends the connection."""
    connection.settimeout(patience)
    sent = 0
    try:
        while sent < len(data):
            sent += connection.send(data[sent:sent + 16384])
    except (OSError, ssl.SSLError):
        pass


def request(method, path, fields=(), body=b""):
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nAuthorization: Bearer {TOKEN}\r\n"
    return (head + "".join(f"{field}\r\n" for field in fields) + "\r\n").encode("latin-1") + body


def answer(connection):
    """The status of the next answer; 0 if the connection ends first."""
    data = b""
    try:
        while b"\r\n" not in data:
            piece = connection.recv(4096)
            if not piece:
                return 0
            data += piece
    except (OSError, ssl.SSLError):
        return 0
    return int(data.split(b" ")[1])


def idle():
    """Connections that do nothing, while another one is served."""
    idle_ones = connections(int(sys.argv[4]))
    served = is_served()
    print(json.dumps({"open": sum(is_healthy(connection) for connection in idle_ones), "served": served}))


def crowd():
    """More connections of one address than it may have, and one of another address."""
    kept = []
    for _ in range(int(sys.argv[4])):
        try:
            connection = connect()
            if is_healthy(connection):
                kept.append(connection)
        except OSError:
            pass
    print(json.dumps({"kept": len(kept), "other": is_healthy(connect("127.0.0.2"))}))


def half_open():
    """A handshake that does not begin, a head that does not end, a body that does not come: each is ended."""
    raw = socket.create_connection(("127.0.0.1", PORT), timeout=LIMIT)
    head = connect()
    head.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    body = connect()
    body.sendall(request("PUT", "/v1/spool/slow.txt", ["Content-Length: 1000"], b"198.18"))
    begin = time.monotonic()
    ended = {}
    while len(ended) < 3 and time.monotonic() - begin < LIMIT:
        for name, connection in ("raw", raw), ("head", head), ("body", body):
            if name in ended or not select.select([connection], [], [], 0.2)[0]:
                continue
            try:
                piece = connection.recv(4096)
            except (OSError, ssl.SSLError):
                piece = b""
            if not piece or piece.startswith(b"HTTP/1.1 408"):
                ended[name] = round(time.monotonic() - begin, 1)
    print(json.dumps(ended))


def unread():
    """A client that asks for a large file and does not read it."""
    connection = connect()
    connection.sendall(request("GET", sys.argv[4]))
    time.sleep(float(sys.argv[5]))
    print(json.dumps({"done": True}))


def unread_many():
    """Many clients that ask for a file, and read nothing of it."""
    clients = connections(int(sys.argv[5]))
    for connection in clients:
        connection.sendall(request("GET", sys.argv[4]))
    # Each of these is answered after what came before it.
    print(json.dumps({"clients": len(clients), "served": all(is_served() for _ in range(20))}))


def unread_pages():
    """Clients that ask for the page many times before they read any: then all of it comes."""
    count, times = int(sys.argv[4]), int(sys.argv[5])
    clients = connections(count)
    for connection in clients:
        connection.sendall(request("GET", "/") * times)
    served = all(is_served() for _ in range(20))
    pages = 0
    for connection in clients:
        file = connection.makefile("rb")
        for _ in range(times):
            pages += file.readline().startswith(b"HTTP/1.1 200")
            length = 0
            while (line := file.readline()) not in (b"\r\n", b""):
                name, value = line.split(b":", 1)
                length = int(value) if name.lower() == b"content-length" else length
            file.read(length)
    print(json.dumps({"pages": pages, "served": served}))


def flood():
    """Clients that send requests as fast as they can, and read no answer."""
    clients = connections(int(sys.argv[4]))
    for connection in clients:
        push(connection, request("GET", "/") * 50_000)
    print(json.dumps({"served": is_served()}))


def uploads():
    """Many uploads at once that come no further."""
    clients = connections(int(sys.argv[4]))
    for number, connection in enumerate(clients):
        connection.sendall(request("PUT", f"/v1/spool/half{number}.txt", ["Content-Length: 100000000"]))
    for connection in clients:
        push(connection, b"198.18.0.0/24:80\n" * 20_000)
    print(json.dumps({"clients": len(clients), "served": is_served()}))


def cut():
    """Uploads that end in the middle."""
    for number in range(50):
        connection = connect()
        length = random.randrange(1, 200_000)
        connection.sendall(request("PUT", f"/v1/spool/cut{number}.txt", ["Content-Length: 300000"]))
        connection.sendall(b"198.18.0.0/24:80\n" * (length // 17))
        connection.close()
    print(json.dumps({"served": is_served()}))


def fuzz():
    """Random heads: every answer is one that refuses, and the service lives."""
    generator = random.Random(int(sys.argv[4]))
    seen = {}
    words = [b"GET", b"PUT", b"/", b"/v1/jobs", b"HTTP/1.1", b"\r\n", b"Host: a", b"Content-Length: ",
             b"Transfer-Encoding: chunked", b"%00", b"%", b"..", b"\x00", b"\xff", b": ", b" ", b"0\r\n\r\n",
             b"Authorization: Bearer ", TOKEN.encode(), b"Range: bytes=", b"99999999999999999999", b"-1",
             b"Expect: 100-continue", b"Cookie: __Host-synbox=", b"A" * 9000]
    for _ in range(300):
        connection = connect()
        data = b"".join(generator.choice(words) for _ in range(generator.randrange(1, 30))) + b"\r\n\r\n"
        try:
            connection.sendall(data)
            connection.settimeout(0.3)
            status = answer(connection)
        except OSError:
            status = 0
        seen[status] = seen.get(status, 0) + 1
        connection.close()
    print(json.dumps({"seen": seen, "served": is_served()}))


def heads():
    """Heads that are too large or wrong, and what is answered."""
    results = {}
    for name, data in {
        "field": request("GET", "/healthz", ["X: " + "a" * 9000]),
        "fields": request("GET", "/healthz", [f"X{n}: " + "a" * 1000 for n in range(30)]),
        "many": request("GET", "/healthz", [f"X{n}: a" for n in range(200)]),
        "target": request("GET", "/v1/jobs/" + "a" * 5000),
        "both": request("PUT", "/v1/spool/x", ["Content-Length: 5", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
        "lengths": request("PUT", "/v1/spool/x", ["Content-Length: 5", "Content-Length: 6"], b"12345"),
        "negative": request("PUT", "/v1/spool/x", ["Content-Length: -1"]),
        "hosts": request("GET", "/healthz", ["Host: b"]),
        "none": b"hello\r\n\r\n",
        "version": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    }.items():
        connection = connect()
        connection.sendall(data)
        connection.settimeout(10)
        results[name] = answer(connection)
    print(json.dumps(results))


def hammer():
    """Requests on one connection, as fast as they are answered."""
    count = int(sys.argv[4])
    done = 0
    begin = time.monotonic()
    while done < count:
        if done % 5000 == 0:
            connection = connect()
            file = connection.makefile("rb")
        batch = min(50, count - done)
        connection.sendall(request("GET", "/healthz") * batch)
        for _ in range(batch):
            line = file.readline()
            assert line.startswith(b"HTTP/1.1 204"), line
            while file.readline() not in (b"\r\n", b""):
                pass
        done += batch
    print(json.dumps({"done": done, "seconds": time.monotonic() - begin}))


COMMANDS = [idle, crowd, half_open, unread, unread_many, unread_pages, flood, uploads, cut, fuzz, heads, hammer]
{command.__name__.replace("_", "-"): command for command in COMMANDS}[COMMAND]()
