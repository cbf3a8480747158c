"""Writes report.md and report.json."""

import dataclasses
import json
from pathlib import Path
from statistics import median
from typing import Callable, Sequence

import charts
from checks import Check
from comparison import LIMIT_CONTESTANTS, Medians, by_round, cpu, medians, of, pps
from contestants import FLOOD, GENERATOR, MASSCAN, SCANNERS, TRANSMITTERS, ZMAP, Contestant
from evaluation import Evaluation
from measure import Measurement
from ratios import median_ratio
from settings import SCAN_PPS, SLICE_SECONDS
from turn import Turn

QUIET_LOAD = 0.1
"""Busy processors before a run. The report mentions a higher load."""

METHOD = """\
Two network namespaces are joined by a veth pair. The target node, `synbox respond` at the far end, counts every
frame that it receives in an XDP program. All figures come from its counters, not from what a scanner reports.
Contestants take turns within a round (A B C D A B C D …). Ratios are taken within a round, and the report has
their median. Before each turn the idle load is measured for {baseline:g} s; it is subtracted from the cost.
Counters, `/proc/stat` and `/proc/PID/stat` are read ten times a second. Only the window in which more than 100
probes a second arrive counts, and the rate excludes its first and last tenth of a second. A scanner that is silent
for seven seconds is ended (Masscan does not exit).

*CPU* is the processor time of the whole machine, with softirqs and the target node, because the kernel does not
always charge work to the process that causes it; *own* is the scanner's process alone. The whole is elapsed time
less idle time, which the kernel measures in microseconds; user, kernel and softirq are tick counts.

Each scanner sends with one thread, from 64 source addresses. synbox and ZMap {zmap} (`-T 1`, its default) pin that
thread, as does ZMap 4; Masscan does not. ZMap 2 scans one port in each run, so two ports take two runs. The size of Masscan's
source port range must be a power of two, so it uses 64 of the 101 ports. A rule drops replies to ports 60000-60100
before the kernel's TCP can send an RST; packet sockets and XDP programs see them earlier.
"""


def write_report(evaluation: Evaluation, directory: Path) -> None:
    """Writes all files of the report into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    raw = dataclasses.asdict(evaluation)
    raw |= {
        "checks": {part: [dataclasses.asdict(check) for check in checks]
                   for part, checks in evaluation.checks.items()},
        "failures": evaluation.failures, "missed": evaluation.missed}
    (directory / "report.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    sections = [
        head(evaluation), checks(evaluation), machine(evaluation), method(evaluation),
        limit(evaluation, directory), slices(evaluation), scan(evaluation, directory), pacing(evaluation, directory),
        steady(evaluation), micro(evaluation)]
    text = "\n\n".join(section.strip() for section in sections if section)
    (directory / "report.md").write_text(text + "\n", encoding="utf-8")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: bool = True) -> str:
    """A Markdown table; all columns but the first are aligned right if they hold `numbers`."""
    rule = ["---"] + ["---:" if numbers else "---"] * (len(columns) - 1)
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [list(columns), rule, *cells])


def head(evaluation: Evaluation) -> str:
    scale = evaluation.scale
    took = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in evaluation.seconds.items())
    text = f"# Evaluation: {scale.name}\n\n{evaluation.started}; {took}."
    loads = [turn.baseline.busy for turn in (evaluation.limit or []) + (evaluation.scan or []) if turn.baseline]
    if loads:
        text += (f" Idle load before the turns: {median(loads):.3f} processors (median), "
                 f"{max(loads):.3f} (maximum).")
        if max(loads) > QUIET_LOAD:
            text += " **The machine was not quiet: other work ran at the same time.**"
    return text


def checks(evaluation: Evaluation) -> str:
    """The checks, and the runs that failed."""
    rows = [
        (part, check.what, check.wanted, check.found, verdict(check))
        for part, found in evaluation.checks.items() for check in found]
    text = "## Checks\n\n"
    text += table(("", "what", "expected", "found", ""), rows, numbers=False)
    if evaluation.failures:
        text += "\n\n## Failures\n\n" + "\n".join(
            f"- {failure}" for failure in evaluation.failures)
    return text


def verdict(check: Check) -> str:
    return "PASS" if check.passed else "**FAIL**"


def machine(evaluation: Evaluation) -> str:
    return "## Machine\n\n" + table(("", ""), list(evaluation.machine.items()), numbers=False)


def method(evaluation: Evaluation) -> str:
    return "## Method\n\n" + METHOD.format(
        baseline=evaluation.scale.baseline_seconds, zmap=evaluation.machine["ZMap"].removeprefix("zmap "))


COSTS = {"whole": "CPU s / 1 M", "user": "user", "kernel": "kernel", "softirq": "softirq", "own": "own"}


def costs(middle: Medians) -> list[str]:
    """The table cells of processor seconds per million probes."""
    return [f"{middle.costs[name]:.3f}" if middle.costs else "–" for name in COSTS]


def ratio(
    turns: Sequence[Turn], figure: Callable[[Measurement], float | None], one: Contestant, other: Contestant,
    form: str = "{:.2f}"
) -> str:
    value = median_ratio(by_round(turns, figure), one.name, other.name)
    return "–" if value is None else form.format(value)


def limit(evaluation: Evaluation, directory: Path) -> str | None:
    turns = evaluation.limit
    if turns is None:
        return None
    rows = []
    for contestant in LIMIT_CONTESTANTS:
        middle = medians(turns, contestant)
        if middle is None:
            rows.append([contestant.name, "failed"] + ["–"] * 9)
            continue
        rows.append([
            contestant.name, f"{middle.rate_pps / 1e6:.3f}",
            ratio(turns, pps, contestant, ZMAP), ratio(turns, pps, contestant, MASSCAN),
            *costs(middle),
            ratio(turns, cpu, ZMAP, contestant), f"{middle.peak_rss_bytes / 1e6:.1f}"])
    charts.draw_limit(turns, directory / "limit-rate.png")
    charts.draw_cost(
        turns, LIMIT_CONTESTANTS, "S-02: cost of a million probes", directory / "limit-cpu.png")
    rounds = times(evaluation.scale.limit_rounds)
    columns = ("", "Mpps", "÷ ZMap", "÷ Masscan", *COSTS.values(), "ZMap's CPU ÷", "peak RSS MB")
    return "\n\n".join((
        "## S-02: the limit",
        f"96.0.0.0/5, port 80, no rate limit, one source port, no RST, no dedupe; {rounds}, medians. "
        "The target node is silent, so this measures sending only.",
        table(columns, rows), "![rates](limit-rate.png)", "![cost](limit-cpu.png)",
        commands(turns)))


def slices(evaluation: Evaluation) -> str | None:
    if evaluation.slices is None:
        return None
    rows = []
    for one in evaluation.slices:
        figures = ("failed", "–", "–")
        if one.rates:
            middles = (median(slice[contestant.name] for slice in one.rates) / 1e6 for contestant in (GENERATOR, FLOOD))
            figures = (*(f"{rate:.3f}" for rate in middles), f"{one.to_flood:.3f}")
        rows.append((one.round + 1, *figures))
    return "\n\n".join((
        "## S-02 in slices: the generator and the flood",
        f"The same job. Both programs are there all the time, each with a target node of its own, and run in turn for "
        f"{SLICE_SECONDS * 1000:g} ms while the other is stopped, {evaluation.scale.slices} times a round. The ratio is the "
        "median over the slices; the rates are medians, too.",
        table(("round", "generator, Mpps", "flood, Mpps", "÷"), rows)))


def scan(evaluation: Evaluation, directory: Path) -> str | None:
    turns = evaluation.scan
    if turns is None:
        return None
    rows = []
    for contestant in SCANNERS:
        middle = medians(turns, contestant)
        if middle is None:
            rows.append([contestant.name, "failed"] + ["–"] * 11)
            continue
        worst = max(abs(turn.measurement.rate_pps / SCAN_PPS - 1) for turn in of(turns, contestant))
        rows.append([
            contestant.name, f"{middle.rate_pps:,.0f}", f"{worst:.2%}",
            f"{middle.largest_deviation:.2%}", f"{middle.answers:,.0f}",
            f"{middle.results:,.0f}", *costs(middle), ratio(turns, cpu, contestant, ZMAP, "{:.3f}"),
            f"{middle.peak_rss_bytes / 1e6:.1f}"])
    charts.draw_scan(turns, directory / "scan-rate.png")
    charts.draw_cost(turns, SCANNERS, "S-03: cost of a million probes", directory / "scan-cpu.png")
    columns = ("", "pps", "deviation (worst)", "largest in a second", "SYN-ACKs", "results", *COSTS.values(),
               "CPU ÷ ZMap's", "peak RSS MB")
    scale = evaluation.scale
    return "\n\n".join((
        "## S-03: a real scan",
        f"{scale.scan_targets}, ports 80 and 443, {SCAN_PPS:,} pps, source ports 60000-60100; 20 % of the targets are open; "
        f"{times(scale.scan_rounds)}, medians. Results are lines of the results file, for "
        "Masscan the number that it prints; the target node counts the SYN-ACKs that it sends. *Largest in a "
        "second* is the largest deviation of any second from the scan's mean rate.",
        table(columns, rows), "![rate over time](scan-rate.png)", "![cost](scan-cpu.png)",
        commands(turns)))


def times(rounds: int) -> str:
    return "1 round" if rounds == 1 else f"{rounds} rounds"


def commands(turns: Sequence[Turn]) -> str:
    """The contestants' command lines, from the first round."""
    calls = [command for turn in turns if turn.round == 0 for command in turn.commands]
    return "<details><summary>Command lines</summary>\n\n```\n" + "\n".join(calls) + "\n```\n\n</details>"


def pacing(evaluation: Evaluation, directory: Path) -> str | None:
    scans = evaluation.pacing
    if scans is None:
        return None
    rows = []
    for one in scans:
        if one.average is None:
            rows.append([f"{one.pps:,}", one.interval, "failed"] + ["–"] * 4)
            continue
        rows.append([
            f"{one.pps:,}", one.interval, f"{sum(one.arrivals):,}", f"{one.average:,.2f}",
            f"{one.average / one.pps - 1:+.3%}", f"{one.fullest:,}", f"{one.allowed:,.0f}"])
    text = ("## Pacing\n\n"
            f"{TRANSMITTERS[0].name}, {evaluation.scale.pacing_seconds:g} s at each rate; the target node "
            "records the millisecond of each arrival. *Most in 10 ms* is the largest number in any 10 consecutive "
            "milliseconds; *allowed* is their share of the rate plus one batch.\n\n")
    text += table(("pps", "pace-interval", "arrived", "average", "deviation", "most in 10 ms", "allowed"), rows)
    if any(one.arrivals for one in scans):
        charts.draw_pacing(scans, directory / "pacing.png")
        text += "\n\n![packets in each 10 ms](pacing.png)"
    return text


def steady(evaluation: Evaluation) -> str | None:
    if evaluation.steady is None:
        return None
    rows = []
    for turn in evaluation.steady:
        if turn.failure:
            rows.append((turn.contestant, turn.round + 1, "failed", "", "", "**FAIL**"))
        rows += [
            (turn.contestant, turn.round + 1, check.what, check.wanted, check.found, verdict(check))
            for check in turn.checks]
    return ("## S-01: correctness\n\n"
            "198.19.0.0/20, port 80, 100,000 pps, even addresses open, RSTs and dedupe on.\n\n"
            + table(("", "round", "what", "expected", "found", ""), rows, numbers=False))


def micro(evaluation: Evaluation) -> str | None:
    if evaluation.micro is None:
        return None
    rows = [(name, f"{figure['value']:,.6g}", figure["unit"])
            for name, figure in evaluation.micro.figures.items()]
    body = table(("", "value", "unit"), rows) if rows else "They did not run; see Failures."
    return f"## Micro-benchmarks\n\n{body}"
