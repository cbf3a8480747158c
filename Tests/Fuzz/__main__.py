"""Runs every fuzz target for its share of the time, and the receive program's fuzz test (`make fuzz MINUTES=n`).

Writes new corpus entries, logs and reproducers to build/fuzz/.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "build" / "fuzz"
PROGRAM = OUTPUT / "fuzz"
CORPORA = ROOT / "Tests" / "Fuzz" / "Corpora"
# The receive program and its twin in Swift: a test of a number of frames, about 20,000 per second.
XDP_FRAMES_A_MINUTE = 200_000
XDP_TEST = "ReceiveProgramFuzzTests.swift"
# libFuzzer's exit status for an input that takes too long.
TIMEOUT = 70


def targets():
    """Returns for each target its name and its longest input in bytes."""
    lines = subprocess.run([PROGRAM, "--list"], check=True, capture_output=True, text=True).stdout
    return [line.split() for line in lines.splitlines()]


def seconds_each(minutes, processors, count):
    """Returns the time for each target, if all processors are busy and the receive program's test takes one."""
    return max(1, int(minutes * 60 * processors / (count + processors)))


def run(log, *arguments):
    """Runs the fuzzer. Returns its exit status and its output."""
    # A small quarantine, because the default of 256 MiB counts against the memory limit. Swift's crash reports interfere
    # with libFuzzer's.
    environment = os.environ | {
        "ASAN_OPTIONS": "quarantine_size_mb=16",
        "SWIFT_BACKTRACE": "enable=no",
    }
    with log.open("w") as output:
        code = subprocess.run(
            [PROGRAM, *arguments, "-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=256"],
            env=environment, stdout=output, stderr=subprocess.STDOUT).returncode  # fmt: skip
    # The log may contain findings, which need not be UTF-8.
    return code, log.read_text(errors="replace")


def fuzz(name, longest, seconds):
    """Runs one target. Returns a report if it found something, else None."""
    finds = OUTPUT / "corpora" / name
    finds.mkdir(parents=True, exist_ok=True)
    log = OUTPUT / f"{name}.log"
    for attempt in (1, 2):
        code, text = run(
            log, f"--target={name}", f"-max_total_time={seconds}", f"-max_len={longest}",
            "-print_final_stats=1", "-reload=0", f"-artifact_prefix={OUTPUT}/{name}-", finds,
            CORPORA / name)  # fmt: skip
        runs = re.search(r"^stat::number_of_executed_units: *([0-9]+)", text, re.MULTILINE)
        print(f"{name:16} {runs[1] if runs else '?':>12} inputs, exit {code}", flush=True)
        if code == 0:
            return None
        reproducers = re.findall(r"Test unit written to (.+)", text)
        # A machine that stalls makes any input slow once, so replay the input and retry.
        if attempt == 2 or code != TIMEOUT or not reproducers:
            break
        if any(run(OUTPUT / f"{name}.replay.log", f"--target={name}", path)[0] for path in reproducers):
            break
        print(f"{name:16} one input took over 10 s, but not in a replay; retrying", flush=True)
    replays = [
        f"  {path}\n  replay: SWIFT_BACKTRACE=enable=no build/fuzz/fuzz --target={name} "
        f"{os.path.relpath(path, ROOT)}"
        for path in reproducers]  # fmt: skip
    return "\n".join([f"{name}: see {log.relative_to(ROOT)}", *(replays or ["  no reproducer was written"])])


def fuzz_xdp(frames):
    """Tests the receive program against its twin in Swift. Returns a report if they differ, else None. Needs root."""
    log = OUTPUT / "xdp.log"
    environment = os.environ | {"SYNBOX_FUZZ_FRAMES": str(frames)}
    with log.open("w") as output:
        code = subprocess.run(
            ["swift", "test", "--skip-build", "--no-parallel", "--filter", XDP_TEST],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
        ).returncode  # fmt: skip
    if code == 0 and not re.search(
        r"Test run with [1-9][0-9]* tests? .*passed", log.read_text(errors="replace")):
        code = "0, but no test ran"
    print(f"{'xdp':16} {frames:>12} frames, exit {code}", flush=True)
    return None if code == 0 else f"xdp: see {log.relative_to(ROOT)}"


def main():
    parser = argparse.ArgumentParser(prog="Tests/Fuzz")
    parser.add_argument("--minutes", type=float, required=True, help="for all targets together")
    parser.add_argument("--only", help="comma-separated targets; omits the receive program")
    options = parser.parse_args()
    if not options.minutes > 0:
        parser.error(f"--minutes {options.minutes} must be above 0")
    chosen = targets()
    if options.only:
        wanted = options.only.split(",")
        if unknown := set(wanted) - {name for name, *_ in chosen}:
            parser.error(f"there is no target {', '.join(sorted(unknown))}")
        chosen = [target for target in chosen if target[0] in wanted]
    processors = len(os.sched_getaffinity(0))
    seconds = seconds_each(options.minutes, processors, len(chosen))
    print(f"{len(chosen)} targets for {seconds} s each, {processors} at a time", flush=True)
    with concurrent.futures.ThreadPoolExecutor(processors) as pool:
        runs = [] if options.only else [
            pool.submit(fuzz_xdp, int(options.minutes * XDP_FRAMES_A_MINUTE))]
        runs += [pool.submit(fuzz, *target, seconds) for target in chosen]
        found = [report for report in (run.result() for run in runs) if report]
    print("\n".join(found) if found else "no findings")
    return 1 if found else 0


sys.exit(main())
