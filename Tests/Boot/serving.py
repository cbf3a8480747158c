"""The management service of a box that was booted: nothing is taken out of the machine while it runs."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import time

from lab import ROOT, Lab
from machine import BUILD, Machine, require
from networks import SECOND, require_apart
from scan import Job, require_balance, settled, site

URL = "https://192.0.2.10:8443"
FIXED = '[management]\nmac = "52:54:00:00:00:02"\naddress = "192.0.2.10/24"\ngateway = "192.0.2.1"\n'
SERVICE = 'data = "/data"\nlisten = ["mgmt0:8443"]\ntokens = "tokens"\n'
# The bytes of the large target file. 1000000000 takes minutes, because a processor is interpreted here.
LARGE = int(os.environ.get("SYNBOX_BOOT_LARGE", 20_000_000))


def served(directory):
    """A target file goes in and the results come out over HTTPS, by the management NIC, which has a fixed address. Nothing
    else listens there. The scan is exact."""
    job = Job("198.19.0.0/21", [80, 443])
    with serving("served", directory) as (machine, client):
        (directory / job.name).write_text(job.text)
        finished = client.run("put", directory / job.name, "--wait")
        require(f"{len(job.open)} results" in finished, finished)
        counts = settled(client.lab)
        fetched = json.loads(client.run("get", job.name, directory / "out", "--mark", "--json"))
        digests = {each["file"]: each["sha256"] for each in fetched["files"]}
        require(set(digests) == {"results.csv", "summary.json", job.name}, f"{digests}")
        require_apart(client.lab, "192.0.2.10")
        found = client.lab.inside("nmap", "-n", "-Pn", "-p-", "-T5", "--min-rate", "5000", "--max-retries", "2", "192.0.2.10")
        opened = re.findall(r"^(\d+)/tcp +open.*$", found, re.MULTILINE)
        require(opened == ["8443"], found)
        machine.cut_power()
        data = machine.get()
        require_balance(counts, job.check(data), job)
        results = data / "results" / job.name
        for name, digest in digests.items():
            content = (results / name).read_bytes()
            require(hashlib.sha256(content).hexdigest() == digest, f"{name} is another one on the disk")
            require((directory / "out" / job.name / name).read_bytes() == content, f"{name} was fetched as another one")
        require((results / "fetched").exists(), "the results are not marked as fetched")
    return f"{finished.strip()}; 65,535 ports, 8443 open"


def page(directory):
    """The page of a booted box in a browser: a file is dropped on it, progress moves, the job ends. Then a large target file
    goes in by curl and comes back in two parts, the second of which resumes the first. Both scans are exact."""
    dropped = Job("198.19.0.0/22", [80], name="dropped.txt", directives="@rate 60\n")
    large = Job("198.19.8.0/24", [80], name="large.txt")
    with serving("page", directory, disk=f"{512 + 4 * LARGE // 1_000_000}M") as (machine, client):
        (directory / dropped.name).write_text(dropped.text)
        python = ROOT / "build/venv/bin/python"
        # The browser and its driver talk over the loopback interface.
        client.lab.inside("ip", "link", "set", "lo", "up")
        browser = [ROOT / "build/venv/bin/python", ROOT / "Tests/Page/booted.py"]
        shown = client.command(*browser, URL, client.token, directory / dropped.name, directory)
        first = settled(client.lab)
        file = directory / large.name
        write_large(file, large.text)
        took = client.curl("-T", file, "-o", directory / "answer", "-w", "%{http_code} %{time_total}", f"{URL}/v1/spool/{large.name}")
        require(took.startswith("201 "), took)
        client.finished(large.name)
        part, head = directory / "part", directory / "head"
        url = f"{URL}/v1/results/{large.name}/{large.name}"
        client.curl("-r", f"0-{LARGE // 3}", "-o", part, url)
        require(part.stat().st_size == LARGE // 3 + 1, f"the first part has {part.stat().st_size} bytes")
        client.curl("-C", "-", "-o", part, "-D", head, url)
        require(head.read_text().startswith("HTTP/1.1 206"), head.read_text())
        require(sha256(part) == sha256(file), "the parts are not what was sent")
        counts = settled(client.lab)
        machine.cut_power()
        data = machine.get()
        require_balance(first, dropped.check(data), dropped)
        large.check(data)
        sent = counts["syns_valid"] - first["syns_valid"]
        require(sent == large.probes, f"{sent} SYNs of {large.probes}")
        part.unlink()
        file.unlink()
    return f"{shown.strip()}; {LARGE} bytes in {float(took.split()[1]):.0f} s, and back in two parts"


@contextlib.contextmanager
def serving(name, directory, disk="512M"):
    """A box with a management NIC whose service answers, and a client of it; the target node answers, too."""
    files = site()
    files["/etc/synbox/box.toml"] += FIXED
    with Lab(name) as lab, Machine(lab, directory) as machine:
        client = Client(lab, directory)
        files |= {"/etc/synbox/manage.toml": SERVICE, "/etc/synbox/tokens": client.tokens.read_text()}
        lab.add_tap("tap1", "192.0.2.1/24")
        machine.make_disk(disk)
        machine.start(files=files, extra=SECOND)
        lab.respond(directory / "node.log")
        machine.run()
        machine.wait(r"^synbox: mgmt0: 192\.0\.2\.10/24, gateway 192\.0\.2\.1, fixed$", 90)
        machine.wait(r"^synbox: the management service: uid 60901, CapEff 0000000000000000, Seccomp 2", 90)
        client.fingerprint = machine.wait(r"certificate has the SHA-256 ([0-9a-f]{64}) \(new\)$", 30).group(1)
        yield machine, client


class Client:
    """build/synboxctl and curl, in the network of a box."""

    def __init__(self, lab, directory):
        self.lab = lab
        self.tokens, self.token = directory / "tokens", directory / "token"
        made = [BUILD / "synboxctl", "token", "new", "--name", "ada", "--role", "submit", "--tokens", self.tokens]
        self.token.write_text(subprocess.run(made, check=True, capture_output=True, text=True).stdout)
        self.fingerprint = ""

    def run(self, *arguments):
        """Runs synboxctl and returns its output."""
        box = ["--box", URL, "--fingerprint", self.fingerprint, "--token-file", self.token]
        return self.command(BUILD / "synboxctl", *arguments, *box)

    def curl(self, *arguments):
        return self.command("curl", "-sSkf", "-H", f"Authorization: Bearer {self.token.read_text().strip()}", *arguments)

    def finished(self, name, seconds=900):
        """Waits until a job has ended well."""
        deadline = time.monotonic() + seconds
        while (job := json.loads(self.curl(f"{URL}/v1/jobs/{name}")))["state"] != "finished":
            require(job["state"] != "rejected" and time.monotonic() < deadline, f"{job}")
            time.sleep(1)

    def command(self, *command):
        """Runs a command in the network of the box and returns its output."""
        done = subprocess.run(self.lab.command(*command), capture_output=True, text=True, timeout=1200)
        require(done.returncode == 0, f"{' '.join(map(str, command[:2]))}: {done.stdout}{done.stderr}")
        return done.stdout


def write_large(path, text):
    """A target file whose targets come after many comments."""
    line = b"# " + b"x" * 97 + b"\n"
    with open(path, "wb") as file:
        file.write(line * ((LARGE - len(text)) // len(line)))
        rest = LARGE - file.tell() - len(text)
        file.write(b"#" * (rest - 1) + b"\n" if rest else b"")
        file.write(text.encode())


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
