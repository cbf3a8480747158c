"""A lab with a target node, and the built program in it. Needs root and build/synbox."""

import os
import pathlib
import subprocess
import tempfile
import time

from pages import ROOT

SYNBOX = ROOT / "build" / "synbox"


def wait(condition, what, seconds=60):
    """Returns the first true value of `condition`, tried until the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Lab:
    """Two namespaces, removed at the end with every program that was started in them."""

    count = 0

    def __enter__(self):
        if os.geteuid() != 0:
            raise AssertionError("the lab makes network namespaces: run this as root")
        if not SYNBOX.exists():
            raise AssertionError("there is no build/synbox: run `make build` first")
        Lab.count += 1
        # The Swift tests remove labs of this form that a killed run left.
        self.name = f"synbox-{os.getpid()}-{900 + Lab.count}"
        self.children = []
        self.scratch = tempfile.TemporaryDirectory(prefix="synbox-docs-")
        self.directory = pathlib.Path(self.scratch.name)
        # The box runs as a user of its own and must reach its files.
        self.directory.chmod(0o755)
        try:
            subprocess.run([ROOT / "netconfig/lab", "up", self.name], check=True)
            node = self.start("net", SYNBOX, "respond", "-i", "net0", "--answer", "even", "--json", stdout=subprocess.PIPE)
            if "ready" not in node.stdout.readline():
                raise AssertionError("the target node did not start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                child.terminate()
                child.wait(30)
            if child.stdout:
                child.stdout.close()
        subprocess.run([ROOT / "netconfig/lab", "down", self.name], check=False)
        self.scratch.cleanup()

    def command(self, side, *arguments):
        return ["ip", "netns", "exec", f"{self.name}-{side}", *map(str, arguments)]

    def start(self, side, *arguments, **options):
        child = subprocess.Popen(self.command(side, *arguments), text=True, cwd=self.directory, **options)
        self.children.append(child)
        return child

    def run(self, *arguments, **options):
        """Runs a program on the box's side; standard output and error come together."""
        environment = dict(os.environ, PATH=f"{SYNBOX.parent}:{os.environ['PATH']}")
        return subprocess.run(self.command("box", *arguments), text=True, cwd=self.directory, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **options)
