"""What mean-field models share: Gaussian means of steep functions, and roots that say how they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import erf

from qspin.errors import RunError

__all__ = [
    "NORMAL_NODES",
    "NORMAL_WEIGHTS",
    "Floats",
    "Solution",
    "TanhMeans",
    "damped_newton",
    "root",
    "tanh_mean",
    "tanh_means",
]

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_FAR = 9.0  # standard deviations, beyond which a normal distribution counts for nothing: 1e-18
_FARTHEST = 39.0  # beyond which it is 0 in double precision
_SATURATED = 20.0  # where tanh is 1 to 1e-17
_MOST_DAMPED, _MOST_STRAIGHT = 25, 10  # steps of Newton's method
_MOVE = 1e-2  # for derivatives, in units of scales: where equations hardly depend on some, less is rounding
_NARROW = 1e-5  # a width below which the mean is the value in the middle


def _panels(edges: Iterable[float], n: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre on each panel and its mirror image, with the weight of a standard normal distribution:
    panels that grow from 0, so that steps there are resolved."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    ends = np.array(list(edges))
    half = np.diff(ends)[:, None] / 2
    z = (ends[:-1, None] + half * (1 + nodes)).ravel()
    w = (half * weights).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.concatenate([-z[::-1], z]), np.concatenate([w[::-1], w])


NORMAL_NODES, NORMAL_WEIGHTS = _panels((0, 0.003, 0.02, 0.1, 0.4, 1.2, 3.5, _FAR), 24)
"""Nodes z and weights of means over a standard normal variable, of functions that may step near z = 0."""


class TanhMeans(NamedTuple):
    """Means over y of mean m and standard deviation s, normally distributed; arrays of one shape."""

    tanh: Floats
    sech2: Floats
    """Of 1 - tanh^2, without loss where it is small."""
    sech4: Floats
    log2cosh: Floats


def tanh_means(mean: ArrayLike, width: ArrayLike) -> TanhMeans:
    """Means of tanh y, 1 - tanh^2 y, (1 - tanh^2 y)^2 and ln 2cosh y of a normal variable, for any width.

    The limits of a step are closed formulas; what is left falls off as exp(-2 |y|) and is integrated on both
    sides of 0. Good to 1e-12 from widths of 1e-5, below which they are the values at the mean, to any size.

    Parameters
    ----------
    mean, width : of y, broadcast against each other; widths of 0 or more
    """
    m, s = np.broadcast_arrays(np.asarray(mean, dtype=np.float64), np.asarray(width, dtype=np.float64))
    near = _near_zero(m, s)
    falling, both = near.falling, near.here + near.there
    sech2 = 4 * falling / (1 + falling) ** 2
    absolute = near.sigma * np.sqrt(2 / np.pi) * np.exp(-(near.ratio**2)) + near.size * erf(near.ratio)
    means = TanhMeans(
        _bent(m, near),
        (sech2 * both).sum(axis=-1),
        (sech2**2 * both).sum(axis=-1),
        absolute + (np.log1p(falling) * both).sum(axis=-1),
    )
    if not (s < _NARROW).any():
        return means
    point = _at_a_point(m)
    return TanhMeans(*(np.where(s < _NARROW, a, b) for a, b in zip(point, means, strict=True)))


def tanh_mean(mean: ArrayLike, width: ArrayLike) -> Floats:
    """The first of `tanh_means` alone, for searches that ask for it many times."""
    m, s = np.broadcast_arrays(np.asarray(mean, dtype=np.float64), np.asarray(width, dtype=np.float64))
    found = _bent(m, _near_zero(m, s))
    return np.asarray(np.where(s < _NARROW, np.tanh(m), found) if (s < _NARROW).any() else found)


class _Near(NamedTuple):
    """Where a step differs from sign y: at y = 0 .. 20 on both sides."""

    size: Floats
    sigma: Floats
    ratio: Floats
    falling: Floats
    """exp(-2 y)."""
    here: Floats
    """Weights at y of the sign of the mean."""
    there: Floats


def _near_zero(m: Floats, s: Floats) -> _Near:
    sigma, size = np.maximum(s, _NARROW), np.abs(m)
    below = _FAR + np.minimum(4 * sigma, _FARTHEST - _FAR)  # exp(-4 y) moves a normal variable down by 4 s^2
    low = np.minimum(np.maximum(size - below * sigma, 0), _SATURATED)[..., None]
    high = np.minimum(size + _FAR * sigma, _SATURATED)[..., None]
    half, wide = (high - low) / 2, sigma[..., None]
    y = low + half * (1 + _NODES)
    scale = half * _WEIGHTS / (wide * np.sqrt(2 * np.pi))
    here = scale * np.exp(-(((y - size[..., None]) / wide) ** 2) / 2)
    there = scale * np.exp(-(((y + size[..., None]) / wide) ** 2) / 2)
    return _Near(size, sigma, size / (sigma * np.sqrt(2)), np.exp(-2 * y), here, there)


def _bent(m: Floats, near: _Near) -> Floats:
    lost = (2 * near.falling / (1 + near.falling) * (near.here - near.there)).sum(axis=-1)
    return np.asarray(np.sign(m) * (erf(near.ratio) - lost))


def _at_a_point(y: Floats) -> TanhMeans:
    falling = np.exp(-2 * np.abs(y))
    sech2 = 4 * falling / (1 + falling) ** 2
    return TanhMeans(np.tanh(y), sech2, sech2**2, np.abs(y) + np.log1p(falling))


def root(function: Callable[[float], float], low: float, high: float, what: str) -> float:
    """The root of a function that changes sign between two ends, to rounding.

    Raises
    ------
    RunError
        If it does not change sign there; `what` says whose root it is.
    """
    at_low, at_high = function(low), function(high)
    if not at_low * at_high <= 0:
        raise RunError(
            f"{what} was not found between {low:g} and {high:g}: the equation leaves {at_low:.3g} and "
            f"{at_high:.3g} there; take a temperature or a load farther from the ends of their ranges"
        )
    return float(brentq(function, low, high, xtol=1e-13 * max(abs(low), abs(high), 1e-6), rtol=1e-13))


class Solution(NamedTuple):
    values: Floats
    residual: float
    """Largest left-over of an equation."""
    steps: int


def damped_newton(
    equations: Callable[[Floats], Floats],
    start: Floats,
    scales: Floats,
    allowed: Callable[[Floats], bool],
    what: str,
    *,
    tolerance: float,
    enough: float,
) -> Solution:
    """Newton's method with numerical derivatives, for equations to which some directions hardly matter.

    First these are gone only as far as the squares of the residuals fall as expected (Levenberg 1944,
    Marquardt 1963). Near the solution steps are whole, although in curved valleys residuals rise now and
    then.

    Parameters
    ----------
    start : where `allowed`
    scales : steps of the variables that are alike
    what : is solved for, in the message
    tolerance : of the largest residual, where it stops
    enough : where it counts after the most steps

    Raises
    ------
    RunError
        If the residual stays above `enough`, with the residual, the steps and what to change.
    """
    if not allowed(start):
        raise RunError(f"{what} has no first guess here; take fewer steps of replica symmetry breaking")

    def guarded(values: Floats) -> Floats:
        return equations(values) if allowed(values) else np.full_like(values, np.inf)

    found = Solution(start, float(np.abs(equations(start)).max()), 0)
    for method, goal in ((_descended, 10 * enough), (_straight, tolerance), (_descended, enough)):
        if found.residual > goal:
            found = method(guarded, found, scales, goal)
    if not found.residual <= enough:
        raise RunError(
            f"{what} did not converge: a residual of {found.residual:.2g} is left after {found.steps} steps; "
            "take fewer steps of replica symmetry breaking or a temperature farther from the transition"
        )
    return found


def _descended(
    equations: Callable[[Floats], Floats],
    start: Solution,
    scales: Floats,
    goal: float,
) -> Solution:
    """Damped as much as the residuals ask for."""
    values, left, damping, slopes, steps = start.values, equations(start.values), 1e-4, None, 0
    while np.abs(left).max() > goal and steps < _MOST_DAMPED:
        if slopes is None:
            slopes = _slopes(equations, values, left, scales)
            if not np.isfinite(slopes).all():
                break
            u, s, vt = np.linalg.svd(slopes)
        step = -(vt.T @ (s * (u.T @ left) / (s**2 + (damping * s[0]) ** 2)))
        moved, expected = values + scales * step, left + slopes @ step
        then = equations(moved)
        gain = (left @ left - then @ then) / max(left @ left - expected @ expected, np.finfo(float).tiny)
        if gain > 1e-3:
            values, left, slopes = moved, then, None
        damping *= 0.1 if gain > 0.5 else 1.0 if gain > 0.2 else 8.0
        steps += 1
    return Solution(values, float(np.abs(left).max()), start.steps + steps)


def _straight(
    equations: Callable[[Floats], Floats],
    start: Solution,
    scales: Floats,
    goal: float,
) -> Solution:
    """By whole steps; the best of where they lead."""
    values, left, best = start.values, equations(start.values), start
    for steps in range(start.steps + 1, start.steps + 1 + _MOST_STRAIGHT):
        slopes = _slopes(equations, values, left, scales)
        if not np.isfinite(slopes).all():
            return best
        values = values - scales * np.linalg.lstsq(slopes, left, rcond=None)[0]
        left = equations(values)
        residual = float(np.abs(left).max())
        if not np.isfinite(residual):
            return best
        if residual < best.residual:
            best = Solution(values, residual, steps)
        if residual <= goal:
            break
    return best


def _slopes(equations: Callable[[Floats], Floats], values: Floats, left: Floats, scales: Floats) -> Floats:
    """Derivatives of the equations by the variables in units of `scales`, by differences to both sides, or
    to the one where there are any."""
    found = []
    for move in _MOVE * np.diag(scales):
        up, down = equations(values + move), equations(values - move)
        if not np.isfinite(up).all():
            up = 2 * left - down
        elif not np.isfinite(down).all():
            down = 2 * left - up
        found.append((up - down) / 2)
    return np.stack(found, axis=1) / _MOVE
