"""One binary neuron and its patterns.

A binary perceptron of N odd weights w = ±1 is to satisfy ``xi^mu . w >= 1`` for P patterns. As pairs of
spins: ``E = sum_mu (xi^mu . w - 1 - 2 k_mu)^2 / N``, with a whole number k_mu of 0 .. (N - 1)/2 written in
slack bits, so that E = 0 where every pattern is satisfied and nowhere else. Its solutions are the ground
states, each as often as its numbers can be written: once where (N + 1)/2 is a power of two.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.instances._drawing import generator
from qspin.networks.perceptrons.conditions import Conditions, conditioned, n_bits, n_patterns_of
from qspin.networks.squares import sum_of_squares
from qspin.problem import IsingProblem
from qspin.validate import checked_count, checked_patterns, checked_real, checked_spins

__all__ = ["binary_perceptron", "perceptron_problem", "symmetric_perceptron", "symmetric_problem"]

Form = Literal["slack", "hebb"]


def perceptron_problem(
    patterns: ArrayLike, *, form: Form = "slack", solution: ArrayLike | None = None
) -> IsingProblem:
    """Weights that satisfy ``xi^mu . w > 0`` for every pattern, as the ground states of pairs of spins.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1, each multiplied by the label that it is to have; N odd
    form : ``slack``: exact, with slack bits behind the N weights; ``hebb``: weights alone, ``E = -sum_mu
        xi^mu . w / sqrt(N)`` and the pairs ``(xi^mu . w)^2 / (2 N)``, the quadratic loss against an output
        of sqrt(N), whose ground states need not satisfy anything
    solution : weights (N,) that satisfy all, such as a teacher's; the problem then knows a ground state
        (form ``slack``)

    Returns
    -------
    problem; the groups ``weights`` and, with slack bits, ``slack`` are known. Of form ``slack``, an energy
    of 0 is a solution

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1, N is even (a perceptron could then be undecided), or
        the solution is none.
    """
    xi = checked_patterns(patterns)
    n = xi.shape[1]
    _check_odd(n)
    state = None if solution is None else _checked_solution(solution, xi)
    groups = {"weights": np.arange(n)}
    if form == "hebb":
        targets = np.full(len(xi), np.sqrt(n))
        return sum_of_squares(xi, -targets, scale=2.0 * n).with_known(groups=groups)
    return conditioned([Conditions(xi, 1, (n - 1) // 2)], scale=float(n), groups=groups, state=state)


def symmetric_problem(patterns: ArrayLike, kappa: float = 1.0) -> IsingProblem:
    """Weights that satisfy ``|xi^mu . w| <= kappa sqrt(N)`` for every pattern (Aubin, Perkins, Zdeborova
    2019, arXiv:1901.00314), as the ground states of pairs of spins, with slack bits.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1
    kappa : positive

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1, or no sum of N signs is that small.
    """
    xi = checked_patterns(patterns)
    n = xi.shape[1]
    kappa = checked_real(kappa, "kappa")
    most = int(np.floor(kappa * np.sqrt(n) + 1e-9))
    most -= (most - n) % 2
    if most < 0:
        raise InputError(f"kappa sqrt(N) = {kappa * np.sqrt(n):.3g} lies below every |sum of {n} signs|")
    most = min(most, n)
    sums = Conditions(xi, -most, most)
    return conditioned([sums], scale=float(n), groups={"weights": np.arange(n)})


def binary_perceptron(
    n_spins: int, load: float, *, teacher: bool = False, form: Form = "slack", seed: int
) -> IsingProblem:
    """`perceptron_problem` of random patterns, P = round(load N); with a teacher their labels are those of a
    random binary perceptron, which is then a solution that the problem knows (form ``slack``).
    """
    n_spins = checked_count(n_spins, "n_spins", least=1)
    _check_odd(n_spins)
    n_patterns = _patterns(n_spins, load)
    rng = generator(seed)
    xi = rng.choice([-1, 1], size=(n_patterns, n_spins))
    if not teacher:
        return perceptron_problem(xi, form=form)
    weights = rng.choice([-1, 1], size=n_spins)
    return perceptron_problem(xi * np.sign(xi @ weights)[:, None], form=form, solution=weights)


def symmetric_perceptron(n_spins: int, load: float, kappa: float = 1.0, *, seed: int) -> IsingProblem:
    """`symmetric_problem` of random patterns, P = round(load N)."""
    n_spins = checked_count(n_spins, "n_spins", least=1)
    n_patterns = _patterns(n_spins, load)
    return symmetric_problem(generator(seed).choice([-1, 1], size=(n_patterns, n_spins)), kappa)


def _patterns(n_spins: int, load: float) -> int:
    return n_patterns_of(load, n_spins, behind=n_bits(n_spins), squares=1)


def _check_odd(n_weights: int) -> None:
    if n_weights % 2 == 0:
        raise InputError(f"a binary perceptron takes an odd number of weights; got {n_weights}")


def _checked_solution(solution: ArrayLike, xi: NDArray[np.float64]) -> NDArray[np.int64]:
    weights = checked_spins(solution, xi.shape[1], "weights of a solution")
    if weights.ndim != 1:
        raise InputError(f"a solution is one row of {xi.shape[1]} weights; got shape {weights.shape}")
    left = int((xi @ weights < 0).sum())
    if left:
        raise InputError(f"a solution satisfies every pattern; this one leaves {left} of {len(xi)}")
    return weights.astype(np.int64)
