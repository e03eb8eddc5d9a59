"""Losses that ReLU networks of growing width reach, on the axis of the spherical glass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin.errors import InputError
from qspin.networks.training import Recipe, train_mlp
from qspin.networks.training.chains import check_layers
from qspin.sizes import checked_size
from qspin.validate import checked_count

__all__ = ["relu_losses"]


def relu_losses(
    widths: Sequence[int],
    n_draws: int = 10,
    *,
    dataset: str = "digits_small",
    epochs: int = 50,
    seed: int = 0,
    **recipe: Any,
) -> xr.Dataset:
    """Train networks of one hidden layer from many initial weights, and tell where they end.

    Choromanska et al. (arXiv:1412.0233) expect of wide networks what holds for the spherical glass: losses
    reached lie in a band above the lowest one, which becomes narrow as networks grow. Both are drawn on one
    axis, ``depth``: 0 at random weights (of the glass: configurations), 1 at the lowest loss (the ground
    state); here the lowest one of all networks that were trained, which is none of theory. Their factor
    sqrt(2) between energies drops out.

    Parameters
    ----------
    widths : neurons of the hidden layer, one or several
    n_draws : trainings of each width; split, initial weights and batches are drawn anew
    dataset, epochs, recipe : of the training, settings of `qspin.networks.training.Recipe`, epochs 1 or more
    seed : of the first draw; the others count on

    Returns
    -------
    over (``width``, ``draw``): ``loss_train``, ``loss_test``, after the last epoch, in nats for classes;
    ``depth_train``, ``depth_test``. Over ``width``: ``n_weights``, biases among them, and ``spread_train``,
    ``spread_test``, standard deviations of the depths over draws

    Raises
    ------
    InputError
        If there are no widths, fewer than two draws, or a setting cannot be.
    MissingExtraError
        If torch or scikit-learn is not installed.
    RunError
        If a training diverges.
    """
    seed = checked_count(seed, "seed")
    epochs = checked_count(epochs, "epochs", least=1)
    given = widths if isinstance(widths, Sequence | np.ndarray) else [widths]
    sizes = [checked_count(width, "a width", least=1) for width in given]
    if not sizes or len(set(sizes)) != len(sizes):
        raise InputError(f"widths must be distinct, and at least one; got {sizes}")
    n_draws = checked_size(n_draws, "n_draws", least=2, each=32 * len(sizes))
    recipe = {**recipe, "dataset": dataset, "epochs": epochs, "epochs_kept": (0, epochs)}
    how = Recipe(seed=seed, **recipe)
    inputs, outputs = how.examples.n_inputs, how.examples.n_outputs
    for width in sizes:
        check_layers([inputs, width, outputs], how)
    losses = np.empty((len(sizes), n_draws, 2, 2))  # last axes: train, test; before, after
    for w, width in enumerate(sizes):
        for draw in range(n_draws):
            curves = train_mlp([inputs, width, outputs], seed=seed + draw, **recipe).curves
            losses[w, draw] = [curves[name] for name in ("loss_train", "loss_test")]
    n_weights = [(inputs + 1) * width + (width + 1) * outputs for width in sizes]
    return _normalised(losses, sizes, n_weights, dataset)


def _normalised(losses: np.ndarray, widths: list[int], n_weights: list[int], dataset: str) -> xr.Dataset:
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "n_weights": (("width",), np.array(n_weights))
    }
    for k, name in enumerate(("train", "test")):
        before, after = losses[..., k, 0].mean(), losses[..., k, 1]
        depth = (before - after) / (before - after.min())
        variables[f"loss_{name}"] = (("width", "draw"), after)
        variables[f"depth_{name}"] = (("width", "draw"), depth)
        variables[f"spread_{name}"] = (("width",), depth.std(axis=1, ddof=1))
    return xr.Dataset(variables, coords={"width": widths}, attrs={"dataset": dataset})
