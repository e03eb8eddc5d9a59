"""Solutions of one binary perceptron, by belief propagation that fixes weight after weight (Braunstein,
Zecchina 2006, Phys. Rev. Lett. 96, 030201, who reinforce instead of fixing).

Sums over many weights are normal: a pattern tells weight i by the ratio of the probabilities that it is
satisfied with either sign, Phi((omega +- xi_i) / sqrt V), of the mean omega and the variance V of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

from qspin.errors import InputError
from qspin.memory import require_bytes
from qspin.sizes import checked_size
from qspin.theory._equations import Floats
from qspin.theory._results import told
from qspin.validate import checked_count, checked_patterns

__all__ = ["decimated_perceptron"]

_DAMPING = 0.3
_TOLERANCE = 1e-3  # of messages, enough to choose the next weights by
_CLAMPED = 20.0
_BYTES_AN_ATTEMPT = 2_000  # of its random numbers


def decimated_perceptron(
    patterns: ArrayLike,
    *,
    attempts: int = 1,
    share: float = 0.04,
    max_iterations: int = 60,
    seed: int,
) -> xr.Dataset:
    """Binary weights with ``xi^mu . w > 0`` for every pattern, by belief propagation and decimation.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1, each multiplied by its label; N odd
    attempts : with other random numbers each
    share : of the weights that are fixed at a time, those of a random half of what is left that belief
        propagation is surest of
    max_iterations : of belief propagation between two times; unfinished, it goes on from what it has
    seed : of the first messages and of the halves

    Returns
    -------
    over ``attempt``: ``solved``, ``violated`` (patterns that are not satisfied), ``iterations`` in all and
    ``converged``, the share of the stages whose messages did; over (``attempt``, ``weight``): ``weights``.
    Attribute ``success_rate``, how often a solution was found. Nothing is promised: found none does not mean
    that there is none. Random patterns are easy up to loads of 0.6 or so of the 0.833 that exist

    Raises
    ------
    InputError
        If the patterns are not a matrix of -1 and +1, N is even, or a setting is out of range.
    CapacityError
        If messages of this size, or so many attempts, would not fit in memory.

    Examples
    --------
    >>> patterns = np.random.default_rng(1).choice([-1, 1], size=(30, 101))
    >>> decimated_perceptron(patterns, seed=1).solved.values.tolist()
    [True]
    """
    xi = checked_patterns(patterns)
    n = xi.shape[1]
    if n % 2 == 0:
        raise InputError(f"a binary perceptron takes an odd number of weights; got {n}")
    if not 0 < share <= 1:
        raise InputError(
            f"share of the weights that are fixed at a time lies above 0, up to 1; got {share:g}"
        )
    checked_size(attempts, "attempts", each=_BYTES_AN_ATTEMPT + 16 * n)
    checked_count(max_iterations, "max_iterations", least=1)
    require_bytes(
        12 * 8 * xi.size, f"messages of {len(xi)} patterns to {n} weights", "take a smaller instance"
    )
    children = np.random.default_rng(checked_count(seed, "seed")).spawn(attempts)
    runs = [_decimated(xi, max(1, round(share * n)), max_iterations, rng) for rng in children]
    violated = np.array([int((xi @ run.weights <= 0).sum()) for run in runs])
    found = xr.Dataset(
        {
            "solved": ("attempt", violated == 0),
            "violated": ("attempt", violated),
            "iterations": ("attempt", np.array([run.iterations for run in runs])),
            "converged": ("attempt", np.array([run.converged for run in runs])),
            "weights": (("attempt", "weight"), np.array([run.weights for run in runs]).astype(np.int8)),
        },
        attrs={"success_rate": float((violated == 0).mean()), "load": len(xi) / n},
    )
    return told(
        found,
        source="Braunstein, Zecchina 2006, Phys. Rev. Lett. 96, 030201",
        valid="patterns without strong correlations, many weights",
        error="none: solutions are checked against the patterns",
    )


@dataclass(frozen=True)
class _Run:
    weights: Floats
    iterations: int
    converged: float


def _decimated(xi: Floats, at_a_time: int, most: int, rng: np.random.Generator) -> _Run:
    fixed = np.zeros(xi.shape[1])  # sign of the weights that are, 0 of the others
    messages = 0.01 * rng.normal(size=xi.shape)
    iterations, converged, stages = 0, 0, 0
    while (fixed == 0).any():
        messages, steps, done = _propagated(xi, messages, fixed, most)
        iterations, converged, stages = iterations + steps, converged + done, stages + 1
        free = rng.permutation(np.flatnonzero(fixed == 0))
        fields = messages.sum(axis=0)
        half = free[: -(-len(free) // 2)]  # a random one, or all attempts would be alike
        chosen = half[np.argsort(-np.abs(fields[half]))[:at_a_time]]
        fixed[chosen] = np.where(fields[chosen] >= 0, 1.0, -1.0)
    return _Run(fixed, iterations, converged / stages)


def _propagated(xi: Floats, messages: Floats, fixed: Floats, most: int) -> tuple[Floats, int, bool]:
    """Messages of patterns to weights (P, N), half a logarithm of ratios, after so many iterations, and
    whether they stay as they are."""
    free = fixed == 0
    for step in range(1, most + 1):
        fields = messages.sum(axis=0) - messages
        told_by = _told(xi, np.tanh(np.where(free, fields, _CLAMPED * fixed)))
        change = float(np.abs(np.tanh(told_by) - np.tanh(messages))[:, free].max())
        messages = _DAMPING * messages + (1 - _DAMPING) * told_by
        if change < _TOLERANCE:
            return messages, step, True
    return messages, most, False


def _told(xi: Floats, means: Floats) -> NDArray[np.float64]:
    """Messages of patterns, from the means of the weights without them (P, N)."""
    parts, variances = xi * means, 1 - means**2
    omega = parts.sum(axis=1, keepdims=True) - parts
    deviation = np.sqrt(np.maximum(variances.sum(axis=1, keepdims=True) - variances, 1e-3))
    return xi * (log_ndtr((omega + 1) / deviation) - log_ndtr((omega - 1) / deviation)) / 2
