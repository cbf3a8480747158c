#!/usr/bin/env python3
"""Draws the diagrams of docs/architecture.md from the description below.

    docs/diagrams/draw.py            writes docs/diagrams/*.svg
    docs/diagrams/draw.py --check    exits with 1 if a committed file differs from what would be written

Needs only the standard library. Tests/Docs runs --check, and checks that every path named here exists.
"""

import pathlib
import sys
from typing import NamedTuple
from xml.sax.saxutils import escape

DIRECTORY = pathlib.Path(__file__).resolve().parent


class Box(NamedTuple):
    kind: str  # a key of KINDS
    title: str  # a word of the glossary
    lines: tuple  # at most three lines (two in alternatives) of up to 20 characters in a row of five
    paths: tuple  # what implements it; a path that ends in / is a directory


class Diagram(NamedTuple):
    name: str
    title: str
    # Each drawn left to right; an arrow leads from the end of one to the start of the next. Two boxes in a tuple are
    # alternatives, drawn one above the other.
    rows: tuple


# The legend's text and the colours, light then dark: (fill, stroke).
KINDS = {
    "outside": ("outside synbox", ("#f6f8fa", "#8c959f"), ("#21262d", "#8b949e")),
    "user": ("user space", ("#ddf4ff", "#0969da"), ("#0c2d4d", "#58a6ff")),
    "kernel": ("BPF, in the kernel", ("#fff1d6", "#bc6a00"), ("#3d2a00", "#e3a13b")),
    "disk": ("file", ("#dafbe1", "#1a7f37"), ("#0b3317", "#3fb950")),
}

DIAGRAMS = (
    Diagram("probe", "From a target line to a frame", (
        (
            Box("disk", "target file", ("198.19.0.0/18:80", "claimed by rename"),
                ("Sources/Spool/", "Spool.swift")),
            Box("user", "plan", ("disjoint segments", "within the scope;", "targets are numbered"),
                ("Sources/Plan/", "TargetPlan.swift")),
            Box("user", "permutation", ("position -> target", "in a keyed order;", "shards and passes"),
                ("Sources/Plan/", "ProbeSequence.swift")),
            Box("user", "probe source", ("makes entries; skips", "what the scope has", "come to deny"),
                ("Sources/Engine/", "ProbeSource.swift")),
            Box("user", "sender", ("one thread per NIC", "queue; RSTs go first"),
                ("Sources/Engine/", "Sender.swift")),
        ),
        (
            Box("user", "pacer", ("token bucket:", "how many may", "leave now"),
                ("Sources/Scan/", "Pacer.swift")),
            Box("user", "transmitter", ("submits one batch", "of 24-byte entries"),
                ("Sources/Datapath/", "Transmitter.swift")),
            (
                Box("user", "template", ("xdp and packet modes:", "six words are stamped in"),
                    ("Sources/Wire/FrameStamper.swift",)),
                Box("kernel", "generator", ("generator mode: BPF", "writes the whole frame"),
                    ("bpf/probes.bpf.c",)),
            ),
            Box("outside", "NIC queue", ("one SYN leaves;", "its sequence number", "is the cookie"), ()),
        ),
    )),
    Diagram("reply", "From a SYN-ACK to a result row", (
        (
            Box("outside", "NIC", ("a SYN-ACK arrives",), ()),
            Box("kernel", "receive program", ("ours? cookie valid?", "checksums right?", "each fate is counted"),
                ("bpf/", "receive.bpf.c")),
            Box("kernel", "event ring", ("96 bytes for each", "valid reply"),
                ("Sources/Kernel/", "EventRing.swift")),
            Box("user", "reply", ("the event, parsed;", "its time made exact"),
                ("Sources/Wire/", "Reply.swift")),
            Box("user", "scan", ("queues the RST, then", "asks the table"),
                ("Sources/Engine/", "ReceiveLoop.swift")),
        ),
        (
            Box("user", "dedupe table", ("new only if it", "outranks the earlier", "replies of its pair"),
                ("Sources/Scan/", "DedupeTable.swift")),
            Box("user", "result", ("one row, CSV or", "JSON lines"),
                ("Sources/Scan/", "ResultFormatter.swift")),
            Box("disk", "results.partial", ("whole lines, each", "within one page"),
                ("Sources/Scan/", "ResultPages.swift")),
            Box("disk", "checkpoint", ("position, lengths,", "checksums; written", "once a second"),
                ("Sources/Spool/", "Checkpoint.swift")),
            Box("disk", "results/NAME/", ("results, summary:", "they appear by", "one rename"),
                ("Sources/Spool/", "Endings.swift")),
        ),
    )),
    Diagram("reload", "From SIGHUP to the configuration in force", (
        (
            Box("outside", "SIGHUP", ("an operator changed", "synbox.toml"), ()),
            Box("user", "signal source", ("noticed by the control", "thread, also while a", "scan runs"),
                ("Sources/synbox/Serve/", "SignalSource.swift")),
            Box("user", "reload", ("a thread reads the", "file and its lists"),
                ("Sources/synbox/Configuration/", "Reload.swift")),
            Box("user", "fixed keys", ("a change of one, or a", "mistake, refuses all;", "status has a problem"),
                ("Sources/synbox/Configuration/", "Reload.swift")),
        ),
        (
            Box("user", "in force", ("for every job that", "starts from now on"),
                ("Sources/synbox/Serve/", "BoxRuntime.swift")),
            Box("user", "scope watch", ("compares old and new", "scope"),
                ("Sources/synbox/Configuration/", "ScopeWatch.swift")),
            Box("user", "scope gate", ("newly denied blocks", "for the running jobs"),
                ("Sources/Engine/", "ScopeGate.swift")),
            Box("user", "sender", ("drops their probes", "from its next turn on"),
                ("Sources/Engine/", "Sender.swift")),
        ),
    )),
    Diagram("boot", "From power-on to the first probe", (
        (
            Box("outside", "firmware", ("UEFI starts", "systemd-boot, which", "counts tries"), ()),
            Box("disk", "UKI", ("kernel, initramfs and", "command line, in one"),
                ("Sources/synimage/Disk/",)),
            Box("user", "PID 1", ("mounts, box.toml,", "watchdog"),
                ("Sources/Supervision/", "PIDOne.swift")),
            Box("user", "service", ("starts synbox serve,", "which waits for NIC", "and data"),
                ("Sources/Supervision/", "MainLoop.swift")),
            Box("user", "scan NIC", ("modules, name,", "addresses; the link", "stays down"),
                ("Sources/Init/", "ScanInterface.swift")),
        ),
        (
            Box("user", "station", ("profile, programs,", "rings; then link up"),
                ("Sources/Engine/", "Station.swift")),
            Box("disk", "data partition", ("checked, mounted,", "grown"),
                ("Sources/Init/", "DataPartition.swift")),
            Box("user", "confinement", ("the drop, proven", "before it sends"),
                ("Sources/Confinement/",)),
            Box("user", "first probe", ("reads the spool and", "starts a job at once"),
                ("Sources/synbox/Serve/", "BoxRuntime.swift")),
            Box("user", "marked good", ("after 30 s of", "heartbeats"),
                ("Sources/Supervision/", "GoodMark.swift")),
        ),
    )),
)

WIDTH = 1000
MARGIN = 16
GAP = 30
BOX_HEIGHT = 92
PAIR_HEIGHT = 74  # of each of two alternatives
PAIR_STEP = 108
PATH_HEIGHT = 36
ROW_GAP = 30
TOP = 46
LEGEND = 34


def style():
    """CSS for both schemes; the background is opaque, so either is legible on any page."""
    def scheme(index, back, ink, faint, line):
        rules = [f".back{{fill:{back}}}", f"text{{fill:{ink}}}", f".path{{fill:{faint}}}",
                 f".arrow{{stroke:{line}}}", f".head{{fill:{line}}}"]
        for kind, entry in KINDS.items():
            fill, stroke = entry[1 + index]
            rules.append(f".{kind}{{fill:{fill};stroke:{stroke}}}")
        return "".join(rules)

    light = scheme(0, "#ffffff", "#1f2328", "#59636e", "#59636e")
    dark = scheme(1, "#0d1117", "#f0f6fc", "#9198a1", "#9198a1")
    return (
        "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:14px}"
        ".title{font-size:17px;font-weight:600}.name{font-weight:600;font-size:15px}"
        ".path{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:11.5px}"
        f"rect{{stroke-width:1.5}}.arrow{{fill:none;stroke-width:1.8}}{light}"
        f"@media (prefers-color-scheme:dark){{{dark}}}"
    )


def text(x, y, words, kind="", anchor="middle"):
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{attribute}>{escape(words)}</text>'


def arrow(points):
    """A line along the points with its head at the last one, which it reaches from the left."""
    (x, y), *others = points
    end_x, end_y = points[-1]
    route = "".join(f"L{px:g} {py:g}" for px, py in others[:-1]) + f"L{end_x - 8:g} {end_y:g}"
    return f'<path class="arrow" d="M{x:g} {y:g}{route}"/><path class="head" d="M{end_x:g} {end_y:g}l-9 -5v10z"/>'


def boxes(cell):
    return cell if isinstance(cell[0], Box) else (cell,)


def middles(cell, middle):
    """The vertical middle of each box of a cell."""
    return (middle,) if len(boxes(cell)) == 1 else (middle - PAIR_STEP / 2, middle + PAIR_STEP / 2)


def height(row):
    return PAIR_STEP + PAIR_HEIGHT if any(len(boxes(cell)) > 1 for cell in row) else BOX_HEIGHT


def draw_box(box, left, width, middle, tall):
    centre = left + width / 2
    top = middle - tall / 2
    parts = [f'<rect class="{box.kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="{tall}" rx="6"/>',
             text(centre, top + 22, box.title, "name")]
    parts += [text(centre, top + 44 + 18 * line, words.replace("->", "→")) for line, words in enumerate(box.lines)]
    parts += [text(centre, top + tall + 15 + 14 * line, words, "path") for line, words in enumerate(box.paths)]
    return parts


def draw(diagram):
    parts = [f'<rect class="back" width="{WIDTH}" height="HEIGHT" rx="8" stroke="none"/>',
             text(MARGIN, 28, diagram.title, "title", "start")]
    top = TOP
    turn = None  # where the arrow from the row before comes down
    for row in diagram.rows:
        width = (WIDTH - 2 * MARGIN - (len(row) - 1) * GAP) / len(row)
        middle = top + height(row) / 2
        if turn:
            (right, from_middle), low = turn
            parts.append(arrow([(right, from_middle), (WIDTH - 6, from_middle), (WIDTH - 6, low), (4, low), (4, middle),
                                (MARGIN - 1, middle)]))
        for index, cell in enumerate(row):
            left = MARGIN + index * (width + GAP)
            here = middles(cell, middle)
            for box, at in zip(boxes(cell), here):
                parts += draw_box(box, left, width, at, BOX_HEIGHT if len(here) == 1 else PAIR_HEIGHT)
            if index:
                bend = left - GAP / 2 - 3
                for before in middles(row[index - 1], middle):
                    for at in here:
                        parts.append(arrow([(left - GAP + 1, before), (bend, before), (bend, at), (left - 1, at)]))
        top += height(row) + PATH_HEIGHT + ROW_GAP
        turn = (WIDTH - MARGIN + 1, middle), top - ROW_GAP / 2
    bottom = top - ROW_GAP + LEGEND
    left = MARGIN
    kinds = [box.kind for row in diagram.rows for cell in row for box in boxes(cell)]
    for kind in dict.fromkeys(kinds):
        words = KINDS[kind][0]
        parts.append(f'<rect class="{kind}" x="{left}" y="{bottom - 24}" width="14" height="14" rx="3"/>')
        parts.append(text(left + 22, bottom - 12, words, "", "start"))
        left += 54 + 8 * len(words)
    parts[0] = parts[0].replace("HEIGHT", str(bottom))
    opening = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" width="{WIDTH}" '
               f'height="{bottom}" role="img" aria-label="{escape(diagram.title)}">')
    return "\n".join([opening, f"<style>{style()}</style>", *parts, "</svg>"]) + "\n"


def paths():
    """Every path that a diagram names, as one string each."""
    every = (box for diagram in DIAGRAMS for row in diagram.rows for cell in row for box in boxes(cell))
    return sorted({"".join(box.paths) for box in every if box.paths})


def main(arguments):
    stale = []
    for diagram in DIAGRAMS:
        file = DIRECTORY / f"{diagram.name}.svg"
        drawn = draw(diagram)
        if "--check" not in arguments:
            file.write_text(drawn)
        elif not file.exists() or file.read_text() != drawn:
            stale.append(file.name)
    if stale:
        print(f"docs/diagrams: {', '.join(stale)} differ: run docs/diagrams/draw.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
