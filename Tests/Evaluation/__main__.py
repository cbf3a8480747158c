"""`make bench` and `make evaluate`: measure synbox, ZMap and Masscan, and write a report.

Exit status: 0 if everything ran and every check passed, 1 if not, 2 for invalid usage.
"""

import argparse
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from comparison import run_limit, run_scan
from evaluation import Evaluation
from lab import ROOT, Lab
from machine import describe_machine
from micro import run_micro
from pacing import run_pacing
from program import EvaluationError
from report import write_report
from settings import SCALES
from slices import run_slices
from steady import run_steady

PARTS = ("steady", "limit", "slices", "scan", "pacing", "micro")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluation", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="bench")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=list(PARTS), metavar="PART,…",
        help=f"parts to run: {','.join(PARTS)} (default: all)")
    parser.add_argument("--lab", default="synbox-evaluation", help="prefix of the lab's namespaces")
    parser.add_argument("--output", type=Path, default=ROOT / "build/evaluation")
    chosen = parser.parse_args()
    if unknown := set(chosen.only) - set(PARTS):
        parser.error(f"found {', '.join(sorted(unknown))}, expected some of {', '.join(PARTS)}")
    return chosen


def log(text: str) -> None:
    print(text, flush=True)


def evaluate(chosen: argparse.Namespace) -> Evaluation:
    """Runs the chosen parts, one after the other, in one lab."""
    scale = SCALES[chosen.scale]
    started = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    evaluation = Evaluation(scale, describe_machine(), started)
    files = (chosen.output / "files").resolve()
    files.mkdir(parents=True, exist_ok=True)
    with Lab(chosen.lab, files) as lab:
        runs: dict[str, Callable[[], object]] = {
            "steady": lambda: run_steady(lab, scale),
            "limit": lambda: run_limit(lab, scale, log),
            "slices": lambda: run_slices(f"{chosen.lab}-slices", files, scale, log),
            "scan": lambda: run_scan(lab, scale, log),
            "pacing": lambda: run_pacing(lab, scale, log),
            "micro": lambda: run_micro(files),
        }
        for part in PARTS:
            if part not in chosen.only:
                continue
            log(f"== {part}")
            start = time.monotonic()
            setattr(evaluation, part, runs[part]())
            evaluation.seconds[part] = time.monotonic() - start
    return evaluation


def main() -> int:
    # SIGTERM and SIGHUP unwind like SIGINT, so that the lab is removed with everything in it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    chosen = arguments()
    try:
        evaluation = evaluate(chosen)
    except EvaluationError as error:
        print(f"evaluation: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    write_report(evaluation, chosen.output)
    for failure in evaluation.failures:
        log(f"FAILED: {failure}")
    for missed in evaluation.missed:
        log(f"CHECK FAILED: {missed}")
    log(f"report: {chosen.output / 'report.md'}")
    return 1 if evaluation.failures or evaluation.missed else 0


if __name__ == "__main__":
    sys.exit(main())
