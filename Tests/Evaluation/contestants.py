"""The contestants and their command lines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from lab import BENCHMARK, NEWEST_ZMAP, SYNBOX, Lab
from settings import SOURCES


@dataclass(frozen=True)
class Job:
    """A scan, in terms that every scanner supports."""

    targets: str
    ports: tuple[int, ...]
    rate: int
    """Probes per second; 0 is no limit."""
    source_ports: tuple[int, int]
    cooldown: int
    """Seconds to wait for replies after the last probe."""
    answered: bool
    """Whether targets reply. If so, half-open connections are reset and duplicates removed."""
    interval: str = ""
    """synbox's pace-interval; empty for the standard one, which earlier revisions have no option for."""


@dataclass(frozen=True)
class Command:
    """A command line. A job may need several, one after the other."""

    arguments: list[str]
    results: str | None = None
    """The results file, in the lab's directory: a header, then a line for each result."""
    found: str | None = None
    """If there is no such file: the text before the number of results in the scanner's output."""
    summary: str | None = None
    """The file of synbox's summary."""


@dataclass(frozen=True)
class Contestant:
    """A scanner, or one transmitter of a scanner."""

    name: str
    limit_probes: int
    """Probes in S-02: four to five seconds' worth on the reference machine."""
    commands: Callable[[Lab, Job, int | None], list[Command]]
    """Returns the commands for a job, which ends after the given number of probes, if any."""
    counter: str = "syns_valid"
    """The target node's counter of this contestant's probes."""


def synbox(transmit: str, program: str = SYNBOX) -> Callable[[Lab, Job, int | None], list[Command]]:
    """synbox with one of its transmitters. It pins its sending thread."""

    def commands(lab: Lab, job: Job, probes: int | None) -> list[Command]:
        name = f"synbox-{transmit}"
        results, summary = f"{name}.csv", f"{name}.json"
        arguments = [
            program, "scan", "-q", "-i", "box0", "-G", lab.gateway_mac, "-S", SOURCES,
            "--transmit", transmit,
            "-p", ",".join(map(str, job.ports)), "-s", "{}-{}".format(*job.source_ports),
            "-r", str(job.rate), "-c", str(job.cooldown), "-o", results, "-m", summary]
        if job.interval:
            arguments += ["--pace-interval", job.interval]
        if probes is not None:
            arguments += ["-n", str(probes)]
        if not job.answered:
            arguments += ["--no-rst", "--no-dedupe"]
        return [Command([*arguments, job.targets], results=results, summary=summary)]

    return commands


def zmap(lab: Lab, job: Job, probes: int | None) -> list[Command]:
    """ZMap 2: one port in each run, one sending thread (its default)."""
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


def newest_zmap(lab: Lab, job: Job, probes: int | None) -> list[Command]:
    """ZMap 4, which scans all ports in one run, with one sending thread."""
    arguments = [
        NEWEST_ZMAP, "-q", "-i", "box0", "-G", lab.gateway_mac, "-S", SOURCES, "-T", "1",
        "-b", "/dev/null", "-p", ",".join(map(str, job.ports)), "--source-port={}-{}".format(*job.source_ports),
        "-r", str(job.rate), "-c", str(job.cooldown),
        "-O", "csv", "-f", "saddr,sport", "-o", "zmap-newest.csv"]
    if probes is not None:
        arguments += ["-n", str(probes)]
    return [Command([*arguments, job.targets], results="zmap-newest.csv")]


def masscan(lab: Lab, job: Job, probes: int | None) -> list[Command]:
    """Masscan: the size of its source port range must be a power of two, and its rate always has a limit.

    It does not exit, so the results that it buffers for a file are lost; but it prints their number.
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
    """One constant frame, sent repeatedly through the generator's kernel path: the upper limit."""
    return [Command([
        BENCHMARK, "flood", "--interface", "box0", "--gateway-mac", lab.gateway_mac,
        "--count", str(probes)])]


GENERATOR = Contestant("synbox generator", 18_000_000, synbox("generator"))
XDP_COPY = Contestant("synbox xdp-copy", 3_600_000, synbox("xdp-copy"))
PACKET = Contestant("synbox packet", 2_800_000, synbox("packet"))
ZMAP = Contestant("ZMap", 1_800_000, zmap)
ZMAP_NEWEST = Contestant("ZMap 4", 2_400_000, newest_zmap)
MASSCAN = Contestant("Masscan", 1_500_000, masscan)
FLOOD = Contestant("constant-frame flood", 20_000_000, flood)

TRANSMITTERS = (GENERATOR, XDP_COPY, PACKET)
PEERS = (ZMAP, *((ZMAP_NEWEST,) if Path(NEWEST_ZMAP).exists() else ()), MASSCAN)
"""ZMap 4 is among them if Tests/Evaluation/newest-zmap has put it there."""
SCANNERS = (*TRANSMITTERS, *PEERS)
