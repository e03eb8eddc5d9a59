"""Schroedinger's equation of a transverse-field Ising model, in steps of known error.

H(t) / h = -Gamma(t) sum g_i sigma_i^x + kappa(t) E(sigma^z), the signs g_i being +1 in a closed system. A
step is a symmetric splitting of order 6 with ten stages (S_10 of Blanes, Moan 2002, J. Comput. Appl. Math.
142, 313): phases and rotations of all qubits in turn. Time passes with each of the two parts by itself
(Sanz-Serna, Portillo 1996, J. Chem. Phys. 104, 2349), so that an angle is the exact integral of Gamma or
kappa over a stretch of time, and a recorded schedule costs no accuracy beside that of its splitting.

Errors of unitary steps add up at most: the tolerance is shared out evenly over time. One pair of steps in
`_PAIRS` is held against one step of twice the length; the difference is 63 times the error of the pair, to
leading order, and decides on the next steps. Steps that turn out too long are taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.errors import RunError
from qspin.sampler import Course
from qspin_backends.common.layers import Layers

__all__ = ["Evolution", "evolve"]

Floats = NDArray[np.float64]

_PHASES = (0.0502627644003922, 0.413514300428344, 0.0450798897943977, -0.188054853819569, 0.541960678450780)
_ROTATIONS = (0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175)
_ORDER = 6
_PAIRS = 4  # of steps, of which the last is held against one long step
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 2.0
_ROUNDING = 1e-16  # of a pair of steps: less cannot be told from none
_FIRST_ANGLE = 0.05  # turns of the fastest term in the first step


def _palindrome(half: tuple[float, ...], total: int) -> Floats:
    """Coefficients that sum to 1 and read the same from both ends, from those of the first half but one."""
    missing = 0.5 - sum(half) if total % 2 == 0 else 1.0 - 2.0 * sum(half)
    middle = (missing, missing) if total % 2 == 0 else (missing,)
    return np.array([*half, *middle, *half[::-1]])


_PHASE_ENDS = np.concatenate([[0.0], np.cumsum(_palindrome(_PHASES, 11))])
_ROTATION_ENDS = np.concatenate([[0.0], np.cumsum(_palindrome(_ROTATIONS, 10))])
_STAGES = 10


@dataclass(frozen=True)
class Evolution:
    """How a state got where it is.

    Parameters
    ----------
    n_steps : that were taken, those taken back left out
    error : bound on the norm of the error of the state, as estimated on the way
    step : that the last error asks for next, in units of time
    """

    n_steps: int
    error: float
    step: float


def evolve(
    layers: Layers,
    state: tuple[Floats, Floats],
    energies: Floats,
    course: Course,
    span: tuple[float, float],
    signs: Floats,
    tolerance: float,
    stopped: Callable[[], bool],
    first_step: float | None = None,
) -> Evolution:
    """Take a state through a span of time, in place.

    Parameters
    ----------
    layers : that act on it, in their ``with`` block
    state : real and imaginary parts (size,)
    energies : of the stored positions (size,), units of the couplings
    course : Gamma and kappa in time, GHz
    span : first and last time, ns
    signs : of the transverse field of each spin (n_spins,), -1 or +1
    tolerance : on the norm of the error for the whole of the course
    stopped : whether nobody waits for the state any more
    first_step : ns; None where nothing is known of the error yet

    Raises
    ------
    RunError
        If it was stopped.
    """
    now, end = span
    pace = tolerance / course.duration
    step = first_step or _cautious(course, now, energies)
    known = first_step is not None
    n_steps, error = 0, 0.0
    while now < end:
        if stopped():
            raise RunError("the anneal was stopped")
        pairs = min(_PAIRS if known else 1, max(1, round((end - now) / (2 * step))))
        length = min(step, (end - now) / (2 * pairs))
        ends = _edges(now, length, 2 * pairs, end)
        own = _checked_steps(layers, state, energies, course, ends, signs)
        allowed = max(pace * 2 * length, _ROUNDING)
        step = length * _factor(own, allowed)
        if own > allowed:
            _advance(layers, state, energies, course, ends[::-1], signs)
            known = False
            continue
        now, known = ends[-1], True
        n_steps += 2 * pairs
        error += pairs * own
    return Evolution(n_steps, error, step)


def _cautious(course: Course, now: float, energies: Floats) -> float:
    """A first step in which no term turns far."""
    transverse, problem = np.abs(course.fields([now, now + 0.5 * course.duration])).max(axis=1)
    fastest = max(transverse, problem * float(np.abs(energies).max(initial=0.0)), 1e-300)
    return min(course.duration / 2, _FIRST_ANGLE / fastest)


def _edges(now: float, length: float, n_steps: int, end: float) -> Floats:
    edges = now + length * np.arange(n_steps + 1)
    if end - edges[-1] < 1e-3 * length:  # no sliver of time is left over
        edges[-1] = end
    return edges


def _factor(error: float, allowed: float) -> float:
    """By how much the next step may be longer."""
    if error <= 0:
        return _GROW
    return float(np.clip(_SAFETY * (allowed / error) ** (1 / _ORDER), _SHRINK, _GROW))


def _checked_steps(
    layers: Layers,
    state: tuple[Floats, Floats],
    energies: Floats,
    course: Course,
    edges: Floats,
    signs: Floats,
) -> float:
    """Advance by all steps; the error of the last two of them."""
    if len(edges) > 3:
        _advance(layers, state, energies, course, edges[:-2], signs)
    long = (state[0].copy(), state[1].copy())
    _advance(layers, long, energies, course, edges[[-3, -1]], signs)
    _advance(layers, state, energies, course, edges[-3:], signs)
    return layers.distance(state, long) / (2**_ORDER - 1)


def _advance(
    layers: Layers,
    state: tuple[Floats, Floats],
    energies: Floats,
    course: Course,
    edges: Floats,
    signs: Floats,
) -> None:
    """One step between each two edges; backwards where these descend, which undoes the same steps."""
    n = len(edges) - 1
    lengths = np.diff(edges)[:, None]
    starts = edges[:-1, None]
    turns = np.diff(course.integrals(starts + lengths * _PHASE_ENDS)[1], axis=1)
    angles = 2 * np.pi * np.diff(course.integrals(starts + lengths * _ROTATION_ENDS)[0], axis=1)
    phases = turns[:, :_STAGES].copy()
    phases[1:, 0] += turns[:-1, -1]  # the last phase of a step and the first of the next are one
    sines = np.sin(angles.reshape(n * _STAGES, 1)) * signs
    cosines = np.broadcast_to(np.cos(angles.reshape(n * _STAGES, 1)), sines.shape)
    layers.forward_all(*state, energies, -phases.ravel(), cosines, np.zeros_like(sines), sines)
    layers.phase(*state, energies, -float(turns[-1, -1]))
