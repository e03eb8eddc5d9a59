"""What every folder of results shares: who works in it, and what it was made from.

::

    config.yaml     the resolved config; its first line tells what it is and how to see that it is whole
    .lock           held by the process that works here
    .holder.json    who that is
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from qspin.errors import InputError
from qspin.files import PARTIAL, atomic_write, require_writable

__all__ = [
    "CONFIG",
    "DamagedHead",
    "Head",
    "checked_place",
    "clear_leftovers",
    "held",
    "is_new",
    "read_head",
    "write_head",
]

CONFIG = "config.yaml"
_LOCK = ".lock"
_HOLDER = ".holder.json"
_FIRST_LINE = re.compile(r"# qspin (\w+) ([0-9a-f]{64}), sha256 of the lines below: ([0-9a-f]{64})\n")


# -- who works in it -----------------------------------------------------------------------------


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from working in a folder, which is made; readers are not kept out.

    The lock is one of the operating system and goes with its process, however that ends.

    Raises
    ------
    InputError
        If another process holds it: which one, where, and since when. Or if nothing can be written there.
    """
    from filelock import FileLock, Timeout

    require_writable(folder / _LOCK)
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"another process works in {folder}: {_holder(folder)}. Wait for it, stop it, or choose another "
            "folder with --out"
        ) from None
    try:
        us = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S %z")}
        atomic_write(folder / _HOLDER, json.dumps(us) + "\n")
        yield
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    try:
        holder = json.loads((folder / _HOLDER).read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun
        return "one that has just begun"


def checked_place(folder: Path) -> None:
    """Refuse what no folder can be called, or nobody can look into.

    Raises
    ------
    InputError
        With the reason of the operating system.
    """
    try:
        folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:  # ValueError: NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{str(folder)!r} can be no folder of results: {reason}; choose another") from error


def is_new(folder: Path) -> bool:
    """Whether there is nothing in it but what a process leaves that was killed while it made the folder."""
    if not folder.exists():
        return not folder.is_symlink()
    return folder.is_dir() and all(
        entry.name in (_LOCK, _HOLDER) or (entry.name.startswith(".") and PARTIAL in entry.name)
        for entry in folder.iterdir()
    )


def clear_leftovers(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote."""
    for leftover in folder.rglob(f".*{PARTIAL}*"):
        leftover.unlink(missing_ok=True)


# -- what it was made from -----------------------------------------------------------------------


class Head(NamedTuple):
    """What the config file of a folder holds.

    Parameters
    ----------
    kind : ``run`` or ``bench``; empty in folders of earlier versions
    digest : of the config, when it was written; empty in folders of earlier versions
    plain : the resolved config as plain values
    """

    kind: str
    digest: str
    plain: dict[str, Any]


class DamagedHead(InputError):
    """The config file of a folder is not whole."""

    digest: str = ""
    """Of the config, where that can still be read."""


def write_head(folder: Path, kind: str, plain: Mapping[str, Any], digest: str) -> None:
    """Write the config file, which makes a folder one of ours."""
    text = yaml.safe_dump(dict(plain), sort_keys=False, allow_unicode=True)
    atomic_write(folder / CONFIG, f"# qspin {kind} {digest}, sha256 of the lines below: {_sha(text)}\n{text}")


def read_head(folder: Path) -> Head:
    """Read the config file.

    Raises
    ------
    DamagedHead
        If it is not as it was written.
    """
    try:
        text = (folder / CONFIG).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(folder, f"it cannot be read: {error}") from error
    match = _FIRST_LINE.match(text)
    kind, digest, checksum = match.groups() if match else ("", "", "")
    body = text[match.end() :] if match else text
    if match and _sha(body) != checksum:
        raise _damaged(folder, "it was cut or changed", digest)
    try:
        plain = yaml.safe_load(body)
    except (yaml.YAMLError, RecursionError) as error:
        raise _damaged(folder, "it is no YAML") from error
    if not isinstance(plain, dict):
        raise _damaged(folder, "it holds no config")
    return Head(kind, digest, plain)


def _damaged(folder: Path, reason: str, digest: str = "") -> DamagedHead:
    error = DamagedHead(
        f"{folder / CONFIG} is damaged ({reason}): run with the config again, with --out {folder} and "
        "--resume; it is then written anew, and what was finished is kept"
    )
    error.digest = digest
    return error


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
