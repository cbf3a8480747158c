"""`synboxctl get` against a box that behaves, and one that cuts connections, changes files and damages them."""

import json
import re
import signal
import subprocess
import time
import unittest

from box import digest, reply
from client_case import TOKEN, ClientTest

DATA = bytes(range(256)) * 4096  # 1 MiB


def files_of(request, data=DATA, tag='"v1"', claim=None, cut=None):
    """What the service says to `get job.txt`: `cut` bytes at most of the file, then the connection is cut."""
    if request.path == "/v1/jobs/job.txt":
        return reply(200, {"name": "job.txt", "state": "finished", "files": [{"name": "results.csv", "bytes": len(data)}]})
    if request.path.endswith("/fetched"):
        return reply(204)
    first, status, fields = 0, 200, {"etag": tag, "repr_digest": claim or digest(data)}
    found = re.fullmatch(r"bytes=(\d+)-", request.fields.get("range", ""))
    if found and request.fields.get("if-range") == tag:
        first, status = int(found[1]), 206
        if first >= len(data):
            return reply(416, {"title": "no such part", "detail": "x", "status": 416}, content_range=f"bytes */{len(data)}")
        fields["content_range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
    whole = reply(status, data[first:], **fields)
    if cut is None or len(data) - first <= cut:
        return whole
    return [whole[:len(whole) - (len(data) - first) + cut], None]


class GetTest(ClientTest):
    def test_a_whole_file(self):
        box = self.box(files_of)
        done = self.client(box, "get", "job.txt", "--mark")
        self.assertEqual(self.fetched.read_bytes(), DATA)
        self.assertEqual(self.left(), ["results.csv"])
        self.assertIn("marked as fetched", done.stdout)
        self.assertEqual([request.method + " " + request.path for request in box.requests][-1], "PUT /v1/results/job.txt/fetched")
        self.assertEqual({request.fields["authorization"] for request in box.requests}, {"Bearer " + TOKEN})

    def test_cut_connections_are_resumed(self):
        box = self.box(lambda request: files_of(request, cut=200_000))
        done = self.client(box, "get", "job.txt", "--json")
        self.assertEqual(self.fetched.read_bytes(), DATA)
        ranges = [request.fields.get("range") for request in box.requests if "results.csv" in request.path]
        self.assertGreaterEqual(len(ranges), 5)
        self.assertEqual(ranges[0], None)
        self.assertTrue(all(request.fields["if-range"] == '"v1"' for request in box.requests if request.fields.get("range")))
        self.assertGreater(json.loads(done.stdout)["files"][0]["resumed_at"], 0)
        self.assertEqual(self.left(), ["results.csv"])

    def test_a_later_run_resumes(self):
        answers = []

        def answer(request):
            # Nothing more after the first piece.
            if "results.csv" in request.path and answers:
                return [None]
            if "results.csv" in request.path:
                answers.append(request)
                return files_of(request, cut=300_000)
            return files_of(request)

        box = self.box(answer)
        done = self.client(box, "get", "job.txt", code=1)
        self.assertIn("it resumes where it was", done.stderr)
        self.assertFalse(self.fetched.exists())
        self.assertEqual((self.directory / "job.txt/.results.csv.part").stat().st_size, 300_000)
        second = self.box(files_of)
        self.client(second, "get", "job.txt")
        self.assertEqual(second.requests[-1].fields["range"], "bytes=300000-")
        self.assertEqual(self.fetched.read_bytes(), DATA)

    def test_a_file_that_changed_is_fetched_anew(self):
        self.client(self.box(lambda request: files_of(request, cut=300_000) if not request.fields.get("range") else [None]), "get", "job.txt", code=1)
        changed = DATA[::-1]
        self.client(self.box(lambda request: files_of(request, data=changed, tag='"v2"')), "get", "job.txt")
        self.assertEqual(self.fetched.read_bytes(), changed)
        self.assertEqual(self.left(), ["results.csv"])

    def test_a_damaged_file_is_not_kept(self):
        box = self.box(lambda request: files_of(request, claim=digest(b"other")))
        done = self.client(box, "get", "job.txt", "--mark", code=1)
        self.assertIn("results.csv is damaged", done.stderr)
        self.assertEqual(self.left(), [])
        self.assertFalse(any(request.path.endswith("/fetched") for request in box.requests), "it is not marked")

    def test_a_damaged_part_is_fetched_anew_once(self):
        self.client(self.box(lambda request: files_of(request, cut=300_000) if not request.fields.get("range") else [None]), "get", "job.txt", code=1)
        part = self.directory / "job.txt/.results.csv.part"
        part.write_bytes(b"x" * 300_000)
        self.client(self.box(files_of), "get", "job.txt")
        self.assertEqual(self.fetched.read_bytes(), DATA)

    def test_a_file_without_a_digest_is_refused(self):
        def answer(request):
            return files_of(request) if "jobs" in request.path else reply(200, DATA, etag='"v1"')

        done = self.client(self.box(answer), "get", "job.txt", code=1)
        self.assertIn("no field Repr-Digest", done.stderr)
        self.assertFalse(self.fetched.exists())

    def test_names_of_the_box_stay_in_the_directory(self):
        for name in ("../evil", "/tmp/evil", ".evil", "a\nb", ""):
            files = [{"name": name, "bytes": 1}]
            box = self.box(lambda request, files=files: reply(200, {"name": "job.txt", "state": "finished", "files": files}))
            done = self.client(box, "get", "job.txt", code=1)
            self.assertIn("cannot be created here", done.stderr)
            self.assertEqual(len(box.requests), 1)

    def test_a_signal_keeps_what_was_fetched(self):
        def answer(request):
            if "results.csv" not in request.path:
                return files_of(request)

            def slowly():
                whole = files_of(request)
                for start in range(0, len(whole), 50_000):
                    yield whole[start:start + 50_000]
                    time.sleep(0.2)

            return slowly()

        box = self.box(answer)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            part = self.directory / "job.txt/.results.csv.part"
            before = part.stat().st_size if part.exists() else 0
            child = subprocess.Popen([str(part) for part in self.command(box, "get", "job.txt")], env=self.environment, cwd=self.directory, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 20
            while not (part.exists() and part.stat().st_size > before + 100_000):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            child.send_signal(number)
            self.assertEqual(child.wait(10), code)
            self.assertGreater(part.stat().st_size, before + 100_000)
        self.client(self.box(files_of), "get", "job.txt")
        self.assertEqual(self.fetched.read_bytes(), DATA)


if __name__ == "__main__":
    unittest.main()
