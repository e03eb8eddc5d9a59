"""What every folder of results shares: what it was made from.

::

    config.yaml     the resolved config; its first line tells what it is and how to see that it is whole
    .processes/     who works here: see `qspin.engine.storage.presence`
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from qspin.errors import InputError
from qspin.files import PARTIAL, atomic_write

__all__ = [
    "CONFIG",
    "PROCESSES",
    "DamagedHead",
    "Head",
    "checked_place",
    "is_new",
    "read_head",
    "write_head",
]

CONFIG = "config.yaml"
PROCESSES = ".processes"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast one, where PyYAML was built with it
_FIRST_LINE = re.compile(r"# qspin (\w+) ([0-9a-f]{64}), sha256 of the lines below: ([0-9a-f]{64})\n")


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
        entry.name == PROCESSES or (entry.name.startswith(".") and PARTIAL in entry.name)
        for entry in folder.iterdir()
    )


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
        plain = yaml.load(body, _LOADER)
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
