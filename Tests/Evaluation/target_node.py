"""The target node: `synbox respond` on the far end of the lab."""

import csv
import json
import signal
import time
from pathlib import Path
from typing import Iterator

from lab import SYNBOX, Lab
from program import EvaluationError

Counts = dict[str, int]


class TargetNode:
    """Runs from the construction to `end()`."""

    def __init__(self, lab: Lab, answer: str, arrivals: bool = False):
        """`answer` is the rule by which it answers, as `synbox respond --answer` takes it."""
        self._arrivals = lab.directory / "arrivals.csv"
        arguments = [SYNBOX, "respond", "-i", "net0", "--json", "--answer", answer]
        if arrivals:
            arguments += ["--arrivals", str(self._arrivals)]
        self._program = lab.start(arguments, "target-node", lab.net)
        self._output = open(self._program.output, encoding="utf-8")
        self._rest = ""
        self._await("ready", 10)

    def _lines(self) -> Iterator[dict]:
        """What it has printed since the last call, whole lines only."""
        self._rest += self._output.read()
        *lines, self._rest = self._rest.split("\n")
        return map(json.loads, lines)

    def _await(self, state: str, seconds: float) -> Counts:
        """The last line that says `state`, within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [line for line in self._lines() if line["state"] == state]
            if found:
                return {name: value for name, value in found[-1].items() if isinstance(value, int)}
            if self._program.status not in (None, 0):
                break
            time.sleep(0.0005)
        raise EvaluationError(f"the target node does not say \"{state}\": {self._program.said()}")

    def counts(self) -> Counts:
        """Its counters now; `time_ns` is when they were read, CLOCK_MONOTONIC in nanoseconds."""
        self._program.signal(signal.SIGUSR1)
        return self._await("running", 5)

    def end(self) -> Counts:
        """Ends it and gives its last counters."""
        self._program.signal(signal.SIGTERM)
        counts = self._await("ended", 10)
        if failure := self._program.failure(10):
            raise EvaluationError(f"the target node failed: {failure}")
        self._output.close()
        return counts

    def arrivals(self) -> list[int]:
        """After the end: valid SYNs in each millisecond since the first."""
        with open(self._arrivals, encoding="ascii") as file:
            return [int(row["syns"]) for row in csv.DictReader(file)]
