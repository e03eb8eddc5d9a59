"""Associative memories: patterns -> couplings."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.validate import checked_spins

__all__ = ["hebbian"]


def hebbian(patterns: ArrayLike) -> IsingProblem:
    """Hopfield model with Hebb's rule (Hopfield 1982, PNAS 79, 2554).

    ``J_ij = -(1/N) sum_mu xi_i^mu xi_j^mu`` for i != j, in this project's sign: patterns lie low. One pattern
    is the Mattis model.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1.
    """
    xi = np.asarray(patterns)
    if xi.ndim != 2 or xi.shape[1] == 0:
        raise InputError(f"patterns must have shape (P, N); got {xi.shape}")
    xi = checked_spins(xi, xi.shape[1]).astype(np.float64)
    couplings = -(xi.T @ xi) / xi.shape[1]
    np.fill_diagonal(couplings, 0.0)
    return IsingProblem(couplings)
