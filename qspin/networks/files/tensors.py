"""Named tensors from a file, without running what it may contain."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qspin.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import torch

__all__ = ["read_tensors"]

_NESTED = ("state_dict", "model_state_dict", "model")
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"  # how what torch writes begins, today and before its version 1.6
_SAVE = "save its state_dict(): torch.save(module.state_dict(), path)"


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a state dict (``.pt``, ``.pth``) or a safetensors file, by name, in the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read or holds something else; pickled modules are refused and not executed.
    MissingExtraError
        If torch, or for its files safetensors, is not installed.
    """
    if find_spec("torch") is None:
        raise MissingExtraError("reading weights", extra="torch", module="torch")
    if path.suffix == ".safetensors":
        return _of_safetensors(path)
    return _of_state_dict(_loaded(path), path)


def _loaded(path: Path) -> Any:
    import torch

    if not _start(path).startswith((_ZIP, _PICKLE)):
        raise InputError(f"{path} is no file of weights, neither of torch nor safetensors; {_SAVE}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is no state dict but a pickle of other objects, such as a whole module; it is not "
            f"opened, because that runs what it contains. Where the module is, {_SAVE}"
        ) from error
    except Exception as error:  # what torch raises for bytes that are none of its files
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path} is no file of weights ({reason}); {_SAVE}") from error


def _start(path: Path) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(len(_ZIP))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _of_state_dict(content: Any, path: Path) -> dict[str, torch.Tensor]:
    import torch

    for name in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"{path} holds {type(content).__name__}, no state dict; {_SAVE}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise InputError(
                f"{path} is no state dict: its entry {name!r} is {type(value).__name__}, not a tensor; "
                f"{_SAVE}"
            )
    return dict(content)


def _of_safetensors(path: Path) -> dict[str, torch.Tensor]:
    if find_spec("safetensors") is None:
        raise MissingExtraError("reading safetensors", extra="torch", module="safetensors")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.offset_keys()}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise InputError(
            f"{path} is no safetensors file, or one whose header does not fit its content ({error}); write "
            "it again by safetensors.torch.save_file"
        ) from error
