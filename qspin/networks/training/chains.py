"""Training linear layers in a row with rectified units between them."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, MissingExtraError
from qspin.memory import require_bytes
from qspin.networks.training.examples import examples_of
from qspin.networks.training.loop import torch_session, train
from qspin.networks.training.recipe import Recipe
from qspin.networks.training.record import TrainingRecord
from qspin.networks.twins import weights_of

__all__ = ["check_layers", "check_trainable", "n_weights", "train_mlp"]

_BYTES_PER_INPUT = 16  # while examples are made and split


def train_mlp(layers: Sequence[int], **recipe: Any) -> TrainingRecord:
    """Train a ReLU network, on one thread, so that a seed fixes the result.

    Parameters
    ----------
    layers : neurons of each layer, inputs first; they must fit the data set (digits: 64 ... 10)
    recipe : settings of a `Recipe`, such as dataset, epochs, learning_rate, batch_size, seed

    Raises
    ------
    MissingExtraError
        If torch or scikit-learn is not installed.
    InputError
        For a wrong setting, or if the layers do not fit the data.
    CapacityError
        If the weights of all epochs that are kept would not fit in memory.
    RunError
        If the training diverges.
    """
    how = Recipe(**recipe)
    check_layers(layers, how)
    with torch_session(how.seed):
        kept = train(_rectified(layers), examples_of(how), how, _matrices)
    steps = range(len(layers) - 1)
    return TrainingRecord(
        [kept.arrays[f"weights_{k}"] for k in steps],
        [kept.arrays[f"biases_{k}"] for k in steps],
        kept.curves,
        None if how.epochs_kept == "all" else kept.epochs,
    )


def n_weights(layers: Sequence[int]) -> int:
    return sum(before * after for before, after in itertools.pairwise(layers))


def check_layers(layers: Sequence[int], recipe: Recipe) -> None:
    """Refuse a training that cannot start, without importing torch; raises as `train_mlp`."""
    data = recipe.examples
    if recipe.encoding == "tokens":
        raise InputError(f"linear layers take numbers, so {recipe.dataset} needs encoding one_hot")
    if len(layers) < 2 or (layers[0], layers[-1]) != (data.n_inputs, data.n_outputs):
        outputs = "1 output" if data.is_regression else f"{data.n_outputs} classes"
        raise InputError(
            f"{recipe.dataset} has {data.n_inputs} inputs and {outputs}, so layers must read "
            f"[{data.n_inputs}, ..., {data.n_outputs}]; got {list(layers)}"
        )
    check_trainable(n_weights(layers), recipe)


def check_trainable(n_weights: int, recipe: Recipe) -> None:
    """Whether examples and so many weights fit in memory, and what trains them is installed."""
    data = recipe.examples
    require_bytes(
        _BYTES_PER_INPUT * data.n_examples * data.n_inputs,
        f"{data.n_examples} examples of {recipe.data_title}",
        "take a smaller modulus or context",
    )
    require_bytes(
        16 * recipe.n_kept * n_weights,
        f"{n_weights} weights in {recipe.n_kept} epochs",
        "take fewer of either",
    )
    for module, package in (("torch", "torch"), ("sklearn", "scikit-learn")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("training a network", extra="torch", module=package)


def _rectified(layers: Sequence[int]) -> Any:
    import torch

    modules: list[Any] = []
    for before, after in itertools.pairwise(layers):
        modules += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _matrices(module: Any) -> dict[str, NDArray[np.float64]]:
    weights, biases = weights_of(module)
    named = {f"weights_{k}": layer for k, layer in enumerate(weights)}
    return named | {f"biases_{k}": layer for k, layer in enumerate(biases)}
