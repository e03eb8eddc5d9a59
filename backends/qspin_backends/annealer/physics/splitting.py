"""Schroedinger's equation of a transverse-field Ising model, in steps of known error.

H(t) / h = -Gamma(t) sum g_i sigma_i^x + kappa(t) E(sigma^z), the signs g_i being +1 in a closed system. A
step is a symmetric splitting: phases and rotations of all qubits in turn. Time passes with each of the two
parts by itself (Sanz-Serna, Portillo 1996, J. Chem. Phys. 104, 2349), so that an angle is the exact integral
of Gamma or kappa over a stretch of time, and a recorded schedule costs no accuracy beside that of its
splitting. Where both parts count it is one of order 6 with ten stages (S_10 of Blanes, Moan 2002, J. Comput.
Appl. Math. 142, 313); where the transverse field is a small perturbation, that of order (10, 6, 4) with eight
(Blanes, Casas, Farres, Laskar, Makazaga, Murua 2013, Appl. Numer. Math. 68, 58).

Errors of unitary steps add up at most: the tolerance is shared out evenly over time. One pair of steps in
`_PAIRS` is held against one step of twice the length; the difference is a known multiple of the error of the
pair, to leading order, and decides on the next steps. Steps that turn out too long are taken back. Where the
Hamiltonian changes slowly, errors of steps do not add up, and that of the state is ten times less than it may
be, or a hundred.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.errors import RunError
from qspin.sampler import Course
from qspin_backends.common.layers import Layers

__all__ = ["Evolution", "evolve"]

Floats = NDArray[np.float64]

_PAIRS = 8  # of steps, of which the last is held against one long step
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 2.0
_ROUNDING = 1e-16  # of a pair of steps: less cannot be told from none
_FIRST_ANGLE = 0.05  # turns of the fastest term in the first step
_SMALL = 0.06  # transverse field in units of the fields that couplings make, up to which it is a perturbation


def _ends(half: tuple[float, ...], stages: int) -> Floats:
    """Where stages end in a step (stages + 1,). Their lengths read the same from both ends; `half` holds the
    first half of them, the last one left out, which follows from their sum."""
    middle = (0.5 - sum(half),) * 2 if stages % 2 == 0 else (1.0 - 2.0 * sum(half),)
    return np.concatenate([[0.0], np.cumsum([*half, *middle, *half[::-1]])])


@dataclass(frozen=True, eq=False)
class _Scheme:
    """A symmetric splitting that begins and ends with a phase.

    Parameters
    ----------
    phases, rotations : ends of their stages in a step (n_stages + 2,), (n_stages + 1,)
    order : by which step lengths are chosen
    long : error of a step of twice the length over that of two steps, at least, less 1
    """

    phases: Floats
    rotations: Floats
    order: int
    long: float

    @property
    def n_stages(self) -> int:
        return len(self.rotations) - 1


_BOTH = _Scheme(
    _ends(
        (0.0502627644003922, 0.413514300428344, 0.0450798897943977, -0.188054853819569, 0.54196067845078), 11
    ),
    _ends((0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175), 10),
    order=6,
    long=2**6 - 1,
)
_PERTURBED = _Scheme(
    _ends((0.0380944974224122, 0.145298716116914, 0.207627695725541, 0.435909703651526), 9),
    _ends((0.0958588808370752, 0.204446153142999, 0.217070347978991), 8),
    order=6,
    long=2**4 - 1,
)


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
    local = math.sqrt(2 * float(np.mean(energies**2)) / max(1, layers.n_spins))
    step = first_step or _cautious(course, now, energies)
    known = first_step is not None
    n_steps, error = 0, 0.0
    while now < end:
        if stopped():
            raise RunError("the anneal was stopped")
        pairs = min(_PAIRS if known else 1, max(1, round((end - now) / (2 * step))))
        length = min(step, (end - now) / (2 * pairs))
        ends = _edges(now, length, 2 * pairs, end)
        scheme = _scheme_for(course, ends, local)
        advance = functools.partial(_advance, scheme, layers, energies, course, signs)
        own = _checked_steps(advance, layers, state, ends) / scheme.long
        allowed = max(pace * 2 * length, _ROUNDING)
        step = length * _factor(own, allowed, scheme.order)
        if own > allowed:
            advance(state, ends[::-1])
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
    edges: Floats = now + length * np.arange(n_steps + 1.0)
    if end - edges[-1] < 1e-3 * length:  # no sliver of time is left over
        edges[-1] = end
    return edges


def _scheme_for(course: Course, edges: Floats, local: float) -> _Scheme:
    transverse, problem = np.abs(course.fields(edges[[0, -1]])).sum(axis=1)
    return _PERTURBED if transverse <= _SMALL * local * problem else _BOTH


def _factor(error: float, allowed: float, order: int) -> float:
    """By how much the next step may be longer."""
    if error <= 0:
        return _GROW
    return float(np.clip(_SAFETY * (allowed / error) ** (1 / order), _SHRINK, _GROW))


def _checked_steps(
    advance: Callable[[tuple[Floats, Floats], Floats], None],
    layers: Layers,
    state: tuple[Floats, Floats],
    edges: Floats,
) -> float:
    """Advance by all steps; by how much a long one in place of the last two differs from them."""
    if len(edges) > 3:
        advance(state, edges[:-2])
    long = (state[0].copy(), state[1].copy())
    advance(long, edges[[-3, -1]])
    advance(state, edges[-3:])
    return layers.distance(state, long)


def _advance(
    scheme: _Scheme,
    layers: Layers,
    energies: Floats,
    course: Course,
    signs: Floats,
    state: tuple[Floats, Floats],
    edges: Floats,
) -> None:
    """One step between each two edges; backwards where these descend, which undoes the same steps."""
    n, stages = len(edges) - 1, scheme.n_stages
    lengths = np.diff(edges)[:, None]
    starts = edges[:-1, None]
    turns = np.diff(course.integrals(starts + lengths * scheme.phases)[1], axis=1)
    angles = 2 * np.pi * np.diff(course.integrals(starts + lengths * scheme.rotations)[0], axis=1)
    phases = turns[:, :stages].copy()
    phases[1:, 0] += turns[:-1, -1]  # the last phase of a step and the first of the next are one
    layers.turn_all(*state, energies, -phases.ravel(), angles.reshape(n * stages, 1) * signs)
    layers.phase(*state, energies, -float(turns[-1, -1]))
