"""Checks of figures against their bounds. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A requirement, the value found, and whether it passed."""

    what: str
    wanted: str
    found: str
    passed: bool


def at_least(what: str, value: float | None, bound: float, unit: str = "") -> Check:
    return _compare(what, value, bound, unit, "≥", value is not None and value >= bound)


def at_most(what: str, value: float | None, bound: float, unit: str = "") -> Check:
    return _compare(what, value, bound, unit, "≤", value is not None and value <= bound)


def equal(what: str, value: object, expected: object) -> Check:
    return Check(what, str(expected), _text(value), value == expected)


def _compare(
    what: str, value: float | None, bound: float, unit: str, sign: str, passed: bool
) -> Check:
    return Check(what, f"{sign} {bound:g}{unit}", _text(value, unit), passed)


def _text(value: object, unit: str = "") -> str:
    if value is None:
        return "not measured"
    return f"{value:.4g}{unit}" if isinstance(value, float) else f"{value}{unit}"
