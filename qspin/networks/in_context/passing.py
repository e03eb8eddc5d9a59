"""Approximate message passing for real spins in a quadratic energy.

The equations of Thouless, Anderson and Palmer for Gaussian spins, in this project's sign, at temperature 1:

    V_i = sum_j J_ij^2 v_j
    v_i = 1 / (lambda_i - V_i)
    m_i = -v_i (h_i + sum_j J_ij m_j + V_i m_i)

They are the messages of arXiv:2408.02288 for dense couplings, with the reaction ``V_i m_i`` of a spin on
itself. With it a fixed point is the ground state, ``h_i + sum_j J_ij m_j + lambda_i m_i = 0``, whatever V is.
The script that the authors published leaves it out and keeps V in the variances, which lowers every penalty
by V_i: their recorded losses are of those weights (7 % below the ground state's at D = 20, N = 200, where V
is a part of the penalties). ``reaction=False`` does the same. A temperature would multiply every v and leave
m alone.

Old and new values are mixed. It converges where couplings are weak against penalties: with many tasks, or a
ridge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, RunError
from qspin.networks.in_context.glass import WeightGlass
from qspin.networks.in_context.regression import Solution
from qspin.validate import checked_count, checked_real

__all__ = ["amp_weights"]

Floats = NDArray[np.float64]

_DIVERGED = 1e6  # residuals of the start
_REMEDY = "draw more tasks (n_tasks), take a larger ridge, or more damping"


def amp_weights(
    glass: WeightGlass,
    *,
    reaction: bool = True,
    damping: float = 0.5,
    max_steps: int = 1000,
    tolerance: float = 1e-9,
) -> Solution:
    """Weights by approximate message passing, from zero on.

    Parameters
    ----------
    glass : of `weight_glass`, with a positive ridge: an element of W that no task touches has no other
        penalty
    reaction : of a spin on itself; without it the weights are those of the authors' script, no ground state
    damping : share of the old values that is kept in a step, 0 to below 1
    max_steps : at most
    tolerance : of the residual, by how much the equations of m are missed at worst; with the reaction that is
        the gradient of the energy

    Returns
    -------
    weights and variances; ``converged`` is false where `max_steps` did not do: the residual tells how far it
    got

    Raises
    ------
    InputError
        If a setting cannot be, or a weight has no penalty.
    RunError
        If it diverges, or a variance becomes negative.
    """
    damping, tolerance = checked_real(damping, "damping"), checked_real(tolerance, "tolerance")
    max_steps = checked_count(max_steps, "max_steps", least=1)
    if not 0 <= damping < 1:
        raise InputError(f"damping lies between 0 and below 1; got {damping:g}")
    if tolerance <= 0:
        raise InputError(f"tolerance must be positive; got {tolerance:g}")
    if not (glass.penalties > 0).all():
        raise InputError("amp_weights takes a positive ridge: some weights have no penalty without one")
    means, variances, residual, n_steps = _passed(
        glass.couplings, glass.fields, glass.penalties, reaction, damping, max_steps, tolerance
    )
    side = round(np.sqrt(glass.n_spins))
    shaped = means.reshape(side, side), variances.reshape(side, side)
    return Solution(shaped[0], residual <= tolerance, residual, n_steps, shaped[1])


def _passed(
    couplings: Floats,
    fields: Floats,
    penalties: Floats,
    reaction: bool,
    damping: float,
    max_steps: int,
    tolerance: float,
) -> tuple[Floats, Floats, float, int]:
    """Means, variances, residual and steps."""
    squares = couplings**2
    means, variances = np.zeros_like(fields), 1 / penalties
    begin = float(np.abs(fields).max())
    for step in range(max_steps + 1):
        softened = squares @ variances
        stiffness = penalties - softened
        missed = fields + couplings @ means + (penalties if reaction else stiffness) * means
        residual = float(np.abs(missed).max())
        if not (stiffness > 0).all() or not residual <= _DIVERGED * (begin + tolerance):
            raise RunError(f"message passing diverges, residual {residual:.3g} after {step} steps: {_REMEDY}")
        if residual <= tolerance or step == max_steps:
            break
        means = means - (1 - damping) * missed / stiffness
        variances = damping * variances + (1 - damping) / stiffness
    return means, variances, residual, step
