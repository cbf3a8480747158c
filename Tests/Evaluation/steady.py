"""S-01: a correctness check. Results, the target node's counters and theory must agree."""

import json
from dataclasses import dataclass
from ipaddress import ip_network

from checks import Check, equal
from contestants import TRANSMITTERS, Contestant, Job
from lab import Lab
from settings import STEADY_PPS, STEADY_TARGETS, Scale
from target_node import Counts, TargetNode

JOB = Job(
    targets=STEADY_TARGETS, ports=(80,), rate=STEADY_PPS, source_ports=(60000, 60100), cooldown=1,
    answered=True)
ADDRESSES = ip_network(STEADY_TARGETS).num_addresses


@dataclass
class SteadyTurn:
    """One scan of the /20."""

    contestant: str
    round: int
    command: str
    failure: str | None
    checks: list[Check]
    sending_milliseconds: int = 0


def theory() -> set[str]:
    """Returns the expected result lines: the even addresses."""
    return {f"{address},80" for address in ip_network(STEADY_TARGETS) if int(address) % 2 == 0}


def run_steady(lab: Lab, scale: Scale) -> list[SteadyTurn]:
    """Runs every transmitter in each round."""
    return [
        take_steady_turn(lab, contestant, number)
        for number in range(scale.steady_rounds) for contestant in TRANSMITTERS]


def take_steady_turn(lab: Lab, contestant: Contestant, number: int) -> SteadyTurn:
    command, = contestant.commands(lab, JOB, None)
    node = TargetNode(lab, "even", arrivals=True)
    program = lab.start(command.arguments, "scanner", lab.box)
    failure = program.failure(60)
    counts = node.end()
    turn = SteadyTurn(contestant.name, number, program.command, failure, [])
    if failure:
        return turn
    turn.sending_milliseconds = len(node.arrivals())
    lines = (lab.directory / command.results).read_text(encoding="ascii").splitlines()[1:]
    summary = json.loads((lab.directory / command.summary).read_text(encoding="utf-8"))
    turn.checks = agreement(lines, counts, summary)
    return turn


def agreement(lines: list[str], node: Counts, summary: dict) -> list[Check]:
    """Compares three accounts of a scan. `lines` are the results without the header."""
    half = ADDRESSES // 2
    return [
        equal("results", len(lines), half),
        equal("unexpected results", len(set(lines) - theory()), 0),
        equal("missing results", len(theory() - set(lines)), 0),
        equal("target node: valid SYNs", node["syns_valid"], ADDRESSES),
        equal("target node: invalid SYNs", node["syns_invalid"], 0),
        equal("target node: SYN-ACKs sent", node["answers_sent"], half),
        equal("target node: valid RSTs", node["rsts_received"], half),
        equal("target node: invalid RSTs", node["rsts_invalid"], 0),
        equal("summary: probes_completed", summary["probes_completed"], ADDRESSES),
        equal(
            "summary: probes_generated − probes_refused",
            summary["probes_generated"] - summary["probes_refused"], ADDRESSES),
        equal("summary: replies_valid", summary["replies_valid"], half),
        equal("summary: replies_invalid", summary["replies_invalid"], 0),
        equal("summary: rst_sent", summary["rst_sent"], half),
        equal("summary: results_written", summary["results_written"], half),
    ]
