"""The results of all parts, their failures and their checks."""

from dataclasses import dataclass, field

from checks import Check
from comparison import limit_checks, scan_checks
from micro import Micro
from pacing import PacedScan, pacing_checks
from settings import Scale
from slices import SlicedRound, slice_checks
from steady import SteadyTurn
from turn import Turn


@dataclass
class Evaluation:
    """A part that did not run is None."""

    scale: Scale
    machine: dict[str, str]
    started: str
    """Time of day, UTC."""
    steady: list[SteadyTurn] | None = None
    limit: list[Turn] | None = None
    slices: list[SlicedRound] | None = None
    scan: list[Turn] | None = None
    pacing: list[PacedScan] | None = None
    micro: Micro | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """The duration of each part."""

    @property
    def checks(self) -> dict[str, list[Check]]:
        """The checks of each part."""
        found = {}
        if self.steady is not None:
            found["S-01"] = [steady_check(turn) for turn in self.steady]
        if self.limit is not None:
            found["S-02"] = limit_checks(self.limit)
        if self.slices is not None:
            found["Slices"] = slice_checks(self.slices)
        if self.scan is not None:
            found["S-03"] = scan_checks(self.scan, self.scale)
        if self.pacing is not None:
            found["Pacing"] = pacing_checks(self.pacing)
        return found

    @property
    def failures(self) -> list[str]:
        """The runs that failed, with their output."""
        texts = []
        for part, turns in (("S-01", self.steady), ("S-02", self.limit), ("S-03", self.scan)):
            texts += [
                f"{part}, round {turn.round + 1}, {turn.contestant}: {turn.failure}"
                for turn in turns or [] if turn.failure]
        texts += [f"Slices, round {one.round + 1}: {one.failure}" for one in self.slices or [] if one.failure]
        texts += [f"Pacing, {scan.pps:,} pps: {scan.failure}" for scan in self.pacing or [] if scan.failure]
        if self.micro and self.micro.failure:
            texts.append(f"Micro-benchmarks: {self.micro.failure}")
        return [shortened(text) for text in texts]

    @property
    def missed(self) -> list[str]:
        """The checks that failed."""
        return [
            f"{part}: {check.what}: found {check.found}, expected {check.wanted}"
            for part, checks in self.checks.items() for check in checks if not check.passed]


def shortened(text: str, length: int = 300) -> str:
    """The text on one line, truncated. report.json has it in full."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length] + " …"


def steady_check(turn: SteadyTurn) -> Check:
    """Combines the checks of one scan into one."""
    wrong = [f"{check.what} {check.found} instead of {check.wanted}"
             for check in turn.checks if not check.passed]
    found = turn.failure and "it failed" or "; ".join(wrong) or f"{len(turn.checks)} of {len(turn.checks)}"
    return Check(
        f"{turn.contestant}, round {turn.round + 1}: results, target node's counters and theory agree",
        "all", found, not wrong and not turn.failure)
