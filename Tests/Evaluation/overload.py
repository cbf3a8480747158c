"""`make overload`: more replies than a box can take, and a slow disk. Prints what was sent, answered, lost and written.

1. No rate limit and every target answers, for a minute with each value of on-overload, with and without RSTs, which take
   as much time as probes.
2. A box whose data directory is on a disk of 200 MB/s (a loop device, throttled by the cgroup controller blkio), at a rate
   that brings a million answers a second for a minute.

Exit status: 0 if nothing was lost except where on-overload says so, and every answer is accounted for.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from settings import SOURCES
from lab import SYNBOX, Lab
from program import EvaluationError, run
from target_node import Counts, TargetNode

THROTTLE = Path("/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device")
DISK_BYTES_PER_SECOND = 200_000_000
LOOP_BYTES = 8 << 30
PARTS = ("slow", "drop", "slow-no-rst", "drop-no-rst", "disk")
USER = 60900
"""The box's."""


@dataclass
class Outcome:
    """What a scan reported, and what the target node counted."""

    name: str
    summary: dict
    node: Counts
    results: int

    @property
    def taken(self) -> int:
        return self.summary["fates"]["open"]

    @property
    def lost(self) -> int:
        """Answers that reached the box and found the event ring full."""
        return self.summary["fates"]["open_ring_full"]

    @property
    def row(self) -> str:
        summary, answered = self.summary, self.node["answers_sent"]
        seconds = summary["sending_seconds"]
        return (
            f"{self.name}: {seconds:.1f} s, {summary['rate_achieved_pps']:,.0f} pps, {answered / seconds:,.0f} answers/s; "
            f"{answered:,} answers, {self.lost:,} lost ({self.lost / max(1, answered):.3%}), {self.results:,} results, "
            f"{self.node['rsts_received']:,} RSTs; gave way for {summary['overload_seconds']:.1f} s; "
            f"{summary['dedupe_evictions']:,} evictions, {summary['peak_rss_bytes'] / 1e6:.0f} MB")

    def problems(self, may_lose: bool) -> list[str]:
        found = []
        if self.lost and not may_lose:
            found.append(f"{self.lost:,} answers were lost")
        if self.lost != self.summary["events_lost"]:
            found.append(f"{self.summary['events_lost']:,} answers are reported as lost")
        if missing := self.node["answers_sent"] - self.taken - self.lost:
            found.append(f"{missing:,} answers did not reach the receive program, or were not valid")
        if self.results != self.taken or self.results != self.summary["results_written"]:
            found.append(f"{self.results:,} results of {self.taken:,} answers")
        return [f"{self.name}: {problem}" for problem in found]


def lines(path: Path) -> int:
    """Returns the lines of a results file without its header."""
    return int(run(["wc", "-l", str(path)]).split()[0]) - 1


def unlimited(lab: Lab, choice: str, resets: bool, seconds: int) -> Outcome:
    """A scan without a rate limit, of which every target answers."""
    node = TargetNode(lab, "all")
    results, summary = lab.directory / "results.csv", lab.directory / "summary.json"
    # Two ports, so that the targets do not end before the time does.
    program = lab.start(
        [SYNBOX, "scan", "-q", "-i", "box0", "-G", lab.gateway_mac, "-S", SOURCES, "--transmit", "generator",
         "-p", "80,81", "-s", "60000-60100", "-r", "0", "-c", "2", "-t", str(seconds), "--on-overload", choice,
         *(() if resets else ("--no-rst",)),
         "-o", str(results), "-m", str(summary), "96.0.0.0/5"], "overload", lab.box)
    if failure := program.failure(seconds + 60):
        raise EvaluationError(f"{program.command}: {failure}")
    outcome = Outcome(
        f'on-overload = "{choice}"{"" if resets else ", no RSTs"}', json.loads(summary.read_text(encoding="utf-8")), node.end(), lines(results))
    results.unlink()
    return outcome


class SlowDisk:
    """A file system on a loop device that writes at most DISK_BYTES_PER_SECOND."""

    def __init__(self, directory: Path):
        self.image, self.mount = directory / "disk.img", directory / "disk"

    def __enter__(self) -> Path:
        with open(self.image, "wb") as image:
            image.truncate(LOOP_BYTES)
        run(["mkfs.ext4", "-q", str(self.image)])
        self.loop = run(["losetup", "--find", "--show", "--direct-io=on", str(self.image)]).strip()
        self.mount.mkdir()
        try:
            run(["mount", self.loop, str(self.mount)])
            number = Path(f"/sys/class/block/{Path(self.loop).name}/dev").read_text(encoding="ascii").strip()
            self._limit(number, DISK_BYTES_PER_SECOND)
        except BaseException:
            self.__exit__()
            raise
        return self.mount

    def _limit(self, number: str, rate: int) -> None:
        self.number = number
        if not THROTTLE.exists():
            raise EvaluationError(f"{THROTTLE} is missing: mount the cgroup controller blkio there")
        THROTTLE.write_text(f"{number} {rate}\n", encoding="ascii")

    def speed(self) -> float:
        """Returns the bytes per second at which a large file is written and synced."""
        begun = time.monotonic()
        run(["dd", "if=/dev/zero", f"of={self.mount}/probe", "bs=1M", "count=1000", "conv=fsync", "status=none"])
        took = time.monotonic() - begun
        (self.mount / "probe").unlink()
        return 1000 * (1 << 20) / took

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "number"):
            THROTTLE.write_text(f"{self.number} 0\n", encoding="ascii")
        subprocess.run(["umount", str(self.mount)], check=False)
        subprocess.run(["losetup", "--detach", self.loop], check=False)
        self.image.unlink()


CONFIGURATION = """
data = "{data}"
interface = "box0"
gateway-mac = "{mac}"
source-ip = "{sources}"
source-port = "60000-60100"
transmit = "generator"
rate = {rate}
cooldown-time = 2
max-runtime = "{seconds}s"
lock-memory = "wanted"

[scope]
allow = ["96.0.0.0/5"]
"""


def on_slow_disk(lab: Lab, rate: int, share: int, seconds: int) -> Outcome:
    """A box at `rate` probes per second, of which `share` per cent are answered."""
    disk = SlowDisk(lab.directory)
    with disk as mount:
        print(f"the disk writes {disk.speed() / 1e6:.0f} MB/s", flush=True)
        data = mount / "data"
        data.mkdir()
        os.chown(data, USER, USER)
        file = lab.directory / "synbox.toml"
        file.write_text(CONFIGURATION.format(
            data=data, mac=lab.gateway_mac, sources=SOURCES, rate=rate, seconds=seconds), encoding="ascii")
        node = TargetNode(lab, f"{share}%")
        box = lab.start([SYNBOX, "serve", "--config", str(file)], "box", lab.box)
        deadline = time.monotonic() + 20
        while not (data / "status.json").exists() and time.monotonic() < deadline and box.status is None:
            time.sleep(0.05)
        arriving = data / "spool/.arriving"
        arriving.write_text("96.0.0.0/5:80,81\n", encoding="ascii")
        arriving.rename(data / "spool/wide.txt")
        result = data / "results/wide.txt"
        deadline = time.monotonic() + seconds + 120
        while not result.exists():
            if box.status is not None or time.monotonic() > deadline:
                raise EvaluationError(f"the box published no results: {box.last_output()}")
            time.sleep(0.2)
        outcome = Outcome(
            f"a disk of {DISK_BYTES_PER_SECOND / 1e6:.0f} MB/s",
            json.loads((result / "summary.json").read_text(encoding="utf-8")), node.end(), lines(result / "results.csv"))
        box.end()
    return outcome


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    parser = argparse.ArgumentParser(prog="overload", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=1_200_000, help="probes per second on the slow disk")
    parser.add_argument("--share", type=int, default=90, help="per cent of them that are answered")
    parser.add_argument("--only", choices=PARTS)
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="synbox-overload-", dir="/var/tmp"))
    # The box's user has to reach the data directory.
    directory.chmod(0o711)
    problems: list[str] = []
    try:
        with Lab("overload", directory) as lab:
            for part in (chosen.only,) if chosen.only else PARTS:
                if part == "disk":
                    outcome = on_slow_disk(lab, chosen.rate, chosen.share, chosen.seconds)
                else:
                    outcome = unlimited(lab, part[:4], "no-rst" not in part, chosen.seconds)
                print(outcome.row, flush=True)
                problems += outcome.problems(may_lose=part.startswith("drop"))
    except EvaluationError as error:
        problems.append(str(error))
    finally:
        shutil.rmtree(directory)
    for problem in problems:
        print(f"overload: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
