"""build/synboxctl against a box that behaves, and one that does not."""

import json
import subprocess
import unittest

from box import SYNBOXCTL, Box, certificate, digest, reply
from client_case import ClientTest


class PutTest(ClientTest):
    def setUp(self):
        super().setUp()
        self.file = self.directory / "targets.txt"
        self.file.write_bytes(b"198.18.0.0/15\n" * 50_000)

    def test_the_file_arrives_whole(self):
        box = self.box(lambda request: reply(201, {"name": "a b.txt", "bytes": 1, "sha256": "0", "owner": "x"}))
        self.client(box, "put", self.file, "--name", "a b.txt")
        request = box.requests[0]
        self.assertEqual((request.method, request.path), ("PUT", "/v1/spool/a%20b.txt"))
        self.assertEqual(request.body, self.file.read_bytes())
        self.assertEqual(request.fields["repr-digest"], digest(self.file.read_bytes()))

    def test_mistakes_are_shown_with_their_place(self):
        body = {"title": "t", "status": 400, "detail": "d", "mistakes": [{"line": 2, "column": 12, "found": '"33"', "expected": "less\u001b[2J"}]}
        done = self.client(self.box(lambda request: reply(400, body)), "put", self.file, code=2)
        self.assertEqual(done.stderr, f'{self.file}:2:12: found "33", expected less\\x1b[2J\n')

    def test_a_refusal_says_what_to_do(self):
        for status, code in ((401, 1), (403, 1), (409, 1), (413, 2), (507, 1)):
            body = {"title": "Refused", "status": status, "detail": "free some space"}
            done = self.client(self.box(lambda request, body=body: reply(body["status"], body)), "put", self.file, code=code)
            self.assertEqual(done.stderr, "synboxctl: Refused: free some space\n")

    def test_a_refusal_before_the_whole_body(self):
        large = self.directory / "large.txt"
        large.write_bytes(b"198.18.0.0/15\n" * 2_000_000)

        class Early(Box):
            @staticmethod
            def read(stream):
                from box import Request
                stream.recv(1000)
                return Request("PUT", "/", {}, b"")

            def serve(self, connection):
                with self.context.wrap_socket(connection, server_side=True) as stream:
                    self.read(stream)
                    stream.sendall(reply(413, {"title": "Too large", "detail": "at most 2G", "status": 413}))
                    while stream.recv(65536):
                        pass

        with Early(self.directory, None) as box:
            done = self.client(box, "put", large, code=2)
        self.assertIn("Too large: at most 2G", done.stderr)

    def test_wait_tells_how_it_ended(self):
        for state, code in (("finished", 0), ("rejected", 2)):
            steps = [{"state": "queued"}, {"state": "scanning", "progress": 0.5}, {"state": state, "results": 7, "reason": "no\n"}]

            def answer(request, steps=steps):
                if request.method == "PUT":
                    return reply(201, {})
                return reply(200, {"name": "targets.txt", **(steps.pop(0) if len(steps) > 1 else steps[0])})

            done = self.client(self.box(answer), "put", self.file, "--wait", code=code)
            self.assertIn(f"targets.txt {state}", done.stdout)

    def test_a_file_that_is_not_there(self):
        box = self.box(lambda request: reply(201))
        done = self.client(box, "put", self.directory / "none.txt", code=1)
        self.assertIn("cannot open", done.stderr)
        self.assertEqual(box.requests, [])


class TrustTest(ClientTest):
    def test_a_foreign_certificate_is_refused(self):
        box = self.box(lambda request: reply(200, {"jobs": [], "total": 0}))
        base = [SYNBOXCTL, "jobs", "--box", box.url, "--token-file", self.token]
        other, _, other_fingerprint = certificate(self.directory, "other.example")
        for extra, text in (([], "--fingerprint"), (["--ca", other], "--fingerprint"), (["--fingerprint", other_fingerprint], box.fingerprint)):
            done = self.run_client(*base, *extra)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(text, done.stderr)
        self.assertEqual(box.requests, [], "no token was sent")
        colons = ":".join(box.fingerprint[at:at + 2].upper() for at in range(0, 64, 2))
        for extra in (["--ca", box.cert], ["--fingerprint", box.fingerprint], ["--fingerprint", colons]):
            self.assertEqual(self.run_client(*base, *extra).returncode, 0)

    def test_a_certificate_for_another_name_is_refused(self):
        box = self.box(lambda request: reply(200, {"jobs": [], "total": 0}), name="other.example")
        done = self.client(box, "jobs", code=1)
        self.assertEqual(box.requests, [])
        self.assertIn("cannot make a secure connection", done.stderr)
        # Its SHA-256 says all, also behind an address that it does not name.
        base = [SYNBOXCTL, "jobs", "--box", box.url, "--token-file", self.token]
        self.assertEqual(self.run_client(*base, "--fingerprint", box.fingerprint).returncode, 0)

    def test_the_configuration_file(self):
        box = self.box(lambda request: reply(200, {"jobs": [], "total": 0}))
        config = self.directory / ".config/synbox/config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'box = "{box.url}"\ntoken-file = "{self.token}"\nfingerprint = "{box.fingerprint}"\n')
        self.assertEqual(self.run_client(SYNBOXCTL, "jobs").stdout, "no jobs\n")
        config.write_text('bx = "a"\n')
        done = self.run_client(SYNBOXCTL, "jobs")
        self.assertEqual(done.returncode, 2)
        self.assertIn("config.toml:1:1", done.stderr)

    def test_usage(self):
        for arguments in (["jobs"], ["jobs", "--box", "http://x", "--token-file", self.token], ["put"], ["jobs", "--box", "https://x"], ["nonsense"],
                          ["jobs", "--box", "https://x", "--token-file", "/dev/null"]):
            self.assertEqual(self.run_client(SYNBOXCTL, *arguments).returncode, 2, arguments)
        self.assertEqual(self.run_client(SYNBOXCTL, "jobs", "--box", "https://127.0.0.1:1", "--token-file", self.token).returncode, 1)
        self.assertIn("--fingerprint", self.run_client(SYNBOXCTL, "--generate-completion-script", "bash").stdout)


class ReadTest(ClientTest):
    STATUS = {"state": "scanning", "time": "2026-01-01T00:00:00Z", "problems": ["scope\u001b[2J"]}

    def test_jobs_and_status(self):
        jobs = {"jobs": [{"name": "a\u001b.txt", "state": "finished", "results": 3, "owner": "ada"}], "total": 1}
        box = self.box(lambda request: reply(200, jobs if "jobs" in request.path else self.STATUS))
        self.assertIn("a\\x1b.txt  finished         ada    3 results", self.client(box, "jobs").stdout)
        self.assertEqual(json.loads(self.client(box, "jobs", "--json").stdout), jobs)
        text = self.client(box, "status").stdout
        self.assertIn("state      scanning at 2026-01-01T00:00:00Z\nproblem    scope\\x1b[2J\n", text)
        self.assertEqual(json.loads(self.client(box, "status", "--json").stdout), self.STATUS)

    def test_cancel(self):
        box = self.box(lambda request: reply(202, {"name": "a", "state": "scanning"}))
        self.assertEqual(self.client(box, "cancel", "a/b").stdout, "a/b is being cancelled\n")
        self.assertEqual((box.requests[0].method, box.requests[0].path), ("DELETE", "/v1/jobs/a%2Fb"))

    def test_watch_outlives_a_cut(self):
        def answer(request):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            job = json.dumps({"name": f"job-{len(box.requests)}", "state": "finished", "results": 1})
            return [head, f"event: status\ndata: {json.dumps(self.STATUS)}\n\n".encode(), f"event: job\nda".encode(), f"ta: {job}\n\n".encode(), None]

        box = self.box(answer)
        child = subprocess.Popen([str(part) for part in self.command(box, "watch")], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = [child.stdout.readline() for _ in range(4)]
        child.terminate()
        _, errors = child.communicate(timeout=10)
        self.assertEqual(child.returncode, 143)
        self.assertEqual(lines, ["state  scanning at 2026-01-01T00:00:00Z\n", "problem  scope\\x1b[2J\n", "job-1  finished  1 results\n", "job-2  finished  1 results\n"])
        self.assertIn("was cut; connecting again", errors)

    def test_answers_that_cannot_be_read(self):
        for body in (b"{", b"[]", b'{"jobs": 1}', b"\xff"):
            self.client(self.box(lambda request, body=body: reply(200, body)), "jobs", code=1)
        for garbage in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"):
            self.client(self.box(lambda request, garbage=garbage: [garbage, None]), "jobs", code=1)


class TokenTest(ClientTest):
    def test_new(self):
        file = self.directory / "tokens.toml"
        done = self.run_client(SYNBOXCTL, "token", "new", "--name", "ada", "--role", "submit", "--tokens", file, "--expires", "2030-12-31")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^synbox_[A-Za-z0-9_-]{43}\n$")
        self.assertNotIn(done.stdout.strip(), file.read_text())
        again = self.run_client(SYNBOXCTL, "token", "new", "--name", "bob", "--role", "read", "--tokens", file, "--json")
        self.assertEqual(json.loads(again.stdout)["role"], "read")
        self.assertEqual(file.read_text().count("[[token]]"), 2)
        before = file.read_text()
        for arguments in (["--name", 'a"b', "--role", "read"], ["--name", "a", "--role", "root"], ["--name", "a", "--role", "read", "--expires", "2030-02-31"]):
            done = self.run_client(SYNBOXCTL, "token", "new", "--tokens", file, *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
        file.write_text(before + "nonsense\n")
        done = self.run_client(SYNBOXCTL, "token", "new", "--name", "a", "--role", "read", "--tokens", file)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(file.read_text(), before + "nonsense\n", "a file with a mistake is left as it is")


if __name__ == "__main__":
    unittest.main()
