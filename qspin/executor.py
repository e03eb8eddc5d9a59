"""What an executor is: it works through a graph of tasks. Authors import everything from here.

A task is a key and plain settings, so that it can be done anywhere; what it gives lies in a store under its
key. What fails costs that task and those that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import BeforeValidator

from qspin.errors import InputError
from qspin.events import Counts, Event, Kind, Reporter, silent
from qspin.settings import PositiveFloat, PositiveInt, settings

if TYPE_CHECKING:
    from qspin.engine.dask.parcels import Parcels

__all__ = [
    "Event",
    "Executor",
    "Gibibytes",
    "Graph",
    "Kind",
    "Perform",
    "PositiveFloat",
    "PositiveInt",
    "Reporter",
    "Task",
    "Work",
    "counts_of",
    "refusals_of",
    "settings",
    "silent",
    "workers_of",
]


def _is_number(value: object) -> object:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError("should be a number of GiB, such as 1.5") from None
    return value


Gibibytes = Annotated[PositiveFloat, BeforeValidator(_is_number)]
"""A setting of an executor: memory, GiB."""


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Parameters
    ----------
    key : names what it gives: a digest of everything that decides on it
    action : what is to be done with the settings
    settings : plain JSON values; they name what other tasks gave by its key
    needs : keys of these
    label : for people
    is_paid : whether doing it may cost money: then it is done in the process of the run itself
    is_shown : whether it takes long enough to be told of
    lane : of paid tasks with the same, one is done at a time
    n_threads : that it takes by its own settings; None: as many as it is given
    memory : bytes that it is expected to take, 0 where nobody knows
    kernel, work, n_parts : what computes it, how much there is to compute, and how many threads can share it,
        see `qspin.sampler.Workload`; no kernel where nobody knows
    group : of tasks of this action that take about as long

    Those from `lane` on decide nothing about what it gives.
    """

    key: str
    action: str
    settings: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    label: str = ""
    is_paid: bool = False
    is_shown: bool = True
    lane: str = ""
    n_threads: int | None = None
    memory: int = 0
    kernel: str = ""
    work: float = 0.0
    group: str = ""
    n_parts: int = 1


@dataclass(frozen=True)
class Graph:
    """Tasks by key; whatever a task needs stands before it."""

    tasks: Mapping[str, Task] = field(default_factory=dict)

    @classmethod
    def of(cls, tasks: list[Task]) -> Graph:
        """Each key once, in an order in which they can be done.

        Raises
        ------
        InputError
            If tasks wait for one another in a circle, or one needs what nobody gives.
        """
        waiting = {task.key: task for task in tasks}
        ordered: dict[str, Task] = {}
        for task in waiting.values():
            _place(task, waiting, ordered)
        return cls(ordered)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks.values())

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def counts(self) -> Counts:
        """How many tasks there are of each kind."""
        return counts_of(self)


def counts_of(tasks: Iterable[Task]) -> Counts:
    """How many there are of each action and group."""
    counts: dict[str, dict[str, int]] = {}
    for task in tasks:
        groups = counts.setdefault(task.action, {})
        groups[task.group] = groups.get(task.group, 0) + 1
    return counts


def _place(first: Task, tasks: Mapping[str, Task], ordered: dict[str, Task]) -> None:
    """Put a task behind what it needs; by a stack of our own, since chains may be long."""
    stack, under_way = [(first, iter(first.needs))], {first.key: first.label}
    while stack:
        task, needs = stack[-1]
        key = next((need for need in needs if need not in ordered), None)
        if key is None:
            ordered[task.key] = task
            del under_way[task.key]
            stack.pop()
        elif key in under_way:
            raise InputError(f"tasks wait for one another in a circle: {' -> '.join(under_way.values())}")
        elif key not in tasks:
            raise InputError(f"{task.label} needs {key}, which no task gives")
        else:
            stack.append((tasks[key], iter(tasks[key].needs)))
            under_way[key] = tasks[key].label


Perform = Callable[[Task], str | None]
"""Does a task whose needs are there and stores what it gives; what failed, a sentence, or None. It can be
pickled."""


class Work(Protocol):
    """What is to be done about the tasks of a run, whose store other processes may fill as well."""

    @property
    def perform(self) -> Perform:
        """Does one task, in any process that reaches the store."""
        ...

    @property
    def parcels(self) -> Parcels:
        """Takes tasks to processes that do not reach the store, and stores what comes back."""
        ...

    def has(self, task: Task) -> bool:
        """Whether what a task gives is there and whole."""
        ...

    def has_begun(self, task: Task) -> bool:
        """Whether unfinished work of a task is kept, which whoever does it next goes on with."""
        ...

    def claim(self, task: Task) -> bool:
        """Take a task over; False while another process has it. Ours until `release`."""
        ...

    def release(self, task: Task) -> None:
        """Give a task back, done or not."""
        ...

    def failed_elsewhere(self, task: Task) -> str | None:
        """What failed, if another process tried a task since this one began."""
        ...

    def record_failure(self, task: Task, reason: str, details: str = "") -> str:
        """Write down why a task gave nothing, where `perform` could not: its worker died, it took too long.

        Returns
        -------
        the sentence that `perform` would have returned
        """
        ...


class Executor(Protocol):
    """Frozen settings and one method.

    It may also have ``check()``, which raises `InputError` for what cannot or must not be done with these
    settings; a run asks it before anything is written.
    """

    def run(self, graph: Graph, work: Work, reporter: Reporter) -> Mapping[str, str]:
        """Do all tasks of a graph whose needs can be met.

        `qspin.engine.schedule.Schedule` keeps the books: which task can begin, and what failed.

        Parameters
        ----------
        work : does tasks, and knows which are there or done by others
        reporter : told about every task

        Returns
        -------
        key -> what failed, of every task that did, and of those that could not begin for it

        Raises
        ------
        StorageError
            If what a task gave cannot be written: all others would meet the same.
        KeyboardInterrupt
            If it was stopped; what was finished is kept.
        """
        ...


def refusals_of(executor: Executor, tasks: Sequence[Task]) -> Mapping[str, str]:
    """Which of some tasks an executor would refuse, and why, by its own word: what its method
    ``expected_refusals(tasks)`` returns, key -> reason; none where it has none."""
    tell = getattr(executor, "expected_refusals", None)
    return dict(tell(tasks)) if tell is not None else {}


def workers_of(executor: Executor, n_tasks: int) -> int:
    """How many of some tasks an executor would do at once, by its own word: what its method
    ``expected_workers(n_tasks)`` returns; 1 where it has none."""
    tell = getattr(executor, "expected_workers", None)
    return max(1, int(tell(n_tasks))) if tell is not None else 1
