"""The generator's rate and the flood's, compared slice by slice: each runs for 50 ms while the other is stopped, many times.

The speed of a machine that is not alone varies from second to second. Turns of seconds then have ratios that say little;
neighbouring slices find the machine nearly the same. Only for programs that take the generator's path: a peer that is
stopped so often sends slower (ZMap 4 by two fifths).
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Callable, Sequence

from checks import Check, at_least
from comparison import LIMIT_JOB, Progress
from contestants import FLOOD, GENERATOR, Command, Contestant
from lab import Lab
from program import EvaluationError, Program
from ratios import median_ratio
from settings import SLICE_SECONDS, START_SECONDS, Scale
from target_node import TargetNode

ENDLESS = 120_000_000
"""More probes than fit into the slices of a round; below the number of targets."""


@dataclass
class SlicedRound:
    """The rates in one round."""

    round: int
    rates: list[dict[str, float]] = field(default_factory=list)
    """Probes per second of each contestant, one slice of each."""
    failure: str | None = None

    @property
    def to_flood(self) -> float | None:
        """The median over the slices of the generator's rate ÷ the flood's."""
        return median_ratio(self.rates, GENERATOR.name, FLOOD.name)


@dataclass
class Runner:
    """A contestant's program in a lab of its own, with its target node. It is stopped except in its slices."""

    program: Program
    node: TargetNode
    counter: str

    def count(self) -> int:
        return self.node.counts()[self.counter]

    def slice(self) -> float:
        """Lets the program run for a slice; returns its rate, probes per second."""
        before, start = self.count(), time.monotonic()
        self.program.resume()
        time.sleep(SLICE_SECONDS)
        self.program.pause()
        seconds = time.monotonic() - start
        probes = self.count() - before
        if probes == 0:
            raise EvaluationError(f"{self.program.command}: it sent nothing in a slice: {self.program.last_output()}")
        return probes / seconds

    def end(self) -> None:
        self.program.end()
        self.node.end()


def start(lab: Lab, command: Command, counter: str) -> Runner:
    """Starts a program, and stops it once it sends."""
    node = TargetNode(lab, "0%")
    runner = Runner(lab.start(command.arguments, "scanner", lab.box), node, counter)
    deadline = time.monotonic() + START_SECONDS
    while runner.count() == 0:
        if runner.program.status is not None or time.monotonic() > deadline:
            raise EvaluationError(f"{runner.program.command}: it sent nothing: {runner.program.last_output()}")
        time.sleep(0.01)
    runner.program.pause()
    return runner


def alternate(labs: Sequence[Lab], contestants: Sequence[Contestant], slices: int) -> list[dict[str, float]]:
    """Returns the contestants' rates, probes per second, in each of their `slices` slices. Each has a lab of its own."""
    runners: list[Runner] = []
    try:
        for lab, contestant in zip(labs, contestants, strict=True):
            command, = contestant.commands(lab, LIMIT_JOB, ENDLESS)
            runners.append(start(lab, command, contestant.counter))
        found = []
        for number in range(slices):
            # The one that goes first takes turns, too.
            order = list(zip(contestants, runners))
            found.append({
                contestant.name: runner.slice()
                for contestant, runner in (order if number % 2 == 0 else reversed(order))})
        return found
    finally:
        for runner in runners:
            runner.end()


def with_labs(name: str, directory: Path, number: int, run: Callable[[list[Lab]], None]) -> None:
    """Makes labs NAME-1, NAME-2 … for `run`."""
    with ExitStack() as stack:
        labs = []
        for index in range(1, number + 1):
            files = directory / f"slices-{index}"
            files.mkdir(parents=True, exist_ok=True)
            labs.append(stack.enter_context(Lab(f"{name}-{index}", files)))
        run(labs)


def run_slices(name: str, directory: Path, scale: Scale, progress: Progress) -> list[SlicedRound]:
    found: list[SlicedRound] = []

    def rounds(labs: list[Lab]) -> None:
        for number in range(scale.slice_rounds):
            one = SlicedRound(number)
            found.append(one)
            try:
                one.rates = alternate(labs, (GENERATOR, FLOOD), scale.slices)
                progress(f"round {number + 1}, {GENERATOR.name} ÷ {FLOOD.name}: {one.to_flood:.3f}")
            except EvaluationError as error:
                one.failure = str(error)
                progress(f"round {number + 1}: FAILED: {error}")

    with_labs(name, directory, 2, rounds)
    return found


def slice_checks(rounds: Sequence[SlicedRound]) -> list[Check]:
    shares = [one.to_flood for one in rounds if one.to_flood is not None]
    what = f"{GENERATOR.name}: rate ÷ {FLOOD.name}'s"
    return [
        at_least(what, median(shares) if shares else None, 0.90),
        at_least(f"{what}, worst round", min(shares, default=None), 0.87)]
