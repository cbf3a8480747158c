"""Compares contestants within each round, then takes the median over the rounds. Pure."""

from statistics import median
from typing import Mapping, Sequence

Figures = Mapping[str, float]
"""One round: a figure for each contestant that finished."""


def ratios(rounds: Sequence[Figures], one: str, other: str) -> list[float]:
    """Returns `one` divided by `other` for each round that both finished."""
    return [
        figures[one] / figures[other] for figures in rounds
        if one in figures and figures.get(other)]


def median_ratio(rounds: Sequence[Figures], one: str, other: str) -> float | None:
    """Returns the median of the ratios, or None if there are none."""
    found = ratios(rounds, one, other)
    return median(found) if found else None
