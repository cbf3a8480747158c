"""Samples of the target node's counters, the processors and the scanner's process."""

import os
import time
from dataclasses import dataclass, field

from target_node import Counts, TargetNode

TICKS = os.sysconf("SC_CLK_TCK")
KINDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""The columns of /proc/stat, in order."""


@dataclass(frozen=True)
class Sample:
    """Times are seconds on CLOCK_MONOTONIC; processor times are seconds since boot or process start."""

    counted_at: float
    counts: Counts
    read_at: float
    machine: dict[str, float]
    process_user: float = 0.0
    process_system: float = 0.0
    peak_rss_bytes: int = 0


@dataclass
class Sampler:
    """Takes samples. Keeps the last values of a process that has ended."""

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
    """Returns the seconds spent in each kind of work, summed over all processors."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = file.readline().split()[1:]
    return {kind: int(value) / TICKS for kind, value in zip(KINDS, ticks)}


def read_process(pid: int, last: tuple[float, float, int]) -> tuple[float, float, int]:
    """Returns user and system seconds of all threads, and the peak resident set size in bytes.

    Returns the values of `last` for those that a process that is ending no longer has.
    """
    user, system, peak = last
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The name may contain anything, but the last parenthesis ends it.
            fields = file.read().rpartition(")")[2].split()
        user, system = int(fields[11]) / TICKS, int(fields[12]) / TICKS
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    peak = int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return user, system, peak
