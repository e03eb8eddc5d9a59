"""Parisi's q(x) and the distribution of overlaps of the Sherrington-Kirkpatrick model (Parisi 1983, Phys.
Rev. Lett. 50, 1946: x(q) is the probability of an overlap up to q)."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from qspin.sizes import checked_size
from qspin.theory._equations import Floats
from qspin.theory._levels import middles, usual_breaking
from qspin.theory._near_transition import is_near, near_rise
from qspin.theory._results import checked_parameter, checked_values, temperature_curve, told
from qspin.theory._stability import overlap_ends
from qspin.theory.sherrington_kirkpatrick import SkState, sk_states, unresolved
from qspin.validate import checked_count

__all__ = ["parisi"]

_N_X = 201
_ARRAYS = 10  # of bins, at one temperature


def parisi(temperature: ArrayLike, field: float = 0.0, *, steps: int = 10, bins: int = 50) -> xr.Dataset:
    """q(x) and P(q) of the Sherrington-Kirkpatrick model, the smooth curves through a ladder of `steps`.

    Parameters
    ----------
    temperature : one or several, above 0: at T = 0 all states of one instance have q = 1
    field : h of every spin
    steps : of replica symmetry breaking, 2 to 12
    bins : of the overlap, equally wide from -1 to 1

    Returns
    -------
    over (``beta``, ``q``), as `qspin.analysis.overlap_distribution` has it: ``density``, means over the bins,
    which hold the peaks at the ends of P(q), and ``width`` of the bins; over (``beta``, ``x``): ``overlap``,
    q(x). Over ``beta``: ``q_ea`` = q(1), its ``weight`` in P(q), of both signs without a field, and ``q_min``
    = q(0). A remark ``levels-unresolved`` as of `qspin.theory.sk`

    Raises
    ------
    InputError
        If a temperature is not above 0, or as `qspin.theory.sk`.
    CapacityError
        If bins would not fit in memory.
    RunError
        If a ladder does not converge.

    Examples
    --------
    >>> found = parisi(0.5)
    >>> print(f"{float(found.q_ea[0]):.3f} {float((found.density * found.width).sum()):.6f}")
    0.638 1.000000
    """
    temperatures = checked_values(temperature, "temperature", least=0.0, open_end=True)
    h = checked_parameter(field, "field")
    steps = checked_count(steps, "steps", least=2)
    bins = checked_size(bins, "bins", least=2, each=8 * (_ARRAYS + 2 * len(temperatures)))
    edges, x = np.linspace(-1, 1, bins + 1), np.linspace(0, 1, _N_X)
    density, functions, peaks = [], [], []
    states = sk_states(temperatures, h, steps)
    for t, state in zip(temperatures.tolist(), states, strict=True):
        q, up_to = _rise(t, abs(h), state)
        below = _probability(q, up_to, np.abs(edges))
        shares = (np.sign(edges) * below + 1) / 2 if h == 0 else np.where(edges < 0, 0.0, below)
        density.append(np.diff(shares) * bins / 2)
        functions.append(_function(q, up_to, x))
        peaks.append((q[-1], 1 - up_to[-1], q[0]))
    variables = {
        "density": np.array(density),
        "overlap": np.array(functions),
        **dict(zip(("q_ea", "weight", "q_min"), np.array(peaks).T, strict=True)),
    }
    found = temperature_curve(temperatures, variables, {"density": "q", "overlap": "x"})
    found = found.assign_coords(q=(edges[1:] + edges[:-1]) / 2, x=x)
    found = found.assign(width=("q", np.full(bins, 2 / bins))).assign_attrs(field=h, steps=steps)
    return told(
        found,
        source="Parisi 1983, Phys. Rev. Lett. 50, 1946; ladders as qspin.theory.sk",
        valid="infinitely many spins, temperatures above 0",
        error="of 10 steps below 1 % of the width of P(q); q_ea within 1e-3; slopes of q(x) near T_c "
        "within 1 % at T = 0.9, and with up to 8 steps at T = 0.95, beyond which rounding decides; without a "
        "field from T = 0.97 to 1 of the full solution's series in 1 - T, within 1e-3 of themselves",
        remarks=unresolved(states, temperatures, h, steps),
    )


def _rise(t: float, h: float, state: SkState) -> tuple[Floats, Floats]:
    """Where x(q) rises: overlaps and x there, from where it jumps up from 0 to where it jumps up to 1."""
    if is_near(t, h):
        return near_rise(t)
    levels, breaking = state.ladder.overlaps, state.ladder.breaking
    if np.isnan(breaking).any():
        return levels[:1], np.zeros(1)
    q = middles(levels)
    shares = breaking / usual_breaking(q)
    q_start, q_end = np.array([min(overlap_ends(t, h)[0], levels[0])]), levels[-1:]
    x = np.concatenate([usual_breaking(q_start) * shares[0], breaking, usual_breaking(q_end) * shares[-1]])
    return np.concatenate([q_start, q, q_end]), np.minimum(t * x, 1.0)


def _probability(q: Floats, up_to: Floats, at: Floats) -> Floats:
    """Of an |overlap| below each of these."""
    found = np.where(at > q[-1], 1.0, 0.0)
    inside = (at >= q[0]) & (at <= q[-1])
    if len(q) > 1:
        found[inside] = PchipInterpolator(q, up_to)(at[inside])
    return found


def _function(q: Floats, up_to: Floats, x: Floats) -> Floats:
    if len(q) == 1:
        return np.full(len(x), q[0])
    return np.asarray(PchipInterpolator(up_to, q)(np.clip(x, up_to[0], up_to[-1])))
