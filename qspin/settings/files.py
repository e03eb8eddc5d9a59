"""Files that settings name: what they hold decides, not where they lie."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from qspin.errors import InputError

__all__ = ["FileSetting", "GivenFile", "files_at", "files_in", "located", "paths_from"]


@dataclasses.dataclass(frozen=True)
class GivenFile:
    """A file that a setting names. What it holds decides, wherever it lies.

    Parameters
    ----------
    path : absolute
    sha256 : of its content when the setting was given; None if there was no file then
    """

    path: str
    sha256: str | None = None

    def __str__(self) -> str:
        return self.path

    def content(self) -> str:
        """SHA-256 by which seeds and digests know it. Raises InputError if there is no such file."""
        return self.sha256 or _content(self.path)

    def unchanged(self) -> str:
        """Where it lies in this process.

        Raises
        ------
        InputError
            If the file is not there, or holds something else than when the setting was given.
        """
        if _content(self.path) != self.content():
            raise InputError(f"{self.path} has changed since this setting was given; name the file anew")
        return located(self.path)


def _content(path: str) -> str:
    try:
        with open(located(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"no file at {path} can be read: {error.strerror}") from error


# -- where they lie ------------------------------------------------------------------------------

_places: ContextVar[Mapping[str, str] | None] = ContextVar("places", default=None)


@contextlib.contextmanager
def files_at(places: Mapping[str, str]) -> Iterator[None]:
    """Let files that settings name be found elsewhere inside this block: on a machine that has copies.

    Parameters
    ----------
    places : path that a setting names -> path of the copy
    """
    token = _places.set(places)
    try:
        yield
    finally:
        _places.reset(token)


def located(path: str) -> str:
    """Where a file that a setting names lies in this process."""
    return (_places.get() or {}).get(path, path)


def files_in(plain: Any) -> Iterator[str]:
    """Paths of the files that plain settings name and that are there: such settings are mappings with a
    ``path``.

    >>> list(files_in({"path": "nowhere", "n_spins": 3, "betas": [1.0]}))
    []
    """
    if isinstance(plain, Mapping):
        path = plain.get("path")
        if isinstance(path, str) and os.path.isabs(path) and os.path.isfile(path):
            yield path
    if isinstance(plain, Mapping | list | tuple):
        for value in plain.values() if isinstance(plain, Mapping) else plain:
            yield from files_in(value)


# -- from what the user writes -------------------------------------------------------------------

_folder: ContextVar[Path] = ContextVar("folder", default=Path())


@contextlib.contextmanager
def paths_from(folder: Path) -> Iterator[None]:
    """Let relative paths in settings that are made inside this block start at a folder."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def _given_file(value: Any) -> Any:
    if not isinstance(value, str | os.PathLike):
        return value
    try:
        path = Path(_folder.get(), value).resolve()
        is_there = path.is_file()
    except (OSError, RuntimeError) as error:  # too long a name, links in a circle; a NUL is a ValueError
        raise ValueError(f"no file can be called so ({getattr(error, 'strerror', None) or error})") from None
    return GivenFile(str(path), _content(str(path)) if is_there else None)


FileSetting = Annotated[
    GivenFile, BeforeValidator(_given_file, json_schema_input_type=str | dict[str, str | None])
]
"""The path of a file, whose content decides; a setting becomes a `GivenFile`."""
