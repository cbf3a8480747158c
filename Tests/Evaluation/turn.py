"""One contestant's turn: the idle baseline, then its run, sampled ten times a second."""

import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from contestants import Command, Contestant, Job
from lab import Lab
from measure import Load, Measurement, combined, idle_load, measure
from program import EvaluationError, Program, display
from sampler import Sample, Sampler
from settings import SAMPLES_PER_SECOND, SENDING_PPS, SILENCE_SECONDS, START_SECONDS
from target_node import Counts, TargetNode

PROCESSORS = os.cpu_count() or 1
NOISY = ("cost omitted, because the machine was too noisy: the load before the run exceeded that during it, so the "
         "baseline is too high")


@dataclass
class Turn:
    """The outcome of a turn. A turn with a `failure` may have a measurement as well."""

    contestant: str
    round: int
    commands: list[str]
    failure: str | None = None
    baseline: Load | None = None
    measurement: Measurement | None = None
    node: Counts = field(default_factory=dict)
    results: int | None = None
    distinct_results: int | None = None
    summary: dict | None = None
    ended_when_silent: bool = False
    rates: list[tuple[float, float]] = field(default_factory=list)
    """Probes per second over time: (seconds since the first sample, rate) of each interval."""


class RunFailed(Exception):
    """A contestant failed; the text has its output."""


def take_turn(
    lab: Lab, contestant: Contestant, job: Job, probes: int | None, answer: str,
    baseline_seconds: float, number: int
) -> Turn:
    """Runs `contestant` against a new target node; `number` is the round."""
    commands = contestant.commands(lab, job, probes)
    turn = Turn(contestant.name, number, [display(command.arguments) for command in commands])
    node = TargetNode(lab, answer)
    sampler = Sampler(node)
    baseline_samples = sample_for(sampler, baseline_seconds)
    turn.baseline = idle_load(baseline_samples, PROCESSORS)
    try:
        turn.measurement = combined(
            [run_command(lab, contestant, command, sampler, turn) for command in commands])
        if not turn.measurement.is_plausible:
            turn.failure = NOISY
    except RunFailed as failed:
        turn.failure = str(failed)
    turn.node = node.end()
    return turn


def sample_for(sampler: Sampler, seconds: float) -> list[Sample]:
    """Takes samples for a time in which nothing is sent."""
    samples = [sampler.take()]
    end = samples[0].read_at + seconds
    while samples[-1].read_at < end:
        time.sleep(1 / SAMPLES_PER_SECOND)
        samples.append(sampler.take())
    return samples


def run_command(
    lab: Lab, contestant: Contestant, command: Command, sampler: Sampler, turn: Turn
) -> Measurement:
    """Runs a command until it ends or has been silent for too long."""
    for name in filter(None, (command.results, command.summary)):
        (lab.directory / name).unlink(missing_ok=True)
    try:
        samples = [sampler.take()]
        program = lab.start(command.arguments, "scanner", lab.box)
        sampler.pid = program.pid
        turn.ended_when_silent |= watch(program, sampler, samples, contestant.counter)
    finally:
        sampler.pid = None
    if program.status != 0 and not turn.ended_when_silent:
        raise RunFailed(f"exit status {program.status}: {program.last_output()}")
    found = measure(samples, contestant.counter, turn.baseline, SENDING_PPS, PROCESSORS)
    if found is None:
        raise RunFailed(f"it never sent more than {SENDING_PPS} pps: {program.last_output()}")
    elapsed = turn.rates[-1][0] if turn.rates else 0.0
    turn.rates += [(elapsed + at, rate) for at, rate in rates(samples, contestant.counter)]
    collect(lab.directory, command, program, turn)
    return found


def watch(program: Program, sampler: Sampler, samples: list[Sample], counter: str) -> bool:
    """Takes samples until the program ends; returns whether it was ended for being silent."""
    due = sent_at = samples[0].read_at
    while program.status is None:
        due = max(due + 1 / SAMPLES_PER_SECOND, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        samples.append(sampler.take())
        last = samples[-1]
        if last.counts[counter] > samples[-2].counts[counter]:
            sent_at = last.read_at
        has_sent = last.counts[counter] > samples[0].counts[counter]
        if last.read_at - sent_at > (SILENCE_SECONDS if has_sent else START_SECONDS):
            program.end()
            if not has_sent:
                raise RunFailed(f"it sent nothing within {START_SECONDS} s: {program.last_output()}")
            return True
    samples.append(sampler.take())
    return False


def rates(samples: list[Sample], counter: str) -> list[tuple[float, float]]:
    """Returns the rate of each interval between two samples, probes per second."""
    start = samples[0].counted_at
    return [
        (after.counted_at - start,
         (after.counts[counter] - before.counts[counter]) / (after.counted_at - before.counted_at))
        for before, after in zip(samples, samples[1:])]


def collect(directory: Path, command: Command, program: Program, turn: Turn) -> None:
    """Adds the results and the summary of a command to the turn."""
    if command.results:
        lines = (directory / command.results).read_text(encoding="ascii").splitlines()[1:]
        turn.results = (turn.results or 0) + len(lines)
        turn.distinct_results = (turn.distinct_results or 0) + len(set(lines))
    elif command.found:
        counts = re.findall(re.escape(command.found) + r"(\d+)", program.last_output(10_000))
        if not counts:
            raise EvaluationError(f"no \"{command.found}\" from {program.command}: {program.last_output()}")
        turn.results = int(counts[-1])
    if command.summary:
        turn.summary = json.loads((directory / command.summary).read_text(encoding="utf-8"))
