"""Binary networks of several layers: those whose learning is exact with few spins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, shown
from qspin.instances._drawing import generator, require_numbers
from qspin.networks.perceptrons.committee import committee_machine
from qspin.networks.perceptrons.conditions import n_bits, n_patterns_of
from qspin.networks.perceptrons.single import perceptron_problem
from qspin.problem import IsingProblem
from qspin.validate import checked_array, checked_count

__all__ = ["binary_network"]


def binary_network(
    layers: Sequence[int],
    load: float,
    learned: Literal["last", "all"] = "last",
    teacher: bool = True,
    *,
    seed: int,
) -> IsingProblem:
    """Weights ±1 of a network of signs that are to give random patterns their labels.

    - ``last``: all layers before the last are random and stay; its weights are a binary perceptron on what
      these give (`perceptron_problem`). Any depth
    - ``all``, two weight layers: weights ±1 of the second can be taken into the first, ``a sign(w . x) =
      sign(a w . x)``, so that learning both is learning a fully connected committee, all a = 1
      (`committee_problem`): each of its solutions stands for 2^K

    More layers that all learn are refused: sums of products of hidden spins and weights would need a spin for
    each product and each pattern.

    Parameters
    ----------
    layers : sizes, inputs first and the one output last; all odd, so that every sum has a sign
    load : patterns for each learned weight of the problem; P = round(load times these)
    learned : which weights are spins
    teacher : labels are those of a random network of the same shape, the same fixed layers included, and its
        weights are then a solution that the problem knows; else they are random
    """
    sizes = _checked_sizes(layers)
    if learned not in ("last", "all"):
        raise InputError(f"learned must be 'last' or 'all'; got {shown(learned)}")
    if learned == "last" or len(sizes) == 2:
        return _last(sizes, load, teacher, seed)
    if len(sizes) > 3:
        raise InputError(
            f"all layers of a network can be learned where there are at most two, [inputs, hidden, 1]; got "
            f"{sizes}. Learn the last one (learned: last)"
        )
    return committee_machine(sizes[0], sizes[1], load, "full", teacher, seed=seed)


def _last(sizes: Sequence[int], load: float, teacher: bool, seed: int) -> IsingProblem:
    n_weights = sizes[-2]
    n_patterns = n_patterns_of(load, n_weights, behind=n_bits((n_weights - 1) // 2), squares=1)
    require_numbers(2 * max(sizes) * (max(sizes) + n_patterns), f"layers {list(sizes)}")
    rng = generator(seed)
    signals: NDArray[np.int64] = rng.choice([-1, 1], size=(n_patterns, sizes[0]))
    for before, after in itertools.pairwise(sizes[:-1]):
        signals = np.sign(signals @ rng.choice([-1, 1], size=(before, after)))
    if not teacher:
        return perceptron_problem(signals * rng.choice([-1, 1], size=(n_patterns, 1)))
    weights = rng.choice([-1, 1], size=n_weights)
    return perceptron_problem(signals * np.sign(signals @ weights)[:, None], solution=weights)


def _checked_sizes(layers: Sequence[int]) -> list[int]:
    sizes = [
        checked_count(size, "a size of layers", least=1)
        for size in np.atleast_1d(checked_array(layers, "layers"))
    ]
    if len(sizes) < 2 or sizes[-1] != 1 or any(size % 2 == 0 for size in sizes):
        raise InputError(
            "layers are at least two odd sizes, inputs first and one output last, such as [15, 7, 1]; got "
            f"{sizes}"
        )
    return sizes
