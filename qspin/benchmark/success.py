"""The probability that one run succeeds, with intervals that hold for few and for no successes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scipy import stats

from qspin.errors import InputError

__all__ = ["Proportion", "success_probability"]

Interval = Literal["jeffreys", "clopper_pearson"]


@dataclass(frozen=True)
class Proportion:
    """A success probability.

    Parameters
    ----------
    successes, runs : that were counted
    value : successes / runs
    low, high : of the interval
    """

    successes: int
    runs: int
    value: float
    low: float
    high: float


def success_probability(
    successes: int, runs: int, *, level: float = 0.95, interval: Interval = "jeffreys"
) -> Proportion:
    """Share of successful runs with an interval.

    Parameters
    ----------
    level : of the interval
    interval : ``jeffreys``, the Bayesian one with prior Beta(1/2, 1/2), covers `level` on average (Brown,
        Cai, DasGupta 2001, Stat. Sci. 16, 101); ``clopper_pearson`` covers at least that for every
        probability

    Raises
    ------
    InputError
        If there are no runs, or more successes than runs.

    Examples
    --------
    >>> found = success_probability(3, 10, interval="clopper_pearson")
    >>> round(found.low, 4), round(found.high, 4)
    (0.0667, 0.6525)
    """
    if runs < 1 or not 0 <= successes <= runs:
        raise InputError(f"expected 0 <= successes <= runs with at least one run; got {successes} of {runs}")
    tail = (1 - level) / 2
    if interval == "jeffreys":
        posterior = stats.beta(successes + 0.5, runs - successes + 0.5)
        low = 0.0 if successes == 0 else float(posterior.ppf(tail))
        high = 1.0 if successes == runs else float(posterior.ppf(1 - tail))
    else:
        found = stats.binomtest(successes, runs).proportion_ci(level, method="exact")
        low, high = float(found.low), float(found.high)
    return Proportion(successes, runs, successes / runs, low, high)
