"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from qspin.errors import InputError, RunError

__all__ = ["PARTIAL", "atomic_path", "atomic_write", "require_writable"]

PARTIAL = ".partial"


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to; move it to `path` on success, remove it on any failure.

    A reader sees the old file or the new one, never a part. The temporary file keeps the suffix of `path`
    and lies beside it, so that the move stays inside one file system.

    Raises
    ------
    RunError
        If the file cannot be written (full disk, no permission); what stood at `path` is untouched.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{PARTIAL}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def atomic_write(path: str | os.PathLike[str], content: str | bytes | memoryview) -> None:
    """Write text (as UTF-8) or bytes, whole or not at all; raises as `atomic_path`."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def require_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a place that cannot be written to, before there is something to lose.

    Raises
    ------
    InputError
        If `path` is a folder, or its folder cannot be made or written to.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target} is a folder; expected the name of a file to write")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder of {target}: {error.strerror}; choose another") from error
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"no permission to write {target}; choose another folder")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(target: Path, error: OSError) -> RunError:
    reason = error.strerror or str(error)
    return RunError(
        f"could not write {target}: {reason}; nothing was left half-written. "
        "Free some space or choose another folder, then run again"
    )
