"""Pacing: arrivals in each millisecond, at rates from 100 to 2,000,000 pps and the shortest and the longest usual interval."""

import json
from dataclasses import dataclass
from typing import Callable, Sequence

from checks import Check, at_most, equal
from contestants import GENERATOR, Job
from lab import Lab
from settings import PACING_INTERVALS, PACING_PPS, PACING_TARGETS, Scale
from target_node import TargetNode

WINDOW_MILLISECONDS = 10


@dataclass
class PacedScan:
    """A scan at one rate. `arrivals` are the SYNs in each millisecond since the first."""

    pps: int
    interval: str
    command: str
    failure: str | None
    arrivals: list[int]
    batch: int
    """Probes that may be sent at once, from the scanner's summary."""

    @property
    def name(self) -> str:
        return f"{self.pps:,} pps, {self.interval}"

    @property
    def average(self) -> float | None:
        return average_pps(self.arrivals)

    @property
    def fullest(self) -> int:
        return fullest_window(self.arrivals, WINDOW_MILLISECONDS)

    @property
    def allowed(self) -> float:
        """A window's share of the rate, plus one batch."""
        return self.pps * WINDOW_MILLISECONDS / 1000 + self.batch


def average_pps(arrivals: Sequence[int]) -> float | None:
    """Returns the intervals between arrivals per second, from the first arrival's millisecond to the last one's."""
    if len(arrivals) < 2:
        return None
    return (sum(arrivals) - 1) / (len(arrivals) - 1) * 1000


def fullest_window(arrivals: Sequence[int], length: int) -> int:
    """Returns the most arrivals in any `length` consecutive milliseconds."""
    held = largest = sum(arrivals[:length])
    for entering, leaving in zip(arrivals[length:], arrivals):
        held += entering - leaving
        largest = max(largest, held)
    return largest


def windows(arrivals: Sequence[int], length: int) -> list[int]:
    """Returns the arrivals in consecutive windows of `length` milliseconds."""
    return [sum(arrivals[start:start + length]) for start in range(0, len(arrivals), length)]


def run_pacing(lab: Lab, scale: Scale, progress: Callable[[str], None]) -> list[PacedScan]:
    """Runs the generator once at each rate and interval; the target node records every arrival."""
    scans = []
    for interval in PACING_INTERVALS:
        for rate in PACING_PPS:
            scan = paced_scan(lab, rate, interval, round(rate * scale.pacing_seconds))
            average = "FAILED" if scan.average is None else f"{scan.average:,.2f} on average"
            progress(f"{scan.name}: {average}, {scan.fullest:,} at most in 10 ms")
            scans.append(scan)
    return scans


def paced_scan(lab: Lab, rate: int, interval: str, probes: int) -> PacedScan:
    job = Job(
        targets=PACING_TARGETS, ports=(80,), rate=rate, source_ports=(60000, 60000), cooldown=0,
        answered=False, interval=interval)
    command, = GENERATOR.commands(lab, job, probes)
    node = TargetNode(lab, "0%", arrivals=True)
    program = lab.start(command.arguments, "scanner", lab.box)
    failure = program.failure(probes / rate + 30)
    node.end()
    if failure or command.summary is None:
        return PacedScan(rate, interval, program.command, failure or "no summary", [], 0)
    summary = json.loads((lab.directory / command.summary).read_text(encoding="utf-8"))
    return PacedScan(rate, interval, program.command, None, node.arrivals(), summary["burst_probes"])


def pacing_checks(scans: Sequence[PacedScan]) -> list[Check]:
    """The checks of each rate."""
    checks = []
    for scan in scans:
        what = scan.name
        if scan.average is None:
            checks.append(equal(f"{what}: arrivals", None, "some"))
            continue
        off = abs(scan.average / scan.pps - 1) * 100
        checks += [
            at_most(f"{what}: deviation of the average", off, 0.5, " %"),
            at_most(f"{what}: most in any 10 ms", float(scan.fullest), scan.allowed),
        ]
    return checks
