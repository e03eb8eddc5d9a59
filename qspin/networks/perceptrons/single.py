"""Small binary networks as Ising problems: the landscape of their losses itself as a spin glass.

A binary perceptron of N odd weights w = ±1 is to satisfy ``xi^mu . w >= 1`` for P patterns. As pairs of
spins: ``E = sum_mu (xi^mu . w - 1 - 2 k_mu)^2 / N``, with a whole number k_mu of 0 .. (N - 1)/2 written in
slack bits, so that E = 0 where every pattern is satisfied and nowhere else. Its solutions are the ground
states, each once.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.instances._drawing import generator, require_numbers
from qspin.problem import IsingProblem
from qspin.validate import checked_count, checked_patterns, checked_real

__all__ = ["binary_perceptron", "perceptron_problem", "symmetric_perceptron", "symmetric_problem"]


def perceptron_problem(patterns: ArrayLike, *, form: Literal["slack", "hebb"] = "slack") -> IsingProblem:
    """Weights that satisfy ``xi^mu . w > 0`` for every pattern, as the ground states of pairs of spins.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1, each multiplied by the label that it is to have; N odd
    form : ``slack``: exact, with slack bits behind the N weights; ``hebb``: weights alone, ``E = -sum_mu
        xi^mu . w / sqrt(N)`` and the pairs ``(xi^mu . w)^2 / (2 N)``, the quadratic loss against an output
        of sqrt(N), whose ground states need not satisfy anything

    Returns
    -------
    problem; the groups ``weights`` and, with slack bits, ``slack`` are known. Of form ``slack``, an energy
    of 0 is a solution

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1, or N is even: a perceptron could then be undecided.
    """
    xi = checked_patterns(patterns)
    if xi.shape[1] % 2 == 0:
        raise InputError(f"a binary perceptron takes an odd number of weights; got {xi.shape[1]}")
    if form == "hebb":
        return _squared(xi, np.full(len(xi), np.sqrt(xi.shape[1])), np.zeros((len(xi), 0)), 2.0 * xi.shape[1])
    bits = _bits((xi.shape[1] - 1) // 2)
    return _squared(xi, np.ones(len(xi)), np.tile(2.0 * bits, (len(xi), 1)), float(xi.shape[1]))


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
    bits = _bits(most)  # xi . w = -most + 2 k, k = 0 .. most
    return _squared(xi, np.full(len(xi), -float(most)), np.tile(2.0 * bits, (len(xi), 1)), float(n))


def binary_perceptron(
    n_spins: int,
    load: float,
    *,
    teacher: bool = False,
    form: Literal["slack", "hebb"] = "slack",
    seed: int,
) -> IsingProblem:
    """`perceptron_problem` of random patterns, P = round(load N); with a teacher their labels are those of a
    random binary perceptron, which is then a solution that the problem knows (form ``slack``).
    """
    n_spins, n_patterns = _sizes(n_spins, load)
    rng = generator(seed)
    xi = rng.choice([-1, 1], size=(n_patterns, n_spins))
    if not teacher:
        return perceptron_problem(xi, form=form)
    weights = rng.choice([-1, 1], size=n_spins)
    problem = perceptron_problem(xi * np.sign(xi @ weights)[:, None], form=form)
    return problem if form == "hebb" else problem.with_known(ground_energy=0.0)


def symmetric_perceptron(n_spins: int, load: float, kappa: float = 1.0, *, seed: int) -> IsingProblem:
    """`symmetric_problem` of random patterns, P = round(load N)."""
    n_spins, n_patterns = _sizes(n_spins, load)
    return symmetric_problem(generator(seed).choice([-1, 1], size=(n_patterns, n_spins)), kappa)


def _sizes(n_spins: int, load: float) -> tuple[int, int]:
    n_spins = checked_count(n_spins, "n_spins", least=1)
    n_patterns = round(checked_real(load, "load") * n_spins)
    if n_patterns < 1:
        raise InputError(f"load * n_spins must round to at least 1 pattern; got {load:g} x {n_spins}")
    bits = len(_bits(n_spins)) * n_patterns
    require_numbers(3 * (n_spins + bits) ** 2, f"{n_patterns} patterns of {n_spins} weights with slack bits")
    return n_spins, n_patterns


def _bits(most: int) -> NDArray[np.float64]:
    """Weights of bits whose sums are exactly 0 .. most, all of them: powers of two and what is left."""
    weights: list[float] = []
    left = most
    while left > 0:
        weights.append(float(min(2 ** len(weights), left)))
        left -= int(weights[-1])
    return np.array(weights)


def _squared(
    xi: NDArray[np.float64], target: NDArray[np.float64], steps: NDArray[np.float64], scale: float
) -> IsingProblem:
    """``sum_mu (xi^mu . w - target_mu - sum_b steps_mu,b x_b)^2 / scale``, bits x_b = (1 + s_b) / 2 of each
    pattern's own behind the weights.
    """
    n_patterns, n = xi.shape
    n_bits = steps.shape[1]
    rows = np.zeros((n_patterns, n + n_patterns * n_bits))
    rows[:, :n] = xi
    for mu in range(n_patterns):
        rows[mu, n + mu * n_bits : n + (mu + 1) * n_bits] = -steps[mu] / 2
    constant = -target - steps.sum(axis=1) / 2
    squares = rows.T @ rows / scale
    offset = float(np.trace(squares) + (constant**2).sum() / scale)
    couplings = 2 * squares
    np.fill_diagonal(couplings, 0.0)
    problem = IsingProblem(couplings, 2 * constant @ rows / scale, offset=offset)
    groups = {"weights": np.arange(n)}
    if n_bits:
        groups["slack"] = np.arange(n, n + n_patterns * n_bits)
    return problem.with_known(groups=groups)
