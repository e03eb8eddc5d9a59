"""Training any torch module on the examples of a recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.networks.modules import module_at
from qspin.networks.training.chains import check_trainable
from qspin.networks.training.examples import examples_of
from qspin.networks.training.loop import Kept, torch_session, train
from qspin.networks.training.recipe import Recipe
from qspin.networks.training.record import weights_by_name

if TYPE_CHECKING:
    import torch

__all__ = ["count_parameters", "input_shape_of", "load_state", "train_module", "untrained"]


def train_module(path: str, recipe: Recipe, shape: Sequence[int] | None = None) -> Kept:
    """Train a module and keep its state dicts.

    Parameters
    ----------
    path : of a function or class, ``package.module:name``, that gives it without arguments
    shape : of an example as the module takes it, such as (1, 8, 8) for digits; default (inputs,)

    Raises
    ------
    InputError, CapacityError, MissingExtraError
        If the path gives no module, it does not fit the data set or into memory, or something is not
        installed.
    RunError
        If the training diverges.
    """
    with torch_session(recipe.seed):
        module = module_at(path)
        _check(module, path, recipe, shape)
        examples = examples_of(recipe).shaped(input_shape_of(recipe, shape))
        return train(module, examples, recipe, weights_by_name)


def untrained(path: str, recipe: Recipe, shape: Sequence[int] | None = None) -> torch.nn.Module:
    """The module as its training starts; raises as `train_module`."""
    with torch_session(recipe.seed):
        module = module_at(path)
        _check(module, path, recipe, shape)
    return module.eval()


def load_state(module: torch.nn.Module, state: Mapping[str, NDArray[Any]]) -> torch.nn.Module:
    """The module with another state. Raises InputError for that of another module."""
    import torch

    try:
        module.load_state_dict({name: torch.as_tensor(values) for name, values in state.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"what was trained does not fit the module any more: {reason}") from error
    return module


def count_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def input_shape_of(recipe: Recipe, shape: Sequence[int] | None) -> tuple[int, ...]:
    """Of an example as the module takes it. Raises InputError if it has not the numbers of one."""
    n_inputs = recipe.examples.n_inputs
    given = (n_inputs,) if shape is None else tuple(shape)
    if math.prod(given) != n_inputs:
        raise InputError(
            f"an example of {recipe.dataset} has {n_inputs} numbers, which input_shape {given} does not hold",
            key=("input_shape",),
        )
    return given


def _check(module: Any, path: str, recipe: Recipe, shape: Sequence[int] | None) -> None:
    """Whether the module gives what the loss takes, and its states fit into memory."""
    import torch

    check_trainable(count_parameters(module), recipe)
    kind = torch.int64 if recipe.encoding == "tokens" else torch.float32
    given = torch.zeros((2, *input_shape_of(recipe, shape)), dtype=kind)
    wanted = (2, recipe.examples.n_outputs)
    try:
        with torch.no_grad():
            came = module.eval()(given)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} does not take examples of {recipe.dataset}, of shape {tuple(given.shape)} for two: "
            f"{reason}; give input_shape, or another module",
            key=("module",),
        ) from error
    found = tuple(came.shape) if isinstance(came, torch.Tensor) else type(came).__name__
    if found != wanted:
        raise InputError(
            f"{path} must give a number for each output of {recipe.dataset}, {wanted} for two examples; got "
            f"{found}",
            key=("module",),
        )
