"""The books of a run, which every executor keeps: what can begin, what is done elsewhere, what failed."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from typing import Any

from qspin.executor import Event, Graph, Kind, Reporter, Task, Work

__all__ = ["Schedule"]

_LOOK_SECONDS = 0.5  # between two looks at what other processes do


class Schedule:
    """Tasks of a graph as they become ready, in the order of the graph.

    Parameters
    ----------
    graph : what is to be done
    work : knows what is there, and shares tasks with other processes
    reporter : told of every task
    """

    def __init__(self, graph: Graph, work: Work, reporter: Reporter):
        self.failures: dict[str, str] = {}
        """Key -> what failed, also of those that could not begin for it."""
        self._graph, self._work, self._tell = graph, work, reporter
        self._place = {key: k for k, key in enumerate(graph.tasks)}
        self._lacking = {task.key: len(set(task.needs)) for task in graph}
        self._users: dict[str, list[str]] = {}
        for task in graph:
            for need in set(task.needs):
                self._users.setdefault(need, []).append(task.key)
        self._ready = [self._place[key] for key, count in self._lacking.items() if not count]
        self._keys = list(graph.tasks)
        self._running: dict[str, float] = {}
        self._elsewhere: set[str] = set()
        self._looked = -_LOOK_SECONDS
        self._n_left = len(graph)
        self._n_found = 0

    @property
    def is_over(self) -> bool:
        """Whether every task is done, here or elsewhere, or cannot be."""
        return self._n_left == 0

    @property
    def running(self) -> Iterator[Task]:
        """Tasks that were taken and have not ended."""
        return (self._graph.tasks[key] for key in self._running)

    @property
    def is_waiting(self) -> bool:
        """Whether all that is left is done by other processes: look again in a while."""
        return not self._ready and not self._running and bool(self._elsewhere)

    def take(self, worker: str = "", fits: Callable[[Task], bool] | None = None) -> Task | None:
        """A task that can begin now, claimed for us; None if there is none.

        Parameters
        ----------
        worker : who will do it
        fits : whether a task may begin now; default any
        """
        self._look_elsewhere()
        passed: list[int] = []
        taken = None
        while self._ready and taken is None:
            place = heapq.heappop(self._ready)
            task = self._graph.tasks[self._keys[place]]
            if self._work.has(task):
                self._n_found += 1
                self._end(task, None)
            elif fits is not None and not fits(task):
                passed.append(place)
            elif not self._work.claim(task):
                self._elsewhere.add(task.key)
            elif self._work.has(task):  # another process has just finished it
                self._work.release(task)
                self._n_found += 1
                self._end(task, None)
            else:
                taken = task
        for place in passed:
            heapq.heappush(self._ready, place)
        self._say_found()
        if taken is not None:
            self._running[taken.key] = time.monotonic()
            self.say(Kind.START, taken, worker=worker)
        return taken

    def finish(self, task: Task, failure: str | None, worker: str = "") -> None:
        """A task that was taken has ended."""
        began = self._running.pop(task.key)
        self._work.release(task)
        kind, remark = (Kind.DONE, "") if failure is None else (Kind.FAILED, failure)
        self.say(kind, task, worker=worker, remark=remark, seconds=time.monotonic() - began)
        self._end(task, failure)

    def give_back(self, task: Task, remark: str, worker: str = "") -> None:
        """A task that was taken has not been done, and waits again."""
        del self._running[task.key]
        self._work.release(task)
        self.say(Kind.RETURNED, task, worker=worker, remark=remark)
        heapq.heappush(self._ready, self._place[task.key])

    def say(self, kind: Kind, task: Task, **more: Any) -> None:
        """Tell the reporter something about a task."""
        self._tell(Event(kind, key=task.key, label=task.label, action=task.action, **more))

    def _end(self, task: Task, failure: str | None) -> None:
        """Count a task as ended; those that need it become ready, or fail with it."""
        self._n_left -= 1
        if failure is not None:
            self.failures[task.key] = failure
        ended = [task]
        while ended:
            last = ended.pop()
            for key in self._users.get(last.key, ()):
                if key in self.failures:
                    continue
                if last.key in self.failures:
                    own = self._graph.tasks[key]
                    self.failures[key] = f"{own.label}: needs {last.label}, which failed"
                    self._n_left -= 1
                    self.say(Kind.FAILED, own, remark=self.failures[key])
                    ended.append(own)
                    continue
                self._lacking[key] -= 1
                if not self._lacking[key]:
                    heapq.heappush(self._ready, self._place[key])

    def _look_elsewhere(self) -> None:
        """See what other processes have done of that which they had claimed."""
        if not self._elsewhere or time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        for key in list(self._elsewhere):
            task = self._graph.tasks[key]
            failure = self._work.failed_elsewhere(task)
            if failure is not None or self._work.has(task):
                self._elsewhere.discard(key)
                self._n_found += failure is None
                self._end(task, failure)
            elif self._work.claim(task):  # whoever had it has given it up
                self._work.release(task)
                self._elsewhere.discard(key)
                heapq.heappush(self._ready, self._place[key])

    def _say_found(self) -> None:
        if self._n_found:
            self._tell(Event(Kind.FOUND, n=self._n_found))
            self._n_found = 0
