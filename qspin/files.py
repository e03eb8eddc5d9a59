"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from qspin.errors import RunError

__all__ = ["PARTIAL", "atomic_path", "atomic_write_text"]

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


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
