"""Records a data directory with a job of every kind for Tests/Golden: Tests/Rollback/record.py VERSION. Needs root and
build/synbox."""

import shutil
import sys

from box import CONFIGURATION, Box, Lab
from lab import SYNBOX
from pages import ROOT


def main(version):
    target = ROOT / "Tests" / "Golden" / version
    if target.exists():
        sys.exit(f"{target} exists; a recorded directory is never changed")
    with Lab() as lab:
        box = Box(lab)
        box.serve(SYNBOX, rate=2000)
        box.drop("done.txt", "198.19.200.0/24\n")
        box.wait(lambda: box.ended("done.txt"), "the end of done.txt")
        box.drop("bad.txt", "198.19.0.0/33\n")
        box.wait(lambda: (box.data / "rejected" / "bad.txt").exists(), "the rejection of bad.txt")
        box.drop("suspended.txt", "@priority 40\n198.19.0.0/19\n")
        box.wait_for_position("suspended.txt", 5000)
        box.drop("interrupted.txt", "@priority 60\n198.19.64.0/19\n")
        box.drop("queued.txt", "@priority 20\n198.19.201.0/24\n")
        box.wait_for_position("interrupted.txt", 5000)
        box.kill()
        ignored = shutil.ignore_patterns("metrics.prom*", "*.new")
        shutil.copytree(box.data, target / "data", ignore=ignored)
    (target / "synbox.toml").write_text(CONFIGURATION.format(rate=2000).lstrip())


main(*sys.argv[1:])
