"""Tasks in parcels: what a worker that does not reach the store needs to do one, and what it sends back.

What a task needs and what it gives travels as the bytes of files of the store, so that what comes back is
what the task would have written there. A worker keeps what it has had last in a depot, a store of its own::

    parcel = parcels.pack(task, needed)       # where the store is
    answer = depot.do(parcel)                 # anywhere else
    failure = parcels.unpack(task, answer)    # where the store is
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from qspin.engine.actions import Performer
from qspin.engine.store import Outcome, Store
from qspin.errors import StorageError, named
from qspin.executor import Task
from qspin.files import atomic_write
from qspin.progress import Listener, Progress, listening
from qspin.settings import files_at, files_in
from qspin.trust import importing_only, trusted_packages

__all__ = ["Answer", "Depot", "Parcel", "Parcels"]

_MOST_BYTES = 2**29  # of what a depot keeps
_ALWAYS = 2**16  # bytes below which a content is sent even where it may be kept


@dataclass(frozen=True)
class Parcel:
    """One task and what it needs.

    Parameters
    ----------
    task : to be done
    needs : tasks that gave what it needs
    contents : key -> bytes of what they gave; not of those that the receiver should have
    files : path -> bytes of the files that its settings name
    checkpoint : of its unfinished work, if there is any
    packages : that its import paths may lead to; None: any
    """

    task: Task
    needs: tuple[Task, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    checkpoint: bytes | None = None
    packages: frozenset[str] | None = None


@dataclass(frozen=True)
class Answer:
    """What became of a parcel.

    Parameters
    ----------
    content : what the task gave
    failure, details : why it gave nothing, without its label, and the traceback
    checkpoint : of unfinished work that can be gone on with
    lacking : keys of what the parcel should have held
    fault : of the process that was to do it, and not of the task: a full disk, a package that is not there
    was_stopped : whether it was asked to stop
    seconds : that it took
    """

    content: bytes | None = None
    failure: str | None = None
    details: str = ""
    checkpoint: bytes | None = None
    lacking: tuple[str, ...] = ()
    fault: str | None = None
    was_stopped: bool = False
    seconds: float = 0.0


# -- where the store is --------------------------------------------------------------------------


@dataclass(frozen=True)
class Parcels:
    """Parcels of the tasks of a store.

    Parameters
    ----------
    path : of the store
    """

    path: Path

    def pack(self, task: Task, needs: Iterable[Task], kept: Container[str] = ()) -> Parcel:
        """A parcel; small contents are always in it.

        Parameters
        ----------
        needs : the tasks that it needs, all of them done
        kept : keys of what the receiver should still have
        """
        store, needs = Store(self.path), tuple(needs)
        contents = {
            need.key: store.content(need)
            for need in needs
            if need.key not in kept or store.file(need.action, need.key).stat().st_size < _ALWAYS
        }
        files = {path: Path(path).read_bytes() for path in files_in(task.settings)}
        return Parcel(task, needs, contents, files, _content(store.checkpoint(task)), trusted_packages())

    def unpack(self, task: Task, answer: Answer) -> str | None:
        """Store what came back; what failed, a sentence, or None.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        store = Store(self.path)
        if answer.checkpoint is not None:
            atomic_write(store.checkpoint(task), answer.checkpoint)
        if answer.failure is not None:
            return store.record_failure(task, answer.failure, answer.details)
        if answer.content is None:
            return None
        store.keep_content(task, answer.content)
        if not store.has(task):
            return store.record_failure(task, f"what came back is damaged: {store.fault(task)}")
        store.forget_failure(task)
        store.checkpoint(task).unlink(missing_ok=True)
        return None


# -- where tasks are done ------------------------------------------------------------------------


class Depot:
    """A store of its own, in which a process does the tasks of others, one at a time.

    Parameters
    ----------
    path : of a folder that goes with the process
    most_bytes : of what it keeps between two tasks; what was not used in the longest time goes first
    """

    def __init__(self, path: Path, most_bytes: int = _MOST_BYTES):
        self._path, self._most_bytes = path, most_bytes
        self._turn = threading.Lock()
        self._kept: OrderedDict[Path, int] = OrderedDict()
        self._asked_to_stop: set[str] = set()

    def do(
        self, parcel: Parcel, listener: Listener | None = None, began: Callable[[], None] | None = None
    ) -> Answer:
        """Do the task of a parcel, when it is its turn.

        Parameters
        ----------
        listener : told of its progress
        began : called when it begins
        """
        with self._turn:
            start = time.monotonic()
            if began is not None:
                began()
            try:
                answer = self._done(parcel, listener)
            except (StorageError, OSError) as error:
                answer = Answer(fault=named(error))
            finally:
                self._asked_to_stop.discard(parcel.task.key)
            return replace(answer, seconds=time.monotonic() - start)

    def stop(self, key: str) -> None:
        """Ask the task of this key to stop: it does when it next tells of its progress."""
        self._asked_to_stop.add(key)

    def _done(self, parcel: Parcel, listener: Listener | None) -> Answer:
        store, task = Store(self._path), parcel.task
        if lacking := self._place(parcel, store):
            return Answer(lacking=lacking)
        outcome = Outcome()
        try:
            with ExitStack() as around:
                around.enter_context(files_at(self._files(parcel.files)))
                if parcel.packages is not None:
                    around.enter_context(importing_only(parcel.packages))
                around.enter_context(listening(self._heard(task, listener)))
                outcome = Performer(self._path).outcome(task)
        except KeyboardInterrupt:
            return Answer(was_stopped=True, checkpoint=_content(store.checkpoint(task)))
        except StorageError:
            raise
        except BaseException as error:  # such as SystemExit, which must not end the process of others
            return Answer(failure=named(error))
        finally:
            store.checkpoint(task).unlink(missing_ok=True)
        return self._answer(task, store, outcome)

    def _answer(self, task: Task, store: Store, outcome: Outcome) -> Answer:
        if outcome.is_lack:
            return Answer(fault=outcome.reason)
        if outcome.failure is not None:
            return Answer(failure=outcome.reason, details=outcome.details)
        content = store.content(task)
        self._keep(store.file(task.action, task.key), len(content))
        self._drop_oldest()
        return Answer(content)

    def _heard(self, task: Task, listener: Listener | None) -> Listener:
        def hear(progress: Progress) -> None:
            if task.key in self._asked_to_stop:
                raise KeyboardInterrupt
            if listener is not None:
                listener(progress)

        return hear

    # -- what it keeps ---------------------------------------------------------------------------

    def _place(self, parcel: Parcel, store: Store) -> tuple[str, ...]:
        """Put what a task needs where it looks for it; keys of what is neither here nor in the parcel."""
        for need in parcel.needs:
            file = store.file(need.action, need.key)
            if need.key in parcel.contents and not file.exists():
                store.keep_content(need, parcel.contents[need.key])
            if file.exists():
                self._keep(file, file.stat().st_size)
        if parcel.checkpoint is not None:
            atomic_write(store.checkpoint(parcel.task), parcel.checkpoint, lasting=False)
        return tuple(n.key for n in parcel.needs if not store.file(n.action, n.key).exists())

    def _files(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Write files that settings name; their path -> where they lie here."""
        here = {}
        for number, (path, content) in enumerate(files.items()):
            here[path] = str(self._path / "files" / str(number) / Path(path).name)
            atomic_write(here[path], content, lasting=False)
        return here

    def _keep(self, file: Path, n_bytes: int) -> None:
        self._kept[file] = n_bytes
        self._kept.move_to_end(file)

    def _drop_oldest(self) -> None:
        """The last one, which what comes next may need, stays however large it is."""
        while len(self._kept) > 1 and sum(self._kept.values()) > self._most_bytes:
            file, _ = self._kept.popitem(last=False)
            file.unlink(missing_ok=True)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
