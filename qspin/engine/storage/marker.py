"""How a folder is known to be a store of this format: ``store.json`` at its root.

Stores of versions that wrote no such file are of format 1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from qspin.engine.storage.store import OBJECT_FOLDERS, Store, set_aside
from qspin.errors import InputError
from qspin.files import PARTIAL, atomic_write

__all__ = ["FORMAT", "MARKER", "is_store", "mark", "refuse_newer", "refuse_no_store"]

FORMAT = 1
MARKER = "store.json"
_FOLDERS = (*OBJECT_FOLDERS, "claims")


def is_store(path: Path) -> bool:
    """Whether there are objects, or the place for them."""
    return (path / MARKER).exists() or any((path / folder).is_dir() for folder in _FOLDERS)


def refuse_no_store(path: Path) -> None:
    """Refuse a folder that is neither a store which this version reads nor a place for a new one.

    Raises
    ------
    InputError
        If it is of a newer format, holds something else, or cannot be looked into.
    """
    try:
        names = {entry.name for entry in os.scandir(path)}
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:  # ValueError: NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"the store {str(path)!r} cannot be read: {reason}; choose another") from error
    refuse_newer(path)
    foreign = {name for name in names if not (name.startswith(".") and PARTIAL in name)}
    if foreign and not is_store(path):
        raise InputError(
            f"{path} holds other files ({sorted(foreign)[0]}) and is no store; expected one that qspin made, "
            "or a new or empty folder"
        )


def refuse_newer(path: Path) -> None:
    """Raises InputError for a store of a newer format."""
    version = _version(path)
    if version is not None and version > FORMAT:
        raise InputError(
            f"the store {path} has format {version}; this version of qspin reads up to {FORMAT}: update "
            "qspin, or choose another store"
        )


def mark(store: Store) -> str | None:
    """Write which format a store has, if that is not there; what was mended, a sentence, if something was.

    Called while nobody else comes or goes.
    """
    file, told = store.path / MARKER, None
    if file.exists() and _version(store.path) is None:
        moved = set_aside(file, store.path / "damaged")
        told = f"{store.shown(file)} was damaged: it is now {store.shown(moved)}, and is written anew"
    if not file.exists():
        atomic_write(file, json.dumps({"format": FORMAT}) + "\n")
    return told


def _version(path: Path) -> int | None:
    """The format that stands in the marker; None if there is none, or it is damaged."""
    try:
        version = json.loads((path / MARKER).read_text(encoding="utf-8"))["format"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return version if isinstance(version, int) and version > 0 else None
