"""The books of a run, which every executor keeps: what can begin, what is done elsewhere, what failed."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from qspin.engine.ready import Heap, Ready
from qspin.executor import Event, Graph, Kind, Reporter, Task, Work, counts_of
from qspin.stopping import acknowledgement

__all__ = ["Schedule"]

Fits = Callable[[Task], bool]

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
        self._ready = Ready()
        for task in graph:
            if not self._lacking[task.key]:
                self._put(task)
        self._running: dict[str, float | None] = {}  # since when; None: not begun yet
        self._elsewhere: set[str] = set()
        self._looked = -_LOOK_SECONDS
        self._n_left = len(graph)
        self._found: list[Task] = []
        self._is_stopping = False

    @property
    def is_over(self) -> bool:
        """Whether every task is done, here or elsewhere, or cannot be."""
        return self._n_left == 0

    @property
    def running(self) -> Iterator[Task]:
        """Tasks that were taken, begun or not, and have not ended."""
        return (self._graph.tasks[key] for key in self._running)

    @property
    def is_waiting(self) -> bool:
        """Whether all that is left is done by other processes: look again in a while."""
        return not self._ready and not self._running and bool(self._elsewhere)

    @property
    def n_ready(self) -> int:
        """Tasks that could begin now and are not paid."""
        return self._ready.n_unpaid

    @property
    def lanes(self) -> list[str]:
        """Lanes of paid tasks that could begin now."""
        return self._ready.lanes

    def take(self, worker: str = "", fits: Fits | None = None) -> Task | None:
        """The next task that can begin now, paid or not, claimed for us and begun; None if there is none.

        Parameters
        ----------
        worker : who does it
        fits : whether a task may begin now; default any
        """
        return self._begun(self._taken(self._ready.in_order(), fits), worker)

    def take_unpaid(self, worker: str = "", fits: Fits | None = None, *, begins: bool = True) -> Task | None:
        """As `take`, of those that are not paid; first such as need what the worker has just made.

        Parameters
        ----------
        begins : at once; else `begin` tells when
        """
        task = self._taken(self._ready.for_worker(worker), fits)
        return self._begun(task, worker) if begins else task

    def take_paid(self, lane: str, worker: str = "") -> Task | None:
        """As `take`, of those in one lane of the paid ones."""
        return self._begun(self._taken(self._ready.of_lane(lane), None), worker)

    def begin(self, task: Task, worker: str = "") -> None:
        """A task that was taken begins."""
        self._running[task.key] = time.monotonic()
        self.say(Kind.START, task, worker=worker)

    def finish(self, task: Task, failure: str | None, worker: str = "") -> None:
        """A task that was taken has ended."""
        now = time.monotonic()
        began = self._running.pop(task.key) or now
        self._work.release(task)
        kind, remark = (Kind.DONE, "") if failure is None else (Kind.FAILED, failure)
        self.say(kind, task, worker=worker, remark=remark, seconds=now - began)
        self._end(task, failure, worker)

    def give_back(self, task: Task, remark: str, worker: str = "") -> None:
        """A task that was taken has not been done, and waits again."""
        began = self._running.pop(task.key)
        self._work.release(task)
        if began is not None:
            self.say(Kind.RETURNED, task, worker=worker, remark=remark)
        self._put(task)

    def _put(self, task: Task, home: str = "") -> None:
        self._ready.put(self._place[task.key], task, home)

    def _begun(self, task: Task | None, worker: str) -> Task | None:
        if task is not None:
            self.begin(task, worker)
        return task

    def _taken(self, heaps: Iterator[Heap], fits: Fits | None) -> Task | None:
        """The first task of these heaps that fits, is not there yet, and that nobody else has."""
        self._look_elsewhere()
        passed: list[tuple[Heap, tuple[int, Task]]] = []
        taken = None
        for heap in heaps:
            place, task = heapq.heappop(heap)
            if fits is not None and not fits(task):
                passed.append((heap, (place, task)))
            elif self._is_free(task):
                taken = task
                break
        for heap, entry in passed:
            heapq.heappush(heap, entry)
        self._say_found()
        if taken is not None:
            self._running[taken.key] = None
        return taken

    def _is_free(self, task: Task) -> bool:
        """Whether it is left to do and nobody else does it: then it is claimed."""
        if not self._work.has(task):
            if not self._work.claim(task):
                self._elsewhere.add(task.key)
                return False
            is_done = self._work.has(task)  # another process has just finished it, or failed
            failure = None if is_done else self._work.failed_elsewhere(task)
            if not is_done and failure is None:
                return True
            self._work.release(task)
            if failure is not None:
                self.say(Kind.FAILED, task, remark=failure)
                self._end(task, failure)
                return False
        self._found.append(task)
        self._end(task, None)
        return False

    def say(self, kind: Kind, task: Task, **more: Any) -> None:
        """Tell the reporter something about a task."""
        about = Event(kind, task.key, task.label, task.action, task.group, task.is_shown)
        self._tell(replace(about, **more))

    def note(self, text: str) -> None:
        """Tell the reporter a sentence that whoever looks should read."""
        self._tell(Event(Kind.NOTE, remark=text))

    def say_stopping(self) -> None:
        """Tell the reporter, once, that a stop was heard, and for how many tasks it waits."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self.note(acknowledgement(sum(began is not None for began in list(self._running.values()))))

    def _end(self, task: Task, failure: str | None, worker: str = "") -> None:
        """Count a task as ended; those that need it become ready, or fail with it.

        Parameters
        ----------
        worker : that has what it gave at hand
        """
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
                    self.say(Kind.BLOCKED, own, remark=self.failures[key])
                    ended.append(own)
                    continue
                self._lacking[key] -= 1
                if not self._lacking[key]:
                    self._put(self._graph.tasks[key], worker)

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
                if failure is None:
                    self._found.append(task)
                else:
                    self.say(Kind.FAILED, task, remark=failure)
                self._end(task, failure)
            elif self._work.claim(task):  # whoever had it has given it up
                self._work.release(task)
                self._elsewhere.discard(key)
                self._put(task)

    def _say_found(self) -> None:
        if self._found:
            self._tell(Event(Kind.FOUND, n=len(self._found), counts=counts_of(self._found)))
            self._found.clear()
