"""`make model`: predicts rates and costs from a few micro-benchmarks, compares them with measured scans, and uses them for
NICs that are not here.

The model, in processor seconds of the process:

    a call of the kernel with n probes, sleep included     A + P min(n, 64)   three paced runs of `benchmark flood --probes`;
                                                             + B n            the kernel allocates pages for 64 frames a call
    a probe without a limit                                F                  `benchmark flood --probes`
    choosing a target and its cookie                       T                  `benchmark micro`, fill_1_port_2_28
    a second of a scan's other threads, nothing to do      I                  a scan at 1,000 pps
    a second of replies                                    W + R replies      two scans at other rates

A rate r at an interval of 1 ms has r/n calls a second; n is an interval's worth, or two if those are at most 32. Nothing
is fitted to the scans that the prediction is compared with. Exit status: 0 if each is within 10 %.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import quick
from account import measure
from lab import BENCHMARK, SYNBOX, Lab
from micro import run_micro
from program import EvaluationError
from quick import Case
from target_node import TargetNode

INTERVAL = 1000
"""Microseconds: the standard pace-interval."""
FEW = 32
"""Probes of two intervals for which a sender waits (Sources/Scan/Pacer.swift)."""
CASES = tuple(replace(case, probes=10 * case.rate or 60_000_000) for case in quick.CASES)
"""The scans of `make bench-quick`, longer."""
CALIBRATION = (Case("100,000 pps, 20 %", 100_000, 1_000_000, "20%"), Case("1,000,000 pps, 20 %", 1_000_000, 10_000_000, "20%"))
PAGES = 64
"""Frames of a call for which the kernel allocates a page (TEST_XDP_BATCH, net/bpf/test_run.c); it uses them again."""
SHARE = 0.2
"""The share of targets that answer in these cases."""
BATCHES = (8, PAGES, 1024)
"""Probes of the calls that are measured."""
WIRE_BYTES = 84
"""A minimum Ethernet frame from preamble to inter-frame gap."""
SECONDS = 4.0


@dataclass
class Constants:
    """Nanoseconds of the process, except `unlimited_wall`, which is elapsed time."""

    call: float
    page: float
    frame: float
    """Of a call at a set rate."""
    unlimited: float
    """Of a probe without a limit."""
    unlimited_wall: float
    target: float
    idle: float
    """Of a second."""
    replies: float = 0
    """Of a second in which any reply comes."""
    reply: float = 0

    def cost(self, case: Case) -> float:
        """Nanoseconds of the process for a probe. Without replies while the constants of replies are 0."""
        if case.rate == 0:
            return self.unlimited + self.target
        probes = case.rate * INTERVAL / 1e6
        if 2 * probes <= FEW:
            probes *= 2
        pages = min(probes, PAGES)
        silent = (self.call + self.page * pages) / probes + self.frame + self.target + self.idle / case.rate
        return silent if case.answer == "0%" else silent + self.replies / case.rate + SHARE * self.reply


def flood(lab: Lab, *arguments: str) -> dict:
    program = lab.start(
        [BENCHMARK, "flood", "--interface", "box0", "--gateway-mac", lab.gateway_mac, "--probes", *arguments], "flood", lab.box)
    if failure := program.failure(60):
        raise EvaluationError(f"{program.command}: {failure}")
    return json.loads(program.output.read_text(encoding="utf-8"))


def per_call(lab: Lab, batch: int) -> float:
    """Nanoseconds of the process for a call with `batch` probes each millisecond."""
    calls = 2000
    found = flood(lab, "--count", str(batch * calls), "--batch", str(batch), "--interval", str(INTERVAL))
    return found["processor_seconds"] / calls * 1e9


def scanned(lab: Lab, case: Case, program: str) -> tuple[float, float]:
    """Returns the nanoseconds of the process for a probe, and the rate."""
    account = measure(lab, program, case, SECONDS)
    return sum(spent for spent, _ in account.threads.values()) / account.probes * 1e9, account.probes / account.seconds


@dataclass
class Samples:
    """What each round measured. All parts take turns, because the machine's speed changes."""

    calls: dict[int, list[float]]
    floods: list[dict]
    idle: list[float]
    scans: dict[str, list[tuple[float, float]]]


def take_round(lab: Lab, program: str, samples: Samples) -> None:
    node = TargetNode(lab, "0%")
    for batch, found in samples.calls.items():
        found.append(per_call(lab, batch))
    samples.floods.append(flood(lab, "--count", "10000000"))
    node.end()
    slow = measure(lab, program, Case("1,000 pps", 1_000, 10_000), SECONDS)
    samples.idle.append(
        sum(spent for name, (spent, _) in slow.threads.items() if not name.startswith("send")) / slow.seconds * 1e9)
    for case in (*CALIBRATION, *CASES):
        samples.scans.setdefault(case.name, []).append(scanned(lab, case, program))


def constants(lab: Lab, samples: Samples) -> Constants:
    micro = run_micro(lab.directory)
    if micro.failure:
        raise EvaluationError(f"the micro-benchmarks: {micro.failure}")
    few, pages, many = BATCHES
    calls = {batch: median(found) for batch, found in samples.calls.items()}
    frame = (calls[many] - calls[pages]) / (many - pages)
    page = (calls[pages] - calls[few]) / (pages - few) - frame
    found = Constants(
        call=calls[few] - few * (frame + page), page=page, frame=frame,
        unlimited=median(one["processor_seconds"] / one["frames"] for one in samples.floods) * 1e9,
        unlimited_wall=median(one["seconds"] / one["frames"] for one in samples.floods) * 1e9,
        target=micro.figures["fill_1_port_2_28"]["value"], idle=median(samples.idle))
    # What replies cost beyond what a silent scan is predicted to cost: two equations for two unknowns.
    (low, extra_low), (high, extra_high) = (
        (case.rate, (median(cost for cost, _ in samples.scans[case.name]) - found.cost(case)) * case.rate)
        for case in CALIBRATION)
    found.reply = (extra_high - extra_low) / (high - low) / SHARE
    found.replies = extra_low - found.reply * SHARE * low
    return found


def show_links(found: Constants) -> None:
    print("| link | million probes/s | sending processors | choosing targets | taking replies of 1 % | of 20 % |")
    print("|---|---:|---:|---:|---:|---:|")
    for gigabits in (1, 10, 25, 100):
        rate = gigabits * 1e9 / (8 * WIRE_BYTES)
        # RSTs use the link, too.
        replies = [rate / (1 + share) * share * found.reply / 1e9 for share in (0.01, 0.2)]
        print(
            f"| {gigabits} GbE | {rate / 1e6:.2f} | {rate * found.unlimited_wall / 1e9:.2f} | "
            f"{rate * found.target / 1e9:.2f} | {replies[0]:.2f} | {replies[1]:.2f} |")


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    parser = argparse.ArgumentParser(prog="model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synbox", default=SYNBOX, help="the scanner's program")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="synbox-model-"))
    worst = 0.0
    try:
        with Lab("model", directory) as lab:
            samples = Samples({batch: [] for batch in BATCHES}, [], [], {})
            for _ in range(chosen.rounds):
                take_round(lab, chosen.synbox, samples)
            found = constants(lab, samples)
            print(
                f"A = {found.call:,.0f} ns, P = {found.page:.0f} ns, B = {found.frame:.0f} ns, F = {found.unlimited:.0f} ns "
                f"({found.unlimited_wall:.0f} ns elapsed), T = {found.target:.1f} ns, I = {found.idle / 1e6:.2f} ms, "
                f"W = {found.replies / 1e6:.2f} ms, R = {found.reply:.0f} ns\n")
            print("| scan | figure | predicted | measured | error |")
            print("|---|---|---:|---:|---:|")
            for case in CASES:
                runs = samples.scans[case.name]
                cost, rate = median(one[0] for one in runs), median(one[1] for one in runs)
                figures = [("CPU s per million probes", found.cost(case) / 1e3, cost / 1e3)]
                if case.rate == 0:
                    figures.append(("million pps", 1e3 / found.unlimited_wall, rate / 1e6))
                for name, predicted, measured in figures:
                    error = predicted / measured - 1
                    worst = max(worst, abs(error))
                    print(f"| {case.name} | {name} | {predicted:.3f} | {measured:.3f} | {error:+.1%} |", flush=True)
            print()
            show_links(found)
    except EvaluationError as error:
        print(f"model: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory)
    if worst > 0.1:
        print(f"model: a prediction is off by {worst:.1%}, more than 10 %", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
