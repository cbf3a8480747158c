"""Who is measured, and how each is called."""

from dataclasses import dataclass
from typing import Callable

from lab import BENCHMARK, SYNBOX, Lab
from settings import SOURCES


@dataclass(frozen=True)
class Job:
    """What is to be scanned, in terms that every scanner has."""

    targets: str
    ports: tuple[int, ...]
    rate: int
    """Probes per second; 0 is no limit."""
    source_ports: tuple[int, int]
    cooldown: int
    """Seconds to wait for the last answers."""
    answered: bool
    """Whether targets answer: results are kept, half-open connections closed, duplicates left out."""


@dataclass(frozen=True)
class Command:
    """One call. A job may take several, one after the other."""

    arguments: list[str]
    results: str | None = None
    """The file, below the lab's directory, with a line for each result after a header."""
    found: str | None = None
    """Where there is no such file: what stands before the number of results in what it prints."""
    summary: str | None = None
    """The file with synbox's summary."""


@dataclass(frozen=True)
class Contestant:
    """A scanner, or one way of one."""

    name: str
    limit_probes: int
    """In S-02: enough for four to five seconds on the reference machine."""
    commands: Callable[[Lab, Job, int | None], list[Command]]
    """The calls for a job, which ends after so many probes if a number is given."""
    counter: str = "syns_valid"
    """Which of the target node's counters counts its probes."""


def synbox(transmit: str) -> Callable[[Lab, Job, int | None], list[Command]]:
    """synbox with one of its transmitters; it pins its sending thread itself."""

    def commands(lab: Lab, job: Job, probes: int | None) -> list[Command]:
        name = f"synbox-{transmit}"
        results, summary = f"{name}.csv", f"{name}.json"
        arguments = [
            SYNBOX, "scan", "-q", "-i", "box0", "-G", lab.gateway_mac, "-S", SOURCES,
            "--transmit", transmit,
            "-p", ",".join(map(str, job.ports)), "-s", "{}-{}".format(*job.source_ports),
            "-r", str(job.rate), "-c", str(job.cooldown), "-o", results, "-m", summary]
        if probes is not None:
            arguments += ["-n", str(probes)]
        if not job.answered:
            arguments += ["--no-rst", "--no-dedupe"]
        return [Command([*arguments, job.targets], results=results, summary=summary)]

    return commands


def zmap(lab: Lab, job: Job, probes: int | None) -> list[Command]:
    """ZMap 2: one port a run. One sending thread, which is also its default."""
    commands = []
    for port in job.ports:
        results = f"zmap-{port}.csv"
        arguments = [
            "zmap", "-q", "-i", "box0", "-G", lab.gateway_mac, "-S", SOURCES, "-T", "1",
            "-b", "/dev/null", "-p", str(port), "--source-port={}-{}".format(*job.source_ports),
            "-r", str(job.rate), "-c", str(job.cooldown),
            "-O", "csv", "-f", "saddr,sport", "-o", results]
        if probes is not None:
            arguments += ["-n", str(probes)]
        commands.append(Command([*arguments, job.targets], results=results))
    return commands


def masscan(lab: Lab, job: Job, probes: int | None) -> list[Command]:
    """Masscan: its ranges of source ports must have a power of two as their size, and it has no "no limit".

    It does not end by itself, so what it buffers for a file is lost; it prints how much it found.
    """
    first, last = job.source_ports
    size = 1 << (last - first + 1).bit_length() - 1
    arguments = [
        "masscan", "--adapter", "box0", "--router-mac", lab.gateway_mac, "--source-ip", SOURCES,
        "--source-port", f"{first}-{first + size - 1}" if size > 1 else str(first),
        "-p", ",".join(map(str, job.ports)), "--max-rate", str(job.rate or 100_000_000),
        "--wait", str(job.cooldown)]
    if probes is not None:
        arguments += ["--resume-index", "0", "--resume-count", str(probes)]
    return [Command([*arguments, job.targets], found="found=")]


def flood(lab: Lab, _: Job, probes: int | None) -> list[Command]:
    """One constant frame again and again through the kernel path of the generator: the physical limit."""
    return [Command([
        BENCHMARK, "flood", "--interface", "box0", "--gateway-mac", lab.gateway_mac,
        "--count", str(probes)])]


GENERATOR = Contestant("synbox generator", 18_000_000, synbox("generator"))
XDP_COPY = Contestant("synbox xdp-copy", 3_600_000, synbox("xdp-copy"))
PACKET = Contestant("synbox packet", 2_800_000, synbox("packet"))
ZMAP = Contestant("ZMap", 1_800_000, zmap)
MASSCAN = Contestant("Masscan", 1_500_000, masscan)
FLOOD = Contestant("constant-frame flood", 20_000_000, flood)

TRANSMITTERS = (GENERATOR, XDP_COPY, PACKET)
SCANNERS = (*TRANSMITTERS, ZMAP, MASSCAN)
