"""Stationary points from many starts at once, by Levenberg and Marquardt's method (Marquardt 1963, J. Soc.
Ind. Appl. Math. 11, 431; More 1978, Lect. Notes Math. 630, 105): least squares of the equations, which know
saddles as well as minima."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from qspin.theory._equations import Floats

__all__ = ["Equations", "Searched", "searched"]

_TOLERANCE = 1e-12  # of the equations, where a start has come to its end
_FLAT = 1e-3  # share of the squares that a step may still take away, below which a start is lost
_MOST_STEPS = 200
_FIRST_DAMPING = 1e-3
_TAKEN, _POOR, _GOOD = 1e-3, 0.25, 0.75  # gains from which on steps are taken, and damping stays or falls
_LARGEST_BATCH = 1_000_000  # entries of the Jacobians that are held together


class Equations(Protocol):
    """Of x (n_starts, N)."""

    def slopes(self, x: Floats) -> Floats:
        """What is to be 0, (n_starts, N)."""

    def curvature(self, x: Floats) -> Floats:
        """Its Jacobians (n_starts, N, N)."""


class Searched(NamedTuple):
    """Where starts came to: x (n_starts, N), the largest left-over of an equation, and steps, (n_starts,)."""

    x: Floats
    residual: Floats
    steps: NDArray[np.int64]


def searched(equations: Equations, starts: Floats) -> Searched:
    """From all starts (n_starts, N) in step; those that have arrived, or from which no step leads farther,
    drop out."""
    x, left = starts.copy(), equations.slopes(starts)
    scales, damping = np.zeros_like(x), np.full(len(x), _FIRST_DAMPING)
    steps, live = np.zeros(len(x), dtype=np.int64), np.arange(len(x))
    for _ in range(_MOST_STEPS):
        moves, expected = _moves(equations, x, left, scales, damping, live)
        tried = x[live] + moves
        then = equations.slopes(tried)
        before = _squares(left[live])
        gain = (before - _squares(then)) / np.maximum(expected, np.finfo(float).tiny)
        taken = gain > _TAKEN
        x[live[taken]], left[live[taken]] = tried[taken], then[taken]
        damping[live] *= np.where(gain > _GOOD, 0.1, np.where(gain > _POOR, 1.0, 4.0))
        steps[live] += 1
        arrived = np.abs(left[live]).max(axis=1) <= _TOLERANCE
        live = live[~arrived & (expected > _FLAT * before)]
        if not live.size:
            break
    return Searched(x, np.abs(left).max(axis=1), steps)


def _moves(
    equations: Equations, x: Floats, left: Floats, scales: Floats, damping: Floats, live: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Damped steps (n_live, N), and by how much the squares would fall were the equations straight."""
    batch = max(_LARGEST_BATCH // x.shape[1] ** 2, 1)
    parts = [
        _damped(equations, x, left, scales, damping, live[at : at + batch])
        for at in range(0, len(live), batch)
    ]
    moves, expected = zip(*parts, strict=True)
    return np.concatenate(moves), np.concatenate(expected)


def _damped(
    equations: Equations, x: Floats, left: Floats, scales: Floats, damping: Floats, some: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Of some starts. `scales` keep the largest squares that the columns of Jacobians have had."""
    jacobians = equations.curvature(x[some])
    across = np.swapaxes(jacobians, 1, 2)
    normal, gradient = across @ jacobians, across @ left[some][..., None]
    diagonal = np.arange(x.shape[1])
    scales[some] = np.maximum(scales[some], normal[:, diagonal, diagonal])
    resistance = damping[some][:, None] * scales[some]
    normal[:, diagonal, diagonal] += resistance
    moves = -np.asarray(np.linalg.solve(normal, gradient)[..., 0], dtype=np.float64)
    expected = (resistance * moves**2 - gradient[..., 0] * moves).sum(axis=1)
    return moves, np.asarray(expected)


def _squares(values: Floats) -> Floats:
    return np.asarray((values**2).sum(axis=1))
