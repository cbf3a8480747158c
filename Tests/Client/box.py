"""A TLS server that answers as a test tells it, cut off and lying answers included."""

import base64
import hashlib
import json
import pathlib
import socket
import ssl
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SYNBOXCTL = ROOT / "build/synboxctl"


def certificate(directory, name="localhost"):
    """A self-signed certificate. Returns its path, its key's path, and its SHA-256."""
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key, hashlib.sha256(ssl.PEM_cert_to_DER_cert(cert.read_text())).hexdigest()


def digest(data):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(data).digest()).decode() + ":"


class Request:
    def __init__(self, method, path, fields, body):
        self.method, self.path, self.fields, self.body = method, path, fields, body


class Box:
    """`answer(request)` returns bytes to send, or a list of them; after the last the connection is closed, or cut if it is None."""

    def __init__(self, directory, answer, name="localhost"):
        self.cert, key, self.fingerprint = certificate(directory, name)
        self.answer, self.requests, self.errors = answer, [], []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.cert, key)
        self.context = context
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.socket.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(30)
        try:
            with self.context.wrap_socket(connection, server_side=True) as stream:
                request = self.read(stream)
                self.requests.append(request)
                pieces = self.answer(request)
                for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                    if piece is None:
                        # Without close_notify.
                        return stream.shutdown(socket.SHUT_RDWR)
                    stream.sendall(piece)
                stream.unwrap()
        except (OSError, ValueError) as error:
            self.errors.append(error)

    @staticmethod
    def read(stream):
        data = b""
        while b"\r\n\r\n" not in data:
            more = stream.recv(65536)
            if not more:
                raise ValueError("no request")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        method, path, _ = lines[0].split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        while len(body) < int(fields.get("content-length", 0)):
            more = stream.recv(65536)
            if not more:
                break
            body += more
        return Request(method, path, fields, body)


def reply(status, body=b"", **fields):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    fields = {"content_length": len(body), "connection": "close", **fields}
    head = f"HTTP/1.1 {status} Text\r\n" + "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + body
