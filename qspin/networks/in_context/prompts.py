"""Prompts of linear regression, and what a layer of linear attention makes of them.

A task is a vector ``w ~ N(0, 1)^D``. Its prompt holds N pairs ``x ~ N(0, 1)^D``, ``y = w . x / sqrt(D)``, and
a query whose label is to be found: a matrix X (D + 1, N + 1), the labels in its last row, 0 in the place of
the last one. Linear attention with merged weights W predicts ``[X X^T W X]_(last, last) / (N + 1)``, which is
linear in W:

    prediction = sum_mn s_mn W_mn,    s_mn = (X X^T)_(last, m) X_(n, last) / (N + 1).

The last column of s vanishes with the label of the query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.instances._drawing import generator, require_numbers
from qspin.theory.regression import checked_scale
from qspin.validate import checked_array, checked_count, locked

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Examples", "Prompts", "checked_weights", "draw_examples", "draw_prompts"]

Floats = NDArray[np.float64]

_BLOCK = 2**22  # numbers of prompts that are held at a time


@dataclass(frozen=True, eq=False)
class Prompts:
    """Prompts of P tasks.

    Parameters
    ----------
    matrices : X (P, D + 1, N + 1)
    targets : labels of the queries (P,)
    tasks : w (P, D)
    """

    matrices: Floats
    targets: Floats
    tasks: Floats

    def examples(self) -> Examples:
        """What W sees of them."""
        return Examples(locked(_features(self.matrices)), self.targets)

    def predictions(self, weights: ArrayLike) -> Floats:
        """Of linear attention, by its own product of matrices (P,).

        Raises
        ------
        InputError
            If the weights W are not (D + 1, D + 1).
        """
        w = checked_weights(weights, self.matrices.shape[1])
        x = self.matrices
        return np.asarray((x @ x.swapaxes(1, 2) @ w @ x)[:, -1, -1] / x.shape[2])


@dataclass(frozen=True, eq=False)
class Examples:
    """P examples of a regression on the elements of W.

    Parameters
    ----------
    features : s (P, D + 1, D + 1)
    targets : labels of the queries (P,)
    """

    features: Floats
    targets: Floats

    def __post_init__(self) -> None:
        shape = np.shape(self.features)
        if len(shape) != 3 or shape[1] != shape[2] or shape[1] < 2 or np.shape(self.targets) != shape[:1]:
            raise InputError(
                "examples are features (P, D + 1, D + 1) and targets (P,); got shapes "
                f"{shape} and {np.shape(self.targets)}"
            )
        if not shape[0] or not (np.isfinite(self.features).all() and np.isfinite(self.targets).all()):
            raise InputError(f"examples must be finite, and at least one; got {shape[0]}")

    @property
    def dimension(self) -> int:
        """D."""
        return self.features.shape[1] - 1

    @property
    def rows(self) -> Floats:
        """Features with W flattened, element (m, n) at m (D + 1) + n: (P, (D + 1)^2)."""
        return self.features.reshape(len(self.targets), -1)


def draw_prompts(
    dimension: int, length: int, n_tasks: int, *, noise: float = 0.0, seed: int | Sequence[int]
) -> Prompts:
    """Prompts of random tasks.

    Parameters
    ----------
    dimension : D
    length : N, pairs of a prompt without its query
    n_tasks : P
    noise : standard deviation of what is added to every label, that of the query among them
    seed : of all of it

    Raises
    ------
    InputError
        If a number is below 1, or the noise negative.
    CapacityError
        If the prompts would not fit in memory; `draw_examples` keeps less.
    """
    sizes = _checked_sizes(dimension, length, n_tasks, noise)
    require_numbers(2 * n_tasks * (dimension + 1) * (length + 1), f"prompts of {n_tasks} tasks")
    (prompts,) = _blocks(*sizes, seed, n_tasks)
    return prompts


def draw_examples(
    dimension: int, length: int, n_tasks: int, *, noise: float = 0.0, seed: int | Sequence[int]
) -> Examples:
    """The examples of `draw_prompts`, without the prompts themselves.

    Raises
    ------
    InputError
        As `draw_prompts`.
    CapacityError
        If the features would not fit in memory.

    Examples
    --------
    >>> draw_examples(5, 10, 40, seed=1).features.shape
    (40, 6, 6)
    """
    sizes = _checked_sizes(dimension, length, n_tasks, noise)
    require_numbers(2 * n_tasks * (dimension + 1) ** 2, f"features of {n_tasks} tasks")
    block = max(1, _BLOCK // ((dimension + 1) * (length + 1)))
    parts = [prompts.examples() for prompts in _blocks(*sizes, seed, block)]
    return Examples(
        *(locked(np.concatenate([getattr(p, n) for p in parts])) for n in ("features", "targets"))
    )


def checked_weights(weights: ArrayLike, side: int) -> Floats:
    """W (side, side), finite.

    Raises
    ------
    InputError
        If it is not.
    """
    w = checked_array(weights, "weights").astype(np.float64)
    if w.shape != (side, side) or not np.isfinite(w).all():
        raise InputError(f"weights W must be finite, of shape ({side}, {side}); got shape {w.shape}")
    return w


def _checked_sizes(dimension: int, length: int, n_tasks: int, noise: float) -> tuple[int, int, int, float]:
    sizes = [
        checked_count(value, what, least=1)
        for value, what in ((dimension, "dimension"), (length, "length"), (n_tasks, "n_tasks"))
    ]
    return sizes[0], sizes[1], sizes[2], checked_scale(noise, "noise")


def _blocks(
    dimension: int, length: int, n_tasks: int, noise: float, seed: int | Sequence[int], block: int
) -> Iterator[Prompts]:
    """Prompts of so many tasks at a time; the numbers do not depend on it."""
    of_tasks, of_inputs, of_noise = generator(seed).spawn(3)
    for start in range(0, n_tasks, block):
        n = min(block, n_tasks - start)
        yield _drawn(of_tasks, of_inputs, of_noise, (n, dimension, length + 1), noise)


def _drawn(
    of_tasks: Generator, of_inputs: Generator, of_noise: Generator, shape: tuple[int, int, int], noise: float
) -> Prompts:
    n, dimension, n_columns = shape
    tasks = of_tasks.normal(size=(n, dimension))
    matrices = np.empty((n, dimension + 1, n_columns))
    matrices[:, :-1] = of_inputs.normal(size=shape)
    labels = (tasks[:, None, :] @ matrices[:, :-1])[:, 0] / np.sqrt(dimension)
    if noise:
        labels += noise * of_noise.normal(size=labels.shape)
    matrices[:, -1] = labels
    matrices[:, -1, -1] = 0.0
    return Prompts(locked(matrices), locked(labels[:, -1].copy()), locked(tasks))


def _features(matrices: Floats) -> Floats:
    along = (matrices @ matrices[:, -1, :, None])[..., 0] / matrices.shape[2]
    return along[:, :, None] * matrices[:, None, :, -1]
