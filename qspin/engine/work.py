"""What executors are given: the store of a run, what does its tasks, and who else works on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qspin.engine.actions import Performer
from qspin.engine.parcels import Parcels
from qspin.engine.store import Store
from qspin.executor import Task

__all__ = ["StoredWork"]


@dataclass(frozen=True)
class StoredWork:
    """`qspin.executor.Work` on a store.

    Parameters
    ----------
    path : of the store
    """

    path: Path

    @property
    def perform(self) -> Performer:
        """Does one task and stores what it gives."""
        return Performer(self.path)

    @property
    def parcels(self) -> Parcels:
        """Tasks for processes that do not reach the store."""
        return Parcels(self.path)

    @property
    def _store(self) -> Store:
        return Store(self.path)

    def has(self, task: Task) -> bool:
        """As `qspin.executor.Work.has`."""
        return self._store.has(task)

    def claim(self, task: Task) -> bool:
        """As `qspin.executor.Work.claim`."""
        return True

    def release(self, task: Task) -> None:
        """As `qspin.executor.Work.release`."""

    def failed_elsewhere(self, task: Task) -> str | None:
        """As `qspin.executor.Work.failed_elsewhere`."""
        return None

    def record_failure(self, task: Task, reason: str, details: str = "") -> str:
        """As `qspin.executor.Work.record_failure`."""
        return self._store.record_failure(task, reason, details)
