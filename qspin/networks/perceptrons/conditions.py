"""Conditions on sums of spins as pairs of spins, with slack bits: what all binary networks here are made of.

A sum that is to lie between two bounds is one of ``lowest, lowest + 2, .. lowest + 2 most``. It costs
``(sum - lowest - 2 k)^2`` with a whole number k of 0 .. most, written in slack bits of its own: nothing where
it lies there and k is right, and at least 4 where it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.instances._drawing import require_numbers
from qspin.networks.squares import sum_of_squares
from qspin.problem import IsingProblem
from qspin.validate import checked_real

__all__ = ["Conditions", "bits_to", "completed", "conditioned", "n_bits", "n_patterns_of"]


class Conditions(NamedTuple):
    """Sums ``rows @ s``, each to be one of ``lowest, lowest + 2, .. lowest + 2 most``.

    Parameters
    ----------
    rows : (M, n), whole numbers; of one parity, that of `lowest`, for all configurations
    """

    rows: NDArray[np.float64]
    lowest: int
    most: int


def conditioned(
    conditions: Sequence[Conditions],
    *,
    scale: float,
    groups: Mapping[str, ArrayLike],
    state: NDArray[np.int64] | None = None,
) -> IsingProblem:
    """Spins that meet all conditions, as the ground states, of energy 0, of pairs of spins.

    Parameters
    ----------
    conditions : on the same n spins; slack bits stand behind these, sum after sum
    scale : that every square is divided by
    groups : of the n spins, by name; ``slack`` is added
    state : n spins that meet all, if some are known: they are a ground state then
    """
    n = conditions[0].rows.shape[1]
    n_slack = sum(len(c.rows) * n_bits(c.most) for c in conditions)
    rows = np.zeros((sum(len(c.rows) for c in conditions), n + n_slack))
    constants = np.zeros(len(rows))
    row, place = 0, n
    for rules in conditions:
        bits = bits_to(rules.most)
        for sums in rules.rows:
            rows[row, :n] = sums
            rows[row, place : place + len(bits)] = -bits  # 2 k = sum of bits (1 + s)
            constants[row] = -rules.lowest - rules.most
            row, place = row + 1, place + len(bits)
    known = dict(groups) | ({"slack": np.arange(n, n + n_slack)} if n_slack else {})
    problem = sum_of_squares(rows, constants, scale=scale).with_known(groups=known)
    if state is None:
        return problem
    ground = completed(conditions, state)[None]
    return problem.with_known(groups=known, ground_energy=0.0, ground_states=ground)


def completed(conditions: Sequence[Conditions], state: NDArray[np.int64]) -> NDArray[np.int64]:
    """Spins that meet all conditions, with the slack bits that say so behind them."""
    parts = [state]
    for rules in conditions:
        for left in ((rules.rows @ state - rules.lowest) // 2).astype(np.int64).tolist():
            parts.append(_written(left, bits_to(rules.most)))
    return np.concatenate(parts)


def bits_to(most: int) -> NDArray[np.float64]:
    """Weights of bits whose sums are exactly 0 .. most, all of them: powers of two and what is left.

    Where `most` is not one less than a power of two, some numbers can be written in two ways.
    """
    weights: list[float] = []
    left = most
    while left > 0:
        weights.append(float(min(2 ** len(weights), left)))
        left -= int(weights[-1])
    return np.array(weights)


def n_bits(most: int) -> int:
    return most.bit_length()


def _written(number: int, bits: NDArray[np.float64]) -> NDArray[np.int64]:
    """A number of 0 .. sum of bits in these bits, as spins: the heaviest first."""
    spins = -np.ones(len(bits), dtype=np.int64)
    for place in np.argsort(-bits, kind="stable"):
        if bits[place] <= number:
            spins[place] = 1
            number -= int(bits[place])
    return spins


def n_patterns_of(load: float, n_weights: int, *, behind: int, squares: int) -> int:
    """P = round(load n_weights), before memory is taken for it.

    Parameters
    ----------
    behind : spins that each pattern adds to the weights
    squares : sums that each pattern sets conditions for

    Raises
    ------
    InputError
        If the load is not finite, or there would be no pattern.
    CapacityError
        If the problem would not fit in memory.
    """
    n_patterns = round(checked_real(load, "load") * n_weights)
    if n_patterns < 1:
        raise InputError(
            f"load times the weights must round to at least 1 pattern; got {load:g} x {n_weights}"
        )
    n_spins = n_weights + n_patterns * behind
    room = 4 * n_spins**2 + 2 * n_patterns * squares * n_spins
    require_numbers(room, f"{n_patterns} patterns for {n_weights} weights, {n_spins} spins in all,")
    return n_patterns
