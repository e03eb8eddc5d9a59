"""NumPy files: our own .npz of everything, and .npy with one matrix of couplings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qspin.archives import read_array, read_arrays
from qspin.errors import InputError
from qspin.files import atomic_path
from qspin.formats.source import Source
from qspin.problem import IsingProblem, labels_from_json, labels_to_json

__all__ = ["read_npy", "read_npz", "write_npz"]

_NPZ_FORMAT = 1
_NPZ_NAMES = ("format", "i", "j", "couplings", "fields", "offset", "labels")


def read_npz(source: Source) -> IsingProblem:
    try:
        stored = read_arrays(source.content)
    except InputError as error:
        raise type(error)(f"{source.path} is not a whole problem file of qspin: {error}") from error
    if missing := [name for name in _NPZ_NAMES if name not in stored]:
        raise InputError(
            f"{source.path} is no problem file of qspin: it has no {missing[0]!r}, but the arrays "
            f"{', '.join(map(repr, sorted(stored)[:9]))}. Load it yourself (numpy.load, or "
            "scipy.sparse.load_npz) and pass the matrix to qspin.IsingProblem; write_problem then stores it"
        )
    version = stored["format"]
    if version.shape or version.dtype.kind not in "iu" or int(version) != _NPZ_FORMAT:
        raise InputError(
            f"{source.path} has npz format {str(version)[:40]}; this version reads {_NPZ_FORMAT}"
        )
    try:
        return _problem(source, stored)
    except InputError as error:
        raise type(error)(f"{source.path} is not a whole problem file of qspin: {error}") from error


def _problem(source: Source, stored: dict[str, np.ndarray]) -> IsingProblem:
    kinds = {"i": "iu", "j": "iu", "couplings": "fiu", "fields": "fiu", "offset": "fiu", "labels": "U"}
    for name, kind in kinds.items():
        n_dims = 0 if name in ("offset", "labels") else 1
        if stored[name].dtype.kind not in kind or stored[name].ndim != n_dims:
            raise InputError(f"its {name!r} has dtype {stored[name].dtype} and shape {stored[name].shape}")
    n, labels = len(stored["fields"]), labels_from_json(str(stored["labels"]))
    source.require_spins(n, len(stored["i"]))
    return IsingProblem.from_edges(
        n, stored["i"], stored["j"], stored["couplings"], stored["fields"], float(stored["offset"]), labels
    )


def write_npz(problem: IsingProblem, path: Path) -> None:
    i, j, couplings = problem.edges
    labels = labels_to_json(problem.labels)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, format=_NPZ_FORMAT, i=i, j=j, couplings=couplings,
            fields=problem.fields, offset=problem.offset, labels=labels,
        )  # fmt: skip


def read_npy(source: Source) -> IsingProblem:
    try:
        matrix = read_array(source.content)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"expected a square matrix of couplings (N, N); got shape {matrix.shape}")
        return IsingProblem(matrix)
    except InputError as error:
        raise type(error)(f"{source.path}: {error}") from error
