"""A ladder for a problem that nobody has tuned: from free spins to frozen ones."""

from __future__ import annotations

import numpy as np

from qspin.problem import IsingProblem

__all__ = ["automatic_ladder"]

_HOT = 0.1  # beta x largest local field at the hot end: nearly free spins
_COLD = 10.0  # beta x typical local field at the cold end: excitations of typical size are frozen
_FEWEST, _MOST = 4, 48


def automatic_ladder(problem: IsingProblem) -> tuple[float, ...]:
    """Inverse temperatures spaced geometrically between the two ends that local fields suggest.

    At infinite temperature local fields have root mean squares sigma_i = sqrt(h_i^2 + sum_j J_ij^2).
    The ladder runs from 0.1 / max sigma to 10 / median sigma, with a number of temperatures that grows as
    sqrt(N), as constant swap rates ask (Hukushima, Nemoto 1996). All three choices are ours; scaling every
    energy by a factor scales the ladder by its inverse.
    """
    indptr, _, couplings, fields = problem.csr
    rows = np.repeat(np.arange(problem.n_spins), np.diff(indptr))
    squares = np.bincount(rows, weights=couplings**2, minlength=problem.n_spins) + fields**2
    sigma = np.sqrt(squares[squares > 0])
    if not sigma.size:
        return (1.0,)
    hot, cold = _HOT / sigma.max(), _COLD / np.median(sigma)
    count = int(np.clip(np.ceil(2 * np.sqrt(problem.n_spins)), _FEWEST, _MOST))
    return tuple(np.geomspace(hot, cold, count).tolist())
