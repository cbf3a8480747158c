"""S-02 and S-03: contestants take turns within each round; and the checks of their figures."""

from dataclasses import dataclass
from statistics import median
from typing import Callable, Sequence

from checks import Check, at_least, at_most, equal
from contestants import (
    FLOOD, GENERATOR, MASSCAN, PACKET, SCANNERS, TRANSMITTERS, XDP_COPY, ZMAP, ZMAP_NEWEST, Contestant, Job)
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
# ZMap directly after the generator, because the two are compared and other load varies.
SCAN_CONTESTANTS = (GENERATOR, ZMAP, *(scanner for scanner in SCANNERS if scanner not in (GENERATOR, ZMAP)))


def scan_job(scale: Scale) -> Job:
    return Job(
        targets=scale.scan_targets, ports=(80, 443), rate=SCAN_PPS, source_ports=(60000, 60100),
        cooldown=2, answered=True)


def run_limit(lab: Lab, scale: Scale, progress: Progress) -> list[Turn]:
    """S-02: how fast each contestant sends, with a silent target node."""
    return [
        _turn(lab, contestant, LIMIT_JOB, round(contestant.limit_probes * scale.limit_share), "0%",
              scale, number, progress)
        for number in range(scale.limit_rounds) for contestant in LIMIT_CONTESTANTS]


def run_scan(lab: Lab, scale: Scale, progress: Progress) -> list[Turn]:
    """S-03: a scan of a whole network at a set rate, with a fifth of the targets open."""
    return [
        _turn(lab, contestant, scan_job(scale), None, SCAN_ANSWER, scale, number, progress)
        for number in range(scale.scan_rounds) for contestant in SCAN_CONTESTANTS]


def _turn(
    lab: Lab, contestant: Contestant, job: Job, probes: int | None, answer: str, scale: Scale,
    number: int, progress: Progress
) -> Turn:
    turn = take_turn(lab, contestant, job, probes, answer, scale.baseline_seconds, number)
    progress(f"round {number + 1}, {contestant.name}: {outcome(turn)}")
    return turn


def outcome(turn: Turn) -> str:
    """A turn in one line."""
    if turn.measurement is None:
        return f"FAILED: {' '.join(turn.failure.split())[:120]}"
    found = turn.measurement
    cost = "unknown" if found.cpu_per_million is None else f"{found.cpu_per_million:.2f}"
    return (f"{found.rate_pps:,.0f} pps, {cost} CPU s per million probes, "
            f"{found.peak_rss_bytes / 1e6:.1f} MB")


def of(turns: Sequence[Turn], contestant: Contestant) -> list[Turn]:
    """The contestant's turns that have a measurement."""
    return [turn for turn in turns if turn.contestant == contestant.name and turn.measurement]


def by_round(
    turns: Sequence[Turn], figure: Callable[[Measurement], float | None]
) -> list[dict[str, float]]:
    """For each round, a figure of every contestant that has it."""
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
    """The checks of S-02: medians of ratios, each taken within a round. Slices compare with the flood."""
    rates, costs = by_round(turns, pps), by_round(turns, cpu)

    def rate(one: Contestant, other: Contestant, bound: float) -> Check:
        return at_least(
            f"{one.name}: rate ÷ {other.name}'s", median_ratio(rates, one.name, other.name),
            bound)

    return [
        rate(GENERATOR, ZMAP, 10),
        *([rate(GENERATOR, ZMAP_NEWEST, 8)] if ZMAP_NEWEST in SCANNERS else []),
        rate(GENERATOR, MASSCAN, 10),
        rate(XDP_COPY, ZMAP, 2),
        rate(PACKET, ZMAP, 1.6),
        at_least(
            f"{ZMAP.name}: CPU per probe ÷ {GENERATOR.name}'s",
            median_ratio(costs, ZMAP.name, GENERATOR.name), 8),
        *(accounting(of(turns, contestant), contestant.name) for contestant in TRANSMITTERS),
    ]


def scan_checks(turns: Sequence[Turn], scale: Scale) -> list[Check]:
    """The checks of S-03: the generator's figures, and that no transmitter loses or invents results."""
    generator = of(turns, GENERATOR)
    worst = max((abs(turn.measurement.rate_pps / SCAN_PPS - 1) for turn in generator), default=None)
    peak = max((turn.measurement.peak_rss_bytes / 1e6 for turn in generator), default=None)
    return [
        at_most(
            f"{GENERATOR.name}: deviation from {SCAN_PPS:,} pps, worst round",
            None if worst is None else worst * 100, 1, " %"),
        at_most(
            f"{GENERATOR.name}: CPU per probe ÷ {ZMAP.name}'s",
            median_ratio(by_round(turns, cpu), GENERATOR.name, ZMAP.name), 1 / 6),
        at_most(f"{GENERATOR.name}: peak RSS, largest", peak, scale.scan_peak_megabytes, " MB"),
        *(check(of(turns, contestant), contestant.name)
          for contestant in TRANSMITTERS for check in (exactness, accounting)),
    ]


def exactness(turns: Sequence[Turn], name: str) -> Check:
    """Each SYN-ACK of the target node is one result, and no result is repeated."""
    what = f"{name}: results − SYN-ACKs of the target node, and repeated results, all rounds"
    if not turns:
        return equal(what, None, "0 and 0")
    differing = sum(abs(turn.results - turn.node["answers_sent"]) for turn in turns)
    repeated = sum(turn.results - turn.distinct_results for turn in turns)
    return equal(what, f"{differing} and {repeated}", "0 and 0")


def accounting(turns: Sequence[Turn], name: str) -> Check:
    """synbox reports as many probes as the target node received."""
    what = f"{name}: probes_completed − valid SYNs at the target node, all rounds"
    if not turns:
        return equal(what, None, 0)
    differing = sum(
        abs(turn.summary["probes_completed"] - turn.node["syns_valid"]) for turn in turns)
    return equal(what, differing, 0)


@dataclass(frozen=True)
class Medians:
    """Medians of a contestant's figures over the rounds."""

    rate_pps: float
    largest_deviation: float
    peak_rss_bytes: float
    results: float
    answers: float
    """SYN-ACKs that the target node sent."""
    costs: dict[str, float] | None
    """Processor seconds per million probes: "whole", "user", "kernel", "softirq", "own". None if the machine was too
    noisy in every round."""


def medians(turns: Sequence[Turn], contestant: Contestant) -> Medians | None:
    """Returns None if the contestant has no measurement."""
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
    """Processor seconds per million probes: the whole and its parts."""
    spent = {
        "whole": found.cost.busy, "user": found.cost.user, "kernel": found.cost.kernel,
        "softirq": found.cost.softirq, "own": found.process_user + found.process_system}
    return {name: seconds / found.probes * 1e6 for name, seconds in spent.items()}
