"""NumPy files: our own .npz of everything, and .npy with one matrix of couplings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.archives import parse_json, read_array, read_arrays
from qspin.errors import InputError
from qspin.files import atomic_path
from qspin.formats.source import Source
from qspin.known import Facts
from qspin.labels import labels_from_json, labels_to_json
from qspin.problem import IsingProblem

__all__ = ["arrays_of", "known_arrays", "problem_of", "read_npy", "read_npz", "write_npz"]

_NPZ_FORMAT = 1
_KINDS = {"i": "iu", "j": "iu", "couplings": "fiu", "fields": "fiu", "offset": "fiu", "labels": "U"}
_NPZ_NAMES = ("format", *_KINDS)
_KNOWN_KINDS = {
    "known_ground_energy": "fiu",
    "known_ground_states": "i",
    "known_patterns": "i",
    "known_groups": "U",
}  # those that are there; text holds JSON
_LOGICAL = "known_logical_"  # before the names of the logical problem


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
        for prefix in ("", _LOGICAL):
            if f"{prefix}fields" in stored and f"{prefix}i" in stored:
                source.require_spins(stored[f"{prefix}fields"].size, stored[f"{prefix}i"].size)
        return problem_of(stored)
    except InputError as error:
        raise type(error)(f"{source.path} is not a whole problem file of qspin: {error}") from error


def problem_of(stored: Mapping[str, NDArray[Any]]) -> IsingProblem:
    """The problem that `arrays_of` took apart, with what is known of it.

    Raises
    ------
    InputError
        If an array is missing, or they do not fit each other.
    """
    for name, kind in _KINDS.items():
        if name not in stored:
            raise InputError(f"it has no {name!r}")
        _require_kind(stored, name, kind, 0 if name in ("offset", "labels") else 1)
    n, labels = len(stored["fields"]), labels_from_json(str(stored["labels"]))
    problem = IsingProblem.from_edges(
        n, stored["i"], stored["j"], stored["couplings"], stored["fields"], float(stored["offset"]), labels
    )
    return problem.with_known(**_known(stored))


def _require_kind(stored: Mapping[str, NDArray[Any]], name: str, kind: str, n_dims: int) -> None:
    if stored[name].dtype.kind not in kind or stored[name].ndim != n_dims:
        raise InputError(f"its {name!r} has dtype {stored[name].dtype} and shape {stored[name].shape}")


def _known(stored: Mapping[str, NDArray[Any]]) -> Facts:
    """What is kept of a problem beside its couplings; files of earlier versions say nothing."""
    facts: Facts = {}
    for name, kind in _KNOWN_KINDS.items():
        if name in stored:
            _require_kind(stored, name, kind, 2 if kind == "i" else 0)
    if "known_ground_energy" in stored:
        facts["ground_energy"] = float(stored["known_ground_energy"])
    if "known_ground_states" in stored:
        facts["ground_states"] = stored["known_ground_states"]
    if "known_patterns" in stored:
        facts["patterns"] = stored["known_patterns"]
    if "known_groups" in stored:
        facts["groups"] = parse_json(str(stored["known_groups"]))
    logical = {
        name.removeprefix(_LOGICAL): array for name, array in stored.items() if name.startswith(_LOGICAL)
    }
    if logical:
        if any(name.startswith(_LOGICAL) for name in logical):
            raise InputError("its logical problem stands for a further one")
        try:
            facts["logical"] = problem_of(logical)
        except InputError as error:
            raise InputError(f"its logical problem is not whole: {error}") from error
    return facts


def write_npz(problem: IsingProblem, path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        named: dict[str, Any] = {"format": _NPZ_FORMAT, **arrays_of(problem)}
        np.savez_compressed(file, **named)


def arrays_of(problem: IsingProblem) -> dict[str, NDArray[Any]]:
    """The problem and what is known of it as plain arrays, by the names of our files."""
    i, j, couplings = problem.edges
    own: dict[str, NDArray[Any]] = {
        "i": i, "j": j, "couplings": couplings, "fields": problem.fields, "offset": np.array(problem.offset),
        "labels": np.array(labels_to_json(problem.labels)),
    }  # fmt: skip
    return own | known_arrays(problem)


def known_arrays(problem: IsingProblem) -> dict[str, NDArray[Any]]:
    """What is known of a problem alone; empty if nothing is."""
    arrays: dict[str, NDArray[Any]] = {}
    if (known := problem.known) is None:
        return arrays
    for name in ("ground_energy", "ground_states", "patterns"):
        if (value := getattr(known, name)) is not None:
            arrays[f"known_{name}"] = np.asarray(value)
    if known.groups is not None:
        positions = {name: spins.tolist() for name, spins in known.groups.items()}
        arrays["known_groups"] = np.array(json.dumps(positions))
    if known.logical is not None:
        arrays.update({f"{_LOGICAL}{name}": value for name, value in arrays_of(known.logical).items()})
    return arrays


def read_npy(source: Source) -> IsingProblem:
    try:
        matrix = read_array(source.content)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"expected a square matrix of couplings (N, N); got shape {matrix.shape}")
        return IsingProblem(matrix)
    except InputError as error:
        raise type(error)(f"{source.path}: {error}") from error
