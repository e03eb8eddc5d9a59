"""What a run looks like at a moment: all events of one or several processes, folded.

Clocks of machines may differ. Times are subtracted only where one process told both; how long ago it was
heard goes by the clock of whoever looks.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qspin.events import Event, Kind

__all__ = ["SILENCE", "Doing", "Left", "Picture", "Process"]

TaskKind = tuple[str, str]
"""Action and group: tasks that take about as long."""

SILENCE = 60.0
"""Seconds after which a process that tells nothing, not even that it is there, is silent."""

_RECENT = 50  # durations of one kind that count
_TELLING = 0.05  # fraction of a task from which on its own speed says how long it takes
_MANY = 10  # tasks, after which what passes between them counts as well
_MOST_BETWEEN = 20.0  # times as long as the tasks themselves


@dataclass
class Doing:
    """A task or a step that is under way; `start` says what it is."""

    start: Event
    process: Process
    fraction: float = 0.0
    remark: str = ""
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def kind(self) -> TaskKind:
        return self.start.action, self.start.group

    @property
    def seconds(self) -> float:
        """Since it began."""
        return max(0.0, self.process.heard - self.start.time) + self.process.age

    @property
    def expected(self) -> float | None:
        """Seconds that it takes in all, by its own speed; None while that says little."""
        return self.seconds / self.fraction if self.fraction >= _TELLING else None


@dataclass
class Process:
    """One that works on the run.

    Parameters
    ----------
    name : of the log; empty where this very process is shown
    began, heard : seconds since 1970 by its own clock, of its first and its last event
    seen : seconds by the clock of whoever looks, of its last event
    """

    name: str
    began: float
    heard: float = 0.0
    seen: float = -math.inf
    clock: Callable[[], float] = time.monotonic
    place: str = ""
    ended: Event | None = None
    gave: Counter[TaskKind] = field(default_factory=Counter)
    """Tasks that it did or found done."""
    workers: dict[str, Doing | None] = field(default_factory=dict)
    """Name of a worker -> what it does; None where it waits."""
    n_workers: int = 1
    """The most that were at work at once."""
    busy: float = 0.0
    """Seconds that its tasks have taken, all together."""

    @property
    def age(self) -> float:
        """Seconds since it was heard."""
        return 0.0 if self.ended is not None else max(0.0, self.clock() - self.seen)

    @property
    def is_silent(self) -> bool:
        """Whether it has not even said that it goes on; what is shown in its own process cannot be."""
        return bool(self.name) and self.age > SILENCE

    @property
    def short(self) -> str:
        """Its number and its machine, without what tells it from others of the same number."""
        return self.name.rpartition("-")[0] or "here"

    @property
    def seconds(self) -> float:
        """Since it began."""
        return max(0.0, self.heard - self.began) + self.age


class Left(NamedTuple):
    """Seconds until the tasks are done; `is_least` where of some nobody knows how long they take."""

    seconds: float
    is_least: bool


class Picture:
    """Folds events; drawings only read it.

    Parameters
    ----------
    name : of the run
    clock : of whoever looks, seconds
    """

    def __init__(self, name: str = "", clock: Callable[[], float] = time.monotonic):
        self.name = name
        self.processes: dict[str, Process] = {}
        self.total = 0
        self.failures: dict[str, str] = {}
        """Key of a task that failed -> a sentence."""
        self.notes: list[str] = []
        self._clock = clock
        self._is_step_done = False
        self._counts: dict[TaskKind, int] = {}
        self._done: dict[str, TaskKind] = {}
        self._failed: dict[str, TaskKind] = {}
        self._blocked: dict[str, TaskKind] = {}
        self._ended: Counter[TaskKind] = Counter()  # of those whose key was told
        self._took: dict[TaskKind, deque[float]] = {}

    def see(self, event: Event, process: str = "", *, age: float = 0.0, place: str = "") -> None:
        """Take an event over.

        Parameters
        ----------
        process : that tells it
        age : seconds since it was told
        place : where that process can be looked for
        """
        if event.kind == Kind.BEGIN:
            self.processes.pop(process, None)
            self._begin(event)
        teller = self.processes.get(process)
        if teller is None:
            teller = self.processes[process] = Process(process, event.time, clock=self._clock, place=place)
        teller.heard = event.time
        teller.seen = max(teller.seen, self._clock() - age)
        if event.kind == Kind.FOUND:
            teller.gave.update({kind: n for kind, n in _kinds(event)})
        elif event.kind == Kind.START:
            self._start(event, teller)
        elif event.kind == Kind.PROGRESS:
            self._progress(event, teller)
        elif event.kind in (Kind.DONE, Kind.FAILED, Kind.RETURNED):
            self._finish(event, teller)
        elif event.kind == Kind.BLOCKED:
            self._block(event)
        elif event.kind == Kind.NOTE:
            self.notes.append(event.remark)
        elif event.kind == Kind.END:
            teller.ended = event
            teller.workers.clear()

    def reset(self) -> None:
        """Forget all but how long tasks take."""
        self.processes.clear()
        for told in (self._done, self._failed, self._blocked, self._ended, self.failures, self.notes):
            told.clear()

    # -- what it shows ---------------------------------------------------------------------------

    @property
    def done(self) -> int:
        """Tasks that gave something, here or elsewhere, by what was told so far."""
        here = [sum(process.gave.values()) for process in self.processes.values()]
        n = max([len(self._done), *here])
        return min(n, self.total) if self.total else n

    @property
    def failed(self) -> int:
        return len(self._failed)

    @property
    def blocked(self) -> int:
        """Tasks that cannot begin, as others failed that they need."""
        return len(self._blocked)

    @property
    def left_to_do(self) -> int:
        """Tasks that may still give something."""
        return max(0, self.total - self.done - self.failed - self.blocked)

    @property
    def fraction(self) -> float:
        """Of the tasks that have ended, those under way in part; of a step alone, its own."""
        under_way = list(self.doing())
        if not self.total:
            return max((doing.fraction for doing in under_way), default=float(self._is_step_done))
        parts = sum(doing.fraction for doing in under_way if doing.start.action)
        return min(1.0, (self.done + self.failed + parts) / self.total)

    @property
    def at_work(self) -> list[Process]:
        """Processes that have not said that they ended."""
        return [process for process in self.processes.values() if process.ended is None]

    def doing(self) -> Iterator[Doing]:
        """What is under way, by process and worker."""
        for process in self.at_work:
            for worker in sorted(process.workers, key=_natural):
                if (doing := process.workers[worker]) is not None:
                    yield doing

    @property
    def seconds(self) -> float:
        """Since the first of the processes at work began; of those that ended, if there are no others."""
        return max((p.seconds for p in self.at_work or self.processes.values()), default=0.0)

    def figure(self, name: str) -> float | None:
        """Sum over all that is under way in processes that are heard; None if nobody tells it."""
        heard = [doing for doing in self.doing() if not doing.process.is_silent]
        told = [doing.figures[name] for doing in heard if name in doing.figures]
        return sum(told) if told else None

    def left(self) -> Left | None:
        """By what tasks of the same kind took, and by how many are done at once; None if nobody knows."""
        under_way = [doing for doing in self.doing() if doing.start.action or not self.total]
        remaining = [self._rest(doing) for doing in under_way]
        known = [seconds for seconds in remaining if seconds is not None]
        work, is_least = sum(known), len(known) < len(remaining)
        running = Counter(doing.kind for doing in under_way)
        for kind, n in self._counts.items():
            ended = max([self._ended[kind], *(process.gave[kind] for process in self.processes.values())])
            waiting = max(0, n - ended - running[kind])
            each = self._expected(kind, under_way) if waiting else 0.0
            is_least |= each is None
            work += waiting * (each or 0.0)
        if not known and not work:
            return None
        n_workers = max(1, sum(process.n_workers for process in self.at_work))
        return Left(max([work / n_workers * self._between(), *known]), is_least)

    # -- how it is folded ------------------------------------------------------------------------

    def _begin(self, event: Event) -> None:
        """Of a run that nobody works on, what was told before is no longer certain."""
        if not self.at_work:
            self.reset()
        self.total = event.n
        self._counts = dict(_kinds(event))

    def _start(self, event: Event, process: Process) -> None:
        self._leave(event.key)
        self._forget(event.key)
        process.workers[event.worker] = Doing(event, process)
        busy = sum(doing is not None for doing in process.workers.values())
        process.n_workers = max(process.n_workers, busy)

    def _progress(self, event: Event, process: Process) -> None:
        for doing in process.workers.values():
            if doing is None or doing.start.key != event.key:
                continue
            doing.fraction = event.fraction if math.isfinite(event.fraction) else doing.fraction
            doing.remark = event.remark
            doing.figures.update(event.figures)

    def _finish(self, event: Event, process: Process) -> None:
        self._leave(event.key)
        kind = event.action, event.group
        if not event.action:
            self._is_step_done = event.kind == Kind.DONE
            if event.kind == Kind.FAILED:
                self.notes.append(f"{event.label}: {event.remark}")
            return
        self._forget(event.key)
        if event.kind == Kind.RETURNED:
            return
        self._ended[kind] += 1
        if event.kind == Kind.DONE:
            self._done[event.key] = kind
            process.gave[kind] += 1
            process.busy += event.seconds
            self._took.setdefault(kind, deque(maxlen=_RECENT)).append(event.seconds)
        else:
            self._failed[event.key] = kind
            self.failures[event.key] = event.remark

    def _block(self, event: Event) -> None:
        self._forget(event.key)
        self._blocked[event.key] = event.action, event.group
        self._ended[event.action, event.group] += 1

    def _forget(self, key: str) -> None:
        """How a task ended before: it is tried again."""
        for ended in (self._done, self._failed, self._blocked):
            if key in ended:
                self._ended[ended.pop(key)] -= 1
        self.failures.pop(key, None)

    def _leave(self, key: str) -> None:
        """A task ends, wherever it was under way: of a process that was killed another takes it over."""
        for process in self.processes.values():
            for worker, doing in process.workers.items():
                if doing is not None and doing.start.key == key:
                    process.workers[worker] = None

    # -- how long it takes -----------------------------------------------------------------------

    def _rest(self, doing: Doing) -> float | None:
        """Seconds that a task still takes."""
        expected = doing.expected
        if expected is None:
            expected = _mean(self._took.get(doing.kind, ()))
        return None if expected is None else max(0.0, expected - doing.seconds)

    def _expected(self, kind: TaskKind, under_way: list[Doing]) -> float | None:
        """Seconds that a task of a kind takes; of one that nobody knows, what others of its action do."""
        if (took := _mean(self._took.get(kind, ()))) is not None:
            return took
        own = [doing.expected for doing in under_way if doing.kind == kind]
        if (took := _mean([seconds for seconds in own if seconds is not None])) is not None:
            return took
        alike = [seconds for other, took in self._took.items() if other[0] == kind[0] for seconds in took]
        return _mean(alike)

    def _between(self) -> float:
        """How much longer a run takes than its tasks do: what passes between them, over what they took."""
        own = [process for process in self.at_work if sum(process.gave.values()) >= _MANY and process.busy]
        ratios = [process.seconds * process.n_workers / process.busy for process in own]
        return min(max(1.0, max(ratios, default=1.0)), _MOST_BETWEEN)


def _kinds(event: Event) -> Iterator[tuple[TaskKind, int]]:
    """Numbers of tasks by kind; all of one where an event does not tell."""
    counts: Mapping[str, Mapping[str, int]] = event.counts or {"": {"": event.n}}
    return (((action, group), n) for action, groups in counts.items() for group, n in groups.items())


def _mean(values: list[float] | deque[float] | tuple[()]) -> float | None:
    return sum(values) / len(values) if values else None


def _natural(name: str) -> list[tuple[int, str]]:
    """Worker 10 stands behind worker 2."""
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]
