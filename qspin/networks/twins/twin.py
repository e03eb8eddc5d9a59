"""Twins of modules, and of parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, nearest_name
from qspin.known import layers_of
from qspin.networks.twins.following import followed
from qspin.networks.twins.reading import BY_HAND
from qspin.networks.twins.wiring import Wiring
from qspin.problem import IsingProblem
from qspin.settings import checked_seed
from qspin.validate import Symmetric, checked_count

if TYPE_CHECKING:
    import torch

__all__ = ["Layer", "Scale", "layers_in", "problem_of", "twin", "weights_of"]

Scale = Literal["critical", "none"]


class Layer(NamedTuple):
    """Neurons of a twin.

    Parameters
    ----------
    number : that labels begin with
    name : of the part of the module that gives them; ``input`` for what goes in
    shape : of that tensor, without the batch; spin k of the layer is its value k in C order
    """

    number: int
    name: str
    shape: tuple[int, ...]


def twin(
    module: torch.nn.Module,
    *,
    input_shape: Sequence[int] | None = None,
    biases: bool = False,
    scale: Scale = "critical",
    layers: Sequence[int | str] | None = None,
    max_spins: int | None = None,
    seed: int = 0,
) -> IsingProblem:
    """Spin-glass twin of a torch network: what goes in and what its weight layers give are spins.

    Its layers count in the order in which `forward` applies them, however they are registered. Rules, where
    they are more than J = -W:

    - a convolution couples wherever its kernel acts; an embedding's input is a spin for each word at each
      place
    - batch normalisation is folded into what it normalises, by its running statistics; layer, group and
      root-mean-square normalisation act by their learned scale alone
    - average pooling is a mean of spins; maximum pooling counts as the mean of its window
    - a sum of two branches is new spins, coupled to both: the identity is a coupling
    - attention: queries and keys of a head are coupled value by value with 1 / sqrt(size of the head); values
      reach the output as if every token looked at all alike
    - recurrent layers are unrolled over the steps of the input; each gate is spins, and so is the state

    Those for maxima, normalisations by the input, attention and gates are choices of this project.

    Parameters
    ----------
    module : weights of any floating precision; layers behave as after training
    input_shape : of what goes in, without the batch: (channels, height, width), (tokens, values), (steps,
        values), (tokens,) for an embedding. Default: that of a first layer which is `Linear`
    biases : make biases fields, h = -b; inputs have none
    scale : ``critical`` divides by the temperature at which the same couplings, drawn as they are
        initialised, freeze: T_c^2 is the largest eigenvalue of the matrix of their variances. ``none``
        leaves the weights
    layers : numbers or names of the layers to keep, see `layers_in`; default all
    max_spins : keep that many spins at most, of each layer the same share, drawn at random, and one of
        each at least; default all
    seed : of that draw

    Returns
    -------
    sparse problem; spin k of layer l is labelled ``"l:k"``, layer 0 being the input; the groups that are
    known of it are its layers, ``"layer 0"`` and so on

    Raises
    ------
    InputError
        If `forward` does what there is no rule for (the message says what), weights are shared or not
        finite, or a layer that is to be kept is none.
    CapacityError
        If the couplings would not fit in memory.

    Examples
    --------
    >>> import torch
    >>> twin(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))).n_spins
    9
    """
    return problem_of(
        followed(module, input_shape),
        biases=biases,
        scale=scale,
        layers=layers,
        max_spins=max_spins,
        seed=seed,
    )


def problem_of(
    wiring: Wiring,
    *,
    biases: bool,
    scale: Scale,
    layers: Sequence[int | str] | None,
    max_spins: int | None,
    seed: int,
) -> IsingProblem:
    """The twin of a wiring; arguments and errors as `twin`."""
    if scale not in ("critical", "none"):
        raise InputError(f"scale must be 'critical' or 'none'; got {scale!r}")
    if not any(group.terms for group in wiring.groups):
        raise InputError("the network has one layer of neurons and no weight between two: it has no twin")
    kept = _kept(wiring, layers, max_spins, seed)
    wiring.require_memory(kept)
    factor = 1.0 if scale == "none" else 1 / wiring.critical_temperature()
    fields = factor * wiring.fields(kept) if biases else None
    labels = [f"{layer}:{k}" for layer, spins in kept.items() for k in spins.tolist()]
    problem = IsingProblem(Symmetric(wiring.couplings(kept, factor)), fields, labels=labels)
    groups = dict(
        zip(
            (f"layer {layer}" for layer in kept),
            layers_of([len(spins) for spins in kept.values()]).values(),
            strict=True,
        )
    )
    return problem.with_known(groups=groups)


def layers_in(module: torch.nn.Module, input_shape: Sequence[int] | None = None) -> list[Layer]:
    """The layers of spins that a twin has, in order; arguments and errors as `twin`."""
    groups = followed(module, input_shape).groups
    return [Layer(number, group.name, group.shape) for number, group in enumerate(groups)]


def weights_of(
    module: torch.nn.Module,
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Weights (out, in) and biases (out,) of a chain of linear layers, in the order in which `forward`
    applies them; a layer without bias gives zeros.

    Raises
    ------
    InputError
        If there are others, or branches; see `twin`, which has rules for them.
    """
    wiring = followed(module)
    matrices = []
    for number, group in enumerate(wiring.groups[1:]):
        if list(group.terms) != [number] or group.terms[number].uniform is None:
            raise InputError(
                f"layer {group.name!r} is more than a linear layer after another: there are no matrices of a "
                f"chain to give. The twin of the module has a rule for it; or {BY_HAND}"
            )
        matrices.append(group.terms[number].values().toarray())
    return matrices, [group.biases for group in wiring.groups[1:]]


def _kept(
    wiring: Wiring, layers: Sequence[int | str] | None, max_spins: int | None, seed: int
) -> dict[int, NDArray[np.int64]]:
    """Positions of the spins of each layer that are kept."""
    numbers = range(len(wiring.groups)) if layers is None else _numbers(wiring, layers)
    kept = {number: np.arange(wiring.groups[number].size) for number in numbers}
    total = sum(map(len, kept.values()))
    if max_spins is None or total <= checked_count(max_spins, "max_spins", least=1):
        return kept
    if max_spins < len(kept):
        raise InputError(
            f"max_spins must leave a spin to each of {len(kept)} layers; got {max_spins}. Name fewer layers"
        )
    rng = np.random.default_rng(checked_seed(seed))
    share = max_spins / total
    return {
        number: np.sort(rng.choice(spins, size=max(1, int(share * len(spins))), replace=False))
        for number, spins in kept.items()
    }


def _numbers(wiring: Wiring, layers: Sequence[int | str]) -> list[int]:
    names = [group.name for group in wiring.groups]
    found = set()
    for layer in layers:
        if isinstance(layer, str):
            if layer not in names:
                raise InputError(f"no layer {layer!r}: {nearest_name(layer, names)}")
            found |= {k for k, name in enumerate(names) if name == layer}
        elif 0 <= layer < len(names):
            found.add(int(layer))
        else:
            raise InputError(f"layers are numbered 0 to {len(names) - 1}; got {layer}")
    return sorted(found)
