"""Are the numbers of a network still distributed as they were drawn?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qspin.errors import InputError
from qspin.validate import checked_array, checked_real

__all__ = ["UniformTest", "against_fitted_uniform", "against_uniform"]

_FEWEST = 5  # numbers, the two extreme ones of a fit included


class UniformTest(NamedTuple):
    """Numbers held against a uniform distribution by Kolmogorov and Smirnov.

    Parameters
    ----------
    low, high : ends of the distribution
    n : numbers that were tested
    statistic : largest distance of the cumulative distributions
    p_value : exact
    n_outside : numbers beyond its ends
    """

    low: float
    high: float
    n: int
    statistic: float
    p_value: float
    n_outside: int = 0


def against_uniform(values: ArrayLike, half_width: float) -> UniformTest:
    """Numbers against the uniform distribution from minus to plus a half-width that is known beforehand.

    One number beyond its ends refutes it; the p-value is 0 then.

    Raises
    ------
    InputError
        If there are fewer than five finite numbers, or the half-width is not positive.
    """
    numbers = _checked(values)
    if (width := checked_real(half_width, "half_width")) <= 0:
        raise InputError(f"half_width must be positive; got {width:g}")
    found = stats.kstest((numbers / width + 1) / 2, "uniform")
    outside = int((np.abs(numbers) > width * (1 + 1e-6)).sum())  # float32 rounds the ends
    p_value = 0.0 if outside else float(found.pvalue)
    return UniformTest(-width, width, len(numbers), float(found.statistic), p_value, outside)


def against_fitted_uniform(values: ArrayLike) -> UniformTest:
    """Numbers against the uniform distribution between the smallest and the largest of them.

    Given these two, the others of uniform numbers are uniform between them, whatever the ends of the
    distribution: the test is of those, and its p-value exact although the ends were fitted.

    Raises
    ------
    InputError
        If there are fewer than five finite numbers, or all are the same.
    """
    numbers = np.sort(_checked(values))
    low, high = float(numbers[0]), float(numbers[-1])
    if low == high:
        raise InputError(f"a uniform distribution needs numbers that differ; all are {low:g}")
    inner = numbers[1:-1]
    found = stats.kstest((inner - low) / (high - low), "uniform")
    return UniformTest(low, high, len(inner), float(found.statistic), float(found.pvalue))


def _checked(values: ArrayLike) -> NDArray[np.float64]:
    numbers = checked_array(values, "values").astype(np.float64).ravel()
    if len(numbers) < _FEWEST or not np.isfinite(numbers).all():
        raise InputError(f"a distribution needs at least {_FEWEST} finite numbers; got {len(numbers)}")
    return numbers
