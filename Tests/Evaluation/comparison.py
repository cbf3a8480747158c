"""S-02 and S-03: every contestant in turn within each round, and what must be shown of them."""

from dataclasses import dataclass
from statistics import median
from typing import Callable, Sequence

from checks import Check, at_least, at_most, equal
from contestants import (
    FLOOD, GENERATOR, MASSCAN, PACKET, SCANNERS, TRANSMITTERS, XDP_COPY, ZMAP, Contestant, Job)
from lab import Lab
from measure import Measurement
from ratios import median_ratio
from settings import LIMIT_TARGETS, SCAN_ANSWER, SCAN_PPS, Scale
from turn import Turn, take_turn

Progress = Callable[[str], None]

LIMIT_JOB = Job(
    targets=LIMIT_TARGETS, ports=(80,), rate=0, source_ports=(60000, 60000), cooldown=0,
    answered=False)
LIMIT_CONTESTANTS = (*SCANNERS, FLOOD)


def scan_job(scale: Scale) -> Job:
    return Job(
        targets=scale.scan_targets, ports=(80, 443), rate=SCAN_PPS, source_ports=(60000, 60100),
        cooldown=2, answered=True)


def run_limit(lab: Lab, scale: Scale, progress: Progress) -> list[Turn]:
    """S-02, with a silent target node: how fast each one sends."""
    return [
        _turn(lab, contestant, LIMIT_JOB, round(contestant.limit_probes * scale.limit_share), "0%",
              scale, number, progress)
        for number in range(scale.limit_rounds) for contestant in LIMIT_CONTESTANTS]


def run_scan(lab: Lab, scale: Scale, progress: Progress) -> list[Turn]:
    """S-03: the whole of a network at a set rate, a fifth of which answers."""
    return [
        _turn(lab, contestant, scan_job(scale), None, SCAN_ANSWER, scale, number, progress)
        for number in range(scale.scan_rounds) for contestant in SCANNERS]


def _turn(
    lab: Lab, contestant: Contestant, job: Job, probes: int | None, answer: str, scale: Scale,
    number: int, progress: Progress
) -> Turn:
    turn = take_turn(lab, contestant, job, probes, answer, scale.baseline_seconds, number)
    progress(f"round {number + 1}, {contestant.name}: {outcome(turn)}")
    return turn


def outcome(turn: Turn) -> str:
    """One line on a turn."""
    if turn.measurement is None:
        return f"FAILED: {' '.join(turn.failure.split())[:120]}"
    found = turn.measurement
    cost = "no" if found.cpu_per_million is None else f"{found.cpu_per_million:.2f}"
    return (f"{found.rate_pps:,.0f} pps, {cost} CPU s per million probes, "
            f"{found.peak_rss_bytes / 1e6:.1f} MB")


def of(turns: Sequence[Turn], contestant: Contestant) -> list[Turn]:
    """The turns in which this contestant was measured."""
    return [turn for turn in turns if turn.contestant == contestant.name and turn.measurement]


def by_round(
    turns: Sequence[Turn], figure: Callable[[Measurement], float | None]
) -> list[dict[str, float]]:
    """A figure of each contestant that has it, round by round."""
    rounds: dict[int, dict[str, float]] = {}
    for turn in turns:
        figures = rounds.setdefault(turn.round, {})
        value = figure(turn.measurement) if turn.measurement else None
        if value is not None:
            figures[turn.contestant] = value
    return [rounds[number] for number in sorted(rounds)]


def pps(found: Measurement) -> float:
    return found.rate_pps


def cpu(found: Measurement) -> float | None:
    return found.cpu_per_million


def limit_checks(turns: Sequence[Turn]) -> list[Check]:
    """What S-02 must show: medians of the ratios within a round."""
    rates, costs = by_round(turns, pps), by_round(turns, cpu)

    def rate(one: Contestant, other: Contestant, bound: float) -> Check:
        return at_least(
            f"{one.name}: rate against {other.name}", median_ratio(rates, one.name, other.name),
            bound)

    return [
        rate(GENERATOR, ZMAP, 10),
        rate(GENERATOR, MASSCAN, 10),
        rate(GENERATOR, FLOOD, 0.85),
        rate(XDP_COPY, ZMAP, 2),
        rate(PACKET, ZMAP, 1.6),
        at_least(
            f"{ZMAP.name}: CPU a probe against {GENERATOR.name}",
            median_ratio(costs, ZMAP.name, GENERATOR.name), 8),
        *(accounting(of(turns, contestant), contestant.name) for contestant in TRANSMITTERS),
    ]


def scan_checks(turns: Sequence[Turn]) -> list[Check]:
    """What S-03 must show of the generator; and of each transmitter, that nothing is lost or invented."""
    generator = of(turns, GENERATOR)
    worst = max((abs(turn.measurement.rate_pps / SCAN_PPS - 1) for turn in generator), default=None)
    peak = max((turn.measurement.peak_rss_bytes / 1e6 for turn in generator), default=None)
    return [
        at_most(
            f"{GENERATOR.name}: rate off {SCAN_PPS:,} pps, worst round",
            None if worst is None else worst * 100, 1, " %"),
        at_most(
            f"{GENERATOR.name}: CPU a probe against {ZMAP.name}",
            median_ratio(by_round(turns, cpu), GENERATOR.name, ZMAP.name), 1 / 3),
        at_most(f"{GENERATOR.name}: peak RSS, largest", peak, 48, " MB"),
        *(check(of(turns, contestant), contestant.name)
          for contestant in TRANSMITTERS for check in (exactness, accounting)),
    ]


def exactness(turns: Sequence[Turn], name: str) -> Check:
    """Every answer of the target node is one result, and no result is there twice."""
    what = f"{name}: results − answers of the target node, and results that repeat, all rounds"
    if not turns:
        return equal(what, None, "0 and 0")
    differing = sum(abs(turn.results - turn.node["answers_sent"]) for turn in turns)
    repeated = sum(turn.results - turn.distinct_results for turn in turns)
    return equal(what, f"{differing} and {repeated}", "0 and 0")


def accounting(turns: Sequence[Turn], name: str) -> Check:
    """What synbox says it sent is what the target node received."""
    what = f"{name}: probes_completed − valid SYNs at the target node, all rounds"
    if not turns:
        return equal(what, None, 0)
    differing = sum(
        abs(turn.summary["probes_completed"] - turn.node["syns_valid"]) for turn in turns)
    return equal(what, differing, 0)


@dataclass(frozen=True)
class Medians:
    """A contestant's figures over the rounds."""

    rate_pps: float
    largest_deviation: float
    peak_rss_bytes: float
    results: float
    answers: float
    """Sent by the target node."""
    costs: dict[str, float] | None
    """Processor seconds for a million probes: "whole", "user", "kernel", "softirq", "own". None if no round
    was quiet enough."""


def medians(turns: Sequence[Turn], contestant: Contestant) -> Medians | None:
    """None for a contestant that was never measured."""
    measured = of(turns, contestant)
    if not measured:
        return None
    found = [turn.measurement for turn in measured]
    costs = [costs_per_million(one) for one in found if one.is_plausible]
    return Medians(
        rate_pps=median(one.rate_pps for one in found),
        largest_deviation=median(one.largest_deviation for one in found),
        peak_rss_bytes=median(one.peak_rss_bytes for one in found),
        results=median(turn.results or 0 for turn in measured),
        answers=median(turn.node["answers_sent"] for turn in measured),
        costs={name: median(cost[name] for cost in costs) for name in costs[0]} if costs else None)


def costs_per_million(found: Measurement) -> dict[str, float]:
    """Processor seconds for a million probes, the whole and its parts."""
    spent = {
        "whole": found.cost.busy, "user": found.cost.user, "kernel": found.cost.kernel,
        "softirq": found.cost.softirq, "own": found.process_user + found.process_system}
    return {name: seconds / found.probes * 1e6 for name, seconds in spent.items()}
