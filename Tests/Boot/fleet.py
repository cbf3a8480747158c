"""A booted box that works for a fleet: a broker and a collector on its management network."""

import subprocess
import time

from lab import ROOT, Lab
from machine import BUILD, Machine, require
from networks import SECOND
from scan import Job, settled, site
from serving import FIXED

SCANNER = {"licence": "fleet/licence"}
AGENT = 'data = "/data"\nidentity = "/data/identity"\n'
SHARDS = 4


def fleet(directory):
    """A box with an identity on its disk scans for a fleet, and its power is cut in the middle. The merged results are exact."""
    job = Job("198.19.0.0/20", [80, 443])
    image = build(directory)
    with Lab("fleet") as lab, Machine(lab, directory, build=image) as machine:
        lab.inside("ip", "link", "set", "lo", "up")
        lab.add_tap("tap1", "192.0.2.1/24")
        parts = Parts(lab, directory)
        try:
            machine.make_disk()
            subprocess.run([BUILD / "synimage", "identity", machine.disk, directory / "fleet/boxes/b1"], check=True)
            machine.start(extra=SECOND)
            lab.respond(directory / "node.log")
            machine.run()
            line = machine.wait(r"^synbox: the fleet agent: uid 60903, CapEff 0000000000000000, Seccomp 2.*$", 90).group()
            parts.approve()
            scan = parts.submit(job)
            machine.wait(r"^synbox: first probe after", 120)
            machine.cut_power()
            machine.start(extra=SECOND)
            machine.run()
            found = parts.results(scan)
            counts = settled(lab)
        finally:
            parts.close()
        require(found == sorted(job.open), f"{len(found)} results of {len(job.open)}")
        require(counts["syns_valid"] >= job.probes, f"{counts['syns_valid']} SYNs of {job.probes}")
    return f"{line.removeprefix('synbox: ')}; {len(found)} results exact, {counts['syns_valid']} SYNs for {job.probes} targets"


def build(directory):
    """Builds an image for a site of the fleet. Returns its directory."""
    place = directory / "site"
    place.mkdir()
    for path, text in (site(**SCANNER)).items():
        (place / path.rsplit("/", 1)[1]).write_text(text)
    with (place / "box.toml").open("a") as file:
        file.write(FIXED)
    (place / "agent.toml").write_text(AGENT)
    (place / "allow").write_text((ROOT / "image/sites/lab/allow").read_text())
    with open(directory / "image.log", "w") as log:
        command = ["make", "image", f"SITE={place}", f"OUTPUT={directory / 'build'}"]
        subprocess.run(command, cwd=ROOT, check=True, stdout=log, stderr=subprocess.STDOUT)
    return directory / "build"


class Parts:
    """Broker, collector and operator, in the network of the box."""

    def __init__(self, lab, directory):
        self.lab, self.directory, self.processes = lab, directory, []
        self.key = directory / "operator"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", self.key], check=True)
        self.control("init", directory / "fleet", "--broker", "broker1=192.0.2.1:4222", "--submit-key", f"{self.key}.pub", "--box", "b1")
        try:
            self.start("broker", BUILD / "nats-server", "-c", directory / "fleet/broker/broker1/nats-server.conf")
            self.start("collector", BUILD / "synboxctl", "fleet", "collect", "--identity", directory / "fleet/collector",
                       "--data", directory / "collector", "--licence", "4", "--lease", "60")  # fmt: skip
        except BaseException:
            self.close()
            raise

    def start(self, name, *command):
        with open(self.directory / f"{name}.log", "w") as log:
            self.processes.append(subprocess.Popen(self.lab.command(*command), stdout=log, stderr=log))

    def control(self, *arguments):
        done = subprocess.run(
            self.lab.command(BUILD / "synboxctl", "fleet", *arguments), capture_output=True, text=True, timeout=60)  # fmt: skip
        require(done.returncode == 0, f"synboxctl fleet {arguments[0]}: {done.stderr}{done.stdout}")
        return done.stdout.strip()

    def ask(self, *arguments):
        return self.control(*arguments, "--identity", self.directory / "fleet/operator")

    def approve(self):
        (self.directory / "deny").write_text("")
        wait(lambda: "waits for approval" in (self.directory / "collector.log").read_text(), "the box says hello")
        self.ask("approve", "b1")
        self.ask("deny", self.directory / "deny", "--key", self.key)

    def submit(self, job):
        targets = self.directory / "targets"
        targets.write_text(f"{job.network}\n")
        ports = ",".join(map(str, job.ports))
        return self.ask("submit", targets, "-p", ports, "-r", "500", "--shards", str(SHARDS), "-c", "2", "--key", self.key)

    def results(self, scan):
        place = self.directory / "collector/results" / scan[:16]
        wait(place.is_dir, "the scan ends", 300)
        _, *found = (place / "results.csv").read_text().split()
        return sorted(found)

    def close(self):
        for process in self.processes:
            process.terminate()
            process.wait()


def wait(condition, what, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < deadline, f"not within {seconds} s: {what}")
        time.sleep(0.2)
