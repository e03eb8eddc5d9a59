"""Problems of Boltzmann machines in files: of D-Wave's plugin for torch (dwave-pytorch-plugin), and ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.networks.files.controls import Draw, as_it_is
from qspin.networks.twins.reading import numbers_of
from qspin.problem import IsingProblem

if TYPE_CHECKING:
    import torch

__all__ = ["DESCRIBED", "INITIAL", "is_described", "is_machine", "machine_of", "own_machine_of"]

DESCRIBED = "_extra_state"
"""What holds the description of a machine of qspin in its state dict."""

INITIAL = {"couplings": 5.0, "fields": 0.05}
"""Half-widths of the uniform distributions from which that plugin draws them."""

_NEEDED = ("_linear", "_quadratic", "_edge_idx_i", "_edge_idx_j")


def is_machine(tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether tensors are those of such a machine."""
    return set(_NEEDED) <= set(tensors)


def is_described(tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether tensors are those of a machine of `qspin.networks.boltzmann`."""
    return DESCRIBED in tensors


def own_machine_of(tensors: Mapping[str, torch.Tensor], path: Path, draw: Draw = as_it_is) -> IsingProblem:
    """The problem of a machine of `qspin.networks.boltzmann`, in spins at beta = 1; see `machine_of`.

    Parameters
    ----------
    draw : what becomes of its couplings, and of its fields; it is given no half-width, which no file tells

    Raises
    ------
    InputError
        If the state dict is none of theirs.
    """
    from qspin.networks.boltzmann.machines.reading import machine_described

    problem = machine_described(tensors, path).problem()
    if draw is as_it_is:
        return problem
    i, j, couplings = problem.edges
    couplings, fields = draw(couplings, math.nan), draw(problem.fields, math.nan)
    drawn = IsingProblem.from_edges(problem.n_spins, i, j, couplings, fields, problem.offset, problem.labels)
    return drawn if problem.known is None else drawn.with_known(groups=problem.known.groups)


def machine_of(tensors: Mapping[str, torch.Tensor], path: Path, draw: Draw = as_it_is) -> IsingProblem:
    """Its energy, ``E = sum h s + sum J s s``: the model is exp(-E), beta = 1. Its visible and hidden units
    are groups.

    Parameters
    ----------
    draw : what becomes of its couplings, and of its fields

    Raises
    ------
    InputError
        If sizes or indices do not fit together.
    """
    fields = numbers_of(tensors["_linear"], f"_linear of {path}")
    couplings = numbers_of(tensors["_quadratic"], f"_quadratic of {path}")
    i, j = (_indices(tensors[name], name, len(fields), path) for name in _NEEDED[2:])
    if not len(i) == len(j) == len(couplings):
        raise InputError(
            f"{path}: _quadratic holds {len(couplings)} couplings of {len(i)} and {len(j)} ends "
            "(_edge_idx_i, _edge_idx_j)"
        )
    couplings, fields = draw(couplings, INITIAL["couplings"]), draw(fields, INITIAL["fields"])
    problem = IsingProblem.from_edges(len(fields), i, j, couplings, fields)
    groups = {}
    for name in ("visible", "hidden"):
        if (key := f"_{name}_idx") in tensors:
            units = _indices(tensors[key], key, len(fields), path)
            if len(units):
                groups[name] = units
    return problem.with_known(groups=groups) if groups else problem


def _indices(tensor: torch.Tensor, name: str, n: int, path: Path) -> NDArray[np.int64]:
    values = tensor.detach().cpu().numpy()
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise InputError(f"{path}: {name} must be whole numbers (m,); got {values.dtype} {values.shape}")
    if len(values) and (values.min() < 0 or values.max() >= n):
        raise InputError(f"{path}: {name} must number {n} units from 0; got {values.min()} to {values.max()}")
    return np.asarray(values, dtype=np.int64)
