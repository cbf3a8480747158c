"""Comparing contestants: within one round, then the median over the rounds. Pure."""

from statistics import median
from typing import Mapping, Sequence

Figures = Mapping[str, float]
"""One round: a figure for each contestant that finished."""


def ratios(rounds: Sequence[Figures], one: str, other: str) -> list[float]:
    """`one` divided by `other`, in each round in which both finished."""
    return [
        figures[one] / figures[other] for figures in rounds
        if one in figures and figures.get(other)]


def median_ratio(rounds: Sequence[Figures], one: str, other: str) -> float | None:
    """The median of the ratios, None where there is not a single one."""
    found = ratios(rounds, one, other)
    return median(found) if found else None
