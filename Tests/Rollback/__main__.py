"""Unfinished jobs across an update and a rollback (`make rollback BEFORE=REVISION`). Needs root and both programs.

One version begins a job and is killed; another one serves the same data directory. The results must be exact, and what
was found before must be among them even if the targets no longer reply."""

import argparse
import pathlib
import sys
import time

from box import Box, Lab, even

JOB = "net.txt"
TARGETS = "198.19.64.0/19\n"
EXACT = even(64, 32)
# The programs that serve the directory, in order, and what the log of the last one must say.
PATHS = {
    "update": (("before", "now"), None),
    "rollback": (("now", "before"), "existing results are kept"),
    "rollback and update": (("now", "before", "now"), None),
    "rollback from a later version": (("now", "before"), "existing results are kept"),
}


def require(condition, what):
    if not condition:
        raise AssertionError(what)


def begin(box, program):
    """Serves the job until it has two checkpoints with results, and kills the program."""
    box.serve(program, rate=2000)
    if not (box.data / "active" / JOB).exists():
        box.drop(JOB, TARGETS)
    # From the beginning again, if the program does not understand the checkpoint.
    box.wait(lambda: "msg=\"job started\"" in box.log(), "the job's start")
    start = time.monotonic()
    box.wait(lambda: time.monotonic() > start + 3 and len(box.found(JOB)) > 1000, "results")
    box.kill()


def finish(box, program, log):
    box.serve(program, rate=20000)
    box.wait(lambda: box.ended(JOB), "the job's end")
    text = box.log()
    require(log is None or log in text, f"no \"{log}\" in the log:\n{text}")
    return box.results(JOB)


def run(path, programs, silent):
    names, log = PATHS[path]
    with Lab() as lab:
        box = Box(lab)
        found = set()
        for name in names[:-1]:
            begin(box, programs[name])
            now = box.found(JOB)
            require(found <= now, f"{name} lost {len(found - now)} results")
            found |= now
        if path == "rollback from a later version":
            box.add_unknown_fields(JOB)
        if silent:
            box.silence_targets()
        results = finish(box, programs[names[-1]], log)
    require(found <= results, f"{len(found - results)} of {len(found)} results are lost")
    require(silent or results == EXACT, f"{len(results)} results, expected {len(EXACT)}")
    require(results <= EXACT, "results that no target gave")
    print(f"{path}{', targets silent' if silent else ''}: {len(found)} results before, {len(results)} at the end",
          flush=True)


def main():
    parser = argparse.ArgumentParser(prog="Tests/Rollback")
    parser.add_argument("--before", required=True, type=pathlib.Path, help="the program of the other version")
    parser.add_argument("--now", required=True, type=pathlib.Path, help="the program of this version")
    options = parser.parse_args()
    programs = {"before": options.before.resolve(), "now": options.now.resolve()}
    failures = 0
    for path in PATHS:
        for silent in (False, True):
            try:
                run(path, programs, silent)
            except AssertionError as error:
                print(f"{path}{', targets silent' if silent else ''}: {error}", flush=True)
                failures += 1
    return 1 if failures else 0


sys.exit(main())
