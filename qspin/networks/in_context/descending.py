"""The weights of linear attention trained by Adam, as transformers are."""

from __future__ import annotations

import importlib.util
import math

import numpy as np

from qspin.errors import InputError, MissingExtraError, RunError
from qspin.instances._drawing import generator
from qspin.networks.in_context.prompts import Examples
from qspin.networks.in_context.regression import Solution, mean_slope
from qspin.networks.training.loop import torch_session
from qspin.validate import checked_count, checked_real

__all__ = ["adam_weights"]


def adam_weights(
    examples: Examples,
    *,
    n_steps: int = 3000,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    tolerance: float = 1e-3,
    seed: int,
) -> Solution:
    """Weights after so many steps of Adam on the mean squared error of all examples at once.

    W begins at N(0, 1 / (D + 1)). Directions that cost nothing stay as they began, and those that cost little
    hardly move: near P = D (D + 1) the result depends on the optimiser, and is not the one of least squares.

    Parameters
    ----------
    examples : of `draw_examples`
    n_steps, learning_rate : of Adam; the defaults are those of arXiv:2408.02288's comparison of
        parametrisations
    weight_decay : added to the gradient of ``<(y - s . W)^2>`` as weight_decay W: twice the ridge of
        `weight_glass`, whose energy has half the error
    tolerance : of the residual, by which `Solution.converged` is told; training does not stop for it
    seed : of the initial weights

    Raises
    ------
    InputError
        If a setting cannot be.
    MissingExtraError
        If torch is not installed.
    RunError
        If the loss does not stay finite.
    """
    n_steps = checked_count(n_steps, "n_steps", least=1)
    seed = checked_count(seed, "seed")
    learning_rate, weight_decay, tolerance = (
        checked_real(value, what)
        for value, what in (
            (learning_rate, "learning_rate"),
            (weight_decay, "weight_decay"),
            (tolerance, "tolerance"),
        )
    )
    if learning_rate <= 0 or weight_decay < 0 or tolerance <= 0:
        raise InputError(
            "learning_rate and tolerance must be positive and weight_decay not negative; got "
            f"{learning_rate:g}, {tolerance:g} and {weight_decay:g}"
        )
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("training by Adam", extra="torch", module="torch")
    found = _trained(examples, n_steps, learning_rate, weight_decay, seed)
    if not np.isfinite(found).all():
        raise RunError(f"training diverged; lower learning_rate ({learning_rate:g})")
    residual = float(np.abs(mean_slope(examples, found, weight_decay / 2)).max())
    side = examples.dimension + 1
    return Solution(found.reshape(side, side), residual <= tolerance, residual, n_steps)


def _trained(examples: Examples, n_steps: int, rate: float, decay: float, seed: int) -> np.ndarray:
    """On one thread, so that a seed fixes the result."""
    side = examples.dimension + 1
    begin = generator(seed).normal(scale=1 / math.sqrt(side), size=side**2)
    with torch_session(seed) as torch:
        rows, targets = (torch.tensor(np.array(part)) for part in (examples.rows, examples.targets))
        weights = torch.tensor(begin, requires_grad=True)
        optimiser = torch.optim.Adam([weights], lr=rate, weight_decay=decay)
        for _ in range(n_steps):
            weights.grad = 2 / len(targets) * (rows.T @ (rows @ weights.detach() - targets))
            optimiser.step()
        return np.asarray(weights.detach().numpy())
