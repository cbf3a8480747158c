"""`make account`: where the processor time of a probe goes at a set rate, by thread, system call and BPF program.

One run measures the threads (/proc/PID/task/*/schedstat) and the BPF programs (kernel.bpf_stats_enabled), a second one
counts system calls (strace -c), because tracing slows them down.
"""

import argparse
import json
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import contestants
from lab import SYNBOX, Lab
from program import ROOT, EvaluationError, Program, run
from quick import Case, job
from target_node import TargetNode

STATISTICS = Path("/proc/sys/kernel/bpf_stats_enabled")

KINDS = {"6": "XDP", "26": "tracing"}
"""BPF_PROG_TYPE_XDP and BPF_PROG_TYPE_TRACING (linux/bpf.h)."""


@dataclass
class Account:
    """What a scan did in its measured part."""

    probes: int = 0
    seconds: float = 0
    threads: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Seconds on a processor, and how often the thread came to one."""
    programs: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Seconds and runs of each BPF program, its own time alone."""


def threads(pid: int) -> dict[str, tuple[float, int]]:
    """Returns the processor seconds and the number of times on a processor, by the names of threads."""
    found: dict[str, tuple[float, int]] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text(encoding="ascii").strip()
            spent, _, times = (task / "schedstat").read_text(encoding="ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        before = found.get(name, (0.0, 0))
        found[name] = before[0] + int(spent) / 1e9, before[1] + int(times)
    return found


def programs(pid: int) -> dict[str, tuple[float, int]]:
    """Returns the seconds and runs of the BPF programs that a process holds, by their types and tags."""
    found = {}
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        text = info.read_text(encoding="ascii", errors="replace")
        values = dict(re.findall(r"^(\w+):\s+(\S+)$", text, re.MULTILINE))
        if "run_time_ns" in values:
            kind = KINDS.get(values["prog_type"], "of type " + values["prog_type"])
            found[f"{kind} {values['prog_tag']}"] = int(values["run_time_ns"]) / 1e9, int(values["run_cnt"])
    return found


def difference(after: dict[str, tuple[float, int]], before: dict[str, tuple[float, int]]) -> dict[str, tuple[float, int]]:
    nothing = 0.0, 0
    return {
        name: (now[0] - before.get(name, nothing)[0], now[1] - before.get(name, nothing)[1])
        for name, now in after.items()}


def start(lab: Lab, program: str, case: Case, under: tuple[str, ...] = (), cooldown: int = 1) -> Program:
    command, = contestants.synbox("generator", program)(lab, replace(job(case), cooldown=cooldown), case.probes)
    return lab.start([*under, *command.arguments], "account", lab.box)


def measure(lab: Lab, program: str, case: Case, seconds: float, cooldown: int = 1) -> Account:
    """Measures a scan for `seconds`, from a second after its start on."""
    node = TargetNode(lab, case.answer)
    running = start(lab, program, case, cooldown=cooldown)
    time.sleep(1.5)
    before = threads(running.pid), programs(running.pid), node.counts()
    time.sleep(seconds)
    after = threads(running.pid), programs(running.pid), node.counts()
    if running.status is not None:
        raise EvaluationError(f"{running.command} ended early: {running.last_output()}")
    running.end()
    node.end()
    return Account(
        after[2]["syns_valid"] - before[2]["syns_valid"], (after[2]["time_ns"] - before[2]["time_ns"]) / 1e9,
        difference(after[0], before[0]), difference(after[1], before[1]))


def calls(lab: Lab, program: str, case: Case) -> tuple[int, dict[str, int]]:
    """Returns the probes of a scan and its system calls, with those of its start and end."""
    node = TargetNode(lab, case.answer)
    running = start(lab, program, case, ("strace", "-f", "-c", "-S", "calls", "-o", "calls.txt"))
    if failure := running.failure(60):
        raise EvaluationError(f"{running.command}: {failure}")
    node.end()
    found = {}
    for line in (lab.directory / "calls.txt").read_text(encoding="ascii").splitlines():
        cells = line.split()
        if len(cells) >= 5 and cells[3].isdigit() and cells[-1] != "total":
            found[cells[-1]] = int(cells[3])
    summary = json.loads((lab.directory / "synbox-generator.json").read_text(encoding="utf-8"))
    return summary["probes_completed"], found


def show(name: str, account: Account, probes: int, counted: dict[str, int], seconds: float) -> list[list[str]]:
    rows = []
    total = sum(spent for spent, _ in account.threads.values())
    rows.append([name, "process", f"{total / account.probes * 1e9:.0f}", ""])
    for thread, (spent, times) in sorted(account.threads.items(), key=lambda item: -item[1][0]):
        if spent / account.probes > 1e-9:
            rows.append([name, f"thread {thread}", f"{spent / account.probes * 1e9:.0f}", f"{times / seconds:.0f}"])
    for tag, (spent, runs) in sorted(account.programs.items(), key=lambda item: -item[1][0]):
        if runs:
            rows.append([name, f"BPF program {tag}", f"{spent / account.probes * 1e9:.0f}", f"{runs / seconds:.0f}"])
    for call, number in sorted(counted.items(), key=lambda item: -item[1])[:6]:
        rows.append([name, f"call {call}", "", f"{number / probes * account.probes / seconds:.0f}"])
    return rows


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    parser = argparse.ArgumentParser(prog="account", description=__doc__)
    parser.add_argument("--before", help="another revision's program, to be measured, too")
    parser.add_argument("--rate", type=int, default=100_000, help="probes per second")
    parser.add_argument("--answer", default="0%", help="the share of targets that answer")
    parser.add_argument("--seconds", type=float, default=5)
    chosen = parser.parse_args()
    named = {"before": str(Path(chosen.before).resolve())} if chosen.before else {}
    rows = [["program", "part", "ns a probe", "times a second"]]
    case = Case("account", chosen.rate, int(chosen.rate * (chosen.seconds + 4)), chosen.answer)
    statistics = STATISTICS.read_text(encoding="ascii")
    directory = Path(tempfile.mkdtemp(prefix="synbox-account-"))
    try:
        STATISTICS.write_text("1", encoding="ascii")
        with Lab("quick", directory) as lab:
            for name, program in {**named, "now": SYNBOX}.items():
                account = measure(lab, program, case, chosen.seconds)
                rows += show(name, account, *calls(lab, program, case), chosen.seconds)
    except EvaluationError as error:
        print(f"account: {error}", file=sys.stderr)
        return 1
    finally:
        STATISTICS.write_text(statistics, encoding="ascii")
        shutil.rmtree(directory)
    for row in rows:
        print("| " + " | ".join(row) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
