"""How long tasks take side by side: the course of a run, played through by the clock of its estimates."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from qspin.executor import Task
from qspin.timings import Estimate

__all__ = ["Forecast", "forecast"]


class Forecast(NamedTuple):
    """
    Parameters
    ----------
    seconds : from the first task to the end of the last
    starting : seconds, summed over workers, in which each of them imports, loads and compiles what its first
        task of a kernel needs
    """

    seconds: float
    starting: float


class _End(NamedTuple):
    time: float
    place: int
    task: Task
    worker: int


def forecast(
    tasks: Iterable[Task], estimates: Mapping[str, Estimate], n_workers: int, n_cores: int
) -> Forecast:
    """How long all of them take.

    As executors do, tasks begin in their order as soon as what they need is there and a worker is free, paid
    ones beside them, one of a lane at a time; workers share the cores.

    Parameters
    ----------
    tasks : that are to be done; needs that are not among them are there
    estimates : key -> how long one takes; others take no time
    """
    course = _Course(list(tasks), estimates, max(n_workers, 1), n_cores)
    return Forecast(course.seconds(), course.starting)


class _Course:
    """A run by an imagined clock."""

    def __init__(self, tasks: list[Task], estimates: Mapping[str, Estimate], n_workers: int, n_cores: int):
        self._estimates = estimates
        self.starting = 0.0
        keys = {task.key for task in tasks}
        self._lacking = {task.key: len(keys.intersection(task.needs)) for task in tasks}
        self._users: dict[str, list[tuple[int, Task]]] = {}
        for place, task in enumerate(tasks):
            for need in keys.intersection(task.needs):
                self._users.setdefault(need, []).append((place, task))
        self._ready: list[tuple[int, Task]] = []
        self._lanes: dict[str, list[tuple[int, Task]]] = {}
        self._idle = list(range(n_workers))
        self._seen: list[set[str]] = [set() for _ in range(n_workers)]
        self._n_threads = max(1, n_cores // n_workers)
        self._ends: list[_End] = []
        self._busy_lanes: set[str] = set()
        for place, task in enumerate(tasks):
            if not self._lacking[task.key]:
                self._put(place, task)

    def seconds(self) -> float:
        now = 0.0
        self._begin(now)
        while self._ends:
            end = heapq.heappop(self._ends)
            now = end.time
            if end.worker >= 0:
                self._idle.append(end.worker)
            else:
                self._busy_lanes.discard(end.task.lane)
            for place, task in self._users.get(end.task.key, ()):
                self._lacking[task.key] -= 1
                if not self._lacking[task.key]:
                    self._put(place, task)
            self._begin(now)
        return now

    def _put(self, place: int, task: Task) -> None:
        waiting = self._lanes.setdefault(task.lane, []) if task.is_paid else self._ready
        heapq.heappush(waiting, (place, task))

    def _begin(self, now: float) -> None:
        while self._ready and self._idle:
            self._start(now, *heapq.heappop(self._ready), self._idle.pop())
        for lane, waiting in self._lanes.items():
            if waiting and lane not in self._busy_lanes:
                self._busy_lanes.add(lane)
                self._start(now, *heapq.heappop(waiting), -1)

    def _start(self, now: float, place: int, task: Task, worker: int) -> None:
        seconds = 0.0
        if (estimate := self._estimates.get(task.key)) is not None:
            seconds = estimate.seconds(min(task.n_threads or self._n_threads, task.n_parts))
            if worker >= 0 and task.kernel not in self._seen[worker]:
                self._seen[worker].add(task.kernel)
                seconds += estimate.starting
                self.starting += estimate.starting
        heapq.heappush(self._ends, _End(now + seconds, place, task, worker))
