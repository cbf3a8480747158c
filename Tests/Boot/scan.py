"""One scan by a box, from the target file to the comparison with the rule of the target node."""

import ipaddress
import json
import re
import time

from lab import ROOT, Lab
from machine import QUEUES, Machine, require

SITE = ROOT / "image" / "sites" / "lab"


def site(nic="igb", **settings):
    """The files of the lab's site, with another NIC or other settings in synbox.toml."""
    box = (SITE / "box.toml").read_text().replace('driver = "igb"', f'driver = "{nic}"')
    scanner = (SITE / "synbox.toml").read_text()
    for name, value in settings.items():
        key = name.replace("_", "-")
        line = "" if value is None else f"{key} = {json.dumps(value)}\n"
        scanner = re.sub(rf"^{key} *=.*\n", "", scanner, flags=re.MULTILINE)
        scanner = scanner.replace("\n[scope]", f"{line}\n[scope]", 1)
    return {"/etc/synbox/box.toml": box, "/etc/synbox/synbox.toml": scanner}


class Job:
    """A target file with one network, and its expected results."""

    def __init__(self, network, ports, name="net.txt", directives=""):
        self.network = ipaddress.ip_network(network)
        self.ports = ports
        self.name = name
        self.text = f"@ports {','.join(map(str, ports))}\n@cooldown 2\n{directives}{network}\n"

    @property
    def probes(self):
        return self.network.num_addresses * len(self.ports)

    @property
    def open(self):
        """The open targets: addresses with an even last byte."""
        return {f"{a},{p}" for a in self.network for p in self.ports if int(a) % 2 == 0}

    def check(self, data):
        """Compares the results with the rule and returns the summary."""
        results = data / "results" / self.name
        require(results.is_dir(), f"no results of {self.name}: {[str(p) for p in data.rglob('*')]}")
        lines = (results / "results.csv").read_text().splitlines()
        require(lines[0] == "saddr,sport", f"the header is {lines[0]}")
        found = set(lines[1:])
        require(len(found) == len(lines) - 1, f"{len(lines) - 1 - len(found)} duplicate results")
        missing, wrong = self.open - found, found - self.open
        require(not missing and not wrong, f"{len(missing)} missing, {len(wrong)} wrong: {sorted(wrong)[:3]}")
        return self.summary(data)

    def summary(self, data):
        """The summary of the job."""
        return json.loads((data / "results" / self.name / "summary.json").read_text())


def complete(machine, job, seconds=180):
    """Waits until the console shows the end of the job."""
    machine.wait(rf"job finished.*job=\"?{re.escape(job.name)}\b", seconds)


def require_balance(counts, summary, job):
    """The counters of box and target node agree in both directions."""
    sent = summary["probes_completed"]
    require(sent == job.probes, f"{sent} probes of {job.probes}")
    require(counts["syns_valid"] == sent, f"{sent} SYNs sent, {counts['syns_valid']} received")
    require(counts["syns_invalid"] == 0, f"{counts['syns_invalid']} SYNs with wrong checksums")
    require(counts["answers_sent"] == summary["replies_open"], f"{counts} against {summary['replies_open']}")
    require(
        counts["rsts_received"] == counts["answers_sent"],
        f"{counts['answers_sent']} SYN-ACKs sent, {counts['rsts_received']} RSTs received",
    )
    require(counts["rsts_invalid"] == 0, f"{counts['rsts_invalid']} RSTs with wrong checksums")


def scan(directory, job, nic="igb", settings=None, check=True, files=None):
    """Boots a new disk with the job in its spool and waits for its end. Returns summary, counters and console."""
    with Lab(directory.name, QUEUES[nic]) as lab, Machine(lab, directory, nic) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        machine.start(files=files or site(nic, **(settings or {})))
        lab.respond(directory / "node.log")
        machine.run()
        complete(machine, job)
        counts = settled(lab)
        machine.cut_power()
        data = machine.get()
        summary = job.check(data) if check else job.summary(data)
        if check:
            require_balance(counts, summary, job)
        return summary, counts, machine.text()


def settled(lab):
    """The counters once packets stop arriving."""
    before = lab.counts()
    while True:
        time.sleep(0.5)
        after = lab.counts()
        if after["packets_received"] == before["packets_received"]:
            return after
        before = after
