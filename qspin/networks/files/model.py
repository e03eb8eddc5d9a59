"""Problems of files of weights: a machine as it is, a chain of layers as its twin."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.files import checked_path
from qspin.networks.files.controls import Draw, drawing
from qspin.networks.files.machines import INITIAL, is_described, is_machine, machine_of, own_machine_of
from qspin.networks.files.tensors import read_tensors
from qspin.networks.twins.dense_layers import chained
from qspin.networks.twins.reading import numbers_of
from qspin.networks.twins.twin import Scale, problem_of
from qspin.problem import IsingProblem

if TYPE_CHECKING:
    import torch

__all__ = ["ModelFacts", "facts_of", "read_model", "require_initial"]

LinearLayer = tuple[str, NDArray[np.float64], NDArray[np.float64] | None]

_BY_MODULE = (
    "a file of weights says nothing of what else forward does: load it into its module by load_state_dict "
    "and pass that to qspin.networks.twin"
)


def read_model(
    path: str | os.PathLike[str],
    *,
    biases: bool = False,
    scale: Scale | None = None,
    layers: Sequence[int | str] | None = None,
    max_spins: int | None = None,
    seed: int = 0,
    shuffle: int | None = None,
    reinitialise: int | None = None,
) -> IsingProblem:
    """The problem of a trained network or machine in a file.

    A state dict (``.pt``, ``.pth``) or safetensors file of linear layers in a row becomes their twin; one of
    a Boltzmann machine, of qspin or a graph-restricted one of D-Wave's plugin, becomes the machine. Nothing
    that a file contains is executed.

    Parameters
    ----------
    path : the file
    biases, layers, max_spins, seed : of a twin, see `qspin.networks.twin`; names are those in the file,
        without ``.weight``
    scale : of a twin, default ``critical``; the energy of a machine is what it is, so ``none`` alone is taken
    shuffle : seed by which the numbers of each layer are permuted, or those of a machine: the couplings among
        its edges, the fields among its units
    reinitialise : seed by which they are drawn anew as they are initialised: uniformly between -+ 1 /
        sqrt(inputs) in a linear layer of torch; couplings between -+ 5 and fields between -+ 0.05 in a
        machine of D-Wave's plugin; those of qspin do not tell

    Raises
    ------
    InputError
        If the file cannot be read, is a pickle of other objects, holds weights that form no chain, are
        shared, or are no finite real numbers; or a setting of twins is given for a machine, or both
        seeds.
    MissingExtraError
        If torch, or safetensors for its files, is not installed.
    """
    path, draw = checked_path(path), drawing(shuffle, reinitialise)
    tensors = read_tensors(path)
    if is_machine(tensors) or is_described(tensors):
        given = {"biases": biases, "layers": layers, "max_spins": max_spins}
        wrong = [name for name, value in given.items() if value] + ["scale"] * (scale == "critical")
        if wrong:
            raise InputError(f"{path} is a Boltzmann machine, no network: leave out {', '.join(wrong)}")
        if not is_described(tensors):
            return machine_of(tensors, path, draw)
        if reinitialise is not None:
            require_initial(path)
        return own_machine_of(tensors, path, draw)
    return problem_of(
        chained(_drawn(_layers(tensors, path), draw)),
        biases=biases,
        scale=scale or "critical",
        layers=layers,
        max_spins=max_spins,
        seed=seed,
    )


def require_initial(path: str | os.PathLike[str]) -> None:
    """Refuse a file that does not tell how its numbers were drawn before they learned.

    Linear layers of torch and machines of D-Wave's plugin have a rule. Machines of qspin begin with a spread
    that is given to them and is no part of their state dict.

    Raises
    ------
    InputError
        If it holds one of those, or cannot be read.
    """
    if is_described(read_tensors(checked_path(path))):
        raise InputError(
            f"{path} does not tell from which numbers its machine began: it can be shuffled, not drawn anew; "
            "leave out reinitialise"
        )


class ModelFacts(NamedTuple):
    """What is known of a model beside its problem.

    Parameters
    ----------
    initial : name of a piece of its numbers -> half-width of the uniform distribution that `reinitialise`
        draws it from, in the units of the problem: of a machine ``couplings`` and ``fields``; of a twin the
        couplings between two layers, by the names of their groups: ``layer 0 - layer 1``; none where the file
        does not tell it
    temperature : at which it is a model of data, 1 / beta; None of a network, which has none
    """

    initial: dict[str, float]
    temperature: float | None


def facts_of(path: str | os.PathLike[str], *, scale: Scale | None = None) -> ModelFacts:
    """What is known of the model in a file beside its problem; arguments and errors as `read_model`."""
    path = checked_path(path)
    tensors = read_tensors(path)
    if is_machine(tensors):
        return ModelFacts(dict(INITIAL), 1.0)
    if is_described(tensors):
        return ModelFacts({}, 1.0)
    layers = _layers(tensors, path)
    factor = 1.0 if scale == "none" else 1 / chained(layers).critical_temperature()
    widths = [factor * _half_width(weights) for _, weights, _ in layers]
    return ModelFacts({f"layer {k} - layer {k + 1}": width for k, width in enumerate(widths)}, None)


def _half_width(weights: NDArray[np.float64]) -> float:
    """Of the uniform distribution from which torch draws weights and biases of a linear layer."""
    return 1 / math.sqrt(weights.shape[1])


def _drawn(layers: Iterable[LinearLayer], draw: Draw) -> Iterator[LinearLayer]:
    """The same layers with what becomes of their numbers."""
    for name, weights, biases in layers:
        half_width = _half_width(weights)
        offsets = None if biases is None else draw(biases, half_width)
        yield name, draw(weights, half_width), offsets


def _layers(tensors: Mapping[str, torch.Tensor], path: Path) -> list[LinearLayer]:
    """Linear layers in the order of the file: name, weights (out, in) and biases (out,) of each."""
    names = [name.removesuffix("weight") for name in tensors if _is_matrix(name, tensors[name])]
    for name in tensors:
        stem, _, kind = name.rpartition(".")
        stem = f"{stem}." if stem else ""
        if kind not in ("weight", "bias") or stem not in names:
            raise InputError(
                f"{path}: {name!r} of shape {tuple(tensors[name].shape)} is no weight or bias of a linear "
                f"layer; {_BY_MODULE}"
            )
    if not names:
        raise InputError(f"{path} holds no weight (out, in) of a linear layer; {_BY_MODULE}")
    layers: list[LinearLayer] = []
    stored: dict[Any, str] = {}
    for name in names:
        weight, bias = tensors[f"{name}weight"], tensors.get(f"{name}bias")
        _check_bias(weight, bias, name, path)
        if (before := stored.setdefault(_place(weight, name), name)) is not name:
            raise InputError(
                f"{path}: layers {before.rstrip('.')!r} and {name.rstrip('.')!r} share their weights; a twin "
                "has each matrix once"
            )
        if layers and len(layers[-1][1]) != weight.shape[1]:
            raise InputError(
                f"{path}: layer {name.rstrip('.')!r} takes {weight.shape[1]} inputs, and the one before "
                f"gives {len(layers[-1][1])}: in the order of the file its layers form no chain; {_BY_MODULE}"
            )
        title = name.rstrip(".") or "weight"
        offsets = None if bias is None else numbers_of(bias, f"bias of layer {title!r}")
        layers.append((title, numbers_of(weight, f"weight of layer {title!r}"), offsets))
    return layers


def _place(weight: Any, name: str) -> Any:
    """Where its numbers lie; of a sparse one, which shares them with none, its own name."""
    return name if weight.layout is not _strided() else weight.data_ptr()


def _strided() -> Any:
    import torch

    return torch.strided


def _is_matrix(name: str, tensor: Any) -> bool:
    return (name == "weight" or name.endswith(".weight")) and tensor.ndim == 2


def _check_bias(weight: Any, bias: Any, name: str, path: Path) -> None:
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise InputError(
            f"{path}: the bias of layer {name.rstrip('.')!r} has shape {tuple(bias.shape)}; its weight gives "
            f"{weight.shape[0]} values"
        )
