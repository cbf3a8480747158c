"""`make bench-quick`: compares this tree's synbox with another revision's, side by side in one run, in under two minutes.

Both take turns, because other load on the machine varies. Asserts nothing.
"""

import argparse
import json
import signal
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Iterable

import contestants
import history
from contestants import FLOOD, Command, Contestant, Job
from lab import SYNBOX, Lab
from program import ROOT, EvaluationError, Program, run
from ratios import median_ratio
from settings import LIMIT_TARGETS, SLICE_SECONDS
from slices import alternate, with_labs
from target_node import TargetNode


@dataclass(frozen=True)
class Case:
    """A scan to compare."""

    name: str
    rate: int
    """Probes per second; 0 is no limit."""
    probes: int
    answer: str = "0%"


CASES = (
    Case("no limit", 0, 8_000_000),
    Case("500,000 pps", 500_000, 1_000_000),
    Case("100,000 pps", 100_000, 200_000),
    Case("10,000 pps", 10_000, 20_000),
    Case("500,000 pps, 20 % answer", 500_000, 1_000_000, "20%"),
)
SLICES = 60
"""Of each program, without limit."""


@dataclass
class Figures:
    """What one scan took."""

    rate: float
    """Million probes per second."""
    processor: float
    """Processor seconds of the process for a million probes."""
    resident: float
    """Peak resident set size, MB."""


def job(case: Case) -> Job:
    return Job(
        targets=LIMIT_TARGETS, ports=(80,), rate=case.rate, source_ports=(60000, 60100), cooldown=1,
        answered=case.answer != "0%")


def complete(lab: Lab, command: Command, name: str) -> Program:
    """Runs a program to its end."""
    program = lab.start(command.arguments, name, lab.box)
    if failure := program.failure(60):
        raise EvaluationError(f"{program.command}: {failure}")
    return program


def scan(lab: Lab, synbox: str, case: Case) -> Figures:
    command, = contestants.synbox("generator", synbox)(lab, job(case), case.probes)
    summary = lab.directory / command.summary
    summary.unlink(missing_ok=True)
    program = complete(lab, command, "quick")
    found = json.loads(summary.read_text(encoding="utf-8"))
    probes = found["probes_completed"]
    if probes != case.probes:
        raise EvaluationError(f"{program.command}: {probes} probes, expected {case.probes}")
    seconds = found["cpu_user_seconds"] + found["cpu_system_seconds"]
    return Figures(
        found["rate_achieved_pps"] / 1e6, seconds / probes * 1e6, found["peak_rss_bytes"] / 1e6)


def compare(lab: Lab, programs: dict[str, str], rounds: int) -> dict[tuple[str, str], list[Figures]]:
    """Returns the figures of each case and program."""
    found: dict[tuple[str, str], list[Figures]] = {}
    for number in range(rounds):
        node = TargetNode(lab, "0%")
        answer = "0%"
        for case in CASES:
            if case.answer != answer:
                node.end()
                node, answer = TargetNode(lab, case.answer), case.answer
            # The one that goes first takes turns, too.
            order = list(programs.items())
            for name, program in order if number % 2 == 0 else reversed(order):
                found.setdefault((case.name, name), []).append(scan(lab, program, case))
        node.end()
    return found


def compare_slices(programs: dict[str, str], directory: Path) -> list[dict[str, float]]:
    """Returns the rates without limit of each program and of the flood, slice by slice."""
    found: list[dict[str, float]] = []
    taking = [*(Contestant(name, 0, contestants.synbox("generator", program)) for name, program in programs.items()), FLOOD]
    with_labs("synbox-quick", directory, len(taking), lambda labs: found.extend(alternate(labs, taking, SLICES)))
    return found


def rows(found: dict[tuple[str, str], list[Figures]], names: Iterable[str]) -> list[list[str]]:
    """The table: medians, and the second program's to the first's."""
    first, second = names
    table = [["scan", "figure", first, second, "ratio"]]
    for case in CASES:
        for figure, attribute in (
                ("million pps", "rate"), ("CPU s per million probes", "processor"), ("peak RSS, MB", "resident")):
            values = [median(getattr(one, attribute) for one in found[case.name, name]) for name in (first, second)]
            table.append([case.name, figure, *(f"{value:.3f}" for value in values), f"{values[1] / values[0]:.3f}"])
    return table


def record(found: dict[tuple[str, str], list[Figures]], name: str, revision: str, to_flood: float) -> None:
    """Adds a revision's figures to the history."""
    columns = {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d"), "revision": revision, "flood": f"{to_flood:.3f}"}
    for case in CASES:
        for attribute in ("rate", "processor", "resident"):
            value = median(getattr(one, attribute) for one in found[case.name, name])
            columns[f"{case.name}: {attribute}"] = f"{value:.3f}"
    history.add(columns)


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    parser = argparse.ArgumentParser(prog="bench-quick", description=__doc__)
    parser.add_argument("--before", required=True, help="the other revision's program")
    parser.add_argument("--before-revision", help="its revision, to note it down, too, if it is not in the history")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--record", action="store_true", help=f"add the figures to {history.FILE.relative_to(ROOT)}, and draw its chart")
    chosen = parser.parse_args()
    directory = ROOT / "build/evaluation/quick"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        programs = {"before": str(Path(chosen.before).resolve()), "now": SYNBOX}
        with Lab("synbox-quick", directory) as lab:
            found = compare(lab, programs, max(1, chosen.rounds))
        slices = compare_slices(programs, directory)
    except EvaluationError as error:
        print(f"bench-quick: {error}", file=sys.stderr)
        return 1
    for row in rows(found, ("before", "now")):
        print("| " + " | ".join(row) + " |")
    print(f"no limit, in slices of {SLICE_SECONDS * 1000:g} ms: now ÷ before {median_ratio(slices, 'now', 'before'):.3f}")
    to_flood = {name: median_ratio(slices, name, FLOOD.name) for name in programs}
    for name, value in to_flood.items():
        print(f"{name} ÷ {FLOOD.name}: {value:.3f}")
    if chosen.record:
        known = {row["revision"] for row in history.rows()}
        if chosen.before_revision and chosen.before_revision not in known:
            record(found, "before", chosen.before_revision, to_flood["before"])
        revision = run(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]).strip()
        record(found, "now", revision, to_flood["now"])
        history.draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
