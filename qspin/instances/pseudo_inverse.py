"""Patterns stored by the projection rule, which holds up to N linearly independent ones without error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.instances._drawing import random_patterns
from qspin.problem import IsingProblem
from qspin.validate import checked_patterns

__all__ = ["projected", "pseudo_inverse"]

_INDEPENDENT = 1e-10  # share of the largest singular value below which patterns count as dependent


def projected(patterns: ArrayLike) -> IsingProblem:
    """Projection (pseudo-inverse) rule (Personnaz, Guyon, Dreyfus 1985, J. Phys. Lett. 46, 359).

    ``J_ij = -P_ij`` for i != j, where P projects on the span of the patterns (Kanter, Sompolinsky 1987, Phys.
    Rev. A 35, 380). Since ``s P s <= N``, no energy lies below ``(tr P - N) / 2``, which every pattern has:
    they are ground states, with their mirror images. The problem knows all that.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1, at least one

    Raises
    ------
    InputError
        If they are no such matrix, or span all of space: P is then the identity, and nothing is stored.
    """
    xi = checked_patterns(patterns)
    _, sizes, directions = np.linalg.svd(xi, full_matrices=False)
    span = directions[sizes > _INDEPENDENT * sizes[0]]
    n = xi.shape[1]
    if len(span) == n > 1:
        raise InputError(
            f"the projection rule stores fewer independent patterns than spins; these {len(xi)} span all {n} "
            "dimensions, so that no coupling is left: take fewer, or Hebb's rule"
        )
    couplings = -(span.T @ span)
    couplings = (couplings + couplings.T) / 2
    np.fill_diagonal(couplings, 0.0)
    problem = IsingProblem(couplings)
    return problem.with_known(patterns=xi, ground_states=np.unique(np.concatenate([xi, -xi]), axis=0))


def pseudo_inverse(n_spins: int, n_patterns: int, *, seed: int) -> IsingProblem:
    """Random patterns stored by the projection rule; their number may come close to that of the spins."""
    return projected(random_patterns(n_spins, n_patterns, seed=seed, squares=6, rows=4))
