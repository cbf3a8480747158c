"""What `make boot-test` runs: the image in QEMU, in each case of cases.py.

Consoles, disks and logs of each case stay in build/boot/CASE/.
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
    # Namespaces and machines go on the way out.
    raise KeyboardInterrupt


def main():
    known = {case.__name__.replace("_", "-"): case for case in cases.ALL}
    parser = argparse.ArgumentParser(prog="make boot-test", description="Boots the image in QEMU.")
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
        began = time.monotonic()
        print(f"{name}: {' '.join(known[name].__doc__.split())}", flush=True)
        try:
            said = known[name](directory)
        except Exception as failure:
            failed.append(name)
            print(f"  FAILED after {time.monotonic() - began:.0f} s: {failure}", flush=True)
            if not isinstance(failure, Failure):
                traceback.print_exc()
        else:
            print(f"  ok, {time.monotonic() - began:.0f} s: {said}", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}; what they left is in build/boot/")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
