"""A data directory in a lab, served by one program after another."""

import hashlib
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Docs"))
from lab import Lab, wait  # noqa: E402

__all__ = ["Box", "Lab", "wait", "even"]

CONFIGURATION = """
transmit = "xdp"
cooldown-time = 1
rate = {rate}
target-ports = [80, 443]
[scope]
allow = ["198.18.0.0/15"]
"""


def even(third, blocks):
    """What a target node that answers for even addresses reveals of `blocks` /24 networks from 198.19.`third`.0."""
    return {f"198.19.{block}.{host},{port}" for block in range(third, third + blocks) for host in range(0, 256, 2)
            for port in (80, 443)}


class Box:
    """Its data directory stays when a program is killed, so that another one can serve it."""

    def __init__(self, lab):
        self.lab = lab
        self.data = lab.directory / "data"
        self.data.mkdir()
        self.process = None
        self.logs = []

    def serve(self, program, rate):
        """Starts a program and waits until it serves."""
        (self.lab.directory / "synbox.toml").write_text(
            'data = "data"\ninterface = "box0"' + CONFIGURATION.format(rate=rate))
        (self.data / "status.json").unlink(missing_ok=True)
        self.logs.append(self.lab.directory / f"log-{len(self.logs)}")
        with self.logs[-1].open("w") as log:
            self.process = self.lab.start("box", program, "serve", "--config", "synbox.toml", stdout=log, stderr=log)
        self.wait(lambda: (self.data / "status.json").exists(), "the first status")

    def wait(self, condition, what):
        def check():
            if self.process.poll() is not None:
                raise AssertionError(f"the box ended before {what}:\n{self.log()}")
            return condition()

        try:
            return wait(check, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(60)

    def kill(self):
        self.end(signal.SIGKILL)

    def log(self):
        """The log of the last program."""
        return self.logs[-1].read_text()

    def drop(self, name, text):
        hidden = self.data / "spool" / f".{name}"
        hidden.write_text(text)
        hidden.rename(self.data / "spool" / name)

    def ended(self, name):
        return (self.data / "results" / name).exists()

    def checkpoint(self, name):
        """The position of a job's checkpoint and the length of its results, in either format; (0, 0) without one."""
        try:
            content = (self.data / "active" / name / "checkpoint").read_bytes()
        except FileNotFoundError:
            # Version 0.1.0 renames it before it writes the next one.
            return 0, 0
        if content.startswith(b"SYNBOXCP"):
            return int.from_bytes(content[24:32], "big"), int.from_bytes(content[32:40], "big")
        fields = json.loads(content.partition(b"\n")[0])
        return fields["index"], fields["results"]["length"]

    def wait_for_position(self, name, position):
        self.wait(lambda: self.checkpoint(name)[0] > position, f"{name} to be beyond position {position}")

    def found(self, name):
        """The results that a running job's checkpoint vouches for."""
        length = self.checkpoint(name)[1]
        content = (self.data / "active" / name / "results.partial").read_bytes()[:length]
        return set(content.decode().splitlines()[1:])

    def add_unknown_fields(self, name):
        """Adds a field to the files of a killed job, as a later version may, and seals them again."""
        for file in ("job.json", "checkpoint"):
            path = self.data / "active" / name / file
            lines = path.read_bytes().splitlines()
            changed = [b'{"a_later_field":{"list":[1,null]},' + line[1:] for line in lines[::2]]
            path.write_bytes(b"".join(
                line + b'\n{"sha256":"' + hashlib.sha256(line).hexdigest().encode() + b'"}\n' for line in changed))

    def results(self, name):
        lines = (self.data / "results" / name / "results.csv").read_text().splitlines()
        if lines[0] != "saddr,sport" or len(set(lines)) != len(lines):
            raise AssertionError(f"{name}: another header than saddr,sport, or a result twice")
        return set(lines[1:])

    def silence_targets(self):
        """Ends the target node, so that nothing replies any more."""
        node = self.lab.children[0]
        node.terminate()
        node.wait(30)
