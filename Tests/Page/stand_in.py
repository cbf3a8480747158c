"""A stand-in for synbox-manage, for developing the page, for its screenshots, and for what a healthy box does not say: it
serves the page with the headers of the real service, and a box whose documents are recorded ones (fixtures/) with other
numbers. The tests use the real programs wherever these can be brought to do what a test needs.

`python3 Tests/Page/stand_in.py [scenario]` serves it at http://127.0.0.1:8480; the token is `letmein`."""

import base64
import hashlib
import http.server
import json
import pathlib
import re
import sys
import threading
import time
import urllib.parse

from stand_in_box import problem

PAGE = pathlib.Path(__file__).resolve().parents[2] / "Sources/ManagePage/page.html"
TOKENS = {"letmein": ("ada", "admin")}


def policy(page):
    """The Content-Security-Policy of the page: the hashes of its style and its script, and nothing else."""
    def hashes(tag):
        found = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>".encode(), page, re.S)
        return " ".join("'sha256-" + base64.b64encode(hashlib.sha256(text).digest()).decode() + "'" for text in found)

    return (f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; img-src data:; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def box(self):
        return self.server.box

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", kind="application/json", headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            if status >= 400:
                kind = "application/problem+json"
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def who(self):
        cookie = re.search(r"session=(\w+)", self.headers.get("Cookie", ""))
        return self.box.sessions.get(cookie[1]) if cookie else None

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def handle_any(self):
        path, _, query = self.path.partition("?")
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        if path == "/" and self.command == "GET":
            page = PAGE.read_bytes()
            return self.reply(200, page, "text/html; charset=utf-8", [("Content-Security-Policy", policy(page)), ("X-Content-Type-Options", "nosniff")])
        content = self.body()
        if path == "/login":
            return self.log_in(content)
        if path == "/logout":
            return self.reply(204, headers=[("Set-Cookie", "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")])
        user = self.who()
        if not user:
            return self.reply(401, problem(401, "Log in first", "The request has no credentials, or none that are valid."))
        return self.answer(parts, urllib.parse.parse_qs(query), content, user)

    do_GET = do_PUT = do_DELETE = do_POST = handle_any

    def log_in(self, content):
        user = TOKENS.get(json.loads(content).get("token"))
        if not user:
            return self.reply(401, problem(401, "Wrong token", "The token is not valid, or it has expired."))
        key = hashlib.sha256(repr((user, time.time())).encode()).hexdigest()
        self.box.sessions[key] = user
        return self.reply(200, {"name": user[0], "role": user[1]}, headers=[("Set-Cookie", f"session={key}; Path=/; HttpOnly; SameSite=Strict")])

    def answer(self, parts, query, content, user):
        box = self.box
        match [self.command, *parts]:
            case ["GET", "v1", "session"]:
                return self.reply(200, {"name": user[0], "role": user[1]})
            case ["GET", "v1", "status"]:
                return self.reply(200, box.snapshot())
            case ["GET", "v1", "events"]:
                return self.events()
            case ["GET", "v1", "jobs"]:
                found = box.jobs(query["state"][0])
                shown = [{key: value for key, value in job.items() if key not in ("reason", "summary")} for job in found]
                return self.reply(200, {"jobs": shown[:int(query["limit"][0])], "total": len(found)})
            case ["GET", "v1", "jobs", name]:
                job = box.job(name)
                return self.reply(200, job) if job else self.reply(404, problem(404, "No such job", f"There is no job named {name}."))
            case ["DELETE", "v1", "jobs", name]:
                return self.reply(202, box.job(name)) if box.cancel(name) else self.reply(404, problem(404, "No such job", f"There is no job named {name}."))
            case ["PUT", "v1", "spool", name]:
                return self.reply(*box.submit(name, content, user[0]))
            case ["PUT", "v1", "results", name, "fetched"]:
                for job in box.ended:
                    if job["name"] == name:
                        job["fetched"] = True
                return self.reply(204)
            case ["GET", "v1", "results", name, file] if file in box.files.get(name, {}):
                data = box.files[name][file]
                digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
                return self.reply(200, data, "text/csv", [("Repr-Digest", f"sha-256=:{digest}:")])
        return self.reply(404, problem(404, "No such path", "The document at /v1/openapi.json lists them."))

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while not self.server.is_ending:
            try:
                self.wfile.write(f"event: status\ndata: {json.dumps(self.box.snapshot())}\n\n".encode())
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.5)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    is_ending = False

    def __init__(self, box, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.box = box
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        pass  # A browser cuts connections.

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_ending = True
        self.shutdown()
        self.server_close()


if __name__ == "__main__":
    import scenarios

    box = scenarios.make(sys.argv[1] if len(sys.argv) > 1 else "scanning")
    with Server(box, 8480) as server:
        print(server.url)
        threading.Event().wait()
