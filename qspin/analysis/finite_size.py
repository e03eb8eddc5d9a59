"""Finite-size scaling: where curves of different sizes cross, and exponents that make them one, over the
temperature and over the time of a quench.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.interpolate import PchipInterpolator

from qspin.errors import InputError

__all__ = ["Collapse", "Crossing", "TimeCollapse", "collapse", "collapse_in_time", "crossings"]


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


@dataclass(frozen=True)
class TimeCollapse:
    """Best collapse y = F(t L^-mu).

    Parameters
    ----------
    mu, error : exponent, z + 1/nu of a quench through a critical point, and its standard error over the
        resampled curves
    quality : mean squared distance from the common curve, in units of the errors; near 1 for a good one
    """

    mu: float
    error: float
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


_LEAST_SHARED = 0.25  # of the shorter range of scaled times
_EXPONENTS = 201  # that are looked at
_NEARLY = 0.98  # of the largest exponent, beyond which it is no valley but the end


def collapse_in_time(
    times: Mapping[int, ArrayLike],
    curves: Mapping[int, ArrayLike],
    errors: Mapping[int, ArrayLike],
    resampled: Mapping[int, ArrayLike],
    *,
    degree: int = 4,
) -> TimeCollapse:
    """Exponent mu from a common polynomial in ln t - mu ln L, after King et al. 2025 (Science 388, 199).

    Curves that do not lie over each other fit any polynomial: mu is looked for where the scaled times of
    every two neighbouring sizes share a quarter of the shorter range.

    Parameters
    ----------
    times : size -> positive times (n,) of its curve
    curves, errors : size -> values and standard errors (n,), such as Binder ratios of overlaps
    resampled : size -> bootstrap values (n_resamples, n), from `disorder.bootstrap`
    degree : of the polynomial

    Raises
    ------
    InputError
        If there are fewer than two sizes, not more points than parameters, times or errors of zero, or the
        curves fit best where they hardly lie over each other.
    """
    sizes = sorted(curves)
    t, y, e = (np.concatenate([np.asarray(own[k], float) for k in sizes]) for own in (times, curves, errors))
    if len(sizes) < 2 or len(t) <= degree + 2:
        raise InputError(
            f"a collapse of degree {degree} needs two sizes and more than {degree + 2} points; got "
            f"{len(sizes)} and {len(t)}"
        )
    if not (t > 0).all() or not (e > 0).all():
        raise InputError("a collapse in time needs positive times and errors")
    log_t = {k: np.log(np.asarray(times[k], float)) for k in sizes}
    most = _largest_exponent(log_t)
    n = min(len(np.asarray(resampled[k])) for k in sizes)
    drawn = np.concatenate([np.asarray(resampled[k])[:n] for k in sizes], axis=1)
    place = np.concatenate([log_t[k] for k in sizes])
    log_l = np.concatenate([np.full(len(log_t[k]), np.log(k)) for k in sizes])
    mus = np.linspace(0.0, most, _EXPONENTS)
    distances = np.stack(
        [_distances(place - mu * log_l, np.vstack([y, drawn]) / e, e, degree) for mu in mus], axis=1
    )
    found = np.array([_valley(mus, row) for row in distances])
    if found[0, 0] > _NEARLY * most:
        raise InputError(
            f"the curves fit best where their scaled times hardly meet, at mu = {most:.3g} or beyond: take "
            "longer times for the larger sizes"
        )
    spread = float(found[1:, 0].std(ddof=1))
    return TimeCollapse(float(found[0, 0]), spread, float(found[0, 1]) / (len(y) - degree - 2))


def _distances(
    x: NDArray[np.float64], values: NDArray[np.float64], errors: NDArray[np.float64], degree: int
) -> NDArray[np.float64]:
    """Sums of squares (n,) that the best polynomials leave of values (n, n_points), in units of errors."""
    x = 2 * (x - x.min()) / max(np.ptp(x), 1e-12) - 1
    basis, _ = np.linalg.qr(np.vander(x, degree + 1) / errors[:, None])
    return (values**2).sum(axis=1) - ((values @ basis) ** 2).sum(axis=1)


def _valley(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """The lowest place of a curve and its height there, by a parabola through the lowest points."""
    k = int(np.argmin(y))
    if not 0 < k < len(x) - 1:
        return float(x[k]), float(y[k])
    below, above = y[k - 1] - y[k], y[k + 1] - y[k]
    shift = 0.5 * (below - above) / max(below + above, 1e-300)
    return float(x[k] + shift * (x[k + 1] - x[k])), float(y[k] - shift * (below - above) / 4)


def _largest_exponent(log_t: Mapping[int, NDArray[np.float64]]) -> float:
    """At which scaled times of every two neighbouring sizes still share a quarter of the shorter range."""
    most = np.inf
    for small, large in itertools.pairwise(sorted(log_t)):
        shorter = min(np.ptp(log_t[small]), np.ptp(log_t[large]))
        apart = log_t[large].max() - log_t[small].min() - _LEAST_SHARED * shorter
        most = min(most, apart / np.log(large / small))
    return float(max(most, 0.0))
