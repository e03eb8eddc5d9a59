"""Whether the Trotter steps of a quench are short: by what angle a step turns a spin at most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from qspin.problem import IsingProblem
from qspin.sampler import Level, Remark
from qspin_backends.qaoa.ansatz import Angles

__all__ = ["on_steps", "step_angle", "steps_record"]

_SHORT = 1.0
"""Radians up to which a step is short. On a ring of 12 spins in a linear quench steps that turn a spin by 1
leave 3 % more kinks than the Schrodinger equation does, by 2 an eighth more, and beyond pi most bonds are
broken."""


def step_angle(problem: IsingProblem, angles: Angles) -> float:
    """The largest angle by which one step turns a spin, radians.

    The transverse field turns it by 2 beta about x; the field h_i + sum_j J_ij s_j of its neighbours about z,
    by 2 gamma times that field, which is largest where all of them agree.

    Examples
    --------
    >>> pair = IsingProblem([[0, -1], [-1, 0]])
    >>> step_angle(pair, Angles.of([0.1, 0.3], [0.2, 0.1]))
    0.6
    """
    field = float((np.asarray(abs(problem.couplings).sum(axis=0)) + np.abs(problem.fields)).max(initial=0.0))
    return float(2 * max(np.abs(angles.beta).max(), np.abs(angles.gamma).max() * field))


def steps_record(problem: IsingProblem, angles: Angles, duration: float | None) -> dict[str, Any]:
    """How many steps there are and how long they are; plain JSON.

    Parameters
    ----------
    duration : of the quench, ns; None where it has another unit
    """
    record = {"n_steps": angles.depth, "largest_angle": step_angle(problem, angles)}
    return record if duration is None else {**record, "steps_per_ns": angles.depth / duration}


def on_steps(record: Mapping[str, Any]) -> list[Remark]:
    """What a reader must know of a quench whose steps are long.

    Beyond pi a step turns spins further than half around, and a longer quench is no slower one.

    Parameters
    ----------
    record : as `steps_record` gives it
    """
    angle, n_steps = record["largest_angle"], record["n_steps"]
    if angle <= _SHORT:
        return []
    enough = math.ceil((n_steps + 2) * angle / _SHORT)  # angles are means of steps, below the ends
    text = (
        f"one of {n_steps} Trotter steps turns a spin by up to {angle:.2g} rad: what is read is due to the "
        "length of the steps too, and not to the quench alone; the error falls with the square of the angle, "
        f"and depth {enough} makes that {_SHORT:g} rad"
    )
    return [Remark("long-trotter-steps", text, Level.SERIOUS if angle > math.pi else Level.CAUTION)]
