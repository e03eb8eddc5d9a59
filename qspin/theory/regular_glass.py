"""The +-J glass on random regular graphs, replica-symmetric, by the whole distribution of messages.

What `qspin.theory.cavity` draws a population of is kept here on a grid: messages of couplings of both signs
are as often positive as negative, so that one distribution of u = atanh(tanh(K) tanh(h)), h being the sum of
degree - 1 others, is all there is (Mezard, Parisi 2001, Eur. Phys. J. B 20, 217).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.signal import fftconvolve

from qspin.errors import InputError
from qspin.remarks import Level
from qspin.theory._equations import Floats
from qspin.theory._results import beta_curve, told, unsettled
from qspin.theory.cavity import cavity_transition, one_state_assumed
from qspin.theory.one_instance.belief import log_cosh, passed_field
from qspin.theory.one_instance.found import checked_betas

__all__ = ["regular_glass"]

_LARGEST_DEGREE = 1_000  # beyond which grids of the sums of messages take minutes
_POINTS = 400  # of the grid of cavity fields on either side of 0
_MOST_SWEEPS = 3_000
_RESIDUAL = 1e-9


def regular_glass(beta: ArrayLike, degree: int = 3) -> xr.Dataset:
    """Energy, free energy and q of couplings -1 or +1 on a random regular graph, one state assumed.

    Exact down to `cavity_transition`; below it, where there are many states, the energy is a lower bound, and
    a remark says so. Couplings that are all +1 are those of a maximum cut: loops are long, and what is odd in
    them frustrates as random signs do, so that without fields both have these energies.

    Parameters
    ----------
    beta : one inverse temperature, or ascending ones; couplings have strength 1
    degree : of every spin, 3 to 1000; from 50 on messages are coarse

    Returns
    -------
    over ``beta``: ``energy`` and ``free_energy`` per spin; ``q``, the mean square of a spin's mean;
    ``residual`` of the distribution, by which another sweep would move its weights in all

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> regular_glass([0.5, 2.0]).energy.values.round(3).tolist()
    [-0.693, -1.26]
    """
    betas = checked_betas(beta)
    if degree > _LARGEST_DEGREE:
        raise InputError(
            f"degree takes 3 to {_LARGEST_DEGREE}; got {degree:g}: take cavity, or sk, the "
            "limit of many neighbours"
        )
    critical = float(cavity_transition(degree).glass_temperature)  # which refuses what is no degree
    rows = np.array([_state(float(at), int(degree), critical) for at in betas])
    names = ("energy", "free_energy", "q", "residual")
    found = beta_curve(betas, dict(zip(names, rows.T, strict=True)))
    temperatures, residuals = found.temperature.values, found.residual.values
    remarks = [one_state_assumed(f"below T = {critical:.6g}")] if (temperatures < critical).any() else []
    if (moving := residuals > _RESIDUAL).any():
        advice = "near the transition messages settle slowly"
        remarks.append(
            unsettled("T", temperatures[moving], residuals[moving], _MOST_SWEEPS, advice, Level.CAUTION)
        )
    return told(
        found.assign_attrs(degree=int(degree)),
        source="Mezard, Parisi 2001, Eur. Phys. J. B 20, 217",
        valid="infinitely many spins; below the transition replica-symmetric",
        error="1e-5 of degree 3, 1e-4 of degree 9, 1e-3 of degree 20, 1e-2 of degree 50, and more of more",
        remarks=remarks,
    )


def _state(beta: float, degree: int, critical: float) -> tuple[float, float, float, float]:
    """Energy, free energy, q and residual at one temperature."""
    links = degree / 2
    if 1 / beta >= critical:
        free_energy = -(np.log(2) + links * log_cosh(np.array(beta))) / beta
        return -links * np.tanh(beta), float(free_energy), 0.0, 0.0
    half = max(_POINTS // (degree - 1), 1)
    u = np.linspace(-beta, beta, 2 * half + 1)
    weights, residual = _messages(u, beta, degree)
    h, cavity = _sum(u, weights, degree - 1)
    local, full = _sum(u, weights, degree)
    log_k = float(log_cosh(np.array(beta)))
    passed = weights @ log_cosh(u)
    site = np.log(2) + degree * (log_k - passed) + full @ log_cosh(local)
    alike, unlike = log_cosh(h[:, None] + h), log_cosh(h[:, None] - h)
    correlation = cavity @ np.tanh(beta + (alike - unlike) / 2) @ cavity
    pairs = np.logaddexp(beta + alike, unlike - beta)
    pair = cavity @ pairs @ cavity - np.log(2) - 2 * cavity @ log_cosh(h)
    return (
        float(-links * correlation),
        float(-(site - links * pair) / beta),
        float(full @ np.tanh(local) ** 2),
        residual,
    )


def _messages(u: Floats, beta: float, degree: int) -> tuple[Floats, float]:
    """Weights of messages at their fixed point, from such as of frozen spins."""
    weights = np.zeros(len(u))
    weights[[0, -1]] = 0.5
    h = _places(u, degree - 1)
    place = (passed_field(np.full(len(h), beta), h) + beta) / (u[1] - u[0])
    left = np.clip(np.floor(place).astype(np.int64), 0, len(u) - 2)
    share = np.clip(place - left, 0.0, 1.0)
    residual = np.inf
    for _ in range(_MOST_SWEEPS):
        fields = _sum(u, weights, degree - 1)[1]
        new = np.bincount(left, fields * (1 - share), len(u)) + np.bincount(left + 1, fields * share, len(u))
        new = (new + new[::-1]) / (2 * new.sum())
        residual = float(np.abs(new - weights).sum())
        weights = new
        if residual <= _RESIDUAL:
            break
    return weights, residual


def _places(u: Floats, count: int) -> Floats:
    return np.linspace(count * u[0], count * u[-1], count * (len(u) - 1) + 1)


def _sum(u: Floats, weights: Floats, count: int) -> tuple[Floats, Floats]:
    """Places and weights of the sum of so many messages."""
    found = weights
    for _ in range(count - 1):
        found = np.maximum(fftconvolve(found, weights), 0.0)
    return _places(u, count), found / found.sum()
