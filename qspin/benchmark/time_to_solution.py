"""Time to solution: how long to repeat runs until one of them succeeds with 99 % probability.

TTS = t ln(1 - 0.99) / ln(1 - p), and t where p exceeds 0.99 (Ronnow et al. 2014, Science 345, 420). It has to
be minimised over the length of a run: where the shortest or the longest length wins, the minimum is not
known, and the value is a bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.benchmark.success import Interval, Proportion, success_probability
from qspin.errors import InputError, shown

__all__ = ["BestLength", "TimeToSolution", "best_length", "time_to_solution", "time_to_target"]

_FEWEST_SPLIT = 4  # runs of which some choose a length and others measure it


@dataclass(frozen=True)
class TimeToSolution:
    """Seconds until a run has succeeded with some probability.

    Parameters
    ----------
    seconds : NaN without a success: then only `low` is known
    low, high : of the interval; `high` is infinite without a success
    probability : of one run
    seconds_a_run : what one run takes
    """

    seconds: float
    low: float
    high: float
    probability: Proportion
    seconds_a_run: float

    @property
    def is_bound(self) -> bool:
        """Whether nothing succeeded, so that there is a lower bound only."""
        return self.probability.successes == 0

    def __str__(self) -> str:
        if self.is_bound:
            return f"> {self.low:.3g} s"
        return f"{self.seconds:.3g} s ({self.low:.3g} to {self.high:.3g})"


def time_to_solution(
    successes: int,
    runs: int,
    seconds_a_run: float,
    *,
    target: float = 0.99,
    level: float = 0.95,
    interval: Interval = "jeffreys",
) -> TimeToSolution:
    """Seconds until one run has succeeded with probability `target`.

    Parameters
    ----------
    successes, runs : counted
    seconds_a_run : wall time, or device time: of one run
    target : probability of at least one success
    level, interval : see `success_probability`

    Raises
    ------
    InputError
        For impossible counts or times.

    Examples
    --------
    >>> round(time_to_solution(50, 100, 1.0).seconds, 3)
    6.644
    """
    if not (seconds_a_run > 0 and math.isfinite(seconds_a_run)):
        raise InputError(f"a run takes a positive time; got {seconds_a_run!r} seconds")
    if not 0 < target < 1:
        raise InputError(f"the target is a probability between 0 and 1; got {target!r}")
    found = success_probability(successes, runs, level=level, interval=interval)

    def repeated(p: float) -> float:
        if p <= 0:
            return math.inf
        return seconds_a_run * max(1.0, math.log1p(-target) / math.log1p(-p) if p < 1 else 0.0)

    seconds = repeated(found.value) if successes else math.nan
    return TimeToSolution(seconds, repeated(found.high), repeated(found.low), found, seconds_a_run)


@dataclass(frozen=True)
class BestLength:
    """The run length with the shortest time to solution.

    Parameters
    ----------
    length : of a run, such as sweeps; NaN where no length succeeded
    best : its time to solution
    is_inside : whether shorter and longer runs were tried and are worse; otherwise the true optimum may be
        better
    """

    length: float
    best: TimeToSolution
    is_inside: bool


def best_length(by_length: Mapping[float, TimeToSolution]) -> BestLength:
    """Choose among run lengths.

    Raises
    ------
    InputError
        If there is none.
    """
    if not by_length:
        raise InputError("no run length was measured")
    lengths = sorted(by_length)
    values = [by_length[length].seconds for length in lengths]
    if np.isnan(values).all():
        longest = max(by_length.values(), key=lambda found: found.low)
        return BestLength(math.nan, longest, is_inside=False)
    k = int(np.nanargmin(values))
    return BestLength(lengths[k], by_length[lengths[k]], is_inside=0 < k < len(lengths) - 1)


def time_to_target(
    sweeps: ArrayLike,
    reached: ArrayLike,
    seconds_a_sweep: float,
    *,
    target: float = 0.99,
    level: float = 0.95,
    interval: Interval = "jeffreys",
) -> TimeToSolution:
    """Seconds until one run has succeeded with probability `target`, of runs that stopped where they did.

    They tell how many would have succeeded at any length, so the length at which runs are best cut short and
    repeated can be chosen afterwards: the longest run, halved again and again. It is chosen by every second
    run and measured on the others, since the best of several lengths flatters the runs that it was chosen by.
    Fewer than four runs are taken as they are.

    Parameters
    ----------
    sweeps : of each run (n_runs,), to its success or to its end
    reached : whether it succeeded (n_runs,)
    target, level, interval : see `time_to_solution`

    Raises
    ------
    InputError
        If there are no runs, or sweeps or seconds are not positive.

    Examples
    --------
    >>> round(time_to_target([100] * 8, [True] * 8, 1e-3).seconds, 3)
    0.1
    """
    needed, succeeded = np.asarray(sweeps, dtype=np.float64), np.asarray(reached, dtype=bool)
    if not needed.size or needed.shape != succeeded.shape or not (needed >= 0).all():
        raise InputError(f"expected sweeps of each run and whether it succeeded; got {shown(sweeps)}")
    needed = np.maximum(np.where(succeeded, needed, np.inf), 1.0)  # 1: a run that began at the target
    longest = max(float(np.max(sweeps)), 1.0)

    def at(length: float, needed: NDArray[np.float64]) -> TimeToSolution:
        within, a_run = int((needed <= length).sum()), length * seconds_a_sweep
        return time_to_solution(within, len(needed), a_run, target=target, level=level, interval=interval)

    if len(needed) < _FEWEST_SPLIT or not succeeded[::2].any():
        return at(longest, needed)
    lengths = longest / 2.0 ** np.arange(int(math.log2(longest)) + 1)
    chosen = best_length({length: at(length, needed[::2]) for length in lengths.tolist()})
    return at(chosen.length, needed[1::2])
