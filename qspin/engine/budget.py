"""What tasks that run at once share: cores and memory; and how many quick ones are worth one message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qspin.executor import Task, Work
from qspin.memory import machine_memory

__all__ = ["MOST_DEATHS", "Budget", "Durations", "allowed_bytes", "too_late"]

MOST_DEATHS = 3
"""Of workers, by one task, which then has failed."""

_BUNDLE_SECONDS = 0.1  # of work, which a message to a worker and back is little beside
_MOST_IN_BUNDLE = 64
_WEIGHT = 0.3  # of the last duration in the mean


@dataclass
class Budget:
    """Cores and bytes, and what holds them.

    Parameters
    ----------
    n_cores : that may be busy at once
    memory : bytes that tasks may take together; None: nobody knows
    """

    n_cores: int
    memory: float | None
    _held: dict[str, tuple[int, int]] = field(default_factory=dict)

    def fits(self, task: Task) -> bool:
        """Whether it may be taken now: to run beside what runs, alone in any case, or to be refused."""
        if not self._held or self.refusal(task) is not None:
            return True
        return self._cores(task) <= self._free_cores and self._has_memory_for(task)

    def refusal(self, task: Task) -> str | None:
        """Why it can never run; None if it can."""
        if self.memory is None or task.memory <= self.memory:
            return None
        return (
            f"it is expected to take {task.memory / 2**30:.3g} GiB, more than the {self.memory / 2**30:.3g} "
            "GiB that the tasks of this run may take together; make it smaller, or raise execution.memory"
        )

    def refusals(self, tasks: Iterable[Task]) -> dict[str, str]:
        """Key -> why it can never run, of those that cannot."""
        return {task.key: why for task in tasks if (why := self.refusal(task)) is not None}

    def share(self, task: Task, n_beside: int) -> int:
        """Threads for a task, where so many others could begin at the same time."""
        if task.n_threads is not None:
            return self._cores(task)
        return max(1, self._free_cores // (1 + n_beside))

    def hold(self, who: str, tasks: list[tuple[Task, int]]) -> None:
        """Let somebody do tasks, each with so many threads, one after the other."""
        self._held[who] = max(n for _, n in tasks), max(task.memory for task, _ in tasks)

    def free(self, who: str) -> None:
        """They are done."""
        self._held.pop(who, None)

    def _cores(self, task: Task) -> int:
        return min(task.n_threads or 1, self.n_cores)

    @property
    def _free_cores(self) -> int:
        return self.n_cores - sum(n for n, _ in self._held.values())

    def _has_memory_for(self, task: Task) -> bool:
        return self.memory is None or self.memory >= task.memory + sum(m for _, m in self._held.values())


def too_late(task: Task, work: Work, timeout: float | None) -> str:
    """What is told of a task whose time was over."""
    saved = "; its state is saved, --resume goes on from it" if work.has_begun(task) else ""
    return f"stopped after {timeout:g} s (execution.timeout){saved}"


def allowed_bytes(gibibytes: float | None) -> int | None:
    """That the tasks of a run may take together; default half of the machine, None if that is not known."""
    if gibibytes is not None:
        return int(gibibytes * 2**30)
    machine = machine_memory()
    return None if machine is None else machine // 2


class Durations:
    """Seconds that tasks of one kind have taken lately."""

    def __init__(self) -> None:
        self._means: dict[tuple[object, ...], float] = {}

    def note(self, task: Task, seconds: float) -> None:
        """A task has ended."""
        before = self._means.get(_kind(task), seconds)
        self._means[_kind(task)] = max(seconds, (1 - _WEIGHT) * before + _WEIGHT * seconds)

    def has_room(self, tasks: list[tuple[Task, int]]) -> bool:
        """Whether so little is expected of these that one more may go with them."""
        expected = sum(self._means.get(_kind(task), _BUNDLE_SECONDS) for task, _ in tasks)
        return expected < _BUNDLE_SECONDS and len(tasks) < _MOST_IN_BUNDLE


def _kind(task: Task) -> tuple[object, ...]:
    """Tasks of one kind take about as long: those of one measure, or of one backend."""
    return task.action, task.settings.get("measure"), task.settings.get("backend_label")
