"""Tasks that can begin: in the order of their graph, paid ones by lane, others near what they need."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from qspin.executor import Task

__all__ = ["Ready"]

Heap = list[tuple[int, Task]]


class Ready:
    """Heaps of tasks, those of the lowest places first."""

    def __init__(self) -> None:
        self._lanes: dict[str, Heap] = {}
        self._homes: dict[str, Heap] = {"": []}

    def put(self, place: int, task: Task, home: str = "") -> None:
        """A task that can begin.

        Parameters
        ----------
        place : in the graph
        home : worker that has at hand what it needs; empty if none has
        """
        heaps, name = (self._lanes, task.lane) if task.is_paid else (self._homes, home)
        heapq.heappush(heaps.setdefault(name, []), (place, task))

    def __bool__(self) -> bool:
        return any(self._lanes.values()) or any(self._homes.values())

    @property
    def n_unpaid(self) -> int:
        return sum(map(len, self._homes.values()))

    @property
    def lanes(self) -> list[str]:
        """Of paid tasks that can begin."""
        return [lane for lane, heap in self._lanes.items() if heap]

    def in_order(self) -> Iterator[Heap]:
        """The heap with the next task of all, again and again while there is one."""
        while heaps := [heap for heap in (*self._homes.values(), *self._lanes.values()) if heap]:
            yield min(heaps, key=lambda heap: heap[0][0])

    def for_worker(self, worker: str) -> Iterator[Heap]:
        """The heap with the next task for a worker: its own ones, those of nobody, then those of others."""
        own = self._homes.setdefault(worker, [])
        while True:
            others = (heap for name, heap in self._homes.items() if heap and name not in (worker, ""))
            heap = own or self._homes[""] or max(others, key=len, default=[])
            if not heap:
                return
            yield heap

    def of_lane(self, lane: str) -> Iterator[Heap]:
        """The heap of a lane, again and again while there is a task in it."""
        while heap := self._lanes.get(lane):
            yield heap
