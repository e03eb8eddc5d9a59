"""Files from elsewhere, read without trust: every size that a file claims is held against the file first.

A file is read whole, and what it unpacks to is bounded by its own size: `_FREE_BYTES`, or `_MOST_RATIO` times
as much. Honest arrays stay far below; a bomb does not come to be unpacked.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import math
import os
import stat
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, named
from qspin.memory import require_bytes

__all__ = [
    "DEFLATE_RATIO",
    "file_content",
    "ordinary_size",
    "parse_json",
    "read_array",
    "read_arrays",
    "require_unpacked",
    "unzipped",
]

_FREE_BYTES = 2**26  # that any file may unpack to
_MOST_RATIO = 100  # unpacked bytes per byte beyond that
DEFLATE_RATIO = 1_100  # the most that deflate reaches is 1032
_TEXT_BYTES = 2**22  # the same for texts, whose lines take a hundred times as long
_PIECE_BYTES = 2**24  # read at once
_GZIP = b"\x1f\x8b"
_HEADER_BYTES = 2**16  # of an array, whose NumPy refuses beyond 10,000
_PLAIN_KINDS = "biufSU"
_KNOWN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1
# what NumPy, zipfile and zlib raise on damaged bytes; a parser that meets nonsense can end in any of these
_DAMAGED = (
    ValueError, KeyError, IndexError, TypeError, EOFError, OSError, OverflowError, RecursionError,
    MemoryError, SyntaxError, tokenize.TokenError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def file_content(path: str | os.PathLike[str]) -> bytes:
    """All bytes of an ordinary file.

    Raises
    ------
    InputError
        If there is no such file, it is a folder, a pipe or a device, or it cannot be read.
    CapacityError
        If it would not fit in memory.
    """
    require_bytes(ordinary_size(path), f"the contents of {path}", "split the file")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def ordinary_size(path: str | os.PathLike[str]) -> int:
    """Bytes of an ordinary file; raises InputError if there is none, it is a folder, a pipe or a device."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{os.fspath(path)} is no ordinary file; expected a file with an end")
    return status.st_size


def _unreadable(path: str | os.PathLike[str], error: Exception) -> InputError:
    return InputError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}")


def unzipped(content: bytes, path: Path) -> bytes:
    """What a gzip file holds, or the content itself if it is none.

    Raises
    ------
    InputError
        If it is damaged, or holds more than so small a file can.
    """
    if not content.startswith(_GZIP):
        return content
    most = _TEXT_BYTES + _MOST_RATIO * len(content)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole gzip file: {error}") from error
    if len(unpacked) > most:
        raise InputError(
            f"{path} unpacks to more than {most / 2**20:.0f} MiB, over {_MOST_RATIO} times its size: unpack "
            "it yourself if you trust it"
        )
    return unpacked


def require_unpacked(n_bytes: int, size: int, *, ratio: int = _MOST_RATIO) -> None:
    """Refuse content that a file of `size` bytes cannot honestly hold, and what would not fit in memory.

    Parameters
    ----------
    n_bytes : that it claims to unpack to
    size : bytes of the file
    ratio : of the two that is honest, beyond `_FREE_BYTES`; `DEFLATE_RATIO` where much may be constant

    Raises
    ------
    InputError
        If it claims more than it can hold.
    CapacityError
        If it would not fit in memory.
    """
    if n_bytes > _FREE_BYTES + ratio * size:
        raise InputError(f"it claims {n_bytes} bytes of content, far more than {size} bytes can hold")
    require_bytes(n_bytes, "its contents", "use a machine with more memory")


def read_arrays(
    source: bytes | str | os.PathLike[str],
    names: Iterable[str] | None = None,
    *,
    ratio: int = _MOST_RATIO,
) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz archive by name, checked against their checksums.

    Parameters
    ----------
    source : the file, or its content
    names : to read; default all of them
    ratio : as of `require_unpacked`

    Raises
    ------
    InputError
        If it is no whole archive of plain arrays, lacks a name or claims sizes that it cannot have.
    CapacityError
        If it would not fit in memory.
    """
    size = len(source) if isinstance(source, bytes) else ordinary_size(source)
    opened = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
    try:
        with opened, zipfile.ZipFile(opened) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            if len(entries) < len(archive.infolist()):
                raise InputError("it holds an array twice")
            _check_entries(archive.infolist(), size, ratio)
            wanted = list(entries if names is None else names)
            if missing := [name for name in wanted if name not in entries]:
                raise InputError(
                    f"it holds no {missing[0]!r}, but {', '.join(map(repr, sorted(entries)[:9]))}"
                )
            found = {}
            for name in wanted:
                with archive.open(entries[name]) as member:
                    found[name] = _array(member, entries[name].file_size)
            return found
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(f"it is no whole .npz archive ({named(error, 200)})") from error


def read_array(content: bytes) -> NDArray[Any]:
    """The array of an .npy file; raises as `read_arrays`."""
    try:
        return _array(io.BytesIO(content), len(content))
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(f"it is no whole .npy file ({named(error, 200)})") from error


def parse_json(text: str | bytes) -> Any:
    """Raises InputError if it is no JSON, or nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"it is no whole JSON ({named(error, 200)})") from error


def _check_entries(entries: list[zipfile.ZipInfo], size: int, ratio: int) -> None:
    for entry in entries:
        if entry.compress_type not in _KNOWN or entry.flag_bits & _ENCRYPTED:
            raise InputError("it is packed in a way that NumPy does not write")
    require_unpacked(sum(entry.file_size for entry in entries), size, ratio=ratio)


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """One array in NumPy's format, whose header must agree with the bytes that follow it."""
    version = np.lib.format.read_magic(file)
    if version not in {(1, 0), (2, 0)}:
        raise InputError(f"it holds an array of NumPy's format {version}; expected 1.0 or 2.0")
    shape, fortran_order, dtype = _header(version, _header_bytes(file, 2 if version == (1, 0) else 4))
    if dtype.kind not in _PLAIN_KINDS:
        raise InputError(f"it holds an array of dtype {dtype}; expected numbers or text")
    count = math.prod(int(length) for length in shape)  # Python integers: NumPy's would overflow
    needed, there = count * dtype.itemsize, size - file.tell()
    if min(shape, default=0) < 0 or dtype.itemsize == 0 or needed != there:
        raise InputError(f"an array of shape {shape} does not have the {there} bytes that are there")
    values = np.empty(count, dtype)
    left = memoryview(values.view(np.uint8).data) if count else memoryview(b"")
    while len(left):  # in pieces, so that nothing is in memory twice
        piece = file.read(min(len(left), _PIECE_BYTES))
        if not piece:
            raise EOFError("its data end early")
        left[: len(piece)] = piece
        left = left[len(piece) :]
    if file.read(1):  # at the end the checksum is compared
        raise InputError("it goes on after its array")
    return values.reshape(shape, order="F" if fortran_order else "C")


def _header_bytes(file: IO[bytes], n_digits: int) -> bytes:
    """With its length before it."""
    length = file.read(n_digits)
    content = length + file.read(min(int.from_bytes(length, "little"), _HEADER_BYTES))
    if len(content) < n_digits + int.from_bytes(length, "little"):
        raise InputError("an array has no whole header")
    return content


@functools.lru_cache(maxsize=1_000)
def _header(version: tuple[int, int], content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type; NumPy evaluates a header as Python, slowly, and those of small results are
    alike."""
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(io.BytesIO(content))
