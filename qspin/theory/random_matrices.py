"""Spectra of matrices whose entries are independent: what a weight matrix looks like before it learns.

A matrix W (n_rows, n_columns) of independent entries with mean 0 and variance v is looked at by the
eigenvalues of W^T W / n, n being its longer side: the squares of its singular values over n. Their ratio is
q = shorter / longer side. In the limit of large sides they fill the law of Marchenko and Pastur (1967, Math.
USSR Sb. 1, 457) between v (1 - sqrt q)^2 and v (1 + sqrt q)^2, whatever the distribution of the entries; the
largest of a finite matrix scatters about the upper edge as Tracy and Widom tell (Johnstone 2001, Ann. Stat.
29, 295); and something of rank one that is added stands out above it once it is strong enough (Baik, Ben
Arous, Peche 2005, Ann. Probab. 33, 1643; Benaych-Georges, Nadakuditi 2012, J. Multivar. Anal. 111, 120).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import airy

from qspin.errors import InputError, shown
from qspin.sizes import checked_size
from qspin.theory._results import checked_parameter, checked_values
from qspin.validate import checked_array, checked_count

__all__ = ["largest_eigenvalue", "marchenko_pastur", "spiked_eigenvalue", "tracy_widom"]

Floats = NDArray[np.float64]

_LEAST, _TAIL = -10.0, 4.0  # of the scaled largest eigenvalue: what is tabulated, where it is expanded
_DECAYED = 16.0  # argument at which Airy's function counts as 0: it is 1e-19 there
_NODES = 40
_BYTES_A_POINT = 120
_LONGEST_SIDE = 10**12  # of which the scaled eigenvalue keeps eight digits


def marchenko_pastur(ratio: float, variance: float = 1.0, n_points: int = 401) -> xr.Dataset:
    """Eigenvalues of W^T W / n of a large matrix of independent entries.

    Parameters
    ----------
    ratio : q = shorter / longer side, or larger than 1 where columns outnumber rows
    variance : of the entries
    n_points : at which the density is given, from edge to edge, denser towards both

    Returns
    -------
    over ``eigenvalue``: ``density``, sqrt((upper - x)(x - lower)) / (2 pi q v x), and ``cdf``, its
    integral from the lower edge, which leaves out the eigenvalues that are 0. Attributes ``lower``,
    ``upper``: the edges v (1 -+ sqrt q)^2; ``weight_at_zero``, 1 - 1/q above q = 1. Exact in the limit of
    large sides; at finite ones the edges are soft, see `largest_eigenvalue`

    Raises
    ------
    InputError
        If the ratio or the variance is not positive.
    CapacityError
        If so many points would not fit in memory.

    Examples
    --------
    >>> law = marchenko_pastur(0.25, variance=2.0)
    >>> law.attrs["lower"], law.attrs["upper"]
    (0.5, 4.5)
    """
    q, v = _positive(ratio, "ratio"), _positive(variance, "variance")
    n_points = checked_size(n_points, "n_points", least=3, each=_BYTES_A_POINT)
    lower, upper = v * (1 - np.sqrt(q)) ** 2, v * (1 + np.sqrt(q)) ** 2
    middle, half = (upper + lower) / 2, (upper - lower) / 2
    angle = np.linspace(0, np.pi, n_points)
    x = middle - half * np.cos(angle)
    height = half * np.sin(angle)
    safe = np.where(x > 0, x, np.inf)
    density = height / (2 * np.pi * q * v * safe)
    if lower == 0:
        density[0] = np.inf
    return xr.Dataset(
        {"density": ("eigenvalue", density), "cdf": ("eigenvalue", _cumulative(angle, q))},
        coords={"eigenvalue": x},
        attrs={
            "ratio": q,
            "variance": v,
            "lower": float(lower),
            "upper": float(upper),
            "weight_at_zero": max(0.0, 1 - 1 / q),
            "source": "Marchenko, Pastur 1967, Math. USSR Sb. 1, 457",
            "valid": "independent entries of mean 0, both sides large",
            "error": "0 in the limit of large sides",
        },
    )


def _cumulative(angle: Floats, q: float) -> Floats:
    """Integral of the density up to middle - half cos a: of (2/pi) sin^2 a / (1 + q - 2 sqrt q cos a)."""
    root = np.sqrt(q)
    turn = np.arctan2((1 + root) * np.sin(angle / 2), abs(1 - root) * np.cos(angle / 2))
    return ((1 + q) * angle / 2 + root * np.sin(angle) - abs(1 - q) * turn) / (np.pi * q)


def spiked_eigenvalue(strength: ArrayLike, ratio: float, variance: float = 1.0) -> xr.Dataset:
    """What rank one adds to the spectrum of W^T W / n: W = noise + theta sqrt(v n) u w^T, |u| = |w| = 1.

    Parameters
    ----------
    strength : theta, not negative; the singular value of what is added, over sqrt(v n)
    ratio : q = shorter / longer side, at most 1
    variance : v, of the entries of the noise

    Returns
    -------
    over ``strength``: ``eigenvalue``, v (1 + theta^2)(q + theta^2) / theta^2 above the threshold and the
    upper edge up to it; ``is_outlier``; ``overlap_short``, ``overlap_long``: squared overlap of the singular
    vectors along the shorter and the longer side with those that were added, 0 up to the threshold. Attribute
    ``threshold``, q^(1/4). Exact in the limit of large sides

    Raises
    ------
    InputError
        If a strength is negative, the ratio does not lie between 0 and 1, or the variance is not positive.

    Examples
    --------
    >>> spiked_eigenvalue([0.5, 2.0], 0.25).eigenvalue.values.tolist()
    [2.25, 5.3125]
    """
    q, v = _positive(ratio, "ratio"), _positive(variance, "variance")
    theta = checked_values(strength, "strength", least=0.0)
    if q > 1:
        raise InputError(f"spiked_eigenvalue takes the ratio shorter / longer side, at most 1; got {q:g}")
    threshold = q**0.25
    is_outlier = theta > threshold
    square = np.where(is_outlier, theta, 1.0) ** 2
    found = {
        "eigenvalue": np.where(
            is_outlier, v * (1 + square) * (q + square) / square, v * (1 + np.sqrt(q)) ** 2
        ),
        "is_outlier": is_outlier,
        "overlap_short": np.where(is_outlier, 1 - q * (1 + square) / (square * (square + q)), 0.0),
        "overlap_long": np.where(is_outlier, 1 - (q + square) / (square * (square + 1)), 0.0),
    }
    return xr.Dataset(
        {name: ("strength", values) for name, values in found.items()},
        coords={"strength": theta},
        attrs={
            "ratio": q,
            "variance": v,
            "threshold": threshold,
            "source": "Benaych-Georges, Nadakuditi 2012, J. Multivar. Anal. 111, 120",
            "valid": "rank one, both sides large",
            "error": "0 in the limit of large sides",
        },
    )


def tracy_widom(x: ArrayLike) -> xr.Dataset:
    """Distribution of the largest eigenvalue of large real symmetric random matrices, scaled (beta = 1).

    F(x) = det(1 - K) on the half-line, K(s, t) = Ai(s + t + x) (Ferrari, Spohn 2005, J. Phys. A 38, L557), by
    Gauss quadrature (Bornemann 2010, Math. Comp. 79, 871).

    Parameters
    ----------
    x : from -10 on

    Returns
    -------
    over ``x``: ``cdf`` F, and ``exceedance`` 1 - F, whose relative error stays small far above

    Raises
    ------
    InputError
        If a value is below -10, where F is less than 1e-18, or not finite.

    Examples
    --------
    >>> tracy_widom([-1.26857, 0.97932]).cdf.values.round(4).tolist()
    [0.5, 0.95]
    """
    at = np.atleast_1d(checked_array(x, "x").astype(np.float64))
    if at.ndim != 1 or not (np.isfinite(at) & (at >= _LEAST)).all():
        raise InputError(f"tracy_widom takes finite values from {_LEAST:g} on; got {x!s}")
    above = np.array([_exceedance(value) for value in at.tolist()])
    return xr.Dataset(
        {"cdf": ("x", 1 - above), "exceedance": ("x", above)},
        coords={"x": at},
        attrs={
            "source": "Ferrari, Spohn 2005, J. Phys. A 38, L557; Bornemann 2010, Math. Comp. 79, 871",
            "valid": "the limit of large matrices",
            "error": "1e-13, far above 1e-8 of the value",
        },
    )


def _exceedance(x: float) -> float:
    """1 - det(1 - K); far above by traces, where 1 - det would be rounding."""
    nodes, weights = _gauss()
    end = max(_DECAYED - x, 1.0)
    s, w = end * (nodes + 1) / 2, end * weights / 2
    kernel = np.sqrt(w[:, None] * w) * airy(s[:, None] + s + x)[0]
    if x < _TAIL:
        return float(1 - np.linalg.det(np.eye(_NODES) - kernel))
    first, second = np.trace(kernel), np.sum(kernel**2)
    return float(first - (first**2 - second) / 2)


@cache
def _gauss() -> tuple[Floats, Floats]:
    """Nodes and weights from -1 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def largest_eigenvalue(
    n_rows: int, n_columns: int, eigenvalue: ArrayLike, variance: float = 1.0
) -> xr.Dataset:
    """How often the largest eigenvalue of W^T W / n is as large, if the entries of W are independent.

    Parameters
    ----------
    n_rows, n_columns : of W, each at least 2; n is the larger
    eigenvalue : one or several, not negative
    variance : of the entries

    Returns
    -------
    over ``eigenvalue``: ``scaled``, its distance from the mean edge in units of the fluctuation, and
    ``exceedance``, the p-value by Tracy and Widom. Attributes ``centre`` and ``scale`` of these units, with
    the corrections that leave an error of order n^(-2/3) (Ma 2012, Bernoulli 18, 322). Proven for normal
    entries; the limit is the same for others with four moments (Pillai, Yin 2014, Ann. Appl. Probab. 24,
    935). Of short sides, entries with lighter tails, such as uniform ones, give p-values that are too large

    Raises
    ------
    InputError
        If a side is shorter than 2 or longer than 1e12, an eigenvalue negative, or the variance not positive.

    Examples
    --------
    >>> found = largest_eigenvalue(400, 100, [2.25, 2.6])
    >>> round(found.attrs["centre"], 3), found.exceedance.values.round(5).tolist()
    (2.244, [0.14384, 0.0])
    """
    sides = [_side(n, name) for n, name in ((n_rows, "n_rows"), (n_columns, "n_columns"))]
    values = np.atleast_1d(checked_array(eigenvalue, "eigenvalues").astype(np.float64))
    v = _positive(variance, "variance")
    if values.ndim != 1 or not (np.isfinite(values) & (values >= 0)).all():
        raise InputError(f"largest_eigenvalue takes finite eigenvalues >= 0; got {eigenvalue!s}")
    roots = np.sqrt(np.array(sides) - 0.5)
    centre, scale = roots.sum() ** 2, roots.sum() * (1 / roots).sum() ** (1 / 3)
    longer = max(sides)
    scaled = (values * longer / v - centre) / scale
    return xr.Dataset(
        {
            "scaled": ("eigenvalue", scaled),
            "exceedance": ("eigenvalue", tracy_widom(np.maximum(scaled, _LEAST)).exceedance.values),
        },
        coords={"eigenvalue": values},
        attrs={
            "centre": float(centre * v / longer),
            "scale": float(scale * v / longer),
            "source": "Johnstone 2001, Ann. Stat. 29, 295; Ma 2012, Bernoulli 18, 322",
            "valid": "independent entries of mean 0 and known variance",
            "error": "of order (shorter side)^(-2/3) in the p-value",
        },
    )


def _side(n: int, name: str) -> int:
    if (side := checked_count(n, name, least=2)) > _LONGEST_SIDE:
        raise InputError(
            f"{name} takes 2 to {_LONGEST_SIDE:g}, beyond which rounding decides; got {shown(n)}: "
            "marchenko_pastur is the limit"
        )
    return side


def _positive(value: float, name: str) -> float:
    if (number := checked_parameter(value, name)) <= 0:
        raise InputError(f"the {name} must be positive; got {number:g}")
    return number
