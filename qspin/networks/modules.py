"""Torch modules by their import path. torch is imported when one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qspin.errors import InputError
from qspin.settings import imported

if TYPE_CHECKING:
    import torch

__all__ = ["module_at", "shuffle_parameters"]


def module_at(path: str) -> torch.nn.Module:
    """What a class or function without arguments gives, with weights by torch's generator as it stands.

    Parameters
    ----------
    path : ``package.module:name``

    Raises
    ------
    InputError
        If it cannot be imported or called, or gives no module.
    """
    import torch

    make = imported(path, "module", key="module", suits=callable, expected="a function or class of modules")
    try:
        module = make()
    except TypeError as error:
        raise InputError(
            f"{path} must give a module when it is called without arguments; {error}", key=("module",)
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"{path} must give a torch.nn.Module; got {type(module).__name__}", key=("module",))
    return module


def shuffle_parameters(module: torch.nn.Module, seed: int) -> None:
    """Permute the values of each matrix of weights where they lie."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                order = torch.randperm(parameter.numel(), generator=generator)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
