"""The numbers of a module, and whether it can be read at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.memory import require_bytes

__all__ = ["BY_HAND", "check_module", "kind_of", "numbers_of", "require_real"]

_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
_REAL = ("float16", "bfloat16", "float32", "float64")
"""Precisions of torch whose numbers are what they stand for; of others, scales that lie elsewhere decide."""

BY_HAND = "pass the matrices, first layer first, to twin_from_weights"


def check_module(module: Any) -> None:
    """Raises InputError for what is no torch module, or none that can be followed."""
    torch = sys.modules.get("torch")  # without it there is no module
    if torch is None or not isinstance(module, torch.nn.Module):
        raise InputError(f"twin takes a torch.nn.Module; got {_came(module)}")
    kind = type(module).__name__
    if kind in _WRAPPERS:
        raise InputError(f"a {kind} wraps the network; pass its attribute {_WRAPPERS[kind]!r} instead")
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(f"a compiled {kind} cannot be followed; pass the module that it was made from")
    for name, parameter in module.named_parameters():
        if torch.nn.parameter.is_lazy(parameter):
            raise InputError(
                f"parameter {name!r} has no shape yet; call the network once, then take its twin"
            )
    for name, part in module.named_modules():
        if part._forward_hooks or part._forward_pre_hooks:
            raise InputError(
                f"layer {name or kind!r} has a forward hook, which may change what it computes; remove it "
                "first (pruning: torch.nn.utils.prune.remove)"
            )


def _came(given: Any) -> str:
    if isinstance(given, str | os.PathLike):
        return (
            f"a path, {os.fspath(given)!r}; make the network, load the file with load_state_dict, pass that"
        )
    if isinstance(given, Mapping):
        return f"a {type(given).__name__}: load it into its network with load_state_dict, or {BY_HAND}"
    return f"{type(given).__name__}; of weights alone, {BY_HAND}"


def kind_of(layer: Any) -> str:
    """Name of the layer of torch whose `forward` this one has; empty for one with a forward of its own."""
    kinds: tuple[Any, ...] = type(layer).__mro__
    for base in kinds:
        if base.__module__.startswith("torch.nn.modules"):
            return base.__name__ if kinds[0].forward is base.forward else ""
    return ""


def require_real(parameter: Any, what: str) -> None:
    """Refuse numbers that are not real, and those of eight bits and less (``float8_e4m3fn``, ``int8``, ...):
    what they stand for is decided by scales that a tensor does not have.

    Raises
    ------
    InputError
        Of what type they are, and which would do.
    """
    import torch

    if parameter.is_quantized or parameter.dtype not in {getattr(torch, name) for name in _REAL}:
        raise InputError(
            f"the {what} must be real floating-point numbers; got {parameter.dtype}. Those of "
            f"{', '.join(_REAL)} are read: take the twin of the network before it was quantised, or of its "
            "real part"
        )


def numbers_of(parameter: Any, what: str) -> NDArray[np.float64]:
    """The numbers of a tensor, exact for every shorter floating precision.

    Raises
    ------
    InputError
        If there are none, or they are not real, or of eight bits and less.
    CapacityError
        If they would not fit in memory: a view may stand for more numbers than a file holds.
    """
    import torch

    if parameter.is_meta:
        raise InputError(f"the {what} lies on device 'meta', where there are no numbers; load the weights")
    require_real(parameter, what)
    if 0 in parameter.shape:
        raise InputError(f"the {what} has no numbers: its shape is {tuple(parameter.shape)}")
    require_bytes(
        8 * parameter.numel(), f"the {parameter.numel()} numbers of the {what}", "take a smaller network"
    )
    return np.asarray(parameter.detach().to("cpu", torch.float64, copy=True).to_dense().numpy())
