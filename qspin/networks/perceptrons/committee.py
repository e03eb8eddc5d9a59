"""Committees: a hidden layer of binary perceptrons, and the majority of what they say.

A hidden unit k sees the inputs of a pattern through n odd weights w_k = ±1 and says ``h = sign(w_k . xi)``;
of an odd number K of units the majority is the output. As pairs of spins, with the K hidden spins of every
pattern behind the weights:

    E = sum_mu { sum_k (w_k . xi^mu_k - (n + 1)/2 h_mu,k - t_mu,k)^2 + (sum_k h_mu,k - 1 - 2 j_mu)^2 } / n

with ``t`` one of -(n - 1)/2, -(n - 5)/2, .. (n - 1)/2 and j one of 0 .. (K - 1)/2, in slack bits: a sum
between 1 and n makes its hidden spin +1, one between -n and -1 makes it -1, and E = 0 where every pattern has
the majority, and nowhere else. That is exact; there is no form in pairs of the weights alone, since the
output is no linear sum of them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError, shown
from qspin.instances._drawing import generator
from qspin.networks.perceptrons.conditions import Conditions, conditioned, n_bits, n_patterns_of
from qspin.problem import IsingProblem
from qspin.validate import checked_count, checked_patterns, checked_spins

__all__ = ["committee_machine", "committee_problem"]

Architecture = Literal["tree", "full"]


def committee_problem(
    patterns: ArrayLike,
    n_hidden: int,
    *,
    architecture: Architecture = "tree",
    solution: ArrayLike | None = None,
) -> IsingProblem:
    """Weights of a committee whose output is +1 for every pattern, as the ground states of pairs of spins.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1, each multiplied by the label that it is to have: a committee whose
        inputs are all turned over says the opposite
    n_hidden : K, odd
    architecture : ``tree``: each hidden unit sees N / K inputs of its own, in their order; ``full``: all N.
        Either number is odd
    solution : weights (K, n) that satisfy all, such as a teacher's; the problem then knows a ground state

    Returns
    -------
    problem; the groups ``weights`` (unit after unit), ``hidden`` (pattern after pattern) and ``slack`` are
    known. An energy of 0 is a solution

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1, a number is even, or the solution is none.

    Examples
    --------
    >>> problem = committee_problem([[1, 1, -1, 1, -1, -1, 1, 1, 1]], 3)
    >>> {name: len(spins) for name, spins in problem.known.groups.items()}
    {'weights': 9, 'hidden': 3, 'slack': 4}
    """
    xi = checked_patterns(patterns)
    n = _inputs_of_a_unit(xi.shape[1], n_hidden, architecture)
    seen = _seen(xi, n_hidden, architecture)
    conditions = _conditions(seen)
    n_weights = n_hidden * n
    groups = {
        "weights": np.arange(n_weights),
        "hidden": np.arange(n_weights, n_weights + len(xi) * n_hidden),
    }
    state = None if solution is None else _state(solution, seen)
    return conditioned(conditions, scale=float(n), groups=groups, state=state)


def committee_machine(
    n_inputs: int,
    n_hidden: int,
    load: float,
    architecture: Architecture = "tree",
    teacher: bool = True,
    *,
    seed: int,
) -> IsingProblem:
    """`committee_problem` of random patterns, P = round(load times the weights); with a teacher their labels
    are those of a random committee of the same shape, which is then a solution that the problem knows.
    """
    n = _inputs_of_a_unit(checked_count(n_inputs, "n_inputs", least=1), n_hidden, architecture)
    behind = n_hidden * (1 + n_bits((n - 1) // 2)) + n_bits((n_hidden - 1) // 2)
    n_patterns = n_patterns_of(load, n_hidden * n, behind=behind, squares=n_hidden + 1)
    rng = generator(seed)
    xi = rng.choice([-1, 1], size=(n_patterns, n_inputs))
    if not teacher:
        return committee_problem(xi, n_hidden, architecture=architecture)
    weights = rng.choice([-1, 1], size=(n_hidden, n))
    votes = np.sign((_seen(xi, n_hidden, architecture) * weights).sum(axis=2)).sum(axis=1)
    labelled = xi * np.sign(votes)[:, None]
    return committee_problem(labelled, n_hidden, architecture=architecture, solution=weights)


def _conditions(seen: NDArray[np.float64]) -> list[Conditions]:
    """On the weights and hidden spins of inputs (P, K, n)."""
    n_patterns, n_hidden, n = seen.shape
    n_units = n_patterns * n_hidden
    of_weights = np.zeros((n_patterns, n_hidden, n_hidden, n))
    for unit in range(n_hidden):
        of_weights[:, unit, unit] = seen[:, unit]
    sums = np.hstack([of_weights.reshape(n_units, n_hidden * n), np.diag(np.full(n_units, -(n + 1) / 2))])
    of_hidden = np.kron(np.eye(n_patterns), np.ones(n_hidden)).astype(np.float64)
    votes = np.hstack([np.zeros((n_patterns, n_hidden * n)), of_hidden])
    half = (n - 1) // 2
    return [Conditions(sums, -half, half), Conditions(votes, 1, (n_hidden - 1) // 2)]


def _seen(xi: NDArray[np.float64], n_hidden: int, architecture: Architecture) -> NDArray[np.float64]:
    """What each hidden unit sees of each pattern (P, K, n)."""
    if architecture == "tree":
        return xi.reshape(len(xi), n_hidden, -1)
    return np.broadcast_to(xi[:, None, :], (len(xi), n_hidden, xi.shape[1]))


def _inputs_of_a_unit(n_inputs: int, n_hidden: int, architecture: Architecture) -> int:
    n_hidden = checked_count(n_hidden, "n_hidden", least=1)
    if architecture not in ("tree", "full"):
        raise InputError(f"architecture must be 'tree' or 'full'; got {shown(architecture)}")
    if n_hidden % 2 == 0:
        raise InputError(f"a committee takes an odd number of hidden units, n_hidden; got {n_hidden}")
    if architecture == "full":
        n, rest = n_inputs, 0
    else:
        n, rest = divmod(n_inputs, n_hidden)
    if rest or n % 2 == 0:
        takes = "its inputs" if architecture == "full" else f"1/{n_hidden} of its inputs"
        raise InputError(
            f"each hidden unit of a {architecture} committee takes {takes}, an odd number of them; got "
            f"{n_inputs} inputs for {n_hidden} units"
        )
    return n


def _state(solution: ArrayLike, seen: NDArray[np.float64]) -> NDArray[np.int64]:
    """Weights and hidden spins of a solution."""
    _, n_hidden, n = seen.shape
    weights = checked_spins(solution, n, "weights of a solution")
    if weights.shape != (n_hidden, n):
        raise InputError(f"a solution has weights ({n_hidden}, {n}), a row a unit; got shape {weights.shape}")
    hidden = np.sign((seen * weights).sum(axis=2))
    left = int((hidden.sum(axis=1) < 0).sum())
    if left:
        raise InputError(f"a solution satisfies every pattern; this one leaves {left} of {len(seen)}")
    return np.concatenate([weights.ravel(), hidden.ravel()]).astype(np.int64)
