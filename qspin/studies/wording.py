"""Numbers with their errors, ranges and lists as people write them: text alone, no analysis."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_temperature", "ranges", "some", "with_error", "without_numbers"]

_NO_ERROR = 1e-9  # share of a value; smaller errors are rounding of equal values
_SMALL = 1e-6  # values below it are written with a power of ten,
_ROUNDING = 1e-15  # unless both they and their errors are rounding of numbers of order one
_NUMBER = re.compile(r"[-+]?(\d[\d.]*(e[-+]?\d+)?(\(\d[\d.]*\))?|\binf(inity)?\b)%?")
_NAMED = 3  # of a list, before the others are counted


def with_error(value: float, error: float) -> str:
    """Value with its standard error in parentheses, in units of the last digit.

    Examples
    --------
    >>> with_error(0.66731, 0.0042), with_error(12.3, 1.4), with_error(0.5, float("nan")), with_error(1, 0)
    ('0.667(4)', '12.3(1.4)', '0.500', '1.000')
    >>> with_error(2.3456e-12, 3.1e-14), with_error(0.0, 1e-17), with_error(5e-4, 1e-4)
    ('2.35(3)e-12', '0.000', '0.0005(1)')
    """
    size = max(abs(value), error if np.isfinite(error) else 0.0)
    if _ROUNDING < size < _SMALL:
        power = int(np.floor(np.log10(size)))
        return f"{with_error(value / 10.0**power, error / 10.0**power)}e{power:+03d}"
    if not np.isfinite(error) or error <= _NO_ERROR * size or size <= _ROUNDING:
        return f"{value:.3f}"
    digits = max(0, -int(np.floor(np.log10(error))))
    rounded = round(error * 10**digits)
    if rounded == 10:  # 0.0096 rounds up to 0.010
        digits, rounded = max(digits - 1, 0), 1
    if digits == 0 or error >= 1:
        return f"{value:.1f}({error:.1f})"
    return f"{value:.{digits}f}({rounded})"


def ranges(temperature: NDArray[np.float64], chosen: NDArray[np.bool_]) -> str:
    """``at T = 0.3 to 2.1 and at T = 4`` for the runs of neighbouring chosen temperatures."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    parts = []
    for start, end in edges.reshape(-1, 2):
        low, high = f"{temperature[start]:.3g}", f"{temperature[end - 1]:.3g}"
        parts.append(low if low == high else f"{low} to {high}")
    return "at T = " + ", ".join(parts)


def at_temperature(temperature: float) -> str:
    """``T = 0.4``, ``T = infinity``, or that there is none.

    Examples
    --------
    >>> at_temperature(0.4), at_temperature(float("inf")), at_temperature(float("nan"))
    ('T = 0.4', 'T = infinity', 'no temperature')
    """
    if np.isnan(temperature):
        return "no temperature"
    return "T = infinity" if np.isinf(temperature) else f"T = {temperature:.3g}"


def some(names: Iterable[str], most: int = _NAMED, *, once: bool = True) -> str:
    """The first few of a list, each `once`, and how many more there are.

    Examples
    --------
    >>> some("abcabcde"), some(["glass"])
    ('a, b, c and 2 more', 'glass')
    """
    unique = list(dict.fromkeys(names)) if once else list(names)
    more = len(unique) - most
    return ", ".join(unique[:most]) + (f" and {more} more" if more > 0 else "")


def without_numbers(text: str) -> str:
    """A sentence without its numbers, by which sentences of one kind are found.

    Examples
    --------
    >>> without_numbers("R-hat exceeds 1.05 at 3 of 28 temperatures, up to inf at T = 0.25")
    'R-hat exceeds # at # of # temperatures, up to # at T = #'
    """
    return _NUMBER.sub("#", text)
