"""What a box must do, from power-on to results. Each case is a function of its directory and returns one line about what
it saw."""

import os
import re
import subprocess
import time

import conduct
import crash
import fleet
import networks
import serving
import stalls
import zerocopy
from lab import ROOT, Lab
from machine import QUEUES, Machine, require
from scan import Job, require_balance, scan, settled

# The transmit modes, each with the mode and the RST path that the box must report.
MODES = {
    "xdp-zerocopy": ("xdp-zerocopy:0", "transmitter"),
    "xdp-copy": ("xdp-copy:0", "transmitter"),
    "generator": ("generator:0", "transmitter"),
    "packet": ("packet:0", "transmitter"),
}


def firmware(directory):
    """Boots the unmodified image: UEFI, boot loader, kernel. The box picks zero-copy, marks itself good and grows its data partition."""
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
        # The kernel is `quiet`, so only the target node shows the end of the scan.
        deadline = time.monotonic() + 120
        while lab.counts()["rsts_received"] < job.probes // 2 and time.monotonic() < deadline:
            time.sleep(1)
        counts = settled(lab)
        machine.wait(r"^synbox: .*marked good: synbox_\d+\.efi$", 90)
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
    """Measures the time from /init to the first probe, by the clock of the box, with an image for one NIC. Boots one disk
    twice; the first boot grows the data partition. The guest gets no more processors than the host has, because its
    clock would advance while it waits for one."""
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
    return f"from /init to the first probe {times[0]} to {times[-1]} s (goal: under 4 s); slowest phase {seen[-1][1]}"


def modes(directory):
    """Scans with each NIC in each transmit mode. Results are exact, with one RST per SYN-ACK."""
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
    return f"{len(seen)} combinations"


def kills(directory):
    """Kills QEMU at random moments of a scan and boots with another year in the clock each time. Results are exact."""
    return crash.kills(directory, number("SYNBOX_BOOT_KILLS", 3), number("SYNBOX_BOOT_SEED"))


def crash_states(directory):
    """Rebuilds the disk from the log of its writes as power cuts could leave it. No file is torn; results are exact."""
    return crash.crash_states(
        directory, number("SYNBOX_BOOT_STATES", 20), number("SYNBOX_BOOT_STATES_BOOTED", 1), number("SYNBOX_BOOT_SEED"))  # fmt: skip


def number(name, default=None):
    """The integer in an environment variable."""
    return int(os.environ[name]) if name in os.environ else default


ALL = [firmware, first_probe, modes, zerocopy.zero_copy, kills, crash_states, conduct.hangs, conduct.closed, networks.separate, networks.managed,
       serving.served, serving.page, fleet.fleet, stalls.disk_stalls, conduct.faults, conduct.lost_resets]  # fmt: skip
# Run only if named.
DEMONSTRATIONS = ["lost-resets"]
