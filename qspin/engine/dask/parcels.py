"""Tasks in parcels: what a worker that does not reach the store needs to do one, and what it sends back.

What a task needs and what it gives travels as the bytes of files of the store, so that what comes back is
what the task would have written there. A worker keeps what it has had last in a depot, a store of its own::

    parcel = parcels.pack(task, needed)       # where the store is
    answer = depot.do(parcel)                 # anywhere else
    failure = parcels.unpack(task, answer)    # where the store is
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from qspin.engine.actions import Performer, kinds_of
from qspin.engine.storage.store import Outcome, Store
from qspin.engine.travel import Warned, warn_again
from qspin.executor import Task
from qspin.files import atomic_write
from qspin.settings import files_in
from qspin.trust import trusted_packages

__all__ = ["Answer", "Parcel", "Parcels", "Shelf", "StoreShelf", "content_of"]

_ALWAYS = 2**16  # bytes below which a content is sent even where it may be kept


class Shelf(Protocol):
    """What tasks gave, in a folder, and who does them there."""

    def outcome(self, task: Task) -> Outcome:
        """Do a task whose needs are there, as `qspin.engine.Performer.outcome`."""
        ...

    def has(self, task: Task) -> bool:
        """Whether what a task gives is there and whole."""
        ...

    def size(self, task: Task) -> int | None:
        """Bytes of what a task gave; None if it is not there."""
        ...

    def content(self, task: Task) -> bytes:
        """What a task gave."""
        ...

    def keep_content(self, task: Task, content: bytes) -> None:
        """What a task gave on another shelf."""
        ...

    def drop(self, task: Task) -> None:
        """Keep what a task gave no longer."""
        ...

    def checkpoint(self, task: Task) -> Path:
        """Where the unfinished work of a task lies."""
        ...

    def record_failure(self, task: Task, reason: str, details: str = "") -> str:
        """As `qspin.executor.Work.record_failure`."""
        ...

    def forget_failure(self, task: Task) -> None:
        """What was written down of an earlier attempt counts no more."""
        ...


class StoreShelf(Store):
    """A `Shelf` that is a store."""

    def outcome(self, task: Task) -> Outcome:
        """As `qspin.engine.Performer.outcome`."""
        return Performer(self.path).outcome(task)

    def size(self, task: Task) -> int | None:
        """Bytes of what a task gave; None if it is not there."""
        try:
            return self.file(task.action, task.key).stat().st_size
        except FileNotFoundError:
            return None

    def drop(self, task: Task) -> None:
        """Keep what a task gave no longer."""
        self.file(task.action, task.key).unlink(missing_ok=True)


@dataclass(frozen=True)
class Parcel:
    """One task and what it needs.

    Parameters
    ----------
    task : to be done
    shelf : makes the place where it is done, of a folder
    needs : tasks that gave what it needs
    contents : key -> bytes of what they gave; not of those that the receiver should have
    files : path -> bytes of the files that its settings name
    checkpoint : of its unfinished work, if there is any
    packages : that its import paths may lead to; None: any
    """

    task: Task
    shelf: Callable[[Path], Shelf]
    needs: tuple[Task, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    checkpoint: bytes | None = None
    packages: frozenset[str] | None = None

    @property
    def n_bytes(self) -> int:
        """Of what it holds."""
        return sum(map(len, [*self.contents.values(), *self.files.values(), self.checkpoint or b""]))


@dataclass(frozen=True)
class Answer:
    """What became of a parcel.

    Parameters
    ----------
    content : what the task gave
    failure, details : why it gave nothing, without its label, and the traceback
    checkpoint : of unfinished work that can be gone on with
    lacking : keys of what the parcel should have held
    is_lack : whether it failed since a package is not there
    fault : of the process that was to do it, and not of the task: its files cannot be written
    was_stopped : whether it was asked to stop
    warned : of what it warned
    seconds : that it took
    """

    content: bytes | None = None
    failure: str | None = None
    details: str = ""
    checkpoint: bytes | None = None
    lacking: tuple[str, ...] = ()
    is_lack: bool = False
    fault: str | None = None
    was_stopped: bool = False
    warned: tuple[Warned, ...] = ()
    seconds: float = 0.0


# -- where the store is --------------------------------------------------------------------------


@dataclass(frozen=True)
class Parcels:
    """Parcels of the tasks of a shelf.

    Parameters
    ----------
    path : of it
    shelf : makes it of a path
    """

    path: Path
    shelf: Callable[[Path], Shelf] = StoreShelf

    def needed(self, tasks: Iterable[Task]) -> list[tuple[str, str]]:
        """Plurals of kinds and names that whoever does these tasks must have, each once."""
        return list(dict.fromkeys(found for task in tasks for found in kinds_of(task)))

    def pack(self, task: Task, needs: Iterable[Task], kept: Container[str] = ()) -> Parcel:
        """A parcel; small contents are always in it.

        Parameters
        ----------
        needs : the tasks that it needs, all of them done
        kept : keys of what the receiver should still have
        """
        shelf, needs = self.shelf(self.path), tuple(needs)
        contents = {
            need.key: shelf.content(need)
            for need in needs
            if need.key not in kept or (shelf.size(need) or 0) < _ALWAYS
        }
        files = {path: Path(path).read_bytes() for path in files_in(task.settings)}
        unfinished = content_of(shelf.checkpoint(task))
        return Parcel(task, self.shelf, needs, contents, files, unfinished, trusted_packages())

    def unpack(self, task: Task, answer: Answer) -> str | None:
        """Store what came back, and warn of what was warned of; what failed, a sentence, or None.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        shelf = self.shelf(self.path)
        for warned in answer.warned:
            warn_again(warned)
        if answer.checkpoint is not None:
            atomic_write(shelf.checkpoint(task), answer.checkpoint)
        if answer.failure is not None:
            return shelf.record_failure(task, answer.failure, answer.details)
        if answer.content is None:
            return None
        shelf.keep_content(task, answer.content)
        if not shelf.has(task):
            return shelf.record_failure(task, "what came back from its worker is damaged")
        shelf.forget_failure(task)
        shelf.checkpoint(task).unlink(missing_ok=True)
        return None


def content_of(file: Path) -> bytes | None:
    """What a file holds; None if it is not there."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
