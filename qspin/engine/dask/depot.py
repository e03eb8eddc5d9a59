"""Where a worker that does not reach the store does the tasks of parcels: in a store of its own."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from qspin import stopping
from qspin.engine.dask.parcels import Answer, Parcel, Shelf, content_of
from qspin.engine.storage.store import Outcome
from qspin.engine.travel import Warned
from qspin.errors import StorageError, named
from qspin.executor import Task
from qspin.files import atomic_write
from qspin.progress import Listener, listening
from qspin.settings import files_at
from qspin.trust import importing_only

__all__ = ["Depot"]

_MOST_BYTES = 2**29  # of what a depot keeps
_PATIENCE = 2.0  # seconds that a task is given to end by itself


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
            try:
                self._set_running(parcel.task)
                try:
                    if began is not None:  # only now: who hears of it may ask it to stop
                        began()
                    self._path.mkdir(parents=True, exist_ok=True)
                    answer = self._done(parcel, shelf, listener)
                finally:
                    self._end()
            except KeyboardInterrupt:
                self._end()
                answer = Answer(was_stopped=True, checkpoint=content_of(unfinished))
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
        warned = tuple(Warned.of(w.message, w.category, w.filename, w.lineno) for w in heard)
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
