"""What the tests of build/synboxctl against a box share."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from box import SYNBOXCTL, Box

TOKEN = "synbox_" + "A" * 43


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="synbox-client-")))
        self.token = self.directory / "token"
        self.token.write_text(TOKEN + "\n")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory)}

    def box(self, answer, **options):
        return self.enterContext(Box(self.directory, answer, **options))

    def command(self, box, *arguments):
        return [SYNBOXCTL, *arguments, "--box", box.url, "--ca", box.cert, "--token-file", self.token]

    def run_client(self, *command, timeout=60):
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, env=self.environment, cwd=self.directory)

    def client(self, box, *arguments, code=0):
        done = self.run_client(*self.command(box, *arguments))
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    @property
    def fetched(self):
        return self.directory / "job.txt/results.csv"

    def left(self):
        return sorted(path.name for path in (self.directory / "job.txt").iterdir())
