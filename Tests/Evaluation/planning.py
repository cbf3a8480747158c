"""The cost of planning over the size of the target file: `make planning` (docs/design/scaling.md)."""

import subprocess
import sys
from math import log
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend must be chosen first)

SHAPES = ("single", "nested", "ports", "overlapping", "adversarial")
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 100_000_000)
LIMIT_SECONDS = 3600


def measure(benchmark: str, shape: str, entries: int) -> tuple[float, int, int]:
    """Returns the processor seconds to plan, the planner's steps, and the peak RSS in MiB."""
    command = [benchmark, "plan", shape, "--entries", str(entries)]
    words = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=LIMIT_SECONDS).stdout.split()
    return float(words[4]), int(words[5]), int(words[7])


def fits(peak: int, growth: int) -> bool:
    """Whether `growth` times as many entries as took `peak` MiB leave a tenth of this machine's memory."""
    kilobytes = int(Path("/proc/meminfo").read_text(encoding="ascii").split("MemAvailable:")[1].split()[0])
    return peak * growth < 0.9 * kilobytes / 1024


def slope(costs: dict[int, float]) -> float:
    """The exponent of n by which the costs grow beyond n log n, fitted over all sizes; at most about 0 is wanted."""
    points = [(log(size), log(cost / (size * log(size)))) for size, cost in costs.items() if cost]
    if len(points) < 2:
        return float("nan")
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)


def seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def draw(costs: dict[str, dict[int, float]], path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for shape, points in costs.items():
        axes.plot(list(points), list(points.values()), marker="o", markersize=3, label=shape)
    first = SIZES[2]
    scale = 1e-6 / log(first)
    bound = [scale * size * log(size) for size in SIZES]
    axes.plot(SIZES, bound, color="black", linestyle=":", linewidth=1, label="the slope of n log n")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("entries of the target file")
    axes.set_ylabel("processor seconds to plan")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> None:
    benchmark, chart = sys.argv[1:]
    costs: dict[str, dict[int, float]] = {}
    sizes = " | ".join(f"{size:,}" for size in SIZES)
    print(f"| shape | {sizes} | slope of steps | of seconds | peak RSS |")
    for shape in SHAPES:
        measured: dict[int, tuple[float, int, int]] = {}
        last = 0
        for size in SIZES:
            # What does not fit into memory is left out, and shown as such.
            if not last or fits(measured[last][2], -(-size // last)):
                measured[size] = measure(benchmark, shape, size)
                last = size
        costs[shape] = {size: spent for size, (spent, _, _) in measured.items()}
        steps = {size: steps for size, (_, steps, _) in measured.items()}
        cells = " | ".join(seconds(costs[shape][size]) if size in measured else "too large" for size in SIZES)
        slopes = f"{slope(steps):+.2f} | {slope(costs[shape]):+.2f}"
        print(f"| `{shape}` | {cells} | {slopes} | {measured[last][2]} MiB |", flush=True)
    draw(costs, Path(chart))


if __name__ == "__main__":
    main()
