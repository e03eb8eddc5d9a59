"""Jackknife errors: over independent samples, over replicas of a pair statistic, over disorder instances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

__all__ = ["checked_replicas", "disorder_average", "jackknife", "jackknife_pairs", "require_problem"]

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def jackknife(
    values: ArrayLike, statistic: Statistic | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate and standard error of a function of means, leaving out one sample at a time.

    ``error^2 = (n-1)/n sum_k (theta_(k) - mean theta)^2`` (Efron, Stein 1981, Ann. Stat. 9, 586).

    Parameters
    ----------
    values : array (n, ...), independent along the first axis
    statistic : function of the mean over the first axis, shape (...) -> anything; default the mean itself

    Returns
    -------
    estimate, error : of the shape that `statistic` gives; the error is NaN for fewer than two samples

    Examples
    --------
    >>> mean, error = jackknife([1.0, 2.0, 3.0])
    >>> float(mean), round(float(error), 6)
    (2.0, 0.57735)
    """
    samples = np.asarray(values, dtype=np.float64)
    if samples.ndim == 0 or len(samples) == 0:
        raise InputError("a jackknife needs at least one sample along the first axis")
    n = len(samples)
    function = statistic or (lambda mean: mean)
    total = samples.sum(axis=0)
    estimate = np.asarray(function(total / n))
    if n < 2:
        return estimate, np.full(estimate.shape, np.nan)
    left_out = np.stack([function((total - sample) / (n - 1)) for sample in samples])
    return estimate, _spread(left_out)


def jackknife_pairs(
    row_sums: NDArray[np.float64], statistic: Statistic | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `jackknife`, for means over pairs of replicas, leaving out one replica with all its pairs.

    Pairs share replicas and are not independent; replicas are. Where the pairs happen to be uncorrelated, as
    overlaps are at infinite temperature, the error comes out up to sqrt(2) too large, never too small.

    Parameters
    ----------
    row_sums : (R, ...), for each replica a the sum over b != a of the pair quantity f_ab = f_ba
    statistic : function of the mean over pairs

    Returns
    -------
    estimate, error : the error is NaN for fewer than three replicas

    Raises
    ------
    InputError
        With fewer than two replicas there is no pair.
    """
    n = checked_replicas(len(row_sums))
    function = statistic or (lambda mean: mean)
    total = row_sums.sum(axis=0) / 2
    estimate = np.asarray(function(total / (n * (n - 1) / 2)))
    if n < 3:
        return estimate, np.full(estimate.shape, np.nan)
    left_out = np.stack([function((total - row) / ((n - 1) * (n - 2) / 2)) for row in row_sums])
    return estimate, _spread(left_out)


def checked_replicas(n_replicas: int) -> int:
    """The number of replicas, if there is a pair of them."""
    if n_replicas < 2:
        raise InputError(
            f"overlaps compare different replicas and need at least two; got {n_replicas}. "
            "Set n_replicas (or n_reads) to 2 or more"
        )
    return n_replicas


def disorder_average(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over disorder instances and its standard error.

    Instances differ far more than samples of one instance, so their spread carries the thermal error too.

    Parameters
    ----------
    values : array (n_instances, ...), one estimate an instance
    """
    return jackknife(values)


def require_problem(samples: SampleSet, problem: IsingProblem) -> None:
    """Refuse samples of another problem; those from elsewhere, which name none, are taken.

    Raises
    ------
    InputError
        If the digests differ.
    """
    if samples.info.get("problem") not in (None, problem.digest):
        raise InputError("these samples are of another problem than the one given: their digests differ")


def _spread(left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    n = len(left_out)
    return np.sqrt((n - 1) / n * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
