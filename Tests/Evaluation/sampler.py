"""One moment's readings: the target node's counters, the processors, the scanner's process."""

import os
import time
from dataclasses import dataclass, field

from target_node import Counts, TargetNode

TICKS = os.sysconf("SC_CLK_TCK")
KINDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Columns of /proc/stat, in its order."""


@dataclass(frozen=True)
class Sample:
    """Times are seconds of CLOCK_MONOTONIC; processor times seconds since boot or start."""

    counted_at: float
    counts: Counts
    read_at: float
    machine: dict[str, float]
    process_user: float = 0.0
    process_system: float = 0.0
    peak_rss_bytes: int = 0


@dataclass
class Sampler:
    """Reads; remembers of a process that has gone what it knew last."""

    node: TargetNode
    pid: int | None = None
    _last: tuple[float, float, int] = field(default=(0.0, 0.0, 0))

    def take(self) -> Sample:
        counts = self.node.counts()
        machine, read_at = read_machine(), time.monotonic()
        if self.pid is not None:
            self._last = read_process(self.pid, self._last)
        return Sample(counts["time_ns"] / 1e9, counts, read_at, machine, *self._last)


def read_machine() -> dict[str, float]:
    """Seconds that all processors together spent in each kind of work."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = file.readline().split()[1:]
    return {kind: int(value) / TICKS for kind, value in zip(KINDS, ticks)}


def read_process(pid: int, last: tuple[float, float, int]) -> tuple[float, float, int]:
    """User seconds and system seconds of all threads together, and the most memory ever resident, bytes.

    What a process that is ending does not tell any more is taken from `last`.
    """
    user, system, peak = last
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The name may hold anything, but only it holds parentheses.
            fields = file.read().rpartition(")")[2].split()
        user, system = int(fields[11]) / TICKS, int(fields[12]) / TICKS
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    peak = int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return user, system, peak
