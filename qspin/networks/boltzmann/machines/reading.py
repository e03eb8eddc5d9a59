"""Machines from files: state dicts of qspin's own, and those of D-Wave's plugin for torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from qspin.errors import InputError, nearest_name
from qspin.files import checked_path
from qspin.networks.boltzmann.machines.described import Description
from qspin.networks.boltzmann.machines.general import BoltzmannMachine
from qspin.networks.boltzmann.machines.hybrid import HybridBoltzmannMachine
from qspin.networks.boltzmann.machines.machine import Machine
from qspin.networks.boltzmann.machines.restricted import RestrictedBoltzmannMachine
from qspin.networks.files.machines import DESCRIBED, is_described, is_machine, machine_of
from qspin.networks.files.tensors import read_tensors
from qspin.networks.twins.reading import require_real

__all__ = ["machine_described", "read_machine"]

_KINDS: Mapping[str, type[Machine]] = {
    kind.__name__: kind for kind in (BoltzmannMachine, HybridBoltzmannMachine, RestrictedBoltzmannMachine)
}


def read_machine(path: str | os.PathLike[str]) -> Machine:
    """The Boltzmann machine in a file, with its graph, labels and units; nothing in it is executed.

    Parameters
    ----------
    path : state dict (``.pt``, ``.pth``) or safetensors file of a machine of qspin, or of a graph-restricted
        machine of D-Wave's plugin, whose units are numbered and which becomes a `BoltzmannMachine`

    Raises
    ------
    InputError
        If the file cannot be read, or holds no machine.
    MissingExtraError
        If safetensors is not installed, for its files.

    Examples
    --------
    >>> import tempfile
    >>> machine = RestrictedBoltzmannMachine(3, 2, "bits")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.save(machine.state_dict(), f"{folder}/machine.pt")
    ...     again = read_machine(f"{folder}/machine.pt")
    >>> again, again.problem() == machine.problem()
    (RestrictedBoltzmannMachine(3 visible, 2 hidden, units=bits), True)
    """
    path = checked_path(path)
    tensors = read_tensors(path)
    if is_described(tensors):
        return machine_described(tensors, path)
    if is_machine(tensors):
        return BoltzmannMachine.from_problem(machine_of(tensors, path))
    raise InputError(
        f"{path} holds no Boltzmann machine but {', '.join(list(tensors)[:4])}: expected the state_dict() of "
        "one of qspin, or of D-Wave's GraphRestrictedBoltzmannMachine"
    )


def machine_described(tensors: Mapping[str, Tensor], path: Path) -> Machine:
    """The machine of a state dict of qspin's own.

    Raises
    ------
    InputError
        If its description cannot be read, or its parameters do not fit that or are no finite real numbers.
    """
    description = Description.decoded(tensors[DESCRIBED])
    if (kind := _KINDS.get(description.kind)) is None:
        raise InputError(
            f"{path} holds a machine of kind {description.kind!r}: {nearest_name(description.kind, _KINDS)}"
        )
    parameters = {name: tensor for name, tensor in tensors.items() if name != DESCRIBED}
    for name, tensor in parameters.items():
        require_real(tensor, f"{name} of {path}")
        if not tensor.isfinite().all():
            raise InputError(
                f"{path}: parameters of a machine are finite numbers, those of {name} are not all"
            )
    dtype = next((tensor.dtype for tensor in parameters.values()), torch.float64)
    machine = kind.described(description, torch.promote_types(dtype, torch.float32))  # no number changes
    try:
        machine.load_state_dict(dict(tensors))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: parameters do not fit the machine that it describes: {reason}") from error
    return machine
