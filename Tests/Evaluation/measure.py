"""Computes figures from samples: the sending window, the idle baseline, rate and cost. Pure."""

from dataclasses import asdict, dataclass
from typing import Sequence

from sampler import KINDS, Sample

KERNEL = ("system", "irq")
IDLE = ("idle", "iowait", "steal")


@dataclass(frozen=True)
class Load:
    """Processor seconds, or processor seconds per second, summed over all processors."""

    busy: float
    """Everything but idle time, which the kernel measures in microseconds. The three below are tick counts, and show
    how the whole is divided."""
    user: float
    kernel: float
    softirq: float
    steal: float


@dataclass(frozen=True)
class Window:
    """The indices of the samples between which the scanner sent."""

    first: int
    last: int


@dataclass(frozen=True)
class Measurement:
    """The figures of a scanner's sending window. Rates are per second; times are processor seconds."""

    probes: int
    seconds: float
    rate_pps: float
    largest_deviation: float
    """The largest deviation of any second, as a fraction of the mean rate."""
    cost: Load
    process_user: float
    process_system: float
    peak_rss_bytes: int

    @property
    def cpu_per_million(self) -> float | None:
        """Processor seconds of the whole machine per million probes, less its idle load; None if implausible."""
        return self.cost.busy / self.probes * 1e6 if self.is_plausible else None

    @property
    def process_cpu_per_million(self) -> float:
        """Processor seconds of the scanner's process per million probes."""
        return (self.process_user + self.process_system) / self.probes * 1e6

    @property
    def is_plausible(self) -> bool:
        """Returns whether the whole machine used at least as much as the scanner, with a tolerance of a fifth for coarse
        clocks."""
        return self.cost.busy > 0.8 * (self.process_user + self.process_system)

    def as_dict(self) -> dict:
        return asdict(self) | {
            "cpu_per_million": self.cpu_per_million,
            "process_cpu_per_million": self.process_cpu_per_million}


def sending_window(times: Sequence[float], counts: Sequence[int], least_pps: float) -> Window | None:
    """Returns the window from the first to the last interval with an arrival rate above `least_pps`."""
    active = [
        index for index in range(1, len(times))
        if counts[index] - counts[index - 1] > least_pps * (times[index] - times[index - 1])]
    return Window(active[0] - 1, active[-1]) if active else None


def steady_part(window: Window) -> Window:
    """Returns the window without its first and last interval, which the scanner filled only in part.

    A window of fewer than three intervals is returned whole.
    """
    if window.last - window.first < 3:
        return window
    return Window(window.first + 1, window.last - 1)


def mean_rate(times: Sequence[float], counts: Sequence[int], window: Window) -> float:
    """Returns arrivals per second from the window's first sample to its last."""
    seconds = times[window.last] - times[window.first]
    return (counts[window.last] - counts[window.first]) / seconds


def largest_deviation(
    times: Sequence[float], counts: Sequence[int], window: Window, seconds: float = 1.0
) -> float:
    """Returns the largest deviation of any part of at least `seconds` from the window's mean rate, as a fraction.
    Zero if the window is shorter."""
    mean = mean_rate(times, counts, window)
    largest, last = 0.0, window.first
    for first in range(window.first, window.last):
        while last < window.last and times[last] - times[first] < seconds:
            last += 1
        if times[last] - times[first] < seconds:
            break
        rate = mean_rate(times, counts, Window(first, last))
        largest = max(largest, abs(rate / mean - 1))
    return largest


def spent(before: Sample, after: Sample, processors: int) -> Load:
    """Returns the processor seconds used between two samples."""
    took = {kind: after.machine[kind] - before.machine[kind] for kind in KINDS}
    elapsed = processors * (after.read_at - before.read_at)
    return Load(
        busy=max(0.0, elapsed - sum(took[kind] for kind in IDLE)),
        user=took["user"] + took["nice"],
        kernel=sum(took[kind] for kind in KERNEL),
        softirq=took["softirq"],
        steal=took["steal"])


def idle_load(samples: Sequence[Sample], processors: int) -> Load:
    """Returns the processor seconds per second used while nothing is sent."""
    seconds = samples[-1].read_at - samples[0].read_at
    whole = spent(samples[0], samples[-1], processors)
    return Load(**{name: value / seconds for name, value in asdict(whole).items()})


def less_baseline(load: Load, baseline: Load, seconds: float) -> Load:
    """Subtracts the idle load of `seconds` from `load`. Never returns less than zero."""
    idle = asdict(baseline)
    return Load(**{
        name: max(0.0, value - idle[name] * seconds) for name, value in asdict(load).items()})


def measure(
    samples: Sequence[Sample], counter: str, baseline: Load, least_pps: float, processors: int
) -> Measurement | None:
    """Returns the figures of one run, or None if it sent nothing."""
    times = [sample.counted_at for sample in samples]
    counts = [sample.counts[counter] for sample in samples]
    window = sending_window(times, counts, least_pps)
    if window is None:
        return None
    first, last = samples[window.first], samples[window.last]
    steady = steady_part(window)
    return Measurement(
        probes=counts[window.last] - counts[window.first],
        seconds=last.counted_at - first.counted_at,
        rate_pps=mean_rate(times, counts, steady),
        largest_deviation=largest_deviation(times, counts, steady),
        cost=less_baseline(spent(first, last, processors), baseline, last.read_at - first.read_at),
        process_user=last.process_user - first.process_user,
        process_system=last.process_system - first.process_system,
        peak_rss_bytes=max(sample.peak_rss_bytes for sample in samples))


def combined(parts: Sequence[Measurement]) -> Measurement:
    """Combines the runs that make up one job, such as one for each port."""
    probes, seconds = sum(part.probes for part in parts), sum(part.seconds for part in parts)
    costs = [asdict(part.cost) for part in parts]
    return Measurement(
        probes=probes,
        seconds=seconds,
        rate_pps=sum(part.rate_pps * part.seconds for part in parts) / seconds,
        largest_deviation=max(part.largest_deviation for part in parts),
        cost=Load(**{name: sum(cost[name] for cost in costs) for name in costs[0]}),
        process_user=sum(part.process_user for part in parts),
        process_system=sum(part.process_system for part in parts),
        peak_rss_bytes=max(part.peak_rss_bytes for part in parts))
