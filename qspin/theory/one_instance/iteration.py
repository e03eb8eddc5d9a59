"""Damped fixed-point iteration that says how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from qspin.errors import InputError
from qspin.theory._equations import Floats
from qspin.validate import checked_count, checked_real

__all__ = ["Effort", "Ended", "checked_effort", "iterate"]

Step = Callable[[Floats, float], tuple[Floats, float]]
"""Of a state and a damping: the next state, and how far the first was from being a fixed point."""

_DAMPINGS = (0.0, 0.5, 0.8, 0.95)
_PATIENCE = 100  # steps in which the residual has to halve, or damping grows


class Effort(NamedTuple):
    """When an iteration is over, and how much of the old state is kept in a step."""

    tolerance: float
    max_steps: int
    damping: float | Literal["auto"]


class Ended(NamedTuple):
    """State of the smallest residual, steps in all, and the damping at the end."""

    state: Floats
    residual: float
    steps: int
    damping: float


def checked_effort(tolerance: float, max_steps: int, damping: float | Literal["auto"]) -> Effort:
    """Raises InputError unless the tolerance is positive, steps are one or more, and damping is in [0, 1)."""
    bound = checked_real(tolerance, "tolerance")
    if bound <= 0:
        raise InputError(f"tolerance is the residual at which an iteration ends, above 0; got {bound:g}")
    steps = checked_count(max_steps, "max_steps", least=1)
    if damping == "auto":
        return Effort(bound, steps, "auto")
    share = checked_real(damping, "damping")
    if not 0 <= share < 1:
        raise InputError(
            f"damping is the share of the old state in each step, 0 to below 1, or auto; got {share:g}"
        )
    return Effort(bound, steps, share)


def iterate(step: Step, start: Floats, effort: Effort) -> Ended:
    """Repeat `step` until the residual is within the tolerance, or for so many steps.

    Damping ``auto`` begins with none, and takes the next of 0.5, 0.8 and 0.95 each time that a hundred steps
    have not halved the residual.
    """
    automatic = effort.damping == "auto"
    ladder = iter(_DAMPINGS)
    damping = next(ladder) if automatic else float(effort.damping)
    state, best = start, Ended(start, np.inf, 0, damping)
    since, then = 0, np.inf
    for k in range(effort.max_steps):
        following, residual = step(state, damping)
        if residual < best.residual:
            best = Ended(state, residual, k, damping)
        if residual <= effort.tolerance:
            return Ended(state, residual, k, damping)
        state = following
        if automatic and k - since == _PATIENCE:
            if best.residual > 0.5 * then:
                damping = next(ladder, damping)
            since, then = k, best.residual
    return best._replace(steps=effort.max_steps, damping=damping)
