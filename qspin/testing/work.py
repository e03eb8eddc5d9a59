"""Small tasks that are done in a folder, by any process: what executors are tested with."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qspin.errors import StorageError
from qspin.executor import Task
from qspin.files import atomic_write
from qspin.progress import report_progress
from qspin.trust import require_trusted

if TYPE_CHECKING:
    from qspin.engine.dask.parcels import Parcels
    from qspin.engine.storage.store import Outcome

__all__ = ["FolderWork", "acts", "small_task"]


def small_task(key: str, *needs: str, act: str = "add", is_paid: bool = False, **changes: Any) -> Task:
    """A task for `FolderWork`.

    Parameters
    ----------
    act : see `acts`
    changes : of the task; ``seconds`` and whatever else an act wants become settings
    """
    own = {name: changes.pop(name) for name in list(changes) if name not in Task.__dataclass_fields__}
    settings = {"act": act, "needs": list(needs), **own}
    return Task(key, "sample", settings, needs, f"task {key}", is_paid, **changes)


@dataclass(frozen=True)
class Act:
    """Does one task in a folder, in any process: one file a task, with what its act gives as JSON."""

    path: Path

    def __call__(self, task: Task) -> str | None:
        start = time.time()
        try:
            value = acts[task.settings["act"]](self.path, task)
        except (StorageError, KeyboardInterrupt, SystemExit):
            raise
        except Exception as error:
            return f"{task.label}: {error}"
        gave = {"value": value, "pid": os.getpid(), "start": start, "end": time.time()}
        with (self.path / "done.txt").open("a") as done:
            done.write(f"{task.key}\n")
        atomic_write(self.path / f"{task.key}.json", json.dumps(gave))
        return None


def _add(path: Path, task: Task) -> int:
    """One, and what the needs gave."""
    needs = [json.loads((path / f"{need}.json").read_text())["value"] for need in task.settings["needs"]]
    return 1 + sum(needs)


def _break(path: Path, task: Task) -> int:
    raise ValueError("broke")


def _sleep(path: Path, task: Task) -> int:
    until = time.monotonic() + task.settings["seconds"]
    while time.monotonic() < until:  # as samplers do, which hear an interrupt between two steps
        time.sleep(0.05)
    return 0


def _tell(path: Path, task: Task) -> int:
    report_progress(0.5, "half of it", best_energy=-3.0)
    return 0


def _fill(path: Path, task: Task) -> int:
    raise StorageError("no space left")


def _import(path: Path, task: Task) -> int:
    require_trusted("os:system", "sampler", key="sampler")
    return 0


def _warn(path: Path, task: Task) -> int:
    warnings.warn("the contract warns", RuntimeWarning, stacklevel=1)
    return 0


def _die(path: Path, task: Task) -> int:
    os._exit(9)


def _deaf(path: Path, task: Task) -> int:
    """As code that keeps an interrupt waiting."""
    time.sleep(task.settings["seconds"])
    return 0


acts: dict[str, Callable[[Path, Task], Any]] = {
    "add": _add, "break": _break, "nap": lambda *_: time.sleep(0.02), "sleep": _sleep, "tell": _tell,
    "fill": _fill, "import": _import, "warn": _warn,
    "die": _die, "deaf": _deaf,
}  # fmt: skip
"""What a task of `FolderWork` can do, by name."""


@dataclass(frozen=True)
class Shelf:
    """Where a process that does not reach the folder does its tasks; see `qspin.engine.dask.parcels`."""

    path: Path

    def outcome(self, task: Task) -> Outcome:
        from qspin.engine.storage.store import Outcome

        failure = Act(self.path)(task)
        return Outcome(failure, (failure or "").removeprefix(f"{task.label}: "))

    def has(self, task: Task) -> bool:
        return self.size(task) is not None

    def size(self, task: Task) -> int | None:
        file = self._file(task)
        return file.stat().st_size if file.is_file() else None

    def content(self, task: Task) -> bytes:
        return self._file(task).read_bytes()

    def keep_content(self, task: Task, content: bytes) -> None:
        with (self.path / "done.txt").open("a") as done:
            done.write(f"{task.key}\n")
        atomic_write(self._file(task), content)

    def drop(self, task: Task) -> None:
        self._file(task).unlink()

    def checkpoint(self, task: Task) -> Path:
        return self.path / f"{task.key}.checkpoint"

    def record_failure(self, task: Task, reason: str, details: str = "") -> str:
        return f"{task.label}: {reason}"

    def forget_failure(self, task: Task) -> None:
        """None is written down."""

    def _file(self, task: Task) -> Path:
        return self.path / f"{task.key}.json"


@dataclass
class FolderWork:
    """`qspin.executor.Work` in a folder, which keeps books of what it is asked.

    Parameters
    ----------
    path : folder
    others : keys of tasks that another process has
    """

    path: Path
    others: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    claims: list[str] = field(default_factory=list)

    @property
    def perform(self) -> Act:
        return Act(self.path)

    @property
    def parcels(self) -> Parcels:
        from qspin.engine.dask.parcels import Parcels

        return Parcels(self.path, Shelf)

    def has(self, task: Task) -> bool:
        return (self.path / f"{task.key}.json").is_file()

    def has_begun(self, task: Task) -> bool:
        return (self.path / f"{task.key}.checkpoint").is_file()

    def claim(self, task: Task) -> bool:
        assert task.key not in self.claims, f"{task.key} is claimed twice"
        if task.key not in self.others:
            self.claims.append(task.key)
        return task.key not in self.others

    def release(self, task: Task) -> None:
        self.claims.remove(task.key)

    def failed_elsewhere(self, task: Task) -> str | None:
        return self.failed.get(task.key)

    def record_failure(self, task: Task, reason: str, details: str = "") -> str:
        return f"{task.label}: {reason}"

    def gave(self, key: str) -> dict[str, Any]:
        """What a task gave: value, process, start, end."""
        return json.loads((self.path / f"{key}.json").read_text())

    @property
    def done(self) -> list[str]:
        """Keys of all that was done, as often as it was."""
        file = self.path / "done.txt"
        return file.read_text().split() if file.is_file() else []
