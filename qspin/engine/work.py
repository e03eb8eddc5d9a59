"""What executors are given: the store of a run, what does its tasks, and who else works on them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import TracebackType

from qspin.engine.actions import Performer
from qspin.engine.dask.parcels import Parcels
from qspin.engine.storage.claims import Claims
from qspin.engine.storage.marker import mark, refuse_newer
from qspin.engine.storage.store import Store
from qspin.executor import Event, Kind, Reporter, Task, silent
from qspin.files import atomic_write

__all__ = ["StoredWork"]

_BEFORE = "failures.json"


class StoredWork:
    """`qspin.executor.Work` on a store.

    As a context manager it shares the tasks with all other processes that are in such a block on the same
    store: each is done by one of them. Outside, every task is ours.

    Parameters
    ----------
    path : of the store; stays where it is now, whatever the working directory becomes
    reporter : told what is found damaged
    is_shared : as of `Store`
    """

    def __init__(self, path: Path, reporter: Reporter = silent, *, is_shared: bool = False):
        self.path = path.absolute()
        self._store = Store(self.path, is_shared)
        self._tell = reporter
        self._claims: Claims | None = None
        self._before: dict[str, list[int]] = {}

    def __enter__(self) -> StoredWork:
        """Raises InputError if this is no store of ours, or nothing can be written or locked there."""
        refuse_newer(self.path)
        claims = Claims(self._store.claims)
        claims.enter(lambda others: self._begin(claims, others))
        self._claims = claims
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        claims, self._claims = self._claims, None
        if claims is not None:
            with contextlib.suppress(OSError):  # of a folder that is away; the lock goes with this process
                claims.give_all()
                claims.leave(lambda: self._end(claims))

    @property
    def perform(self) -> Performer:
        """Does one task and stores what it gives."""
        return Performer(self.path)

    @property
    def parcels(self) -> Parcels:
        """Tasks for processes that do not reach the store."""
        return Parcels(self.path)

    def has(self, task: Task) -> bool:
        """As `qspin.executor.Work.has`; what failed before counts no more."""
        store = self._store
        if is_there := store.has(task):
            store.forget_failure(task)
        return is_there

    def has_begun(self, task: Task) -> bool:
        """As `qspin.executor.Work.has_begun`."""
        return self._store.checkpoint(task).is_file()

    def claim(self, task: Task) -> bool:
        """As `qspin.executor.Work.claim`; what is damaged of a task is set aside."""
        if self._claims is not None and not self._claims.take(task.key, is_paid=task.is_paid):
            return False
        for remark in self._store.mend(task):
            self._tell(Event(Kind.NOTE, key=task.key, label=task.label, action=task.action, remark=remark))
        return True

    def release(self, task: Task) -> None:
        """As `qspin.executor.Work.release`."""
        if self._claims is not None:
            self._claims.give(task.key)

    def failed_elsewhere(self, task: Task) -> str | None:
        """As `qspin.executor.Work.failed_elsewhere`; this process began when the first of those did that
        work here now."""
        if self._claims is None:
            return None
        stamp = self._store.failure_stamp(task.key)
        if stamp is None or self._before.get(task.key) == list(stamp):
            return None
        return self._store.failure(task.key)

    def record_failure(self, task: Task, reason: str, details: str = "") -> str:
        """As `qspin.executor.Work.record_failure`."""
        return self._store.record_failure(task, reason, details)

    def _begin(self, claims: Claims, others: list[str]) -> None:
        """Where nobody else works, remove what killed processes left, and note which failures are old."""
        if (remark := mark(self._store)) is not None:
            self._tell(Event(Kind.NOTE, remark=remark))
        file = claims.folder / _BEFORE
        if not others:
            claims.clear()
            self._store.clear_leftovers()
            atomic_write(file, json.dumps(self._store.failure_stamps()), lasting=False)
        try:
            self._before = dict(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # damaged: then those that are there now are old
            self._before = self._store.failure_stamps()

    def _end(self, claims: Claims) -> None:
        claims.clear()
        self._store.clear_leftovers()
        (claims.folder / _BEFORE).unlink(missing_ok=True)
