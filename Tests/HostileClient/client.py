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


def connect():
    return CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", PORT), timeout=LIMIT))


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
    wanted = int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + 100, wanted + 100))
    open_ones = [connect() for _ in range(wanted)]
    connection = connect()
    connection.sendall(request("GET", "/healthz"))
    print(json.dumps({"open": len(open_ones), "status": answer(connection)}), flush=True)
    sys.stdin.read()


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


def cut():
    """Uploads that end in the middle."""
    for number in range(50):
        connection = connect()
        length = random.randrange(1, 200_000)
        connection.sendall(request("PUT", f"/v1/spool/cut{number}.txt", ["Content-Length: 300000"]))
        connection.sendall(b"198.18.0.0/24:80\n" * (length // 17))
        connection.close()
    connection = connect()
    connection.sendall(request("GET", "/healthz"))
    print(json.dumps({"status": answer(connection)}))


def fuzz():
    """Random heads: every answer is one that refuses, and the service lives."""
    generator = random.Random(int(sys.argv[4]))
    seen = {}
    words = [b"GET", b"PUT", b"/", b"/v1/jobs", b"HTTP/1.1", b"\r\n", b"Host: a", b"Content-Length: ", b"Transfer-Encoding: chunked",
             b"%00", b"%", b"..", b"\x00", b"\xff", b": ", b" ", b"0\r\n\r\n", b"Authorization: Bearer ", TOKEN.encode(),
             b"Range: bytes=", b"99999999999999999999", b"-1", b"Expect: 100-continue", b"Cookie: __Host-synbox=", b"A" * 9000]
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
    connection = connect()
    connection.sendall(request("GET", "/healthz"))
    print(json.dumps({"seen": seen, "status": answer(connection)}))


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

{"idle": idle, "half-open": half_open, "unread": unread, "cut": cut, "fuzz": fuzz, "heads": heads, "hammer": hammer}[COMMAND]()
