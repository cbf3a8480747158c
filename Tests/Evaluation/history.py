"""The history of figures over revisions: docs/evaluation/history.csv, and its chart history.png.

Machines differ, so the rate is shown as a share of the constant-frame flood's, which was measured in the same run.
"""

import csv
import sys
from pathlib import Path

from program import ROOT, run

FILE = ROOT / "docs/evaluation/history.csv"


def rows(path: Path = FILE) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def committed(row: dict[str, str]) -> int:
    """Returns the time of a row's revision, seconds since 1970."""
    return int(run(["git", "-C", str(ROOT), "show", "-s", "--format=%ct", row["revision"].removesuffix("-dirty")]))


def add(columns: dict[str, str], path: Path = FILE) -> None:
    """Adds a row, or replaces that of the same revision. Rows are in the order of their revisions."""
    kept = [row for row in rows(path) if row["revision"] != columns["revision"]]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(sorted([*kept, columns], key=committed))


def draw(path: Path = FILE) -> None:
    """Draws the chart beside the file."""
    import matplotlib  # Not at the top, because only the chart needs it.

    matplotlib.use("Agg")
    from matplotlib import pyplot

    noted = rows(path)
    names = [row["revision"][:7] for row in noted]
    figure, (rate, cost, memory) = pyplot.subplots(3, 1, figsize=(10, 9), sharex=True)
    rate.plot(names, [float(row["flood"]) for row in noted], marker="o")
    rate.axhline(0.9, color="black", linewidth=0.6, linestyle=":")
    rate.set_title("no limit: rate as a share of the constant-frame flood's", loc="left", fontsize=9)
    for column in noted[0]:
        case, _, figure_name = column.partition(": ")
        if figure_name == "processor":
            cost.plot(names, [float(row[column]) for row in noted], marker="o", label=case)
        elif figure_name == "resident":
            memory.plot(names, [float(row[column]) for row in noted], marker="o", label=case)
    cost.set_yscale("log")
    cost.set_title("processor seconds of the process for a million probes", loc="left", fontsize=9)
    cost.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    memory.axhline(24, color="black", linewidth=0.6, linestyle=":")
    memory.set_ylim(bottom=0)
    cost.grid(axis="y", linewidth=0.3)
    memory.set_title("peak resident memory, MB", loc="left", fontsize=9)
    memory.set_xlabel("revision")
    figure.tight_layout()
    figure.savefig(path.with_suffix(".png"), dpi=120)
    pyplot.close(figure)


if __name__ == "__main__":
    draw()
    sys.exit(0)
