"""`make boot-test`: runs the cases of cases.py, which boot the image in QEMU.

The consoles, disks and logs of a case stay in build/boot/CASE/.
"""

import argparse
import shutil
import signal
import sys
import time
import traceback

import cases
from lab import ROOT
from machine import Failure


def interrupted(*_):
    # Unwinds, so that namespaces and machines are removed.
    raise KeyboardInterrupt


def main():
    known = {case.__name__.replace("_", "-"): case for case in cases.ALL}
    parser = argparse.ArgumentParser(prog="make boot-test", description="Boot the image in QEMU.")
    parser.add_argument("--only", metavar="CASE,CASE", help=", ".join(known))
    parser.add_argument("--list", action="store_true", help="list the cases")
    options = parser.parse_args()
    if options.list:
        for name, case in known.items():
            print(f"{name:16} {' '.join(case.__doc__.split())}")
        return 0
    chosen = options.only.split(",") if options.only else [name for name in known if name not in cases.DEMONSTRATIONS]
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"found {', '.join(unknown)}, expected some of {', '.join(known)}")
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    failed = []
    for name in chosen:
        directory = ROOT / "build" / "boot" / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        started = time.monotonic()
        print(f"{name}: {' '.join(known[name].__doc__.split())}", flush=True)
        try:
            summary = known[name](directory)
        except Exception as failure:
            failed.append(name)
            print(f"  FAILED after {time.monotonic() - started:.0f} s: {failure}", flush=True)
            if not isinstance(failure, Failure):
                traceback.print_exc()
        else:
            print(f"  ok, {time.monotonic() - started:.0f} s: {summary}", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}; see build/boot/")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
