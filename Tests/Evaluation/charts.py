"""The charts, PNG."""

from pathlib import Path
from typing import Sequence

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend must be chosen first)

from comparison import LIMIT_CONTESTANTS, medians, of
from contestants import SCANNERS, Contestant
from pacing import WINDOW_MILLISECONDS, PacedScan, windows
from settings import SCAN_PPS
from turn import Turn

COLOURS = {"user": "#4c78a8", "kernel": "#f58518", "softirq": "#e45756"}


def draw_limit(turns: Sequence[Turn], path: Path) -> None:
    """S-02: each contestant's median rate, with its minimum and maximum."""
    measured = [one for one in LIMIT_CONTESTANTS if of(turns, one)]
    figure, axes = pyplot.subplots(figsize=(8, 0.6 * len(measured) + 1.2))
    for index, contestant in enumerate(reversed(measured)):
        rates = [turn.measurement.rate_pps / 1e6 for turn in of(turns, contestant)]
        middle = medians(turns, contestant).rate_pps / 1e6
        spread = [[middle - min(rates)], [max(rates) - middle]]
        axes.barh(index, middle, xerr=spread, color="#4c78a8", capsize=3)
        axes.text(max(rates), index, f"  {middle:.2f}", va="center")
    axes.set_yticks(range(len(measured)), [one.name for one in reversed(measured)])
    axes.set_xlabel("million probes per second at the target node (median, minimum to maximum)")
    axes.set_title("S-02: no rate limit, one sending thread")
    axes.margins(x=0.12)
    save(figure, path)


def draw_cost(turns: Sequence[Turn], contestants: Sequence[Contestant], title: str, path: Path) -> None:
    """Processor seconds of the whole machine per million probes, divided in proportion to its tick counts."""
    middles = {one.name: medians(turns, one) for one in reversed(contestants)}
    costs = {name: middle.costs for name, middle in middles.items() if middle and middle.costs}
    figure, axes = pyplot.subplots(figsize=(8, 0.6 * len(costs) + 1.4))
    for index, cost in enumerate(costs.values()):
        left = 0.0
        ticks = sum(cost[kind] for kind in COLOURS) or 1.0
        for kind, colour in COLOURS.items():
            width = cost["whole"] * cost[kind] / ticks
            axes.barh(index, width, left=left, color=colour, label=kind if index == 0 else None)
            left += width
        axes.text(left, index, f"  {cost['whole']:.2f}", va="center")
    axes.set_yticks(range(len(costs)), list(costs))
    axes.set_xlabel("processor seconds per million probes, less idle load (median)")
    axes.set_title(title)
    axes.margins(x=0.12)
    if costs:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    save(figure, path)


def draw_scan(turns: Sequence[Turn], path: Path) -> None:
    """S-03: the rate over time, in the first round of each contestant."""
    figure, axes = pyplot.subplots(figsize=(8, 4))
    for contestant in SCANNERS:
        for turn in of(turns, contestant)[:1]:
            # Ends with the last probe.
            end = max(index for index, (_, rate) in enumerate(turn.rates) if rate > 0)
            times, rates = zip(*turn.rates[:end + 2])
            axes.plot(times, [rate / 1e6 for rate in rates], label=contestant.name, linewidth=1)
    axes.axhline(SCAN_PPS / 1e6, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlabel("seconds since the start of the scanner")
    axes.set_ylabel("million probes per second")
    axes.set_title(f"S-03: {SCAN_PPS:,} pps requested, a fifth of the targets open")
    axes.set_ylim(bottom=0)
    if axes.get_lines():
        axes.legend()
    save(figure, path)


def draw_pacing(scans: Sequence[PacedScan], path: Path) -> None:
    """Packets in each 10 ms window over time: a column for each interval, a row for each rate."""
    intervals = list(dict.fromkeys(scan.interval for scan in scans))
    lines = -(-len(scans) // len(intervals))
    figure, panels = pyplot.subplots(
        lines, len(intervals), figsize=(7 * len(intervals), 2.1 * lines), squeeze=False)
    for axes, scan in zip(panels.T.flat, scans):
        counts = windows(scan.arrivals, WINDOW_MILLISECONDS)
        times = [index * WINDOW_MILLISECONDS / 1000 for index in range(len(counts))]
        axes.step(times, counts, where="post", linewidth=0.6)
        axes.axhline(scan.allowed, color="#e45756", linewidth=0.8, label="share plus one batch")
        share = scan.pps * WINDOW_MILLISECONDS / 1000
        axes.axhline(share, color="black", linewidth=0.6, linestyle=":", label="share")
        # At low rates a batch is many times the share, so its line may lie outside.
        axes.set_ylim(0, 1.2 * max(scan.fullest, min(scan.allowed, 2 * share)))
        axes.set_title(
            f"{scan.name}; most in 10 ms {scan.fullest:,}, allowed {scan.allowed:,.0f}",
            loc="left", fontsize=9)
        axes.set_ylabel("packets in 10 ms", fontsize=8)
    panels[-1, 0].legend(fontsize=8, loc="lower left")
    for axes in panels[-1]:
        axes.set_xlabel("seconds since the first packet, on the target node's clock")
    save(figure, path)


def save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
