"""What keeps a damaged HDF5 file from the library that would read it.

libhdf5 can hang, crash or take all memory on bytes that it did not write. A file of ours ends in a seal, a
checksum of all that stands before it, which HDF5 does not look at: a sealed file is opened only if it is what
was written. A file without a seal, written by an earlier version or copied by another program, is first read
in a process of its own, with limits on time and memory (``python -m qspin.sealed FILE``). A seal keeps damage
away, not a forger: who can write files that a user opens can also seal them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qspin.archives import DEFLATE_RATIO, ordinary_size, require_unpacked
from qspin.errors import InputError, named
from qspin.netcdf import to_netcdf

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FORMAT", "fault_of", "read_sealed", "sealed"]

FORMAT = 3  # 1 had no checksums, 1 and 2 had warnings in the place of remarks

_MAGIC = b"\n%qspin sha256\n"  # 15 bytes before the digest
_SEAL_BYTES = len(_MAGIC) + hashlib.sha256().digest_size
_REFUSED = 3  # exit code of the process that tries a file, where it says why
_PIECE_BYTES = 2**22
_SECONDS = 0.5, 60.0  # of computing and of waiting, ...
_BYTES_PER_SECOND = 1e7  # ... and as many more as reading such a file may take
# what h5netcdf and xarray raise on files that are none of theirs
_UNREADABLE = (
    OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError, OverflowError, MemoryError,
)  # fmt: skip
_KNOWN_ATTRIBUTES = frozenset(
    {"_FillValue", "coordinates", "_Netcdf4Dimid", "_Netcdf4Coordinates", "CLASS", "NAME", "REFERENCE_LIST",
     "DIMENSION_LIST"}
)  # fmt: skip
_NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"
_MEMORY = 2**31  # bytes that a process may take beside the contents


def sealed(dataset: xr.Dataset, compressed: Collection[str] = ()) -> bytes:
    """The dataset as NetCDF, with checksums of its content (an attribute) and of all bytes (at the end).

    Parameters
    ----------
    compressed : names of variables to be deflated
    """
    content = to_netcdf(
        dataset.assign_attrs(qspin=FORMAT, checksum=_checksum(dataset)), compressed=compressed
    )
    return content + _MAGIC + hashlib.sha256(content).digest()


def read_sealed(path: str | os.PathLike[str]) -> xr.Dataset:
    """The dataset of a file that is sound, in memory.

    Raises
    ------
    InputError
        If it is damaged, or nothing that `sealed` wrote.
    CapacityError
        If it would not fit in memory.
    """
    import xarray as xr

    is_sealed = _is_sealed(path)
    try:
        dataset = _plainly_read(path) if is_sealed else None
        if dataset is None or dataset.attrs.get("checksum") != _checksum(dataset):
            with xr.open_dataset(path, engine="h5netcdf") as lazy:
                require_unpacked(lazy.nbytes, os.path.getsize(path), ratio=DEFLATE_RATIO)
                dataset = lazy.load()
    except InputError:
        raise
    except _UNREADABLE as error:
        raise InputError(named(error, 300)) from error
    checksum = dataset.attrs.pop("checksum", None)
    version = dataset.attrs.get("qspin", 0)
    if not isinstance(version, int | np.integer) or version > FORMAT:
        raise InputError(f"it has format {version}; this version reads 1 to {FORMAT}")
    if version > 1 and not is_sealed and checksum != _checksum(dataset):
        raise InputError(
            "its content does not have the checksum that it was written with: it is damaged, or was changed "
            "by another program. A change that is meant is stored through qspin.SampleSet(dataset).save(path)"
        )
    return dataset


def fault_of(path: str | os.PathLike[str]) -> str | None:
    """What is wrong with a file; None if it is as `sealed` wrote it, which its bytes tell without being read
    as a dataset. A file without a seal is read."""
    try:
        if not _is_sealed(path):
            read_sealed(path)
    except InputError as error:
        return str(error)
    return None


def _plainly_read(path: str | os.PathLike[str]) -> xr.Dataset | None:
    """What xarray would read of a sealed file, straight through h5py: h5netcdf looks up all dimensions anew
    for each variable, which takes most of the time of reading many small files.

    Returns
    -------
    None where the file has encodings or groups that this does not know: then xarray reads it
    """
    import h5py
    import xarray as xr

    variables: dict[str, tuple[tuple[str, ...], Any]] = {}
    coordinates: set[str] = set()
    with h5py.File(path, "r") as file:
        items = dict(file.items())
        if not all(isinstance(item, h5py.Dataset) for item in items.values()) or "coordinates" in file.attrs:
            return None
        nbytes = sum(item.size * item.dtype.itemsize for item in items.values())
        require_unpacked(nbytes, os.path.getsize(path), ratio=DEFLATE_RATIO)
        for name, item in items.items():
            attributes = set(item.attrs)
            if not attributes <= _KNOWN_ATTRIBUTES or item.dtype.kind not in "iufO":
                return None
            if "_FillValue" in attributes and not np.isnan(item.attrs["_FillValue"]).all():
                return None
            if bytes(item.attrs.get("NAME", b"")).startswith(_NO_VARIABLE):
                continue
            is_scale = "CLASS" in attributes
            dims = (name,) if is_scale else tuple(dim[0].name.lstrip("/") for dim in item.dims)
            is_text = h5py.check_string_dtype(item.dtype) is not None
            variables[name] = dims, (item.asstr() if is_text else item)[...]
            coordinates |= {name} if is_scale else set(str(item.attrs.get("coordinates", "")).split())
        attrs = {name: _unpacked(value) for name, value in file.attrs.items() if name != "_NCProperties"}
    dataset = xr.Dataset(variables, attrs=attrs)
    return dataset.set_coords(sorted(coordinates & set(variables)))


def _unpacked(value: Any) -> Any:
    """An attribute: NetCDF keeps one number as an array of one."""
    return value[0] if isinstance(value, np.ndarray) and value.shape == (1,) else value


def _checksum(dataset: xr.Dataset) -> str:
    """SHA-256 of names, dims, types and values of all variables, and of the attributes that `load` reads."""
    sha = hashlib.sha256()
    for name in sorted(dataset.variables, key=str):
        variable = dataset.variables[name]
        values = np.ascontiguousarray(variable.values)
        if values.dtype.kind in "OSUT":
            content = json.dumps([str(value) for value in values.flat]).encode()
            kind = "text"
        else:
            content = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
            kind = values.dtype.kind + str(values.dtype.itemsize)
        sha.update(json.dumps([str(name), list(variable.dims), list(values.shape), kind]).encode())
        sha.update(content)
    for name in ("labels", "info"):
        sha.update(json.dumps(str(dataset.attrs.get(name))).encode())
    return sha.hexdigest()


def _is_sealed(path: str | os.PathLike[str]) -> bool:
    """Whether a file has a seal, which is right; one without is tried elsewhere. Raises as `read_sealed`."""
    left = max(0, ordinary_size(path) - _SEAL_BYTES)
    checksum = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(left)
        found = file.read()
        if not found.startswith(_MAGIC):
            _try_elsewhere(Path(path), left + len(found))
            return False
        file.seek(0)
        while left and (piece := file.read(min(left, _PIECE_BYTES))):
            checksum.update(piece)
            left -= len(piece)
    if checksum.digest() != found[len(_MAGIC) :]:
        raise InputError("its checksum is wrong: it is damaged, or was changed by another program")
    return True


def _try_elsewhere(path: Path, size: int) -> None:
    folders = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    waiting = _SECONDS[1] + size / _BYTES_PER_SECOND
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "qspin.sealed", os.path.abspath(path)],
            env={**os.environ, "PYTHONPATH": folders}, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=waiting, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise InputError(f"the HDF5 library did not come to an end with it in {waiting:.0f} s") from None
    if done.returncode == _REFUSED:
        raise InputError(done.stdout.decode("utf-8", "replace").strip())
    if done.returncode != 0:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise InputError(f"the HDF5 library failed on it, or took too long or too much memory ({how})")


def _try(path: Path) -> None:
    """Read everything that loading would read; raises whatever the library raises."""
    import h5netcdf

    size = path.stat().st_size
    _limit(size)
    with h5netcdf.File(path, "r") as file:
        variables = list(file.variables.values())
        claimed = sum(math.prod(map(int, v.shape)) * v.dtype.itemsize for v in variables)
        require_unpacked(claimed, size, ratio=DEFLATE_RATIO)
        for holder in [file, *variables]:
            dict(holder.attrs)
        for variable in variables:
            variable[...]


def _limit(size: int) -> None:
    """Limits of this process on computing and memory, where the system has such."""
    with contextlib.suppress(ImportError):
        import resource

        signal.setitimer(signal.ITIMER_PROF, _SECONDS[0] + size / _BYTES_PER_SECOND)  # then SIGPROF ends it
        most = _MEMORY + 2 * DEFLATE_RATIO * size
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Exit code 0: the file given can be read; `_REFUSED`: it cannot, for the reason that is printed."""
    try:
        _try(Path(sys.argv[1]))
    except Exception as error:  # whatever a damaged file leads to: this process is there to find out
        print(named(error, 300))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
