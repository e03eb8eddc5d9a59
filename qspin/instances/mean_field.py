"""Fully connected instances: the mean-field glass, and patterns stored by Hebb's rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.instances._drawing import Distribution, draw, generator, random_patterns, require_numbers
from qspin.predicted import predicted_by
from qspin.problem import IsingProblem
from qspin.validate import checked_count, checked_spins

__all__ = ["hebbian", "hopfield", "mattis", "sherrington_kirkpatrick"]


@predicted_by(
    "qspin.studies.lines.kinds:sherrington_kirkpatrick",
    marks="qspin.studies.lines.transitions:sherrington_kirkpatrick",
    overlaps="qspin.studies.lines.distributions:sherrington_kirkpatrick",
)
def sherrington_kirkpatrick(n_spins: int, *, couplings: Distribution = "gaussian", seed: int) -> IsingProblem:
    """Fully connected glass, J_ij of mean 0 and variance 1/N (Sherrington, Kirkpatrick 1975); T_c = 1."""
    n_spins = checked_count(n_spins, "n_spins", least=1)
    require_numbers(4 * n_spins**2, f"the couplings of {n_spins} spins")
    rng = generator(seed)
    upper = np.zeros((n_spins, n_spins))
    rows = np.triu_indices(n_spins, 1)
    upper[rows] = draw(rng, couplings, len(rows[0])) / np.sqrt(n_spins)
    return IsingProblem(upper + upper.T)


def hebbian(patterns: ArrayLike) -> IsingProblem:
    """Hopfield model with Hebb's rule (Hopfield 1982, PNAS 79, 2554).

    ``J_ij = -(1/N) sum_mu xi_i^mu xi_j^mu`` for i != j, in this project's sign: patterns lie low. One pattern
    is the Mattis model, whose ground states are the pattern and its mirror image. The problem knows its
    patterns.

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
    problem = IsingProblem(couplings).with_known(patterns=xi if len(xi) else None)
    return problem.with_known(ground_states=[xi[0], -xi[0]]) if len(xi) == 1 else problem


@predicted_by(
    "qspin.studies.lines.kinds:mattis",
    marks="qspin.studies.lines.transitions:mattis",
)
def mattis(n_spins: int, *, seed: int) -> IsingProblem:
    """One random pattern stored by Hebb's rule: a ferromagnet in disguise (Mattis 1976)."""
    return hopfield(n_spins, 1, seed=seed)


@predicted_by(
    "qspin.studies.lines.kinds:hopfield",
    marks="qspin.studies.lines.transitions:hopfield",
)
def hopfield(n_spins: int, n_patterns: int, *, seed: int) -> IsingProblem:
    """Random patterns stored by Hebb's rule; see `qspin.networks.hebbian`."""
    return hebbian(random_patterns(n_spins, n_patterns, seed=seed, squares=3, rows=2, least=0))
