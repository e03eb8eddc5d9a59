"""The store: what tasks gave, one file a task, named by its key, written whole or not at all.

::

    store.json               that this is a store, and of which format
    prepared/KEY.npz         arrays and curves of a preparation
    samples/KEY.nc           a sample set
    samples/KEY.checkpoint   unfinished work of a sampler
    measures/KEY.npz         what one measure found in one sample set
    failures/KEY.txt         why a task gave nothing: one line, then the traceback
    claims/                  who works here and does what: see `qspin.engine.storage.claims`
    damaged/                 files that were not as they had been written

A file that is damaged counts as not there: what it held is made again by who claims its task, and the file is
set aside.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import xarray as xr

from qspin.checkpoint import fault_of_checkpoint
from qspin.engine.storage.archive import (
    check_archive,
    read_dataset,
    read_prepared,
    write_dataset,
    write_prepared,
)
from qspin.errors import InputError, StorageError
from qspin.executor import Task
from qspin.files import Stamp, atomic_write, clear_leftovers, stamp_of
from qspin.samples import SampleSet
from qspin.sealed import fault_of
from qspin.source import Prepared

__all__ = ["OBJECT_FOLDERS", "Outcome", "Store", "set_aside"]

T = TypeVar("T")

_PLACES = {"prepare": ("prepared", ".npz"), "sample": ("samples", ".nc"), "measure": ("measures", ".npz")}
"""Action of a task -> folder and suffix of what it gives."""

OBJECT_FOLDERS = tuple(folder for folder, _ in _PLACES.values())
"""Where what tasks gave lies in a store."""

_LASTING = ("prepare", "sample")
"""Actions whose objects wait for the disk, since they took long to make."""


@dataclass
class Outcome:
    """Of a task; `failure` is None where it went well.

    Parameters
    ----------
    failure : a sentence with the label of the task
    reason : the sentence without it
    details : the traceback
    is_lack : whether what failed was the import of a package
    """

    failure: str | None = None
    reason: str = ""
    details: str = ""
    is_lack: bool = False


@dataclass(frozen=True)
class Store:
    """Objects of tasks in one folder.

    Parameters
    ----------
    path : of the folder
    is_shared : whether it lies outside of the run folder, so that its files are told with their whole path
    """

    path: Path
    is_shared: bool = False

    @property
    def claims(self) -> Path:
        """Where the claims of tasks lie."""
        return self.path / "claims"

    @functools.cached_property
    def failures_folder(self) -> Path:
        """Where it is written down what failed."""
        return self.path / "failures"

    def clear_leftovers(self) -> None:
        """Remove what killed processes left that wrote here; nobody may write now."""
        folders = [self.path / folder for folder in OBJECT_FOLDERS]
        clear_leftovers(*folders, self.failures_folder)

    def shown(self, file: Path) -> str:
        """A file of the store, for a message."""
        return str(file) if self.is_shared else file.relative_to(self.path).as_posix()

    def file(self, action: str, key: str) -> Path:
        """Where what a task gives lies."""
        return _file(self.path, action, key)

    def checkpoint(self, task: Task) -> Path:
        """Where the unfinished work of a task lies."""
        return self.file(task.action, task.key).with_suffix(".checkpoint")

    def has(self, task: Task) -> bool:
        """Whether what a task gives is there and whole."""
        file = self.file(task.action, task.key)
        stamp = stamp_of(file)
        return stamp is not None and _known_fault(task.action, file, stamp) is None

    def fault(self, task: Task) -> str | None:
        """What is wrong with the file of a task; None if nothing is, or it is not there."""
        file = self.file(task.action, task.key)
        stamp = stamp_of(file)
        return None if stamp is None else _known_fault(task.action, file, stamp)

    def mend(self, task: Task) -> list[str]:
        """Set aside what is damaged of a task that is ours; a sentence for each file.

        The checkpoint of a paid task stays: it knows what was bought.

        Raises
        ------
        StorageError
            If a file cannot be moved.
        """
        told = []
        if (fault := self.fault(task)) is not None:
            file = self.file(task.action, task.key)
            told.append(
                f"{self.shown(file)} of {task.label} was damaged ({fault}): it is now "
                f"{self._set_aside(file)}, and is made again"
            )
        file = self.checkpoint(task)
        if not task.is_paid and file.exists() and fault_of_checkpoint(file) is not None:
            told.append(
                f"{self.shown(file)}, unfinished work of {task.label}, was damaged: it is now "
                f"{self._set_aside(file)}, and the work begins anew"
            )
        return told

    def _set_aside(self, file: Path) -> str:
        return self.shown(set_aside(file, self.path / "damaged"))

    # -- objects ---------------------------------------------------------------------------------

    def prepared(self, key: str) -> Prepared:
        """Raises InputError if it is not there or damaged."""
        return read_prepared(self.file("prepare", key))

    def keep_prepared(self, key: str, prepared: Prepared) -> None:
        write_prepared(self.file("prepare", key), prepared)
        self._trust("prepare", key)

    def samples(self, key: str) -> SampleSet:
        """Raises InputError if they are not there or damaged."""
        return SampleSet.load(self.file("sample", key))

    def keep_samples(self, key: str, samples: SampleSet) -> None:
        samples.save(self.file("sample", key))
        self._trust("sample", key)

    def measured(self, key: str) -> xr.Dataset | None:
        """None where a measure found nothing, or its file is damaged."""
        return _or_none(lambda: read_dataset(self.file("measure", key)))

    def keep_measured(self, key: str, result: xr.Dataset) -> None:
        write_dataset(self.file("measure", key), result)
        self._trust("measure", key)

    def content(self, task: Task) -> bytes:
        """What a task gave, as its file holds it. Raises FileNotFoundError if it is not there."""
        return self.file(task.action, task.key).read_bytes()

    def keep_content(self, task: Task, content: bytes) -> None:
        """What a task gave in another store, as `content` gives it."""
        atomic_write(self.file(task.action, task.key), content, lasting=task.action in _LASTING)

    def _trust(self, action: str, key: str) -> None:
        """What this process has just written needs no look."""
        file = self.file(action, key)
        if (stamp := stamp_of(file)) is not None:
            _looked_at[file] = stamp, None

    # -- failures --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def recorded(self, task: Task) -> Iterator[Outcome]:
        """Around the work on one task: what fails is written down, so that the others can go on.

        Files that cannot be written would fail for all tasks alike, and interrupts are no failure: they pass.
        """
        outcome = Outcome()
        try:
            yield outcome
        except StorageError:
            raise
        except Exception as error:
            outcome.reason = " ".join(str(error).split()) or type(error).__name__
            outcome.details = "".join(traceback.format_exception(error))
            outcome.is_lack = _is_lack(error)
            outcome.failure = self.record_failure(task, outcome.reason, outcome.details)
        else:
            self.forget_failure(task)

    def record_failure(self, task: Task, reason: str, details: str = "") -> str:
        """Write down why a task gave nothing; the sentence that tells it."""
        failure = f"{task.label}: {reason}"
        atomic_write(self._failure_file(task.key), f"{failure}\n\n{details}")
        return failure

    def forget_failure(self, task: Task) -> None:
        """What was written down of an earlier attempt counts no more."""
        file = self._failure_file(task.key)
        if file.exists():
            file.unlink()
            with contextlib.suppress(OSError):  # there are others
                file.parent.rmdir()

    def failures(self) -> dict[str, str]:
        """Key -> what was written down of the last attempt of a task that failed; see `failure`."""
        files = self.failures_folder.glob("*.txt")
        return {file.stem: text for file in files if (text := self.failure(file.stem)) is not None}

    def failure(self, key: str) -> str | None:
        """What was written down of the last attempt of a task, and where its traceback lies; None if it did
        not fail."""
        file = self._failure_file(key)
        try:
            with file.open(encoding="utf-8", errors="replace") as lines:
                first = lines.readline().strip()
        except FileNotFoundError:
            return None
        return f"{first or 'a failure that cannot be read'} (traceback in {self.shown(file)})"

    def failure_stamp(self, key: str) -> Stamp | None:
        """What changes when a failure is written down anew; None if none is."""
        return stamp_of(self._failure_file(key))

    def failure_stamps(self) -> dict[str, list[int]]:
        """Key -> `failure_stamp` as plain values, of all failures that are written down."""
        files = self.failures_folder.glob("*.txt")
        return {file.stem: list(stamp) for file in files if (stamp := stamp_of(file)) is not None}

    def _failure_file(self, key: str) -> Path:
        return self.failures_folder / f"{key}.txt"


def _is_lack(error: BaseException | None) -> bool:
    """Whether an error comes from an import that failed."""
    while error is not None and not isinstance(error, ImportError):
        error = error.__cause__
    return error is not None


_looked_at: dict[Path, tuple[Stamp, str | None]] = {}
"""File -> what it was like when it was looked into, and what was wrong with it."""


@functools.lru_cache(2**16)  # a run asks for each some ten times, and to make a path takes as long as to look
def _file(store: Path, action: str, key: str) -> Path:
    folder, suffix = _PLACES[action]
    return store / folder / f"{key}{suffix}"


def _known_fault(action: str, file: Path, stamp: Stamp) -> str | None:
    """What is wrong with a file that is there, which is looked into again where it has changed."""
    if _looked_at.get(file, (None, None))[0] != stamp:
        _looked_at[file] = stamp, _fault(action, file)
    return _looked_at[file][1]


def _fault(action: str, file: Path) -> str | None:
    """What is wrong with a file that is there."""
    if action == "sample":
        return fault_of(file)
    try:
        check_archive(file)
    except InputError as error:
        return str(error)
    return None


def set_aside(file: Path, folder: Path) -> Path:
    """Move a damaged file into a folder, where it gets a name of its own; where it is now.

    Raises
    ------
    StorageError
        If it cannot be moved.
    """
    try:
        folder.mkdir(exist_ok=True)
        names = (f"{file.stem}{f'-{k}' if k else ''}{file.suffix}" for k in itertools.count())
        place = next(place for name in names if not (place := folder / name).exists())
        os.replace(file, place)
    except OSError as error:
        raise StorageError(
            f"{file} is damaged and could not be moved to {folder}: {error.strerror}; move or remove it, "
            "then run again"
        ) from error
    return place


def _or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except InputError:
        return None
