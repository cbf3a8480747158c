"""The lab: two network namespaces without a connection to any other, removed with everything in them."""

import fcntl
import json
import os
import signal
import subprocess
from pathlib import Path

from program import ROOT, EvaluationError, Program, run

SYNBOX = str(ROOT / "build/synbox")
BENCHMARK = str(ROOT / "build/benchmark")
NEWEST_ZMAP = str(ROOT / "build/zmap-newest/zmap")

DROP_RULE = """
table netdev evaluation {
  chain ingress {
    type filter hook ingress device "box0" priority 0; policy accept;
    tcp dport 60000-60100 drop
  }
}
"""


class Lab:
    """A lab made by `netconfig/lab`. A lock allows one at a time for each name."""

    def __init__(self, name: str, directory: Path):
        self.box = f"{name}-box"
        self.net = f"{name}-net"
        self.directory = directory
        self.name = name
        self.gateway_mac = ""
        self._programs: list[Program] = []
        self._lock = None

    def __enter__(self) -> "Lab":
        if os.geteuid() != 0:
            raise EvaluationError("cannot make network namespaces: run the evaluation as root")
        self._lock = open(f"/run/lock/{self.name}.lock", "w", encoding="ascii")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EvaluationError(f"another evaluation is using the lab {self.name}") from None
        self._remove()
        try:
            run([str(ROOT / "netconfig/lab"), "up", self.name])
            run(["ip", "netns", "exec", self.box, "nft", "-f", "-"], input=DROP_RULE)
            link = json.loads(run(["ip", "-n", self.net, "-j", "link", "show", "net0"]))
            self.gateway_mac = link[0]["address"]
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # A second signal must not interrupt the cleanup.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for program in self._programs:
            program.end()
        self._remove()
        self._lock.close()

    def _remove(self) -> None:
        """Removes both namespaces, and kills the processes that a killed evaluation left in them."""
        for namespace in (self.box, self.net):
            if not Path(f"/run/netns/{namespace}").exists():
                continue
            for pid in run(["ip", "netns", "pids", namespace]).split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        subprocess.run([str(ROOT / "netconfig/lab"), "down", self.name], check=False)

    def start(self, arguments: list[str], name: str, namespace: str) -> Program:
        """Starts a program in one of the namespaces."""
        program = Program(arguments, self.directory, name, namespace)
        self._programs = [known for known in self._programs if known.status is None] + [program]
        return program
