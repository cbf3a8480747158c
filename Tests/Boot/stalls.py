"""A box whose disk stops responding while it cannot scan."""

import re
import signal
import subprocess
import time

from lab import Lab
from machine import Machine, require
from scan import Job, complete, require_balance, settled, site

WATCHDOG = 8


def disk_stalls(directory):
    """A disk that stops responding stops neither PID 1 nor the watchdog of a box that waits for its link. Once it responds
    and the cable is plugged in, the box scans, without a restart."""
    job = Job("198.19.0.0/22", [80, 443])
    files = site()
    files["/etc/synbox/box.toml"] = files["/etc/synbox/box.toml"].replace("seconds = 30", f"seconds = {WATCHDOG}")
    with Lab("stalls") as lab, Machine(lab, directory) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        # A server for the disk, which can be stopped.
        path = directory / "disk"
        server = subprocess.Popen(
            ["qemu-nbd", "--socket", path, "--format", "raw", "--persistent", "--cache", "none", "--aio", "threads", machine.disk]
        )
        try:
            deadline = time.monotonic() + 20
            while not path.exists():
                require(server.poll() is None and time.monotonic() < deadline, "qemu-nbd did not start")
                time.sleep(0.05)
            drive = ["-blockdev", f"driver=nbd,node-name=d,server.type=unix,server.path={path}",
                     "-device", "virtio-blk-pci,drive=d"]  # fmt: skip
            machine.start(files=files, drive=drive)
            lab.respond(directory / "node.log")
            machine.set_link(False)
            machine.run()
            machine.wait(r"^synbox: problem: scan0 has no carrier\b.*$", 90)
            privilege = machine.wait(r"^synbox: the status writer: (.*)$", 60).group(1)
            require(privilege.startswith("uid 60900, CapEff 0000000000000000, Seccomp 2"), privilege)
            server.send_signal(signal.SIGSTOP)
            machine.wait(r"^synbox: problem: killing the status writer because it sent no heartbeat for \d+ s$", 90)
            machine.wait(r"^synbox: problem: the data disk does not respond", 5)
            time.sleep(2 * WATCHDOG + 4)
            server.send_signal(signal.SIGCONT)
            machine.wait(r"^synbox: problem solved: slowDisk$", 60)
            machine.set_link(True)
            complete(machine, job, 120)
            boots = len(re.findall(r"^synbox: synbox .*image", machine.text(), re.MULTILINE))
            require(boots == 1, f"the box started {boots} times")
            counts = settled(lab)
            machine.cut_power()
        finally:
            server.send_signal(signal.SIGCONT)
            server.terminate()
            server.wait()
        require_balance(counts, job.check(machine.get()), job)
    return f"stalled for more than {2 * WATCHDOG} s with a watchdog of {WATCHDOG} s, not reset; {job.probes} probes exact"
