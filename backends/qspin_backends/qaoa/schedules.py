"""Angles by formula: ramps, longer circuits from shorter ones, Fourier coefficients, and quenches.

All but `quench_along` is in units of the coupling scale; see `tables.coupling_scale`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import Course
from qspin_backends.qaoa.ansatz import Angles

__all__ = ["RAMP_STEP", "fourier_matrices", "interpolated", "linear_ramp", "quench", "quench_along"]

Floats = NDArray[np.float64]

RAMP_STEP = 0.9
"""Gamma at the end of a ramp and beta at its start."""


def linear_ramp(depth: int, step: float = RAMP_STEP) -> Angles:
    """Gamma rises and beta falls linearly, as in a Trotterised anneal (Sack, Serbyn 2021, Quantum 5, 491)."""
    middle = (np.arange(depth) + 0.5) / depth
    return Angles(step * middle, step * (1 - middle))


def interpolated(angles: Angles) -> Angles:
    """One layer more, by linear interpolation (INTERP of Zhou et al. 2020, Phys. Rev. X 10, 021067)."""
    p = angles.depth
    k = np.arange(p + 1)

    def longer(values: Floats) -> Floats:
        padded = np.concatenate([np.zeros_like(values[:1]), values, np.zeros_like(values[:1])])
        weight = (k / p).reshape(-1, *[1] * (values.ndim - 1))
        return weight * padded[:-1] + (1 - weight) * padded[1:]

    return Angles(longer(angles.gamma), longer(angles.beta))


def fourier_matrices(depth: int, n_terms: int) -> tuple[Floats, Floats]:
    """Matrices (depth, n_terms) that turn coefficients into gamma and beta (FOURIER of Zhou et al. 2020).

    gamma_i = sum_k u_k sin((k - 1/2)(i - 1/2) pi / p), beta_i the same with cosines, i and k from 1.
    """
    i, k = np.arange(depth)[:, None] + 0.5, np.arange(n_terms)[None, :] + 0.5
    phase = k * i * np.pi / depth
    return np.sin(phase), np.cos(phase)


def quench(time: float, n_steps: int, schedule: Sequence[tuple[float, float, float]]) -> Angles:
    """A quench with H(s) = A(s) M + B(s) E, s = t / time, in symmetric Trotter steps of second order.

    Half a step of the mixer before the first step leaves the initial state as it is, so the circuit is one of
    QAOA: gamma_k = B(s_k) dt, beta_k the halves of two neighbouring steps, and one half in the last layer.

    Parameters
    ----------
    time : units of 1/coupling scale
    schedule : points (s, A, B) from s = 0 to 1, linear in between; A and B in units of the coupling scale
    """
    s, a, b = np.array(schedule, dtype=np.float64).T
    dt = time / n_steps
    middle = (np.arange(n_steps) + 0.5) / n_steps
    halves = 0.5 * dt * np.interp(middle, s, a)
    return Angles(dt * np.interp(middle, s, b), halves + np.append(halves[1:], 0.0))


def quench_along(course: Course, n_steps: int) -> Angles:
    """A quench along an annealer's schedule in time, H / h = -Gamma sum X + kappa E, in equal Trotter steps.

    The splitting is that of `quench`; angles are integrals of Gamma and kappa over their stretch of time, so
    that a schedule with corners costs no accuracy beside that of the splitting.

    Parameters
    ----------
    course : Gamma and kappa in GHz over ns

    Returns
    -------
    gamma in units of 1/energy of the problem, beta in radians
    """
    edges = np.linspace(course.times[0], course.times[-1], n_steps + 1)
    middles = 0.5 * (edges[:-1] + edges[1:])
    phases = np.diff(course.integrals(edges)[1])
    rotations = np.diff(course.integrals(np.append(middles, edges[-1]))[0])
    return Angles(2 * np.pi * phases, 2 * np.pi * rotations)
