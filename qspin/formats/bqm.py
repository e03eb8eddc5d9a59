"""dimod's binary BQM files, versions 1 and 2, read by ourselves.

dimod's own reader trusts what the file says and can crash on a damaged one. The layout is that of
`dimod.BinaryQuadraticModel.to_file`: a JSON header, the offset, row starts and linear biases, then of every
row its neighbours and biases, and the labels.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.archives import parse_json
from qspin.errors import InputError
from qspin.files import atomic_write
from qspin.formats.source import Source
from qspin.memory import require_spins
from qspin.problem import IsingProblem

__all__ = ["read_bqm", "write_bqm"]

_MAGIC = b"DIMODBQM"
_LABELS_MAGIC = b"VARS"
_REALS = {"float32", "float64"}
_INTEGERS = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}


class _Header(NamedTuple):
    n_spins: int
    n_couplings: int
    real: np.dtype[Any]
    neighbour: np.dtype[Any]
    start: np.dtype[Any]
    vartype: str
    variables: Any


class _Cursor:
    """Bytes that are taken in order; taking more than there are is refused."""

    def __init__(self, content: bytes):
        self._left = memoryview(content)

    def take(self, count: int, what: str) -> memoryview:
        if count > len(self._left):
            raise InputError(f"it is cut short: {what} need {count} bytes, {len(self._left)} are left")
        taken, self._left = self._left[:count], self._left[count:]
        return taken


def read_bqm(source: Source) -> IsingProblem:
    try:
        return _parse(_Cursor(source.content))
    except InputError as error:
        if type(error) is not InputError:  # too large for this machine, not damaged
            raise
        raise InputError(f"{source.path} is not a whole dimod BQM file: {error}") from error


def write_bqm(problem: IsingProblem, path: Path) -> None:
    with problem.to_bqm().to_file() as content:
        atomic_write(path, content.read())


def _parse(cursor: _Cursor) -> IsingProblem:
    if bytes(cursor.take(len(_MAGIC), "its first words")) != _MAGIC:
        raise InputError(f"it does not begin with {_MAGIC.decode()}")
    major, minor = cursor.take(2, "its version")
    if (major, minor) not in {(1, 0), (2, 0)}:
        raise InputError(f"it has version {major}.{minor}; expected 1.0 or 2.0")
    header = _header(cursor)
    n, m = header.n_spins, header.n_couplings
    offset = np.frombuffer(cursor.take(header.real.itemsize, "the offset"), header.real)
    row = np.dtype([("start", header.start), ("bias", header.real)])
    rows = np.frombuffer(cursor.take(n * row.itemsize, f"{n} variables"), row)
    pair = np.dtype([("neighbour", header.neighbour), ("bias", header.real)])
    pairs = np.frombuffer(cursor.take(2 * m * pair.itemsize, f"{m} interactions"), pair)
    require_spins(n, m)
    i, j, couplings = _couplings(n, rows["start"], pairs)
    return _problem(header, rows["bias"], (i, j, couplings), float(offset[0]), _labels(header, major, cursor))


def _header(cursor: _Cursor) -> _Header:
    (length,) = struct.unpack("<I", cursor.take(4, "the length of its header"))
    data = parse_json(bytes(cursor.take(length, "its header")))
    if not isinstance(data, dict):
        raise InputError("its header is no mapping")
    shape = data.get("shape")
    if not (isinstance(shape, list) and len(shape) == 2 and all(type(k) is int and k >= 0 for k in shape)):
        raise InputError("its header tells no shape")
    types: list[np.dtype[Any]] = []
    for name, allowed in (("dtype", _REALS), ("itype", _INTEGERS), ("ntype", _INTEGERS)):
        given = data.get(name)
        if not isinstance(given, str) or given not in allowed:
            raise InputError(f"its header tells no {name} among {', '.join(sorted(allowed))}")
        types.append(np.dtype(given).newbyteorder("<"))
    if data.get("vartype") not in ("SPIN", "BINARY"):
        raise InputError("its header tells no vartype, SPIN or BINARY")
    real, neighbour, start = types
    return _Header(shape[0], shape[1], real, neighbour, start, data["vartype"], data.get("variables"))


def _couplings(
    n: int, starts: NDArray[Any], pairs: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Lower triangle of the rows, which must hold every interaction twice, once in each direction."""
    bounds = np.append(starts.astype(np.float64), float(len(pairs)))  # float: uint64 does not wrap around
    if n == 0:
        if len(pairs):
            raise InputError("it has interactions, but no variables")
    elif bounds[0] != 0 or (np.diff(bounds) < 0).any():
        raise InputError("its rows do not follow each other")
    rows = np.repeat(np.arange(n), np.diff(bounds).astype(np.int64)) if n else np.empty(0, np.int64)
    neighbours = pairs["neighbour"].astype(np.float64)
    if ((neighbours < 0) | (neighbours >= n)).any():
        raise InputError("it names a variable that it does not have")
    columns = neighbours.astype(np.int64)
    keys, mirrored = rows * n + columns, columns * n + rows
    if (np.diff(keys) <= 0).any() or (rows == columns).any():
        raise InputError("its neighbours are not in order")
    order, biases = np.argsort(mirrored), pairs["bias"]
    if not (np.array_equal(mirrored[order], keys) and np.array_equal(biases[order], biases, equal_nan=True)):
        raise InputError("the two directions of its interactions disagree")
    lower = columns < rows
    return columns[lower], rows[lower], biases[lower].astype(np.float64)


def _labels(header: _Header, major: int, cursor: _Cursor) -> Sequence[Hashable] | None:
    """Version 1 has them in the header, version 2 after the biases."""
    from dimod.variables import iter_deserialize_variables

    stored = header.variables
    if major > 1 and stored:
        if bytes(cursor.take(4, "the labels")) != _LABELS_MAGIC:
            raise InputError("it has no labels where they should be")
        (length,) = struct.unpack("<I", cursor.take(4, "the length of the labels"))
        stored = parse_json(bytes(cursor.take(length, "the labels")))
    if not stored:
        return None
    if not isinstance(stored, list):
        raise InputError("its labels are no list")
    try:
        return tuple(iter_deserialize_variables(stored))
    except RecursionError:
        raise InputError("its labels are nested too deeply") from None


def _problem(
    header: _Header,
    linear: NDArray[Any],
    quadratic: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    offset: float,
    labels: Sequence[Hashable] | None,
) -> IsingProblem:
    if header.vartype == "SPIN":
        return IsingProblem.from_edges(header.n_spins, *quadratic, linear.astype(np.float64), offset, labels)
    import dimod

    names = list(range(header.n_spins) if labels is None else labels)
    # dimod drops a label that stands twice
    if len(names) != header.n_spins or len(set(names)) != len(names):
        raise InputError(f"it has {header.n_spins} variables, but other labels")
    i, j, biases = quadratic
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear.astype(np.float64),
        (i, j, biases),
        offset,
        dimod.Vartype[header.vartype],
        variable_order=range(len(names)),
    )
    bqm.relabel_variables(dict(enumerate(names)))
    return IsingProblem.from_bqm(bqm)
