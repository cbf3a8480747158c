"""The target node: `synbox respond` at the far end of the lab."""

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
    """A target node that runs until `end()`."""

    def __init__(self, lab: Lab, answer: str, arrivals: bool = False):
        """`answer` is the argument of `synbox respond --answer`."""
        self._arrivals = lab.directory / "arrivals.csv"
        arguments = [SYNBOX, "respond", "-i", "net0", "--json", "--answer", answer]
        if arrivals:
            arguments += ["--arrivals", str(self._arrivals)]
        self._program = lab.start(arguments, "target-node", lab.net)
        self._output = open(self._program.output, encoding="utf-8")
        self._partial_line = ""
        self._await("ready", 10)

    def _lines(self) -> Iterator[dict]:
        """Returns the complete lines printed since the last call."""
        self._partial_line += self._output.read()
        *lines, self._partial_line = self._partial_line.split("\n")
        return map(json.loads, lines)

    def _await(self, state: str, seconds: float) -> Counts:
        """Waits up to `seconds` for a line with `state`; returns the last one's counters."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [line for line in self._lines() if line["state"] == state]
            if found:
                return {name: value for name, value in found[-1].items() if isinstance(value, int)}
            if self._program.status not in (None, 0):
                break
            time.sleep(0.0005)
        raise EvaluationError(f"the target node did not report \"{state}\": {self._program.last_output()}")

    def counts(self) -> Counts:
        """Returns the current counters. `time_ns` is when they were read: CLOCK_MONOTONIC, nanoseconds."""
        self._program.signal(signal.SIGUSR1)
        return self._await("running", 5)

    def end(self) -> Counts:
        """Ends the node and returns its last counters."""
        self._program.signal(signal.SIGTERM)
        counts = self._await("ended", 10)
        if failure := self._program.failure(10):
            raise EvaluationError(f"the target node failed: {failure}")
        self._output.close()
        return counts

    def arrivals(self) -> list[int]:
        """Returns the valid SYNs in each millisecond since the first. Call it after `end()`."""
        with open(self._arrivals, encoding="ascii") as file:
            return [int(row["syns"]) for row in csv.DictReader(file)]
