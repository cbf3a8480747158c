"""The network around a box: an isolated namespace with a tap device and the target node."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYNBOX = ROOT / "build" / "synbox"
# 02 marks a locally administered address.
NODE_MAC = "02:00:00:00:00:99"
GATEWAY = "198.18.0.254"


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True).stdout


class Lab:
    """The network of one machine. Leaving the context removes the namespace and its processes."""

    PREFIX = "synbox-boot-"

    def __init__(self, name="vm", queues=1):
        self.namespace = f"{self.PREFIX}{os.getpid()}-{name}"
        self.queues = queues
        self.node = None
        self.node_log = None

    @classmethod
    def sweep(cls):
        """Removes the namespaces and processes of tests that were killed."""
        for line in ip("netns", "list").splitlines():
            name = line.split()[0]
            owner = name.removeprefix(cls.PREFIX).split("-")[0]
            if not name.startswith(cls.PREFIX) or pathlib.Path("/proc", owner).exists():
                continue
            for process in ip("netns", "pids", name, check=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            ip("netns", "delete", name, check=False)

    def __enter__(self):
        self.sweep()
        ip("netns", "add", self.namespace)
        try:
            # Without IPv6, only the scan crosses the wire.
            self.inside("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            kind = ["multi_queue"] if self.queues > 1 else []
            self.inside("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", *kind)
            self.inside("ip", "link", "set", "tap0", "address", NODE_MAC, "txqueuelen", "10000")
            self.inside("ip", "address", "add", f"{GATEWAY}/24", "dev", "tap0")
            self.inside("ip", "link", "set", "tap0", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.node:
            self.node.kill()
            self.node.wait()
        ip("netns", "delete", self.namespace, check=False)

    def add_tap(self, name, address):
        """A second wire, to another NIC of the machine."""
        self.inside("ip", "tuntap", "add", "dev", name, "mode", "tap")
        self.inside("ip", "address", "add", address, "dev", name)
        self.inside("ip", "link", "set", name, "up")

    def inside(self, *command, **options):
        """Runs a command in the namespace and returns its output."""
        options = {"check": True, "capture_output": True, "text": True} | options
        return subprocess.run(self.command(*command), **options).stdout

    def command(self, *command):
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def respond(self, log, answer="even"):
        """Starts the target node. The tap needs a carrier, so QEMU must run."""
        self.node_log = log
        with open(log, "w") as output:
            self.node = subprocess.Popen(
                self.command(SYNBOX, "respond", "-i", "tap0", "--answer", answer, "--json"),
                stdout=output, stderr=subprocess.STDOUT)  # fmt: skip
        deadline = time.monotonic() + 20
        while '"ready"' not in log.read_text():
            if self.node.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the target node did not start: {log.read_text()}")
            time.sleep(0.05)

    def counts(self):
        """The current counters of the target node."""
        before = len(self.node_log.read_text().splitlines())
        self.node.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            lines = self.node_log.read_text().splitlines()
            if len(lines) > before:
                return json.loads(lines[-1])
            time.sleep(0.05)
        raise RuntimeError("the target node did not print its counters")
