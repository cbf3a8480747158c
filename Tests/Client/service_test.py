"""build/synboxctl against the real service and a real box. Needs root, build/synbox and build/synbox-manage."""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Page"))
from real_service import RealService, wait  # noqa: E402

# A job that runs until it is cancelled.
LONG = "@ports 80\n@rate 100\n198.19.0.0/16\n"


class ServiceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(RealService())

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="synbox-service-")))
        for role in ("read", "submit"):
            (self.directory / f"token-{role}").write_text(self.service.token(role))

    def command(self, *arguments, role="submit", fingerprint=None):
        command = [ROOT / "build/synboxctl", *arguments, "--box", self.service.url, "--fingerprint", fingerprint or self.service.fingerprint,
                   "--token-file", self.directory / f"token-{role}"]
        return [str(part) for part in command]

    def client(self, *arguments, code=0, **options):
        done = subprocess.run(self.command(*arguments, **options), capture_output=True, text=True, timeout=300, cwd=self.directory, env={"HOME": "/nonexistent"})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def targets(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def state(self, name):
        return next((job["state"] for job in json.loads(self.client("jobs", "--json").stdout)["jobs"] if job["name"] == name), None)

    def test_from_a_target_file_to_verified_results(self):
        file = self.targets("demo.txt", "@ports 80\n@rate 20k\n198.19.0.0/18\n")
        self.assertIn("demo.txt finished: 8192 results", self.client("put", file, "--wait").stdout)
        done = json.loads(self.client("get", "demo.txt", "out", "--mark", "--json").stdout)
        fetched = {each["file"]: each["sha256"] for each in done["files"]}
        self.assertEqual(set(fetched), {"results.csv", "summary.json", "demo.txt"})
        for name, digest in fetched.items():
            content = (self.service.data / "results/demo.txt" / name).read_bytes()
            self.assertEqual((self.directory / "out/demo.txt" / name).read_bytes(), content)
            self.assertEqual(hashlib.sha256(content).hexdigest(), digest)
        rows = (self.directory / "out/demo.txt/results.csv").read_text().splitlines()[1:]
        self.assertEqual({int(row.split(",")[0].split(".")[3]) % 2 for row in rows}, {0}, "the target node's rule")
        self.assertTrue((self.service.data / "results/demo.txt/fetched").exists())
        self.assertRegex(self.client("jobs").stdout, r"demo\.txt +finished +\S+ +submit +8192 results, fetched")

    def test_jobs_that_overlap_are_found_at_every_moment(self):
        # The scanner takes them out of the spool while another one is scanned, so that its state stays the same.
        files = [self.targets(f"overlap-{number}.txt", "@ports 80\n@rate 20k\n198.19.0.0/18\n") for number in range(6)]
        children = [subprocess.Popen(self.command("put", file, "--wait"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"HOME": "/nonexistent"})
                    for file in files]
        for child, file in zip(children, files):
            output, errors = child.communicate(timeout=300)
            self.assertEqual(child.returncode, 0, errors)
            self.assertIn(f"{file.name} finished: 8192 results", output)

    def test_a_part_is_resumed(self):
        file = self.targets("part.txt", "@ports 80\n@rate 20k\n198.19.0.0/18\n")
        self.client("put", file, "--wait")
        content = (self.service.data / "results/part.txt/results.csv").read_bytes()
        listing = self.client("get", "part.txt", "second", "--json").stdout
        self.assertEqual({each["resumed_at"] for each in json.loads(listing)["files"]}, {0})
        # As a cut connection leaves it: the beginning, and the note that the client wrote.
        answer = self.service.request("GET", "/v1/results/part.txt/results.csv", token=self.service.token("read"))
        digest = re.fullmatch(r"sha-256=:(\S+):", answer.headers["Repr-Digest"])[1]
        partial = self.directory / "third/part.txt"
        partial.mkdir(parents=True)
        (partial / ".results.csv.part").write_bytes(content[:5000])
        (partial / ".results.csv.note").write_text(f"{answer.headers['ETag']}\n{digest}\n")
        done = json.loads(self.client("get", "part.txt", "third", "--json").stdout)
        self.assertIn(5000, {each["resumed_at"] for each in done["files"]})
        self.assertEqual((partial / "results.csv").read_bytes(), content)

    def test_refusals(self):
        bad = self.targets("bad.txt", "198.19.0.0/24\n198.19.1.0/33\n")
        self.assertIn(f'{bad}:2:12: found "33", expected a prefix length from 0 to 32', self.client("put", bad, code=2).stderr)
        good = self.targets("mine.txt", LONG)
        self.assertIn("Not allowed", self.client("put", good, role="read", code=1).stderr)
        self.assertIn(self.service.fingerprint, self.client("jobs", fingerprint="0" * 64, code=1).stderr)
        self.client("get", "none.txt", code=1)
        for name in ("waiting.txt", "mine.txt"):
            self.addCleanup(subprocess.run, self.command("cancel", name), capture_output=True, check=False)
        self.client("put", good)
        self.assertIn("in use", self.client("put", good, code=1).stderr)
        # One that waits is rejected when it is cancelled, and whoever waits for it hears of that.
        waiting = self.targets("waiting.txt", LONG)
        child = subprocess.Popen(self.command("put", waiting, "--wait"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"HOME": "/nonexistent"})
        wait(lambda: self.state("waiting.txt"), "the second job waits", 120)
        self.assertIn("cancelled", self.client("cancel", "waiting.txt").stdout)
        output, errors = child.communicate(timeout=300)
        self.assertEqual((child.returncode, errors), (2, ""), output)
        self.client("cancel", "mine.txt")
        wait(lambda: self.state("mine.txt") == "finished", "the first job is cancelled", 120)
        self.assertIn("Conflict", self.client("cancel", "mine.txt", code=1).stderr)

    def test_status_and_what_changes(self):
        status = json.loads(self.client("status", "--json").stdout)
        self.assertEqual(status["management"]["certificate_sha256"], self.service.fingerprint)
        self.assertIn("interface  box0 (veth)", self.client("status").stdout)
        child = subprocess.Popen(self.command("watch", "--json", role="read"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"HOME": "/nonexistent"})
        # Ends a stream that never says it.
        limit = threading.Timer(300, child.kill)
        limit.start()
        self.addCleanup(limit.cancel)
        try:
            self.assertTrue(child.stdout.readline(), "the first status")
            self.client("put", self.targets("watched.txt", "@ports 80\n@rate 20k\n198.19.0.0/20\n"), "--wait")
            lines = iter(child.stdout.readline, "")
            self.assertTrue(any("watched.txt" in line and "finished" in line for line in lines))
        finally:
            child.terminate()
            child.communicate(timeout=60)
        self.assertEqual(child.returncode, 143)


if __name__ == "__main__":
    unittest.main()
