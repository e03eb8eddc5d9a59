"""Small datasets and arrays as .npz: a tenth of the time of NetCDF, which counts where there are thousands.

Arrays of one type lie end to end in one member of the archive, texts in its head.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.archives import parse_json, read_arrays
from qspin.errors import InputError
from qspin.files import Stamp, atomic_write, stamp_of
from qspin.source import Prepared

__all__ = ["check_archive", "read_dataset", "read_prepared", "write_dataset", "write_prepared"]

_HEAD = "head"
_ROOMS = ("coords", "data_vars")

Arrays = Mapping[str, NDArray[Any]]
Variables = dict[str, tuple[tuple[str, ...], NDArray[Any]]]
"""Name -> dimensions and values."""
Opened = tuple[Arrays, dict[str, Variables], dict[str, Any]]
"""Arrays, variables by room, and attributes."""

_SMALL_BYTES, _MOST_CHECKED = 2**12, 20_000  # so that they take some tens of MiB


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Write variables, coordinates and attributes (plain values), whole or not at all.

    The file can be made again, so nothing waits for the disk: one that a power cut damages is told by its
    checksums.
    """
    _write(path, _head_of(dataset), _variables(dataset), {}, lasting=False)


def read_dataset(path: Path) -> xr.Dataset:
    """Read what `write_dataset` wrote. Raises InputError if there is no such file or it is damaged."""
    return _read(path)[0]


def write_prepared(path: Path, prepared: Prepared) -> None:
    """Write arrays and curves, whole or not at all."""
    kept = {f"kept:{name}": np.asarray(array) for name, array in prepared.arrays.items()}
    _write(path, _head_of(prepared.curves), _variables(prepared.curves), kept, lasting=True)


def read_prepared(path: Path) -> Prepared:
    """Read what `write_prepared` wrote. Raises InputError if there is no such file or it is damaged."""
    curves, arrays = _read(path)
    kept = {name.removeprefix("kept:"): array for name, array in arrays.items() if name.startswith("kept:")}
    return Prepared(kept, curves)


def check_archive(path: Path) -> None:
    """Raises InputError if a file is not whole, or nothing that is written here; no dataset is made for it,
    which would take as long again."""
    with _being_ours(path):
        before = stamp_of(path)
        opened = _opened(path)
        _, rooms, _ = opened
        sizes: dict[str, int] = {}
        for dims, values in (variable for room in rooms.values() for variable in room.values()):
            for dim, size in zip(dims, values.shape, strict=True):
                if sizes.setdefault(dim, size) != size:
                    raise InputError(f"{path} holds two sizes of dimension {dim!r}")
    if before is not None and before[1] <= _SMALL_BYTES and len(_checked) < _MOST_CHECKED:
        _checked[path] = before, opened


def _variables(dataset: xr.Dataset) -> list[NDArray[Any]]:
    return [v.values for room in _ROOMS for v in getattr(dataset, room).variables.values()]


def _head_of(dataset: xr.Dataset) -> dict[str, Any]:
    head: dict[str, Any] = {"attrs": {str(name): _plain(value) for name, value in dataset.attrs.items()}}
    for room in _ROOMS:
        head[room] = [
            [str(name), [str(dim) for dim in variable.dims], _entry(variable.values)]
            for name, variable in getattr(dataset, room).variables.items()
        ]
    return head


def _entry(values: NDArray[Any]) -> Any:
    """Texts themselves; of numbers type and shape."""
    if values.dtype.kind in "OUS":
        return {"texts": values.astype(str).tolist()}
    return {"type": values.dtype.newbyteorder("<").str, "shape": values.shape}


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _write(
    path: Path, head: Mapping[str, Any], values: Iterable[NDArray[Any]], kept: Arrays, *, lasting: bool
) -> None:
    by_type: dict[str, list[NDArray[Any]]] = {}
    for array in values:
        if array.dtype.kind not in "OUS":
            by_type.setdefault(array.dtype.newbyteorder("<").str, []).append(array.ravel())
    joined = {f"values:{kind}": np.concatenate(arrays).astype(kind) for kind, arrays in by_type.items()}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{_HEAD: np.array(json.dumps(head)), **joined, **kept})
    atomic_write(path, content.getbuffer(), lasting=lasting)


def _read(path: Path) -> tuple[xr.Dataset, Arrays]:
    with _being_ours(path):
        stamp, opened = _checked.pop(path, (None, None))
        arrays, rooms, attrs = opened if opened and stamp == stamp_of(path) else _opened(path)
        return xr.Dataset(**rooms, attrs=attrs), arrays


_checked: dict[Path, tuple[Stamp, Opened]] = {}
"""Small files that were checked, as they then were, until they are read: that is half of the time of a run in
which all is there."""


def _opened(path: Path) -> Opened:
    """Arrays, variables and attributes."""
    arrays = read_arrays(path)
    head = parse_json(str(arrays.get(_HEAD)))
    taken: dict[str, int] = {}
    rooms = {
        room: {name: (tuple(dims), _values(entry, arrays, taken)) for name, dims, entry in head[room]}
        for room in _ROOMS
    }
    return arrays, rooms, head["attrs"]


@contextlib.contextmanager
def _being_ours(path: Path) -> Iterator[None]:
    """Raises InputError in place of what fails where a file is whole and holds something else."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds something else than results of a task: {error}") from error


def _values(entry: Mapping[str, Any], arrays: Arrays, taken: dict[str, int]) -> NDArray[Any]:
    """The next array of a type, by its shape."""
    if "texts" in entry:
        return np.array(entry["texts"], dtype=str)
    kind, shape = entry["type"], tuple(entry["shape"])
    start = taken.get(kind, 0)
    taken[kind] = start + int(np.prod(shape))
    return arrays[f"values:{kind}"][start : taken[kind]].reshape(shape)
