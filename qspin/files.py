"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from qspin.errors import InputError, StorageError, shown

__all__ = [
    "PARTIAL",
    "Stamp",
    "atomic_path",
    "atomic_write",
    "checked_path",
    "clear_leftovers",
    "require_writable",
    "stamp_of",
]

PARTIAL = ".partial"
Stamp = tuple[int, int, int]
"""Time of the last change, size and inode of a file."""

_LONGEST = 40  # characters of a name that its temporary neighbour takes over, so that this one fits too


def checked_path(path: str | os.PathLike[str]) -> Path:
    """The path that was given; raises InputError for what is none."""
    if isinstance(path, str | os.PathLike):
        return Path(path)
    raise InputError(f"expected a path, as text or a pathlib.Path; got {shown(path)}")


@contextlib.contextmanager
def atomic_path(
    path: str | os.PathLike[str], *, mode: int | None = None, lasting: bool = True
) -> Iterator[Path]:
    """Give a temporary path to write to; move it to `path` on success, remove it on any failure.

    A reader sees the old file or the new one, never a part. The temporary file keeps the suffix of `path`
    and lies beside it, so that the move stays inside one file system. Where `path` is a symbolic link, the
    file that it points to is replaced and the link stays.

    Parameters
    ----------
    mode : permissions, such as 0o600; default those of the file that is replaced, and for a new one what the
        umask leaves. Nobody else can read the temporary file
    lasting : wait until the disk has it, so that a power cut leaves the old file or the new one; without, it
        may leave a damaged one, which only suits what can be told to be damaged and made again

    Raises
    ------
    StorageError
        If the file cannot be written (full disk, no permission, a device); what stood at `path` is untouched.
    """
    target = checked_path(path)
    temporary: Path | None = None
    try:
        place = _place_of(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        allowed = _mode_of(place) if mode is None else mode
        temporary = _beside(place)
        yield _reserved(temporary, 0o666 if allowed is None else 0o600)
        if allowed is not None:
            temporary.chmod(allowed)
        if lasting:
            _sync(temporary)
        os.replace(temporary, place)
        temporary = None
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def atomic_write(
    path: str | os.PathLike[str],
    content: str | bytes | memoryview,
    *,
    mode: int | None = None,
    lasting: bool = True,
) -> None:
    """Write text (as UTF-8) or bytes, whole or not at all; all else as of `atomic_path`."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_path(path, mode=mode, lasting=lasting) as temporary:
        temporary.write_bytes(data)


def clear_leftovers(*folders: Path) -> None:
    """Remove what processes left in these folders that were killed while they wrote; nobody may write now."""
    for folder in folders:
        for leftover in folder.glob(f".*{PARTIAL}*"):
            leftover.unlink(missing_ok=True)


def require_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a place that cannot be written to, before there is something to lose.

    Raises
    ------
    InputError
        If `path` is a folder or a device, or its folder cannot be made or written to.
    """
    target = checked_path(path)
    if os.path.isdir(target):
        raise InputError(f"{target} is a folder; expected the name of a file to write")
    try:
        place = _place_of(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        _mode_of(place)
        trial = _beside(place)
        try:
            _reserved(trial, 0o600)
        finally:
            trial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {str(target)!r}: {error.strerror}; choose another place") from error


def _place_of(target: Path) -> Path:
    """Where links lead to; OSError for what no file can be called."""
    if "\0" in str(target):
        raise OSError(errno.EINVAL, "a name cannot hold NUL", str(target))
    place = Path(os.path.realpath(target)) if os.path.islink(target) else target
    if os.path.islink(place):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(target))
    return place


def _mode_of(place: Path) -> int | None:
    """Permissions of the file that is there, None if there is none; OSError for what is no file."""
    try:
        found = place.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found):
        raise OSError(errno.EINVAL, "that is no ordinary file", str(place))
    return stat.S_IMODE(found)


def _beside(place: Path) -> Path:
    """A name of its own in the same folder."""
    stem, suffix = place.stem[:_LONGEST], place.suffix[:_LONGEST]
    return place.with_name(f".{stem}-{secrets.token_hex(4)}{PARTIAL}{suffix}")


def _reserved(path: Path, mode: int) -> Path:
    """An empty new file with these permissions, less what the umask takes."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    return path


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(target: Path, error: OSError) -> StorageError:
    reason = error.strerror or str(error)
    return StorageError(
        f"could not write {target}: {reason}; nothing was left half-written. "
        "Free some space or choose another folder, then run again"
    )


def stamp_of(file: Path) -> Stamp | None:
    """What changes when a file does; None if it is not there."""
    try:
        status = os.stat(file)
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
