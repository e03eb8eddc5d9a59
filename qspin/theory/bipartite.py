"""Restricted Boltzmann machines with random and planted weights: their phases, replica-symmetric.

W_ij = sigma r_ij / sqrt(L) + w u_i v_j / L between n_v visible and n_h hidden units of +-1, L = sqrt(n_v
n_h), with r, u and v independent normal numbers, and E = -sum W_ij s_i t_j: the ensemble of Decelle, Fissore,
Furtlehner 2018, J. Stat. Phys. 172, 1576. Of each layer there are a magnetisation along its planted vector
and an overlap,

    m_v = E[u tanh beta(w k m_h u + sigma sqrt(k q_h) x)],   q_v = E[tanh^2],   k = sqrt(n_h / n_v)

and those of the hidden layer with v and h exchanged and 1/k for k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.remarks import Remark, remarks_of
from qspin.theory._equations import Floats
from qspin.theory._results import (
    checked_parameter,
    checked_values,
    listed,
    replica_symmetry_broken,
    temperature_curve,
    told,
    unsettled,
)
from qspin.validate import checked_array

__all__ = ["effective_rank", "rbm_phase_diagram", "rbm_phases", "rbm_transitions"]

_NODES = 64
_ROUNDS = 5_000
_TOLERANCE = 1e-11
_ORDERED = 1e-5


class _Layer(NamedTuple):
    magnetisation: float
    overlap: float
    curvature: float
    """E[(1 - tanh^2)^2], by which stability is judged."""


def rbm_transitions(random: float, planted: float) -> xr.Dataset:
    """Where the paramagnet of a machine with random and planted weights ends.

    Parameters
    ----------
    random : sigma, the strength of random weights
    planted : w, that of the planted pair of vectors

    Returns
    -------
    ``glass_temperature`` = sigma and ``ferromagnetic_temperature`` = w, in units of energy: the higher one is
    the transition of the paramagnet (both whatever n_h / n_v is)

    Raises
    ------
    InputError
        If a strength is negative, or not finite.
    """
    sigma, w = _strengths(random, planted)
    found = xr.Dataset({"glass_temperature": sigma, "ferromagnetic_temperature": w})
    return told(found, source=_SOURCE, valid="infinitely many units of both layers", error="rounding")


def rbm_phases(
    temperature: ArrayLike, random: float, planted: float, hidden_per_visible: float = 1.0
) -> xr.Dataset:
    """Order of a machine with random and planted weights at given temperatures, replica-symmetric.

    Parameters
    ----------
    temperature : positive ones, units of energy
    random, planted : sigma and w (see the head of this file)
    hidden_per_visible : n_h / n_v

    Returns
    -------
    over ``beta``, with ``temperature``: ``magnetisation_visible``, ``magnetisation_hidden``, ``q_visible``,
    ``q_hidden``; ``replica_stability``, 1 - (beta sigma)^4 E[sech^4]_v E[sech^4]_h, above 0 where one state
    is stable (de Almeida, Thouless); ``phase``: ``paramagnet``, ``ferromagnet`` or ``spin glass``;
    ``residual``

    Raises
    ------
    InputError
        If a temperature or the ratio is not positive, or a strength negative.
    """
    sigma, w = _strengths(random, planted)
    ratio = checked_parameter(hidden_per_visible, "hidden_per_visible")
    if ratio <= 0:
        raise InputError(f"hidden_per_visible is n_h / n_v, above 0; got {ratio:g}")
    temperatures = checked_values(temperature, "temperature", least=0.0, open_end=True)
    rows = [_solved(1 / t, sigma, w, ratio**0.5) for t in temperatures.tolist()]
    found = temperature_curve(temperatures, {name: [row[name] for row in rows] for name in rows[0]})
    return told(
        found.assign_attrs(random=sigma, planted=w, hidden_per_visible=ratio),
        source=_SOURCE,
        valid=_VALID,
        error="1e-11 of the equations, whose integrals have 64 points a variable",
        remarks=_remarks(found),
    )


def rbm_phase_diagram(
    temperature: ArrayLike | None = None,
    planted: ArrayLike | None = None,
    random: float = 1.0,
    hidden_per_visible: float = 1.0,
) -> xr.Dataset:
    """Phases over temperature and the strength of the planted vectors, replica-symmetric.

    Below the glass line replica symmetry is broken, and the border between ferromagnet and spin glass is
    approximate: it bends towards the ferromagnet as T falls, where Parisi's would be vertical.

    Parameters
    ----------
    temperature, planted : default 0.25 to 2.05 times the strength of random weights
    random, hidden_per_visible : see `rbm_phases`

    Returns
    -------
    over (``planted``, ``beta``), with ``temperature``: ``phase``, ``magnetisation_visible``, ``q_visible``
    and ``replica_stability``, as `rbm_phases` has them

    Raises
    ------
    InputError
        As `rbm_phases`.
    """
    sigma = checked_parameter(random, "random")
    default = np.linspace(0.25, 2.05, 10) * (sigma if sigma > 0 else 1.0)
    strengths = checked_values(default if planted is None else planted, "planted", least=0.0)
    temperatures = default if temperature is None else temperature
    rows = [rbm_phases(temperatures, random, float(w), hidden_per_visible) for w in strengths]
    names = ["phase", "magnetisation_visible", "q_visible", "replica_stability"]
    found = xr.concat([row[names] for row in rows], "planted", combine_attrs="drop")
    remarks = {remark.text: remark for row in rows for remark in remarks_of(row.attrs)}
    return told(
        found.assign_coords(planted=strengths).assign_attrs(
            random=random, hidden_per_visible=hidden_per_visible
        ),
        source=_SOURCE,
        valid=_VALID,
        error="as rbm_phases",
        remarks=remarks.values(),
    )


_SOURCE = "Decelle, Fissore, Furtlehner 2018, J. Stat. Phys. 172, 1576"
_VALID = "infinitely many units of both layers; replica-symmetric, exact where replica_stability is positive"


def _strengths(random: float, planted: float) -> tuple[float, float]:
    sigma, w = checked_parameter(random, "random"), checked_parameter(planted, "planted")
    if sigma < 0 or w < 0:
        raise InputError(f"strengths of weights are not negative; got {sigma:g} and {w:g}")
    return sigma, w


def _grid() -> tuple[Floats, Floats, Floats]:
    """Two independent normal numbers and their weights, flat."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    u, x = np.meshgrid(nodes, nodes, indexing="ij")
    return u.ravel(), x.ravel(), np.outer(weights, weights).ravel()


_POINTS = _grid()


def _layer(beta: float, pull: float, noise: float) -> _Layer:
    """Of units in the field pull u + noise x."""
    u, x, weight = _POINTS
    t = np.tanh(beta * (pull * u + noise * x))
    return _Layer(float(weight @ (u * t)), float(weight @ t**2), float(weight @ (1 - t**2) ** 2))


def _both(beta: float, sigma: float, w: float, k: float, hidden: _Layer) -> tuple[_Layer, _Layer]:
    """The visible layer in the field of the hidden one, and that in the field of the visible one."""
    visible = _layer(beta, w * k * hidden.magnetisation, sigma * np.sqrt(k * hidden.overlap))
    after = _layer(beta, w / k * visible.magnetisation, sigma * np.sqrt(visible.overlap / k))
    return visible, after


def _solved(beta: float, sigma: float, w: float, k: float) -> dict[str, float | str]:
    hidden, residual = _Layer(0.7, 0.7, 0.1), np.inf
    visible = hidden
    for _ in range(_ROUNDS):
        visible, after = _both(beta, sigma, w, k, hidden)
        residual = max(abs(after.magnetisation - hidden.magnetisation), abs(after.overlap - hidden.overlap))
        hidden = after
        if residual < _TOLERANCE:
            break
    stability = 1 - (beta * sigma) ** 4 * visible.curvature * hidden.curvature
    phase = "paramagnet"
    if abs(visible.magnetisation) > _ORDERED:
        phase = "ferromagnet"
    elif visible.overlap > _ORDERED:
        phase = "spin glass"
    return {
        "magnetisation_visible": visible.magnetisation,
        "magnetisation_hidden": hidden.magnetisation,
        "q_visible": visible.overlap,
        "q_hidden": hidden.overlap,
        "replica_stability": stability,
        "phase": phase,
        "residual": residual,
    }


def _remarks(found: xr.Dataset) -> list[Remark]:
    remarks = []
    temperatures = found.temperature.values
    broken = found.replica_stability.values < -1e-6
    if broken.any():
        remarks.append(
            replica_symmetry_broken(
                f"at {listed('T', temperatures[broken])}",
                "replica-symmetric solution",
                "so is the border between ferromagnet and spin glass",
            )
        )
    residuals = found.residual.values
    moving = residuals > 1e-8
    if moving.any():
        advice = "so close to a transition the order is not settled"
        remarks.append(unsettled("T", temperatures[moving], residuals[moving], _ROUNDS, advice))
    return remarks


def effective_rank(weights: ArrayLike) -> float:
    """Number of singular values that share the weight: exp of the entropy of w_k^2 / sum w_k^2 (Roy,
    Vetterli 2007 take w_k; squares are ours, since energies go with them).

    Parameters
    ----------
    weights : matrix (n_visible, n_hidden)

    Raises
    ------
    InputError
        If it is no finite matrix, or all of it is 0.

    Examples
    --------
    >>> round(effective_rank([[2.0, 0.0], [0.0, 2.0]]), 12)
    2.0
    """
    matrix = checked_array(weights, "weights").astype(np.float64)
    if matrix.ndim != 2 or not np.isfinite(matrix).all() or not matrix.any():
        raise InputError(f"weights are a finite matrix that is not all 0; got shape {matrix.shape}")
    share = np.linalg.svd(matrix, compute_uv=False) ** 2
    share = share[share > 0] / share.sum()
    return float(np.exp(-(share @ np.log(share))))
