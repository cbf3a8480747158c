"""What a fleet costs by its size: `make fleet-scale` (docs/design/fleet.md). The collector's machine is the real one, with toy
signatures; boxes are no more than their messages. Time is virtual, and one box in a hundred dies each hour."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend must be chosen first)

UNIT = Path(__file__).resolve().parents[2] / "build/unit"
SIZES = (10, 30, 100, 300, 1000)
LIMIT_SECONDS = 3600
# 10 million targets at 5,000 probes/s.
IDEAL = 2000


def measure(boxes):
    """Returns the words of the test's line."""
    command = ["swift", "test", "--skip-build", "-Xswiftc", "-O", "--filter", "A large fleet.*has its cost measured"]
    environment = os.environ | {"SYNBOX_UNIT": "1", "SYNBOX_SCALE": str(boxes)}
    done = subprocess.run(command, cwd=UNIT, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    lines = [line for line in done.stdout.splitlines() if line.startswith("scale ")]
    if done.returncode != 0 or not lines:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return [float(word) for word in lines[0].split()[1:]]


def main(path):
    rows = []
    print("boxes  targets  shards  deaths  seconds  messages/s  kB/message  collector us/message  MB  real seconds")
    for boxes in SIZES:
        boxes, seconds, deaths, messages, size, cost, peak, took = measure(boxes)
        rows.append((boxes, seconds, messages / seconds, cost, peak / 1024))
        print(f"{boxes:5.0f}  {1e7 * boxes:.0e}  {100 * boxes:6.0f}  {deaths:6.0f}  {seconds:7.0f}  {messages / seconds:10.1f}"
              f"  {size / messages / 1000:10.2f}  {cost:20.1f}  {peak / 1024:3.0f}  {took:.0f}", flush=True)  # fmt: skip
    figure, axes = pyplot.subplots(2, 2, figsize=(8, 6), sharex=True)
    boxes = [row[0] for row in rows]
    panels = [
        ("seconds to finish", [row[1] for row in rows], [0, 2 * IDEAL]), ("messages per second at the broker", [row[2] for row in rows], None),
        ("collector, µs per message", [row[3] for row in rows], None), ("memory of the simulation, MB", [row[4] for row in rows], None),
    ]  # fmt: skip
    for panel, (label, values, limits) in zip(axes.flat, panels):
        panel.plot(boxes, values, marker="o", markersize=3)
        panel.set(title=label, xscale="log")
        panel.set_ylim(limits if limits else (0, None))
        panel.grid(alpha=0.3)
    axes[0][0].axhline(IDEAL, color="grey", linestyle="dashed", linewidth=1)
    for panel in axes[1]:
        panel.set_xlabel("boxes, each with 10 million targets")
    figure.tight_layout()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
