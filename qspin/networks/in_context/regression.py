"""The ground state of the weights in closed form, what any weights are worth, and the directions without a
cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.networks.in_context.prompts import Examples, checked_weights
from qspin.networks.random_features.ridge import ridge_regression

__all__ = ["Loss", "Solution", "mean_slope", "prediction_loss", "ridge_weights", "zero_eigenvalue_share"]

Floats = NDArray[np.float64]

_ROUNDING = 1e-8  # of the gradient at W = 0: what is left of it in closed form


@dataclass(frozen=True, eq=False)
class Solution:
    """Weights, and how well they were found.

    Parameters
    ----------
    weights : W (D + 1, D + 1)
    converged : whether the residual is below what was asked for
    residual : largest element of the gradient of the energy at W, or of what else a method is to bring to 0
    n_steps : that were taken; 0 of closed forms
    variances : of the elements of W at temperature 1, (D + 1, D + 1), where the method tells them
    """

    weights: Floats
    converged: bool
    residual: float
    n_steps: int = 0
    variances: Floats | None = None


@dataclass(frozen=True)
class Loss:
    """A mean squared error over tasks, with the standard error of that mean."""

    value: float
    error: float


def ridge_weights(examples: Examples, ridge: float = 0.0) -> Solution:
    """The weights of least energy: ``1/2 <(y - s . W)^2> + ridge/2 |W|^2``.

    Without a ridge, of all minima the one of least length. That diverges where tasks are as many as weights
    that count, at P = D (D + 1), and its test loss with it.

    Parameters
    ----------
    examples : of `draw_examples`
    ridge : not negative

    Raises
    ------
    InputError
        If the ridge is negative.
    """
    n_tasks, n = examples.rows.shape
    found = ridge_regression(
        examples.rows * np.sqrt(n / n_tasks), examples.targets / np.sqrt(n_tasks), ridge=ridge
    )
    slope = mean_slope(examples, found, ridge)
    side = examples.dimension + 1
    begin = float(np.abs(mean_slope(examples, np.zeros(side**2), 0.0)).max())
    residual = float(np.abs(slope).max())
    return Solution(found.reshape(side, side), residual <= _ROUNDING * begin, residual)


def mean_slope(examples: Examples, weights: Floats, ridge: float) -> Floats:
    """Gradient of the energy at weights that are flattened ((D + 1)^2,)."""
    misses = examples.rows @ weights - examples.targets
    return examples.rows.T @ misses / len(misses) + ridge * weights


def prediction_loss(weights: ArrayLike, examples: Examples) -> Loss:
    """``<(y - s . W)^2>`` over examples, of training or held out.

    Raises
    ------
    InputError
        If the weights are not (D + 1, D + 1), or there is a single example, which has no error bar.
    """
    w = checked_weights(weights, examples.dimension + 1)
    if len(examples.targets) < 2:
        raise InputError("a loss with its error takes at least 2 examples; got 1")
    squares = (examples.targets - examples.rows @ w.ravel()) ** 2
    return Loss(float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(len(squares))))


def zero_eigenvalue_share(examples: Examples) -> float:
    """Share of directions of W that cost nothing: zero eigenvalues of ``<s s^T>``, from the rank of s.

    It is 1 - P / (D + 1)^2 up to P = D (D + 1) tasks and 1 / (D + 1) from there on, where only the column
    that meets the empty label of the query is left (arXiv:2408.02288).

    Examples
    --------
    >>> from qspin.networks.in_context import draw_examples
    >>> round(zero_eigenvalue_share(draw_examples(20, 10, 100, seed=1)), 4)
    0.7732
    """
    rows = examples.rows
    return 1 - int(np.linalg.matrix_rank(rows)) / rows.shape[1]
