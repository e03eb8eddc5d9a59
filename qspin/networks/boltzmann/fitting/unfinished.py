"""Unfinished training in a file, so that it goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qspin.checkpoint import Checkpoint, checked_interval
from qspin.files import require_writable
from qspin.networks.boltzmann.machines import Machine, parameters_digest

__all__ = ["Unfinished", "identity_of_descent", "identity_of_machine"]

_VERSION = 6
_DIGESTS = ("units and graph", "first parameters", "data")


class Unfinished:
    """The checkpoint of one training, or none.

    Parameters
    ----------
    path : of the file; None: nothing is kept
    seconds : between two saves
    identity : JSON values that a training must share to go on from there
    """

    def __init__(self, path: str | os.PathLike[str] | None, seconds: float, identity: Mapping[str, Any]):
        self._identity = {"training": _VERSION, **identity}
        self._checkpoint, seconds = None, checked_interval(seconds, "checkpoint_seconds")
        if path is not None:
            require_writable(path)
            self._checkpoint = Checkpoint(path, seconds)

    def load(self) -> dict[str, Any] | None:
        """What was saved; None if there is nothing. Raises InputError where it is of another training."""
        arrays = None if self._checkpoint is None else self._checkpoint.load(self._identity, _DIGESTS)
        if arrays is None:
            return None
        return torch.load(io.BytesIO(arrays["state"].tobytes()), weights_only=True)

    def keep(self, state: Any) -> None:
        """Save what `state()` gives, if it is time."""
        if self._checkpoint is None or not self._checkpoint.is_due:
            return
        content = io.BytesIO()
        torch.save(state(), content)
        self._checkpoint.keep(self._identity, {"state": np.frombuffer(content.getvalue(), dtype=np.uint8)})

    def done(self) -> None:
        """The training is complete: the file is removed."""
        if self._checkpoint is not None:
            self._checkpoint.discard()
            self._checkpoint.close()


def identity_of_machine(machine: Machine, *data: Tensor | None) -> dict[str, Any]:
    """Of a machine as a training finds it, and of its data."""
    like = machine.like
    return {
        "units and graph": machine.description().digest,
        "dtype": str(like.dtype),
        "device": like.device.type,
        "first parameters": parameters_digest([machine]),
        "data": _digest(*data),
    }


def identity_of_descent(
    optimiser: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler | None
) -> dict[str, Any]:
    """Of an optimiser with its groups of parameters, and of a schedule, both before the first step."""
    groups = {}
    for k, group in enumerate(optimiser.param_groups):
        rate = group.get("initial_lr", group.get("lr"))  # a schedule has changed the other one already
        own = {name: value for name, value in group.items() if name not in ("params", "initial_lr")}
        groups[str(k)] = _plain({**own, "lr": rate})
    return {
        "schedule": "none" if scheduler is None else type(scheduler).__name__,
        "optimiser": {"kind": type(optimiser).__name__, **groups},
        "schedule_settings": None if scheduler is None else _plain(vars(scheduler)),
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of settings, those that JSON can hold; functions are told by their name and the numbers in them."""
    found = {name: _value(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_value(own) for own in value]
    if isinstance(value, torch.optim.lr_scheduler.LRScheduler):  # one may be made of others
        return {"kind": type(value).__name__, **_plain(vars(value))}
    if isinstance(value, functools.partial):
        return [_value(value.func), _value(value.args), _plain(value.keywords)]
    if (code := getattr(value, "__code__", None)) is None:
        return {"kind": type(value).__name__, **_plain(vars(value))} if callable(value) else None
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    constants = [own for own in (*code.co_consts, *cells, *(value.__defaults__ or ())) if _is_number(own)]
    return [f"{value.__module__}.{value.__qualname__}", list(code.co_names), constants]


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)


def _digest(*parts: Tensor | None) -> str:
    """SHA-256 of data, hex."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(b"none" if part is None else str(tuple(part.shape)).encode())
        if part is not None:
            sha.update(np.packbits((part == 1).cpu().numpy()).tobytes())
    return sha.hexdigest()
