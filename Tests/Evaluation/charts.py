"""The charts, PNG."""

from pathlib import Path
from typing import Sequence

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)

from comparison import LIMIT_CONTESTANTS, medians, of
from contestants import SCANNERS, Contestant
from pacing import WINDOW_MILLISECONDS, PacedScan, windows
from settings import SCAN_PPS
from turn import Turn

COLOURS = {"user": "#4c78a8", "kernel": "#f58518", "softirq": "#e45756"}


def draw_limit(turns: Sequence[Turn], path: Path) -> None:
    """S-02: the rate of each contestant, median, from least to most."""
    measured = [one for one in LIMIT_CONTESTANTS if of(turns, one)]
    figure, axes = pyplot.subplots(figsize=(8, 0.6 * len(measured) + 1.2))
    for place, contestant in enumerate(reversed(measured)):
        rates = [turn.measurement.rate_pps / 1e6 for turn in of(turns, contestant)]
        middle = medians(turns, contestant).rate_pps / 1e6
        spread = [[middle - min(rates)], [max(rates) - middle]]
        axes.barh(place, middle, xerr=spread, color="#4c78a8", capsize=3)
        axes.text(max(rates), place, f"  {middle:.2f}", va="center")
    axes.set_yticks(range(len(measured)), [one.name for one in reversed(measured)])
    axes.set_xlabel("million probes per second at the target node (median, least to most)")
    axes.set_title("S-02: no rate limit, one sending thread")
    axes.margins(x=0.12)
    save(figure, path)


def draw_cost(turns: Sequence[Turn], contestants: Sequence[Contestant], title: str, path: Path) -> None:
    """Processor seconds of the whole machine for a million probes, as the ticks divide them."""
    middles = {one.name: medians(turns, one) for one in reversed(contestants)}
    costs = {name: middle.costs for name, middle in middles.items() if middle and middle.costs}
    figure, axes = pyplot.subplots(figsize=(8, 0.6 * len(costs) + 1.4))
    for place, cost in enumerate(costs.values()):
        left = 0.0
        ticks = sum(cost[kind] for kind in COLOURS) or 1.0
        for kind, colour in COLOURS.items():
            width = cost["whole"] * cost[kind] / ticks
            axes.barh(place, width, left=left, color=colour, label=kind if place == 0 else None)
            left += width
        axes.text(left, place, f"  {cost['whole']:.2f}", va="center")
    axes.set_yticks(range(len(costs)), list(costs))
    axes.set_xlabel("processor seconds for a million probes, idle load subtracted (median)")
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
            # Without the silence after the last probe.
            end = max(place for place, (_, rate) in enumerate(turn.rates) if rate > 0)
            times, rates = zip(*turn.rates[:end + 2])
            axes.plot(times, [rate / 1e6 for rate in rates], label=contestant.name, linewidth=1)
    axes.axhline(SCAN_PPS / 1e6, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlabel("seconds since the start of the scanner")
    axes.set_ylabel("million probes per second")
    axes.set_title(f"S-03: {SCAN_PPS:,} pps asked for, a fifth answers")
    axes.set_ylim(bottom=0)
    if axes.get_lines():
        axes.legend()
    save(figure, path)


def draw_pacing(scans: Sequence[PacedScan], path: Path) -> None:
    """Packets in each 10 ms window over time, one panel a rate."""
    figure, panels = pyplot.subplots(len(scans), 1, figsize=(8, 2.1 * len(scans)), squeeze=False)
    for axes, scan in zip(panels[:, 0], scans):
        counts = windows(scan.arrivals, WINDOW_MILLISECONDS)
        times = [place * WINDOW_MILLISECONDS / 1000 for place in range(len(counts))]
        axes.step(times, counts, where="post", linewidth=0.6)
        axes.axhline(scan.allowed, color="#e45756", linewidth=0.8, label="share and one batch")
        share = scan.pps * WINDOW_MILLISECONDS / 1000
        axes.axhline(share, color="black", linewidth=0.6, linestyle=":", label="share")
        # At low rates a batch is many times the share: its line would leave no room for the rest.
        axes.set_ylim(0, 1.2 * max(scan.fullest, min(scan.allowed, 2 * share)))
        axes.set_title(
            f"{scan.pps:,} pps; fullest 10 ms {scan.fullest:,}, allowed {scan.allowed:,.0f}",
            loc="left", fontsize=9)
        axes.set_ylabel("packets in 10 ms", fontsize=8)
    panels[-1, 0].legend(fontsize=8, loc="lower left")
    panels[-1, 0].set_xlabel("seconds since the first packet, by the target node's clock")
    save(figure, path)


def save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
