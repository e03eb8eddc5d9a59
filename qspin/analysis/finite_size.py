"""Finite-size scaling: where curves of different sizes cross, and exponents that make them one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.interpolate import PchipInterpolator

from qspin.errors import InputError

__all__ = ["Collapse", "Crossing", "collapse", "crossings"]


@dataclass(frozen=True)
class Crossing:
    """Where the curves of two sizes cross.

    Parameters
    ----------
    sizes : the two
    temperature, error : of the crossing, and its standard error by bootstrap; NaN where they do not cross
    share : of the resampled curves that cross
    """

    sizes: tuple[int, int]
    temperature: float
    error: float
    share: float


@dataclass(frozen=True)
class Collapse:
    """Best collapse y = f((T - T_c) L^(1/nu)).

    Parameters
    ----------
    t_c, nu : critical temperature and exponent, with ``_error`` by bootstrap
    quality : mean squared distance from the common curve, in units of the errors; near 1 for a good one
    """

    t_c: float
    t_c_error: float
    nu: float
    nu_error: float
    quality: float


def crossings(
    temperatures: ArrayLike, curves: Mapping[int, ArrayLike], resampled: Mapping[int, ArrayLike]
) -> list[Crossing]:
    """Crossings of neighbouring sizes, by monotone cubics through the points.

    Parameters
    ----------
    temperatures : (n,), ascending or descending
    curves : size -> values (n,), such as Binder ratios or xi/L averaged over the disorder
    resampled : size -> bootstrap values (n_resamples, n), from `disorder.bootstrap`

    Raises
    ------
    InputError
        If there are fewer than two sizes or three temperatures.
    """
    t = np.asarray(temperatures, dtype=np.float64)
    if len(curves) < 2 or len(t) < 3:
        raise InputError(f"crossings need two sizes and three temperatures; got {len(curves)} and {len(t)}")
    order = np.argsort(t)
    found = []
    for small, large in itertools.pairwise(sorted(curves)):
        own = _crossing(t[order], np.asarray(curves[large])[order] - np.asarray(curves[small])[order])
        differences = np.asarray(resampled[large]) - np.asarray(resampled[small])
        drawn = np.array([_crossing(t[order], row[order]) for row in differences])
        cross = np.isfinite(drawn)
        error = float(drawn[cross].std(ddof=1)) if cross.sum() > 1 else float("nan")
        found.append(Crossing((small, large), own, error, float(cross.mean())))
    return found


def _crossing(t: NDArray[np.float64], difference: NDArray[np.float64]) -> float:
    """Where large minus small falls through zero with rising T; the last such place; NaN if there is none."""
    falling = np.flatnonzero((difference[:-1] > 0) & (difference[1:] <= 0))
    if not falling.size:
        return float("nan")
    k = int(falling[-1])
    smooth = PchipInterpolator(t, difference)
    return float(optimize.brentq(lambda x: float(smooth(x)), t[k], t[k + 1]))


def collapse(
    temperatures: ArrayLike,
    curves: Mapping[int, ArrayLike],
    errors: Mapping[int, ArrayLike],
    *,
    start: tuple[float, float],
    degree: int = 4,
    n_resamples: int = 100,
    seed: int = 0,
) -> Collapse:
    """Critical temperature and exponent nu from a common polynomial in (T - T_c) L^(1/nu).

    Parameters
    ----------
    temperatures : (n,)
    curves, errors : size -> values and standard errors (n,)
    start : guess of (T_c, nu)
    degree : of the polynomial
    n_resamples : of the points within their errors, for the errors of the fit

    Raises
    ------
    InputError
        If there are not more points than parameters.
    """
    t = np.asarray(temperatures, dtype=np.float64)
    sizes = sorted(curves)
    y = np.concatenate([np.asarray(curves[size], dtype=np.float64) for size in sizes])
    e = np.concatenate([np.asarray(errors[size], dtype=np.float64) for size in sizes])
    all_t, all_l = np.tile(t, len(sizes)), np.repeat(np.array(sizes, dtype=np.float64), len(t))
    if len(y) <= degree + 3:
        raise InputError(f"a collapse of degree {degree} needs more than {degree + 3} points; got {len(y)}")

    def distance(parameters: NDArray[np.float64], values: NDArray[np.float64]) -> float:
        t_c, nu = parameters
        if not 0.05 < nu < 20:
            return np.inf
        x = (all_t - t_c) * all_l ** (1 / nu)
        x = x / np.abs(x).max()
        design = np.vander(x, degree + 1) / e[:, None]
        coefficients = np.linalg.lstsq(design, values / e, rcond=None)[0]
        return float(((design @ coefficients - values / e) ** 2).sum())

    def fitted(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        result = optimize.minimize(lambda p: distance(p, values), start, method="Nelder-Mead")
        return result.x, float(result.fun)

    best, chi_squared = fitted(y)
    rng = np.random.default_rng(seed)
    drawn = np.array([fitted(y + e * rng.normal(size=len(y)))[0] for _ in range(n_resamples)])
    spread = drawn.std(axis=0, ddof=1)
    quality = chi_squared / (len(y) - degree - 3)
    return Collapse(float(best[0]), float(spread[0]), float(best[1]), float(spread[1]), quality)
