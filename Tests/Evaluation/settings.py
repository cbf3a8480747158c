"""The parameters of a run."""

from dataclasses import dataclass

SAMPLES_PER_SECOND = 10
SENDING_PPS = 100
"""A scanner is sending while the target node receives more packets per second than this."""
SILENCE_SECONDS = 7.0
"""A scanner that sends nothing for this long is ended."""
START_SECONDS = 20.0
"""A scanner that has sent nothing this long after its start has failed."""

SLICE_SECONDS = 0.05
"""How long a program runs before the other does, where rates are compared most closely."""

SOURCES = "198.18.0.1-198.18.0.64"

STEADY_TARGETS = "198.19.0.0/20"
STEADY_PPS = 100_000
LIMIT_TARGETS = "96.0.0.0/5"
SCAN_PPS = 500_000
SCAN_ANSWER = "20%"
PACING_TARGETS = "96.0.0.0/5"
PACING_PPS = (100, 999, 10_000, 100_000, 1_000_000, 2_000_000)
PACING_INTERVALS = ("1ms", "4ms")
"""Values of synbox's pace-interval."""


@dataclass(frozen=True)
class Scale:
    """A size of the evaluation."""

    name: str
    baseline_seconds: float
    steady_rounds: int
    limit_rounds: int
    limit_share: float
    """The fraction of each contestant's probes in S-02."""
    slice_rounds: int
    slices: int
    """Slices of each program in a round."""
    scan_rounds: int
    scan_targets: str
    scan_peak_megabytes: int
    """How much memory the generator may take in S-03: 18 MB, and 13.5 bytes for each answering pair."""
    pacing_seconds: float


SCALES = {
    "bench": Scale("bench", 2, 1, 5, 1.0, 5, 100, 3, "96.0.0.0/12", 24, 6),
    "evaluate": Scale("evaluate", 5, 5, 5, 1.0, 5, 100, 5, "96.0.0.0/10", 41, 10),
    # For work on the evaluation itself: runs everything, too short to measure anything well.
    "smoke": Scale("smoke", 0.5, 1, 1, 0.2, 1, 4, 1, "96.0.0.0/14", 24, 1),
}
