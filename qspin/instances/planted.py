"""Instances whose ground state is planted."""

from __future__ import annotations

import numpy as np

from qspin.errors import InputError
from qspin.instances._drawing import generator, require_numbers
from qspin.problem import IsingProblem
from qspin.validate import checked_count, checked_real

__all__ = ["wishart"]

_MOST = 2.0**62  # vectors, more than any memory holds


def wishart(n_spins: int, alpha: float, *, seed: int) -> IsingProblem:
    """Wishart planted ensemble (Hamze, Raymond, Pattison, Biswas, Katzgraber 2020, Phys. Rev. E 101, 052102).

    ``J_ij = (1/N) sum_mu w_i^mu w_j^mu`` for i != j, with M = round(alpha N) Gaussian vectors orthogonal to
    the planted state t; every term of the energy is then smallest at t and -t, which the problem knows.
    Hardest around alpha = 0.2.

    Parameters
    ----------
    n_spins : at least 2
    alpha : vectors per spin, positive
    seed : of the vectors and the planted state
    """
    n_spins = checked_count(n_spins, "n_spins", least=2)
    require_numbers(3 * n_spins**2, f"the couplings of {n_spins} spins")
    n_vectors = round(min(checked_real(alpha, "alpha") * n_spins, _MOST))
    if n_vectors < 1:
        raise InputError(f"alpha * n_spins must round to at least 1 vector; got {alpha} x {n_spins}")
    require_numbers(3 * n_spins * (n_vectors + n_spins), f"{n_vectors} vectors of {n_spins} spins")
    rng = generator(seed)
    planted = rng.choice(np.array([-1, 1], np.int8), n_spins)
    vectors = rng.normal(size=(n_spins, n_vectors)) * np.sqrt(n_spins / (n_spins - 1))
    vectors -= np.outer(planted, planted @ vectors) / n_spins
    couplings = vectors @ vectors.T / n_spins
    np.fill_diagonal(couplings, 0.0)
    return IsingProblem(couplings).with_known(ground_states=[planted, -planted])
