"""Tasks in parcels: what a worker that does not reach the store needs to do one, and what it sends back.

What a task needs and what it gives travels as the bytes of files of the store, so that what comes back is
what the task would have written there. A worker keeps what it has had last in a depot, a store of its own::

    parcel = parcels.pack(task, needed)       # where the store is
    answer = depot.do(parcel)                 # anywhere else
    failure = parcels.unpack(task, answer)    # where the store is
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from qspin import stopping
from qspin.engine.actions import Performer, kinds_of
from qspin.engine.storage.store import Outcome, Store
from qspin.errors import StorageError, named
from qspin.executor import Task
from qspin.files import atomic_write
from qspin.progress import Listener, listening
from qspin.settings import files_at, files_in
from qspin.trust import importing_only, trusted_packages

__all__ = ["Answer", "Depot", "Parcel", "Parcels", "Shelf", "StoreShelf"]

_MOST_BYTES = 2**29  # of what a depot keeps
_PATIENCE = 2.0  # seconds that a task is given to end by itself
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


class Warned(NamedTuple):
    """Arguments of `warnings.warn_explicit`."""

    message: str
    category: type[Warning]
    filename: str
    lineno: int


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
        unfinished = _content(shelf.checkpoint(task))
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
            warnings.warn_explicit(*warned, registry=_warned)
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


# -- where tasks are done ------------------------------------------------------------------------


class Depot:
    """A folder of its own, in which a process does the tasks of others, one at a time.

    Parameters
    ----------
    path : of a folder that goes with the process
    most_bytes : of what it keeps between two tasks; what was not used in the longest time goes first
    """

    def __init__(self, path: Path, most_bytes: int = _MOST_BYTES):
        self._path, self._most_bytes = path, most_bytes
        self._turn = threading.Lock()
        self._kept: OrderedDict[str, tuple[Task, int]] = OrderedDict()
        self._running: tuple[str, int] | None = None  # key of the task, and its thread
        self._running_lock = threading.Lock()

    def do(
        self,
        parcel: Parcel,
        listener: Listener | None = None,
        began: Callable[[], None] | None = None,
    ) -> Answer:
        """Do the task of a parcel, when it is its turn.

        Parameters
        ----------
        listener : told of its progress
        began : called when it begins
        """
        shelf = parcel.shelf(self._path)
        unfinished = shelf.checkpoint(parcel.task)
        with self._turn:
            start = time.monotonic()
            if began is not None:
                began()
            try:
                self._path.mkdir(parents=True, exist_ok=True)
                self._set_running(parcel.task)
                try:
                    answer = self._done(parcel, shelf, listener)
                finally:
                    self._end()
            except KeyboardInterrupt:
                self._end()
                answer = Answer(was_stopped=True, checkpoint=_content(unfinished))
            except (StorageError, OSError) as error:
                answer = Answer(fault=named(error))
            unfinished.unlink(missing_ok=True)
            return replace(answer, seconds=time.monotonic() - start)

    def stop(self, key: str) -> None:
        """Ask the task of this key to save its state and end, if it is being done; it is interrupted, between
        two instructions of Python, where it does not."""
        with self._running_lock:
            if self._running is None or self._running[0] != key:
                return
            stopping.request()
        self._interrupt_later(key)

    def _interrupt_later(self, key: str) -> None:
        timer = threading.Timer(_PATIENCE, self._interrupt, [key])
        timer.daemon = True
        timer.start()

    def _interrupt(self, key: str) -> None:
        """Again and again: one that lands in a callback of the garbage collector is lost."""
        with self._running_lock:
            if self._running is None or self._running[0] != key:
                return
            _drop_lost_interrupts()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._running[1]), ctypes.py_object(KeyboardInterrupt)
            )
        self._interrupt_later(key)

    def _end(self) -> None:
        """An interrupt that was sent before is heard in here, and none is sent after."""
        while self._running is not None:
            with contextlib.suppress(KeyboardInterrupt):
                self._set_running(None)

    def _set_running(self, task: Task | None) -> None:
        with self._running_lock:
            self._running = None if task is None else (task.key, threading.get_ident())
            stopping.clear()

    def _done(self, parcel: Parcel, shelf: Shelf, listener: Listener | None) -> Answer:
        task = parcel.task
        if lacking := self._place(parcel, shelf):
            return Answer(lacking=lacking)
        with ExitStack() as around:
            around.enter_context(files_at(self._files(parcel.files)))
            if parcel.packages is not None:
                around.enter_context(importing_only(parcel.packages))
            if listener is not None:
                around.enter_context(listening(listener))
            heard = around.enter_context(warnings.catch_warnings(record=True))
            warnings.simplefilter("default")
            try:
                outcome = shelf.outcome(task)
            except (KeyboardInterrupt, StorageError):
                raise
            except BaseException as error:  # such as SystemExit, which must not end the process of others
                return Answer(failure=named(error))
            return self._answer(task, shelf, outcome, heard)

    def _answer(
        self, task: Task, shelf: Shelf, outcome: Outcome, heard: list[warnings.WarningMessage]
    ) -> Answer:
        warned = tuple(Warned(str(w.message), w.category, w.filename, w.lineno) for w in heard)
        if outcome.failure is not None:
            return Answer(None, outcome.reason, outcome.details, is_lack=outcome.is_lack, warned=warned)
        content = shelf.content(task)
        self._keep(task, len(content))
        self._drop_oldest(shelf)
        return Answer(content, warned=warned)

    # -- what it keeps ---------------------------------------------------------------------------

    def _place(self, parcel: Parcel, shelf: Shelf) -> tuple[str, ...]:
        """Put what a task needs where it looks for it; keys of what is neither here nor in the parcel."""
        for need in parcel.needs:
            if need.key in parcel.contents and shelf.size(need) is None:
                shelf.keep_content(need, parcel.contents[need.key])
            if (size := shelf.size(need)) is not None:
                self._keep(need, size)
        if parcel.checkpoint is not None:
            atomic_write(shelf.checkpoint(parcel.task), parcel.checkpoint, lasting=False)
        return tuple(need.key for need in parcel.needs if shelf.size(need) is None)

    def _files(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Write files that settings name; their path -> where they lie here."""
        here = {}
        for number, (path, content) in enumerate(files.items()):
            here[path] = str(self._path / "files" / str(number) / Path(path).name)
            atomic_write(here[path], content, lasting=False)
        return here

    def _keep(self, task: Task, n_bytes: int) -> None:
        self._kept[task.key] = task, n_bytes
        self._kept.move_to_end(task.key)

    def _drop_oldest(self, shelf: Shelf) -> None:
        """The last one, which what comes next may need, stays however large it is."""
        while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > self._most_bytes:
            _, (task, _) = self._kept.popitem(last=False)
            shelf.drop(task)


@functools.cache
def _drop_lost_interrupts() -> None:
    """Python says on the terminal what is raised where nobody can catch it."""
    say = sys.unraisablehook

    def hook(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            say(lost)

    sys.unraisablehook = hook


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


_warned: dict[str | tuple[str, type[Warning], int], int] = {}
"""Of `warnings`: what was warned of elsewhere."""
