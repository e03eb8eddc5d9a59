"""The spherical p-spin glass without a field: transitions, thermodynamics and the number of critical points.

``E(s) = -sum J_(i1..ip) s_i1 .. s_ip`` over ``i1 < .. < ip`` on the sphere ``|s|^2 = N``, J Gaussian of
variance ``p! / (2 N^(p-1))``, so that energies have the covariance ``N q^p / 2``. Everything is given per
spin, as ``E / N``. Choromanska et al. 2015 (arXiv:1412.0233) and Auffinger, Ben Arous, Cerny take the
covariance ``N q^p``: their energies are sqrt(2) times these.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from qspin.errors import InputError, shown
from qspin.sizes import checked_size
from qspin.theory._results import checked_values, temperature_curve, told
from qspin.validate import checked_array, checked_count

__all__ = ["index_share", "p_spin_spherical"]

_MOST_BODIES = 1_000_000

Floats = NDArray[np.float64]

_SOURCES = (
    "Crisanti, Sommers 1992, Z. Phys. B 87, 341 (statics); Crisanti, Horner, Sommers 1993, Z. Phys. B 92, "
    "257, and Cugliandolo, Kurchan 1993, Phys. Rev. Lett. 71, 173 (dynamics); Auffinger, Ben Arous, Cerny "
    "2013, Comm. Pure Appl. Math. 66, 165 (critical points)"
)
_POINTS = 201


def p_spin_spherical(
    p: int = 3,
    *,
    temperature: ArrayLike | None = None,
    critical_energy: ArrayLike | None = None,
    n_indices: int = 4,
) -> xr.Dataset:
    """The spherical p-spin glass of infinite size, in closed form up to one root.

    Parameters
    ----------
    p : spins of an interaction, 3 or more; 2 has neither a dynamical transition nor many minima
    temperature : positive; default up to twice the dynamical transition
    critical_energy : a spin, at which critical points are counted; default from below the ground state to 0
    n_indices : 0, 1, .. of so many indices k critical points are counted

    Returns
    -------
    ``dynamic_temperature`` and ``dynamic_overlap`` (T_d, q_d), below which dynamics from random starts no
    longer reaches equilibrium; ``static_temperature`` and ``static_overlap`` (T_s, q_s), where one step of
    replica symmetry breaking sets in; ``threshold_energy`` (E_th), where descent from random starts ends;
    ``ground_energy`` (E_gs).

    Over ``beta``, equilibrium: ``energy``; ``q_ea``, the overlap within a state (0 above T_s, where states
    are too many to be met twice); ``breaking_point``, Parisi's m (1 above T_s); ``entropy_deficit``, ``s -
    s(T = infinity)`` in nats.

    Over ``critical_energy``: ``complexity``, ln of the number of critical points of all indices, over N;
    ``complexity_of_index`` (index, critical_energy), of those with k negative eigenvalues, k = 0 being
    minima. Where it is negative there are such points in exponentially few instances only; of a fixed k it is
    -inf above E_th, where the index grows with N. ``index_share``, the share of negative eigenvalues of
    points at that energy, and ``lowest_energy`` (index), from which on there are points of that index

    Raises
    ------
    InputError
        If p is below 3, a temperature is not positive, an energy not finite, or there are no indices.
    CapacityError
        If so many indices would not fit in memory.

    Examples
    --------
    >>> glass = p_spin_spherical(3)
    >>> [round(float(glass[name]), 6) for name in ("dynamic_temperature", "static_temperature")]
    [0.612372, 0.586054]
    >>> [round(float(glass[name]), 6) for name in ("threshold_energy", "ground_energy")]
    [-1.154701, -1.171675]
    """
    p = _checked_bodies(p)
    y = _breaking_ratio(p)
    point = _special_points(p, y)
    threshold, ground = point["threshold_energy"], point["ground_energy"]
    default = np.linspace(0, 2 * point["dynamic_temperature"], _POINTS)[1:]
    temperatures = checked_values(
        default if temperature is None else temperature, "temperature", least=0.0, open_end=True
    )
    energies = _checked(
        np.linspace(1.01 * ground, 0, _POINTS) if critical_energy is None else critical_energy,
        "critical_energy",
    )
    indices = np.arange(checked_size(n_indices, "n_indices", each=24 * len(energies)))
    of_index = np.stack([_complexity_of_index(p, energies, k) for k in indices.tolist()])
    found = temperature_curve(temperatures, _equilibrium(p, y, temperatures))
    found = found.assign_coords(critical_energy=energies, index=indices).assign(
        complexity=("critical_energy", _complexity(p, energies)),
        complexity_of_index=(("index", "critical_energy"), of_index),
        index_share=("critical_energy", index_share(energies, p)),
        lowest_energy=("index", [_lowest(p, k, threshold) for k in indices.tolist()]),
    )
    return told(
        found.assign(point).assign_attrs(p=p),
        source=_SOURCES,
        valid="N -> infinity, no field, any temperature: one step of breaking is exact below T_s",
        error="of the roots, 1e-12; of finite systems, corrections of order 1/N and (ln N)/N",
    )


def index_share(energy: ArrayLike, p: int) -> Floats:
    """Share of negative eigenvalues of the Hessian on the sphere at critical points of an energy a spin.

    The eigenvalues lie on a semicircle of radius ``sqrt(2 p (p - 1))`` about ``-p E``, and below the
    threshold all are positive (Kurchan, Laloux 1996, J. Phys. A 29, 1929).

    Examples
    --------
    >>> index_share([-1.1548, 0.0, 2.0], 3).tolist()
    [0.0, 0.5, 1.0]
    """
    p = _checked_bodies(p)
    x = np.clip(_checked(energy, "energy") / _threshold(p), -1, 1)
    return (np.arccos(x) - x * np.sqrt(1 - x**2)) / np.pi


def _checked(values: ArrayLike, what: str) -> Floats:
    array = np.atleast_1d(checked_array(values, what).astype(np.float64))
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise InputError(f"{what} takes one or several finite numbers; got {values!s:.60}")
    return array


def _threshold(p: int) -> float:
    return -math.sqrt(2 * (p - 1) / p)


def _breaking_ratio(p: int) -> float:
    """y = (1 - q) / (1 - q + m q), the same for all T < T_s: the root of -2 y (1 - y + ln y) / (1 - y)^2 =
    2/p."""

    def excess(log_y: float) -> float:
        y = math.exp(log_y)
        return -2 * y * (1 - y + log_y) / (1 - y) ** 2 - 2 / p

    return math.exp(brentq(excess, -3 * math.log(p) - 3, -0.01, xtol=1e-15))


def _checked_bodies(p: int) -> int:
    if (bodies := checked_count(p, "p, the spins of an interaction,", least=3)) > _MOST_BODIES:
        raise InputError(
            f"p takes 3 to {_MOST_BODIES}; got {shown(p)}: random_energy is the limit of many, of Ising spins"
        )
    return bodies


def _special_points(p: int, y: float) -> dict[str, float]:
    """Transitions, and the energies where they lead; chi and mu are (1 - q)/T and m/T at T = 0."""
    static_overlap = 1 - y
    chi = math.sqrt(2 * y / p)
    mu = chi * (1 - y) / y
    log_dynamic = math.log(p / 2) + (p - 2) * math.log(p - 2) - (p - 1) * math.log(p - 1)
    return {
        "dynamic_temperature": math.exp(log_dynamic / 2),
        "dynamic_overlap": (p - 2) / (p - 1),
        "static_temperature": math.sqrt(p * static_overlap ** (p - 2) * y / 2),
        "static_overlap": static_overlap,
        "threshold_energy": _threshold(p),
        "ground_energy": -(mu + p * chi) / 2,
    }


def _equilibrium(p: int, y: float, temperatures: Floats) -> dict[str, Floats]:
    static = _special_points(p, y)["static_temperature"]
    overlaps = np.array([_overlap(p, y, t) if t < static else 0.0 for t in temperatures.tolist()])
    frozen = overlaps > 0
    q = np.where(frozen, overlaps, 1.0)
    m = np.where(frozen, (1 - q) * (1 / y - 1) / q, 1.0)
    beta = 1 / temperatures
    energy = -beta / 2 * (1 - (1 - m) * overlaps**p)
    free = energy / 2
    # the sphere's part that a state takes, ln of it over N, against the whole sphere
    volume = np.where(frozen, (np.log1p(-overlaps) - np.log(y) / m) / 2, 0.0)
    free = free - temperatures * volume
    return {
        "energy": energy,
        "q_ea": overlaps,
        "breaking_point": m,
        "entropy_deficit": beta * (energy - free),
    }


def _overlap(p: int, y: float, temperature: float) -> float:
    """The larger root of q^(p-2) (1 - q)^2 = 2 y T^2 / p; it lies above (p - 2) / p."""
    target = 2 * y * temperature**2 / p
    return float(brentq(lambda q: q ** (p - 2) * (1 - q) ** 2 - target, (p - 2) / p, 1.0, xtol=1e-15))


def _complexity(p: int, energies: Floats) -> Floats:
    """Of all critical points: the index-0 branch below the threshold, a parabola above; symmetric in E."""
    depth = np.abs(energies)
    parabola = math.log(p - 1) / 2 - (p - 2) / (2 * (p - 1)) * depth**2
    return parabola - _tail(p, np.maximum(depth, -_threshold(p)))


def _complexity_of_index(p: int, energies: Floats, k: int) -> Floats:
    """Theta_k of Auffinger, Ben Arous, Cerny at u = sqrt(2) E; -inf above the threshold."""
    below = energies <= _threshold(p)
    depth = np.where(below, -energies, -_threshold(p))
    parabola = math.log(p - 1) / 2 - (p - 2) / (2 * (p - 1)) * depth**2
    return np.where(below, parabola - (k + 1) * _tail(p, depth), -np.inf)


def _tail(p: int, depth: Floats) -> Floats:
    """I_1: what it costs to pull one eigenvalue off its semicircle, at -E = depth beyond the threshold."""
    x = depth / -_threshold(p)
    return x * np.sqrt(x**2 - 1) - np.log(x + np.sqrt(x**2 - 1))


def _lowest(p: int, k: int, threshold: float) -> float:
    """The root of Theta_k."""

    def number(energy: float) -> float:
        return float(_complexity_of_index(p, np.array([energy]), k)[0])

    return float(brentq(number, 3 * threshold - math.log(p), threshold, xtol=1e-14))
