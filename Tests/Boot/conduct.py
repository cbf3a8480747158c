"""How a box behaves when a process hangs, when probed from the network, and when hardware or configuration is faulty."""

import re
import subprocess
import time

import faults as expected
from lab import Lab
from machine import BUILD, Machine, require
from scan import Job, complete, require_balance, scan, settled, site

ADDRESS = "198.18.0.1"


def hangs(directory):
    """PID 1 restarts a scanner that hangs, and either watchdog resets a PID 1 that hangs. The job resumes."""
    # Long enough to be interrupted three times.
    job = Job("198.19.0.0/17", [80], directives="@rate 300\n")
    with Lab("hangs") as lab, Machine(lab, directory) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        machine.start(files=site(), init="--test-stop-scanner 12")
        lab.respond(directory / "node.log")
        machine.run()
        machine.wait(r"job started")
        machine.wait(r"^synbox: .*killing the scanner because it sent no heartbeat.*", 60)
        machine.wait(r"job started", 60, times=2)
        machine.cut_power()
        # Now PID 1 hangs. The machine resets, and hangs again because the hook stays on the command line.
        machine.start(files=site(), init="--test-stop-init 15")
        machine.run()
        machine.wait(r"job started", 60)
        machine.wait(r"^synbox: synbox .*image", 120, times=2)
        machine.cut_power()
        machine.start(files=site())
        machine.run()
        complete(machine, job, 180)
        machine.cut_power()
        summary = job.check(machine.get())
        require(summary["resumed"] >= 2, f"resumed {summary['resumed']} times")
        # A machine that has only the watchdog of its chipset, which needs other drivers.
        files = site()
        files["/etc/synbox/box.toml"] = files["/etc/synbox/box.toml"].replace("seconds = 30", "seconds = 8")
        machine.start(files=files, init="--test-stop-init 5", watchdog="iTCO_wdt")
        machine.run()
        machine.wait(r"^synbox: watchdog iTCO_wdt, 8 s$", 60)
        machine.wait(r"^synbox: synbox .*image", 120, times=2)
    return f"restarted by PID 1, reset by i6300esb and by iTCO_wdt, {len(job.open)} results exact, resumed {summary['resumed']} times"


def closed(directory):
    """The network sees no open TCP port and no IPv6 neighbour. The scanner has no capability, the image two programs."""
    job = Job("198.19.0.0/18", [80], directives="@rate 200\n")
    with Lab("closed") as lab, Machine(lab, directory) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        machine.start(files=site())
        lab.respond(directory / "node.log", answer="0%")
        machine.run()
        machine.wait(r"job started")
        # The target node would drop nmap's replies. A dedicated address sends none, so nmap must not wait for them.
        lab.node.terminate()
        lab.node.wait()
        found = lab.inside("nmap", "-n", "-Pn", "-p-", "-T5", "--min-rate", "5000", "--max-retries", "2", ADDRESS)
        # nmap must find the host, or it would report no open port in any case.
        require("0 hosts up" not in found, found)
        opened = re.findall(r"^\d+/tcp +open.*$", found, re.MULTILINE)
        require(not opened, f"open: {opened}")
        lab.inside("sysctl", "-qw", "net.ipv6.conf.tap0.disable_ipv6=0")
        lab.inside("ip", "link", "set", "tap0", "down")
        lab.inside("ip", "link", "set", "tap0", "up")
        deadline = time.monotonic() + 10
        while "tentative" in lab.inside("ip", "-6", "address", "show", "dev", "tap0") and time.monotonic() < deadline:
            time.sleep(0.2)
        replies = lab.inside("ping", "-6", "-c", "4", "-i", "0.5", "-W", "1", "ff02::1%tap0", check=False)
        others = set(re.findall(r"from (fe80:[0-9a-f:]+)", replies)) - set(
            re.findall(r"inet6 (fe80:[0-9a-f:]+)", lab.inside("ip", "-6", "address", "show", "dev", "tap0"))
        )
        require(not others, f"IPv6 neighbours: {others}")
        lines = re.findall(r"^.*msg=serving.*$", machine.text(), re.MULTILINE)
        require(lines, "the log has no line about the confinement")
        for part in ("no capabilities", "no_new_privs", "memory locked", "Landlock ABI"):
            require(part in lines[0], f"{part!r} is not in {lines[0]}")
        machine.wait(r"^synbox: the scanner: uid 60900, CapEff 0000000000000000, Seccomp 2", 30)
        # Each was read back. A kernel setting that cannot be set is a problem.
        settings = int(machine.wait(r"^synbox: ([0-9]+) kernel settings in force$", 30).group(1))
        require(settings >= 25, f"only {settings} kernel settings in force")
        machine.wait(r"^synbox: no further module can be loaded$", 30)
        require("cannot set" not in machine.text(), machine.tail())
    contents = subprocess.run(
        [BUILD / "synimage", "contents", BUILD / "synbox.manifest.json"], check=True, capture_output=True, text=True
    ).stdout
    # Mode, size, path. Directories end in a slash.
    files = re.findall(r"^ +([0-7]{3,4}) +\d+ +(\S*[^/\s])(?: -> \S+)?$", contents, re.MULTILINE)
    programs = {path for mode, path in files if int(mode, 8) & 0o111 and path != "init"}
    require(programs == {"bin/synbox", "bin/synbox-manage"}, f"programs: {programs}")
    require(all(int(mode, 8) <= 0o777 for mode, _ in files), "set-uid files")
    return f"65,535 ports, none open; no IPv6 neighbour; {settings} kernel settings; {lines[0][lines[0].index('confinement'):][:120]}"


def faults(directory):
    """The box reports each fault on the console and in the status. It scans nothing and loses nothing, and resumes when the
    fault clears."""
    job = Job("198.19.0.0/24", [80])
    seen = []

    def boot(name, *, prepare=None, files=None, options=None, after=None, silent=True):
        with Lab(name) as lab, Machine(lab, directory / name) as machine:
            machine.make_disk()
            machine.put(job.name, job.text)
            if prepare:
                prepare(machine)
            machine.start(files=files or site(), **(options or {}))
            if (options or {}).get("nic", True):
                lab.respond(machine.directory / "node.log")
            if name == "unplugged":
                machine.set_link(False)
            machine.run()
            line = machine.wait(expected.CONSOLE[name], 90).group()
            time.sleep(3)
            if silent and lab.node:
                require(lab.counts()["syns_valid"] == 0, f"{name}: the box sends probes")
            if after:
                after(machine, lab)
            machine.cut_power()
            seen.append(f"{name}: {line}")
            print("   ", seen[-1], flush=True)
            return machine

    def damage(machine):
        # The superblock and the group descriptors.
        start = partition(machine)
        with open(machine.disk, "r+b") as disk:
            disk.seek(start)
            disk.write(b"\xa5" * 65536)

    machine = boot("damaged", prepare=damage)
    with open(machine.disk, "rb") as disk:
        disk.seek(partition(machine))
        require(disk.read(65536) == b"\xa5" * 65536, "the box wrote to the damaged partition")

    def kept(machine, _):
        # The status is in the data partition.
        machine.wait(r"^synbox: data on ", 60)
        machine.wait(r"^synbox: nothing is scanned for now", 60)
        time.sleep(4)
        machine.cut_power()
        data = machine.get()
        require((data / "spool" / job.name).read_text() == job.text, "the target file is not in the spool")
        status = (data / "status.json").read_text()
        require(expected.has_problem(status, r"^no NIC matches \[interface\]"), status)

    boot("no-nic", options={"nic": False}, after=kept)

    def plug(machine, lab):
        machine.set_link(True)
        complete(machine, job, 90)
        counts = settled(lab)
        machine.cut_power()
        require_balance(counts, job.check(machine.get()), job)

    boot("unplugged", after=plug)

    files = site()
    files["/etc/synbox/allow"] = "198.18.0.0/33\n"
    boot("scope", files=files)
    return f"{len(seen)} faults reported"


def partition(machine):
    """The offset of the data partition in bytes."""
    table = subprocess.run(["sfdisk", "--dump", machine.disk], check=True, capture_output=True, text=True).stdout
    line = next(line for line in table.splitlines() if "synbox-data" in line)
    return 512 * int(re.search(r"start= *(\d+)", line)[1])


def lost_resets(directory):
    """No RST is lost while a zero-copy socket keeps the transmit ring of igb full."""
    job = Job("198.19.0.0/16", [80, 443], directives="@rate 0\n")
    settings = {"transmit": "xdp-zerocopy", "rate": 0, "profile": None}
    summary, counts, _ = scan(directory, job, settings=settings, check=False)
    # A SYN-ACK dropped by the full receive ring gets no RST.
    received, arrived = summary["replies_open"], counts["rsts_received"]
    require(received > 0 and arrived == received, f"{arrived} RSTs arrived for {received} SYN-ACKs received")
    return f"{received} SYN-ACKs received, {arrived} RSTs arrived"
