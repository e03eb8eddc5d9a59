"""Spin-reversal gauges: the same problem with some spins renamed, so that a device's biases average out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem

__all__ = ["draw_gauges", "gauged", "gauged_couplings"]


def draw_gauges(n_gauges: int, n_spins: int, seed: int) -> NDArray[np.int8]:
    """Random gauges (max(n_gauges, 1), n_spins) of -1 and +1; no gauges are one that changes nothing.

    A spin s of the problem is g s on the device, a field h is g h, a coupling J_ij is g_i g_j J_ij.
    """
    if n_gauges == 0:
        return np.ones((1, n_spins), dtype=np.int8)
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=(n_gauges, n_spins))


def gauged_couplings(problem: IsingProblem, gauge: NDArray[np.int8]) -> NDArray[np.float64]:
    """Couplings of the edges of the problem in a gauge (n_edges,)."""
    edges = problem.edges
    return edges.couplings * gauge[edges.i] * gauge[edges.j]


def gauged(problem: IsingProblem, gauge: NDArray[np.int8]) -> IsingProblem:
    """The problem as it looks in a gauge: the same energy for the renamed spins. Nothing is known of it."""
    return IsingProblem.from_edges(
        problem.n_spins,
        problem.edges.i,
        problem.edges.j,
        gauged_couplings(problem, gauge),
        problem.fields * gauge,
        labels=problem.labels,
    )
