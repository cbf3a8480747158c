"""What a box must do, from power-on to results. Each case is a function of its directory and says in a line what it
has seen."""

import os
import re
import subprocess
import time

import conduct
import crash
from lab import ROOT, Lab
from machine import QUEUES, Machine, require
from scan import Job, require_balance, scan, settled

# Each way of sending, as the setting and as the box must report it, with the way of the RSTs.
MODES = {
    "xdp-zerocopy": ("xdp-zerocopy:0", "transmitter"),
    "xdp-copy": ("xdp-copy:0", "in-place"),
    "generator": ("generator:0", "transmitter"),
    "packet": ("packet:0", "in-place"),
}


def firmware(directory):
    """The image as it is: UEFI, boot loader, kernel; zero-copy by itself; marked good; data grown."""
    job = Job("198.19.0.0/19", [80, 443])
    with Lab("firmware") as lab, Machine(lab, directory) as machine:
        machine.make_disk("1G")
        machine.put(job.name, job.text)
        machine.start(firmware=True)
        lab.respond(directory / "node.log")
        machine.run()
        modes = machine.wait(r"^synbox: scan0 is igb.*rings.*$|in rescue").group()
        for part in ("rings 4096/4096", "4 queues", "transmit xdp-zerocopy:0", "receive xdp-native"):
            require(part in modes, f"{part!r} is not in {modes!r}")
        first = machine.wait(r"^synbox: first probe after .*$").group()
        # `quiet`: the end is seen at the target node.
        deadline = time.monotonic() + 120
        while lab.counts()["rsts_received"] < job.probes // 2 and time.monotonic() < deadline:
            time.sleep(1)
        counts = settled(lab)
        machine.wait(r"^synbox: .*marked as good: synbox_\d+\.efi$", 90)
        machine.cut_power()
        data = machine.get()
        summary = job.check(data)
        require_balance(counts, summary, job)
        require(summary["transmit_mode"] == ["xdp-zerocopy:0"], summary["transmit_mode"])
        table = subprocess.run(["sfdisk", "--json", machine.disk], capture_output=True, text=True, check=True).stdout
        sectors = int(re.findall(r'"size": ?(\d+)', table)[1])
        require(sectors * 512 > 900 << 20, f"the data partition has {sectors} sectors")
    return f"{modes}; {first}; {counts['syns_valid']} SYNs, {counts['rsts_received']} RSTs"


def first_probe(directory):
    """How long an image with the drivers of one NIC takes from /init to its first probe, in its own clock: two boots of a
    disk, the first with a data partition to grow. It has no more processors than there are here: with more, its own
    clock runs on while it waits for one."""
    subprocess.run(["make", "image", "PROFILE=igb", f"OUTPUT={directory / 'build'}"], cwd=ROOT, check=True,
                   stdout=open(directory / "image.log", "w"), stderr=subprocess.STDOUT)  # fmt: skip
    processors = min(4, os.cpu_count())
    seen = []
    for number in range(2):
        job = Job("198.19.0.0/24", [80], name=f"net-{number}.txt")
        with Lab("first") as lab, Machine(
            lab, directory, build=directory / "build", processors=processors
        ) as machine:
            if not number:
                machine.make_disk()
            machine.put(job.name, job.text)
            machine.start(firmware=True)
            lab.respond(directory / "node.log")
            machine.run()
            line = machine.wait(r"^synbox: first probe after .*$").group()
            slowest, since = re.search(r"\(slowest: (.*); ([0-9.]+) s since /init\)", line).groups()
            settled(lab)
            machine.cut_power()
            seen.append((float(since), slowest))
            print("   ", line, flush=True)
    times = sorted(since for since, _ in seen)
    return f"from /init to the first probe {times[0]} to {times[-1]} s (wanted: under 4); slowest phase {seen[-1][1]}"


def modes(directory):
    """Each NIC in each way of sending: exact, and as many RSTs as answers."""
    seen = []
    for nic in QUEUES:
        for mode, (reported, reset) in MODES.items():
            job = Job("198.19.0.0/19", [80, 443])
            summary, counts, console = scan(directory / f"{nic}-{mode}", job, nic, {"transmit": mode})
            require(summary["transmit_mode"] == [reported], f"{summary['transmit_mode']}, not {reported}")
            require(summary["receive_mode"] == "xdp-native", summary["receive_mode"])
            require(summary["rst_mode"] == reset, f"RST {summary['rst_mode']}, not {reset}")
            seen.append(f"{nic} {mode}: {counts['syns_valid']} SYNs, {counts['rsts_received']} RSTs")
            print("   ", seen[-1], flush=True)
    return f"{len(seen)} arrangements"


def kills(directory):
    """QEMU is killed at random moments of a scan, the clock says another year each time; the results are exact in the
    end."""
    return crash.kills(directory, number("SYNBOX_BOOT_KILLS", 3), number("SYNBOX_BOOT_SEED"))


def crash_states(directory):
    """The disk as power cuts could leave it, by the log of its writes: nothing is torn, and it boots to exact results."""
    return crash.crash_states(
        directory, number("SYNBOX_BOOT_STATES", 20), number("SYNBOX_BOOT_STATES_BOOTED", 1), number("SYNBOX_BOOT_SEED"))  # fmt: skip


def number(name, default=None):
    """What a variable of the environment asks for."""
    return int(os.environ[name]) if name in os.environ else default


ALL = [firmware, first_probe, modes, kills, crash_states, conduct.wedged, conduct.closed, conduct.faults, conduct.lost_resets]
# Run only when they are named.
DEMONSTRATIONS = ["lost-resets"]
