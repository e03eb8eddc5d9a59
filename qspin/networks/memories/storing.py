"""Rules that store patterns in couplings. In this project's sign, E = +sum J s s: patterns lie low.
Sequences of patterns need couplings that are not symmetric, which have no energy, and are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qspin.errors import InputError, RunError
from qspin.instances.mean_field import hebbian
from qspin.instances.pseudo_inverse import projected as pseudo_inverse
from qspin.problem import IsingProblem
from qspin.validate import checked_count, checked_patterns, checked_real

__all__ = ["hebbian", "perceptron_trained", "pseudo_inverse", "storkey"]


def storkey(patterns: ArrayLike, *, bias: float = 0.0) -> IsingProblem:
    """Storkey's rule, incremental and local (Storkey 1997, ICANN, Lecture Notes in Computer Science 1327,
    451).

    Pattern after pattern, ``J_ij -= (xi_i xi_j - xi_i h_ji - h_ij xi_j) / N``, where ``h_ij`` is the local
    field at i of the couplings so far without the parts of i and j, in this project's sign. It holds more
    patterns than Hebb's rule does.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1, stored in their order
    bias : mean of the patterns, taken off before: for sparse ones

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1.
    """
    xi = checked_patterns(patterns)
    n = xi.shape[1]
    weights = np.zeros((n, n))  # of the paper's sign
    for pattern in xi - checked_real(bias, "bias"):
        fields = weights @ pattern
        without = fields[:, None] - weights * pattern[None, :]  # h_ij: at i, without j; the diagonal is zero
        change = np.outer(pattern, pattern) - pattern[:, None] * without.T - without * pattern[None, :]
        weights += change / n
        np.fill_diagonal(weights, 0.0)
    return IsingProblem(-weights).with_known(patterns=xi)


def perceptron_trained(patterns: ArrayLike, *, margin: float = 0.0, max_sweeps: int = 10_000) -> IsingProblem:
    """Symmetric couplings under which every pattern is a fixed point with a margin, by the perceptron rule
    (Gardner 1988, J. Phys. A 21, 257; symmetrised: Diederich, Opper 1987, Phys. Rev. Lett. 58, 949).

    Where ``xi_i h_i <= margin |J_i|``, h_i being the local field and |J_i| the length of its row of
    couplings, ``J_ij -= xi_i xi_j / N`` for all j, and the same is done to J_ji. If couplings of that margin
    exist, the rule finds some.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1
    margin : in units of the length of a row of couplings
    max_sweeps : over all patterns

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1, or the margin is negative.
    RunError
        If some are no fixed points after `max_sweeps`: they are too many, or the margin is too large.
    """
    xi = checked_patterns(patterns)
    n = xi.shape[1]
    margin = checked_real(margin, "margin")
    if margin < 0:
        raise InputError(f"margin must not be negative; got {margin:g}")
    weights = xi.T @ xi / n
    np.fill_diagonal(weights, 0.0)
    for _ in range(checked_count(max_sweeps, "max_sweeps", least=1)):
        wrong_in_all = 0
        for pattern in xi:
            lengths = np.sqrt((weights**2).sum(axis=1))
            wrong = pattern * (weights @ pattern) <= margin * lengths
            wrong_in_all += int(wrong.sum())
            change = np.outer(wrong * pattern, pattern) / n
            weights += change + change.T
            np.fill_diagonal(weights, 0.0)
        if not wrong_in_all:
            return IsingProblem(-weights).with_known(patterns=xi)
    raise RunError(
        f"{wrong_in_all} of {xi.size} spins of the patterns still lie below the margin {margin:g} after "
        f"{max_sweeps} sweeps: {len(xi)} patterns of {n} spins are too many for it; lower the margin, or "
        "their number"
    )
