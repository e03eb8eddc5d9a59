"""Roots and curves of monotone functions, as SciPy has them, which loads for longer than a sample takes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["interpolated", "students_quantile", "zero_of"]


def zero_of(falling: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Where a function that falls from `low` to `high` is positive no more, by bisection: no earlier, and
    `tolerance` later at most; at an end where it does not change its sign.
    """
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high


def interpolated(
    at: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A smooth curve through rising points that rises too: cubic pieces (Fritsch, Butland 1984, SIAM J. Sci.
    Stat. Comput. 5, 300), as `scipy.interpolate.PchipInterpolator`.

    Parameters
    ----------
    at : where it is asked for, between the first and the last of `x`
    x, y : of the points, three or more; both rise
    """
    steps = np.diff(x)
    slopes = np.diff(y) / steps
    before, after = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    inner = (before + after) / (before / slopes[:-1] + after / slopes[1:])
    first, last = _end(steps[:2], slopes[:2]), _end(steps[:-3:-1], slopes[:-3:-1])
    tangents = np.concatenate([[first], inner, [last]])
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(steps) - 1)
    t = (at - x[k]) / steps[k]
    rise = y[k] + t**2 * (3 - 2 * t) * (y[k + 1] - y[k])
    return np.asarray(rise + steps[k] * t * (1 - t) * ((1 - t) * tangents[k] - t * tangents[k + 1]))


def _end(steps: NDArray[np.float64], slopes: NDArray[np.float64]) -> float:
    """Slope at the end of the first of two pieces, by a parabola, but never down."""
    weighted = (2 * steps[0] + steps[1]) * slopes[0] - steps[0] * slopes[1]
    return max(0.0, float(weighted / (steps[0] + steps[1])))


def students_quantile(n: int, tail: float) -> float:
    """What a Student's t of `n` degrees of freedom exceeds with probability `tail`, less than a half
    (Abramowitz, Stegun 1964, 26.7.3 and 26.7.4), as `scipy.special.stdtrit`.
    """
    angle = zero_of(lambda angle: _beyond(n, angle) - tail, 0.0, math.pi / 2, 1e-15)
    return math.sqrt(n) * math.tan(angle)


def _beyond(n: int, angle: float) -> float:
    """Probability of more than sqrt(n) tan(angle)."""
    cosine = math.cos(angle)
    k = np.arange(1 + n % 2, n - 2, 2)  # from term to term
    terms = np.cumprod(np.concatenate([[1.0], k / (k + 1) * cosine**2])) if n > 1 else np.zeros(1)
    within = math.sin(angle) * float(terms.sum())
    if n % 2:
        within = 2 / math.pi * (angle + cosine * within)
    return (1 - within) / 2
