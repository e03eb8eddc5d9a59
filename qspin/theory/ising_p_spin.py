"""Ising spins with couplings of p spins, variance p! / (2 N^(p-1)), by one step of replica symmetry breaking.

Above T_c the annealed solution holds. Between T_c and T_d there are exponentially many metastable states, at
m = 1; their fields have the mean lambda and the variance lambda = beta^2 xi'(q), which makes all of them
functions of lambda (Gardner 1985, Nucl. Phys. B 257, 747; Montanari, Ricci-Tersenghi 2003, Eur. Phys. J. B
33, 339, whose T_d, T_c and T_G of p = 3 are 0.682, 0.651 and 0.240).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from qspin.errors import InputError, shown
from qspin.remarks import Remark
from qspin.theory._equations import NORMAL_NODES, NORMAL_WEIGHTS, root, tanh_means
from qspin.theory._parisi import Covariance, Ladder, broken_ladder
from qspin.theory._results import checked_temperatures, replica_symmetry_broken, temperature_curve, told
from qspin.validate import checked_count

__all__ = ["p_spin_ising", "p_spin_ising_transitions"]

_MOST_BODIES = 12
_LEAST_TEMPERATURE = 0.01
_LEAST_GARDNER = 0.03
_SOURCE = "Gardner 1985, Nucl. Phys. B 257, 747; Montanari, Ricci-Tersenghi 2003, Eur. Phys. J. B 33, 339"


class _Transitions(NamedTuple):
    dynamic: float
    dynamic_overlap: float
    dynamic_field: float
    """lambda there."""
    static: float
    static_overlap: float
    gardner: float


def p_spin_ising(temperature: ArrayLike, p: int = 3) -> xr.Dataset:
    """The Ising p-spin model with one step of replica symmetry breaking.

    Parameters
    ----------
    temperature : one or several: 0, or from 0.01 on
    p : spins a coupling, 3 to 12

    Returns
    -------
    over ``beta``, with ``temperature``, per spin: ``energy``, ``free_energy``, ``entropy``; ``q_ea``, the
    overlap within a state, of metastable ones between T_c and T_d, 0 above; ``breaking_point`` m, 1 above
    T_c; ``q_abs`` and ``q2`` of equilibrium; ``complexity``, the logarithm of the number of states that make
    up equilibrium, 0 below T_c and from T_d on; ``stability``, the replicon eigenvalue within a state, NaN
    where there is none. Attributes as variables of `p_spin_ising_transitions`. Below T_G the states break up
    further: a remark ``replica-symmetry-broken``

    Raises
    ------
    InputError
        If a temperature is none of these, or p is not 3 to 12.

    Examples
    --------
    >>> found = p_spin_ising([0.0, 0.4, 0.66, 1.0])
    >>> found.energy.values.round(4).tolist()
    [-0.8135, -0.8031, -0.7576, -0.5]
    """
    temperatures = checked_temperatures(temperature)
    p = _checked_bodies(p)
    low = temperatures[(temperatures > 0) & (temperatures < _LEAST_TEMPERATURE)]
    if low.size:
        raise InputError(f"temperature takes 0, or {_LEAST_TEMPERATURE:g} and more; got {low[0]:g}")
    known = _transitions(p)
    rows = [_row(t, p, known) for t in temperatures.tolist()]
    found = temperature_curve(temperatures, {name: np.array([row[name] for row in rows]) for name in rows[0]})
    found = found.assign_attrs(
        p=p,
        dynamic_temperature=known.dynamic,
        static_temperature=known.static,
        gardner_temperature=known.gardner,
    )
    return told(
        found,
        source=_SOURCE,
        valid="infinitely many spins; exact from T_G on",
        error="1e-7; energies of more steps are higher below T_G, of p = 3 at T = 0 by 3.4e-4",
        remarks=_remarks(found, known),
    )


def p_spin_ising_transitions(p: int = 3) -> xr.Dataset:
    """Temperatures of the Ising p-spin model.

    Parameters
    ----------
    p : spins a coupling, 3 to 12

    Returns
    -------
    ``dynamic_temperature`` T_d, below which metastable states hold equilibrium, with ``dynamic_overlap``;
    ``static_temperature`` T_c (or T_K), below which few states do, with ``static_overlap``;
    ``gardner_temperature`` T_G, below which they break up, NaN where it lies below 0.02

    Raises
    ------
    InputError
        If p is not 3 to 12.

    Examples
    --------
    >>> found = p_spin_ising_transitions(3)
    >>> [round(float(found[f"{name}_temperature"]), 4) for name in ("dynamic", "static", "gardner")]
    [0.6816, 0.6514, 0.2403]
    """
    p = _checked_bodies(p)
    known = _transitions(p)
    found = xr.Dataset(
        {
            "dynamic_temperature": known.dynamic,
            "dynamic_overlap": known.dynamic_overlap,
            "static_temperature": known.static,
            "static_overlap": known.static_overlap,
            "gardner_temperature": known.gardner,
        },
        attrs={"p": p},
    )
    return told(found, source=_SOURCE, valid="infinitely many spins", error="1e-7")


def _checked_bodies(p: int) -> int:
    if checked_count(p, "p, the spins of a coupling,", least=3) > _MOST_BODIES:
        raise InputError(f"p takes 3 to {_MOST_BODIES}; got {shown(p)}: random_energy is the limit of many")
    return int(p)


@functools.cache
def _transitions(p: int) -> _Transitions:
    best = minimize_scalar(
        lambda log: -_temperature(float(np.exp(log)), p),
        bounds=(np.log(0.1), np.log(30.0)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    field = float(np.exp(best.x))
    static = root(lambda lam: _complexity(lam, p), field, 100.0 * p, f"T_c of p = {p}")
    known = _Transitions(
        _temperature(field, p), _overlap(field), field, _temperature(static, p), _overlap(static), np.nan
    )
    return known._replace(gardner=_gardner(p, known))


def _gardner(p: int, known: _Transitions) -> float:
    """Where the replicon eigenvalue of the solution of one step vanishes; NaN if that is below 0.02."""
    high = low = 0.999 * known.static
    while low > _LEAST_GARDNER:
        high, low = low, 0.7 * low
        if _ladder(low, p, known).replicon < 0:
            return root(lambda t: _ladder(t, p, known).replicon, low, high, f"T_G of p = {p}")
    return np.nan


def _overlap(lam: float) -> float:
    return float(tanh_means(lam, np.sqrt(lam)).tanh)


def _temperature(lam: float, p: int) -> float:
    """At which lambda = beta^2 xi'(q)."""
    return float(np.sqrt(p / 2 * _overlap(lam) ** (p - 1) / lam))


def _complexity(lam: float, p: int) -> float:
    """- m^2 d(-beta f)/dm at m = 1."""
    rest = float(tanh_means(lam, np.sqrt(lam)).log2cosh)
    return np.log(2) + lam / 2 + lam * _overlap(lam) * (p - 1) / (2 * p) - rest


def _ladder(t: float, p: int, known: _Transitions) -> Ladder:
    """Of one step, below T_c."""
    a = min(1 / known.static, 0.999 / t) if t else 1 / known.static
    q = _overlap_at(t, a * t, p) if t else 1.0
    return broken_ladder(t, np.array([0.0, q]), np.array([a]), covariance=Covariance(p))


def _overlap_at(t: float, m: float, p: int) -> float:
    """Of states weighed with m, by going on from q = 1, where it is close to."""
    z, weights = NORMAL_NODES, NORMAL_WEIGHTS
    q = 1.0
    for _ in range(30):
        y = z * np.sqrt(p / 2 * q ** (p - 1)) / t
        size = np.abs(y)
        tilted = weights * np.exp(m * (size + np.log1p(np.exp(-2 * size)) - size.max()))
        q = float(tilted @ np.tanh(y) ** 2 / tilted.sum())
    return q


def _row(t: float, p: int, known: _Transitions) -> dict[str, float]:
    if t >= known.static:
        return _annealed(t, p, known)
    ladder = _ladder(t, p, known)
    q, m = float(ladder.overlaps[1]), float(ladder.breaking[0]) * t
    return {
        "energy": ladder.free_energy + t * ladder.entropy,
        "free_energy": ladder.free_energy,
        "entropy": ladder.entropy,
        "q_ea": q,
        "breaking_point": m,
        "q_abs": (1 - m) * q,
        "q2": (1 - m) * q**2,
        "complexity": 0.0,
        "stability": ladder.replicon,
    }


def _annealed(t: float, p: int, known: _Transitions) -> dict[str, float]:
    entropy = np.log(2) - (0.5 / t) ** 2
    found = {
        "energy": -1 / (2 * t),
        "free_energy": -1 / (2 * t) - t * entropy,
        "entropy": entropy,
        **dict.fromkeys(("q_ea", "q_abs", "q2", "complexity"), 0.0),
        "breaking_point": 1.0,
        "stability": np.nan,
    }
    if t >= known.dynamic:
        return found
    field = root(lambda lam: _temperature(lam, p) - t, known.dynamic_field, 100.0 * p, "a state")
    q = _overlap(field)
    sech4 = float(tanh_means(field, np.sqrt(field)).sech4)
    stability = 1 - Covariance(p).response(q) * sech4 / t**2
    return {**found, "q_ea": q, "complexity": _complexity(field, p), "stability": stability}


def _remarks(found: xr.Dataset, known: _Transitions) -> list[Remark]:
    below = int((found["stability"].values < 0).sum())
    if not below:
        return []
    line = "0.02" if np.isnan(known.gardner) else f"{known.gardner:.4f}"
    where = f"below T_G = {line}, at {below} of {found.sizes['beta']} temperatures,"
    return [replica_symmetry_broken(where, "solution of one step")]
