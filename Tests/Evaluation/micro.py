"""Micro-benchmarks: the output of `build/benchmark micro`."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from lab import BENCHMARK
from program import Program

LIMIT_SECONDS = 300


@dataclass
class Micro:
    """Figures by name, each {"value": number, "unit": text}, or the reason why there are none."""

    failure: str | None = None
    figures: dict[str, dict] = field(default_factory=dict)


def run_micro(directory: Path) -> Micro:
    program = Program([BENCHMARK, "micro", "--json"], directory, "micro")
    try:
        failure = program.failure(LIMIT_SECONDS)
    finally:
        program.end()
    if failure:
        return Micro(failure=failure)
    try:
        return Micro(figures=json.loads(program.output.read_text(encoding="utf-8")))
    except ValueError as error:
        return Micro(failure=f"it printed no JSON ({error}): {program.last_output()}")
