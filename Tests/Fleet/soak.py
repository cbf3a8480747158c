#!/usr/bin/env python3
"""soak.py [minutes=60] [rate=3000]: a fleet of three boxes scans a /19 again and again, and once in a while the broker, an agent or
a scanner is killed. Every result must be that of one box, and no program's memory may grow, the collector's by its ledger alone. The programs are the real ones."""

import importlib.machinery
import importlib.util
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
loader = importlib.machinery.SourceFileLoader("fleet", str(ROOT / "netconfig/fleet"))
fleet = importlib.util.module_from_spec(importlib.util.spec_from_loader("fleet", loader))
loader.exec_module(fleet)

TARGETS, PORTS, SHARDS = "198.19.0.0/19", "80,443", 12
PARTS = ("broker", "collector", "b1-agent", "b2-agent", "b3-agent", "b1-scanner", "b2-scanner", "b3-scanner")


class Soak(fleet.Demonstration):
    def __init__(self, minutes, rate):
        super().__init__()
        self.minutes, self.rate = minutes, rate
        self.random = random.Random(1)
        self.samples = {part: [] for part in PARTS}

    def resident(self, name):
        """KiB, of the process that runs now."""
        process = self.processes[name].pid
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise fleet.Failure(f"{name} has no memory")

    def disturb(self):
        part = self.random.choice([part for part in PARTS if part != "collector"])
        self.kill(part)
        if part == "broker":
            self.start_broker()
        else:
            box, kind = part.split("-")
            self.start_agent(box) if kind == "agent" else self.start_scanner(box)
        # The memory of a new process counts from its beginning.
        self.samples[part].clear()
        return part

    def run(self):
        self.make_fleet()
        self.start_broker()
        self.start_collector()
        for box in fleet.BOXES:
            self.start_box(box)
        self.admit(fleet.BOXES)
        (fleet.PLACE / "targets.txt").write_text(f"{TARGETS}\n")
        listed = subprocess.run([fleet.BUILD / "synbox", "list", "-p", PORTS, TARGETS], check=True, capture_output=True, text=True).stdout.split()
        expected = sorted(line for line in listed if int(line.split(",")[0].split(".")[3]) % 2 == 0)
        started, scans = time.monotonic(), 0
        while time.monotonic() - started < self.minutes * 60:
            scans += 1
            disturbed = self.scan(scans, expected)
            if scans % 10 == 0:
                held = {part: f"{values[-1] / 1024:.1f}" for part, values in self.samples.items() if values}
                print(f"{(time.monotonic() - started) / 60:5.1f} min, {scans} scans exact, MiB: {held}; killed: {disturbed}", flush=True)
        self.verdict(scans)

    def scan(self, number, expected):
        """One scan, which is given another seed, so that it is another scan."""
        options = ["-p", PORTS, "-r", self.rate, "--shards", SHARDS, "-c", 1, "--seed", number, "--name", "soak"]
        scan = self.ask("submit", fleet.PLACE / "targets.txt", *options, "--key", fleet.PLACE / "operator").strip()
        results = fleet.PLACE / "collector/results" / scan[:16]
        limit = time.monotonic() + 240
        disturbed, when = None, time.monotonic() + 3
        while not results.is_dir():
            time.sleep(0.2)
            self.require_life()
            if number % 5 == 0 and disturbed is None and time.monotonic() > when:
                disturbed = self.disturb()
            if time.monotonic() > limit:
                raise fleet.Failure(f"scan {number} is not finished: {self.log('collector')[-800:]}")
        _, *found = (results / "results.csv").read_text().split()
        if sorted(found) != expected:
            raise fleet.Failure(f"scan {number} differs from the rule: {len(found)} results of {len(expected)}")
        for part in PARTS:
            self.samples[part].append(self.resident(part))
        return disturbed

    def verdict(self, scans):
        print(f"{scans} scans, all exact")
        grown = []
        for part, values in self.samples.items():
            quarter = len(values) // 4
            if quarter < 5:
                print(f"{part}: too few scans since its start to judge")
                continue
            first, last = values[quarter : 2 * quarter], values[-quarter:]
            before, after = sum(first) / len(first), sum(last) / len(last)
            print(f"{part}: {before / 1024:.1f} MiB in the second quarter, {after / 1024:.1f} in the last")
            # The collector keeps an entry for each shard, and the description of each scan.
            kept = 20 * len(values) / 2 if part == "collector" else 0
            if after > before * 1.05 + 512 + kept:
                grown.append(part)
        if grown:
            raise fleet.Failure(f"memory grows: {', '.join(grown)}")


def main():
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    fleet.PLACE = fleet.BUILD / "fleet-soak"
    fleet.LABS = f"synbox-soak-{os.getpid()}"
    shutil.rmtree(fleet.PLACE, ignore_errors=True)
    fleet.PLACE.mkdir(parents=True)
    soak = Soak(float(options.get("minutes", 60)), int(options.get("rate", 3000)))
    try:
        soak.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        soak.close()


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, fleet.end)
    try:
        main()
    except fleet.Failure as failure:
        sys.exit(f"soak: {failure}")
