"""Where a sampler keeps unfinished work, so that a run that was stopped goes on where it was.

A sampler asks `current_checkpoint` whether somebody wants its work kept, saves to it now and then and looks
there before it starts; who calls it decides on the place::

    with qspin.checkpointing("long-run.checkpoint", seconds=300):
        samples = sampler.sample(problem, seed=7)     # the same call again goes on from the file
        samples.save("long-run.nc")                   # and is lost in no gap between the two
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin import stopping
from qspin.archives import parse_json, read_arrays
from qspin.errors import InputError, StorageError, shown
from qspin.files import atomic_write, checked_path, require_writable

__all__ = [
    "Checkpoint",
    "checked_interval",
    "checkpointing",
    "current_checkpoint",
    "fault_of_checkpoint",
    "without_checkpoint",
]

_FORMAT = 1
_TOLD = 6  # differences from another run
_SHOWN = 80  # characters of a value
_current: ContextVar[Checkpoint | None] = ContextVar("checkpoint", default=None)


def checked_interval(seconds: Any, what: str = "seconds") -> float:
    """Between two saves, at least 0; without end: where a stop is asked for alone.

    Raises
    ------
    InputError
        For anything else.
    """
    is_number = isinstance(seconds, int | float | np.number) and not isinstance(seconds, bool)
    if not is_number or not seconds >= 0:
        raise InputError(f"{what} between two saves must be a number of at least 0; got {shown(seconds)}")
    return float(seconds)


class Checkpoint:
    """A file that holds the state of one unfinished `sample` call; see `checkpointing`."""

    def __init__(self, path: str | os.PathLike[str], seconds: float):
        self.path = checked_path(path)
        self._seconds = checked_interval(seconds)
        self._saved = time.monotonic()
        self._is_done = False
        self.warning: str | None = None
        """Why the last `keep` could not save, None if it could."""

    @property
    def is_due(self) -> bool:
        """Whether so many seconds have passed since the last save, or a stop is asked for."""
        return self.is_last or time.monotonic() - self._saved >= self._seconds

    @property
    def is_last(self) -> bool:
        """Whether a stop is asked for: the next save is the last, and ends the work."""
        return stopping.is_requested()

    def save(self, identity: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the state, whole or not at all, over the one before.

        Parameters
        ----------
        identity : JSON values that a run must share to go on from here: problem digest, settings, seed,
            versions
        arrays : name -> array

        Raises
        ------
        StorageError
            If it cannot be written.
        KeyboardInterrupt
            When it is written, if a stop is asked for.
        """
        with stopping.shielded():
            content = io.BytesIO()
            text = json.dumps({"format": _FORMAT, **identity}, sort_keys=True)
            np.savez(content, allow_pickle=False, identity=np.array(text), **arrays)
            atomic_write(self.path, content.getbuffer())
            self._saved = time.monotonic()
            self._is_done = False
        stopping.end_if_requested()

    def keep(self, identity: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """`save`, where the work is worth more than its checkpoint: what cannot be written is a warning.

        It is tried again when the next save is due. Where a stop is asked for, it ends with KeyboardInterrupt
        as `save` does.
        """
        try:
            self.save(identity, arrays)
        except StorageError as error:
            self._saved = time.monotonic()
            if self.warning is None:
                warnings.warn(f"unfinished work is not kept: {error}", RuntimeWarning, stacklevel=2)
            self.warning = f"unfinished work could not be kept: {error}"
            stopping.end_if_requested()
        else:
            self.warning = None

    def identity(self) -> dict[str, Any] | None:
        """What the file belongs to, None if there is no file. Raises as `load` does."""
        stored = self._stored(["identity"])
        return None if stored is None else json.loads(str(stored["identity"]))

    def load(
        self, identity: Mapping[str, Any], digests: Collection[str] = ()
    ) -> dict[str, NDArray[Any]] | None:
        """The arrays that were saved, None if there is no file.

        Parameters
        ----------
        identity : as it was saved with
        digests : names in it, plurals, whose values say nothing to people: it is told that they differ

        Raises
        ------
        InputError
            If the file is damaged, or belongs to another problem, other settings, another seed or version.
        """
        stored = self._stored()
        if stored is None:
            return None
        theirs = json.loads(str(stored.pop("identity")))
        ours = json.loads(json.dumps({"format": _FORMAT, **identity}))
        if any(theirs.get(key) != ours.get(key) for key in {**theirs, **ours}):
            apart = _differences(theirs, ours, digests)
            raise InputError(
                f"{self.path} is the checkpoint of another run: {apart}. Go on as that run was "
                "started, or name another file, or remove this one"
            )
        return stored

    def discard(self) -> None:
        """The work is done: the file counts no more.

        It is removed at the end of the block of `checkpointing`, so that samples can be stored in between and
        a kill loses nothing.
        """
        self._is_done = True

    def close(self) -> None:
        """Remove the file if its work is done."""
        if self._is_done:
            self.path.unlink(missing_ok=True)

    def _stored(self, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]] | None:
        """Arrays of the file by name, all of them unless `names` are given; None if there is no file."""
        if self._is_done or not self.path.exists():
            return None
        try:
            stored = read_arrays(self.path, names)
            if not isinstance(parse_json(str(stored.get("identity"))), dict):
                raise InputError("it does not tell what it belongs to")
        except InputError as error:
            raise InputError(
                f"{self.path} is not a readable checkpoint ({error}); remove it to start anew"
            ) from error
        return stored


@contextlib.contextmanager
def checkpointing(path: str | os.PathLike[str], *, seconds: float = 60.0) -> Iterator[None]:
    """Keep the work of a `sample` call inside this block in `path`, and go on from there if it exists.

    Samples do not depend on whether a run was stopped. Once they are complete the file is removed, at the end
    of the block and unless that ends in an error: what has to outlive a kill is saved inside it.

    Parameters
    ----------
    path : file; its folder is made
    seconds : between two saves

    Raises
    ------
    InputError
        If nothing can be written there, or `seconds` is no interval.
    """
    require_writable(path)
    checkpoint = Checkpoint(path, seconds)
    token = _current.set(checkpoint)
    try:
        yield
        checkpoint.close()
    finally:
        _current.reset(token)


@contextlib.contextmanager
def without_checkpoint() -> Iterator[None]:
    """Nobody wants the work of a `sample` call inside this block kept: it is a step of work that is."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def fault_of_checkpoint(path: str | os.PathLike[str]) -> str | None:
    """What is wrong with a checkpoint; None if it can be read, or there is none."""
    try:
        Checkpoint(path, math.inf)._stored()
    except InputError as error:
        return str(error)
    return None


def current_checkpoint() -> Checkpoint | None:
    """Where the work of the present `sample` call is to be kept, None if nobody wants it kept."""
    return _current.get()


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any], digests: Collection[str] = ()) -> str:
    """What differs between what a file belongs to and this run, by name: the value there, the value here."""
    there, here = ({name: json.dumps(value) for name, value in _leaves(values)} for values in (theirs, ours))
    names = [name for name in {**here, **there} if there.get(name) != here.get(name)]
    told = [
        f"the {name} differ"
        if name in digests
        else _difference(name, there.get(name, "absent"), here.get(name, "absent"))
        for name in names[:_TOLD]
    ]
    more = len(names) - len(told)
    return "; ".join(told) + (f"; and {more} more differ" if more else "")


def _difference(name: str, there: str, here: str) -> str:
    """Of two texts; from where they differ, if that is far from their beginning."""
    same = next((k for k, pair in enumerate(zip(there, here, strict=False)) if len({*pair}) > 1), 0)
    start = 0 if same < _SHOWN // 2 else same - _SHOWN // 4
    return f"its {name} is {_short(there, start)}, here it is {_short(here, start)}"


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Values that are no mappings, by their names joined by dots."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _short(text: str, start: int) -> str:
    head, rest = "..." if start else "", text[start:]
    return head + (rest if len(rest) <= _SHOWN else f"{rest[: _SHOWN - 3]}...")
