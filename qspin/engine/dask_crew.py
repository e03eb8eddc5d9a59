"""The workers of a cluster and what each of them does: tasks are given out and come back, and go elsewhere
where a worker is lost."""

from __future__ import annotations

import itertools
import queue
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qspin.engine.budget import Budget
from qspin.engine.dask_cluster import Cluster
from qspin.engine.dask_connection import (
    Began,
    Connection,
    Ended,
    Lost,
    Present,
    Restarted,
    Surveyed,
    Told,
    WorkerInfo,
)
from qspin.engine.parcels import Answer
from qspin.engine.schedule import Schedule
from qspin.errors import RunError, StorageError
from qspin.executor import Graph, Kind, Task, Work
from qspin.provenance import library_versions

__all__ = ["Crew", "SchedulerLost"]

_AT_ONCE_SECONDS = 0.1  # of work that a worker may have before it, which a message is little beside
_MOST_AT_ONCE = 32
_SOON_SECONDS = 5.0  # within which a task may wait behind another one
_MOST_DEATHS = 3
_GRACE_SECONDS = 5.0  # for a task that was asked to stop
_REFUSED_SECONDS = 5.0  # that another worker is waited for where all were refused

Note = Callable[[str], None]


class SchedulerLost(Exception):
    """The scheduler does not answer any more."""


@dataclass
class _Hand:
    """A worker.

    Parameters
    ----------
    budget : of the cores and the memory that it shares
    is_ready : whether it was looked at, and can be used
    fault : why it is not used
    sent : its attempts at tasks that have not come back, in order
    kept : keys of what it should still have at hand
    cannot : kinds of tasks for which it lacks a package
    is_full : whether it cannot write its files
    """

    info: WorkerInfo
    budget: Budget
    is_ready: bool = False
    fault: str | None = None
    sent: dict[str, _Sent] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    cannot: set[frozenset[tuple[str, str]]] = field(default_factory=set)
    is_full: bool = False

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def is_used(self) -> bool:
        return self.is_ready and self.fault is None

    def count(self) -> None:
        """Let the budget know what it holds."""
        if self.sent:
            self.budget.hold(self.info.address, [(s.task, s.n_threads) for s in self.sent.values()])
        else:
            self.budget.free(self.info.address)


@dataclass
class _Sent:
    """An attempt at a task."""

    task: Task
    hand: _Hand
    n_threads: int
    began: float | None = None
    asked_to_stop: float | None = None


class Crew:
    """Gives the tasks of a schedule that are not paid to workers; all methods are called by one thread.

    Parameters
    ----------
    timeout : seconds that a task may take
    patience : seconds for which there may be no worker
    note : tells a sentence
    """

    def __init__(
        self,
        cluster: Cluster,
        graph: Graph,
        work: Work,
        schedule: Schedule,
        note: Note,
        *,
        timeout: float | None,
        patience: float,
    ):
        self._cluster, self._graph, self._work, self._schedule = cluster, graph, work, schedule
        self._note, self._timeout, self._patience = note, timeout, patience
        self._needed = work.parcels.needed(task for task in graph if not task.is_paid)
        self._common = Budget(cluster.n_cores, cluster.memory) if cluster.n_cores else None
        self._hands: dict[str, _Hand] = {}
        self._sent: dict[str, _Sent] = {}
        self._seconds: dict[str, float] = {}
        self._deaths: Counter[str] = Counter()
        self._numbers, self._token = itertools.count(), secrets.token_hex(4)
        self._said: set[str] = set()
        self._alone_since: float | None = None
        self._connection: Connection

    def join(self, connection: Connection) -> None:
        """Work through this connection from now on."""
        self._connection = connection
        self._alone_since = None

    def step(self, seconds: float) -> None:
        """Give out what can begin, and hear what has happened, for so long where it is quiet.

        Raises
        ------
        RunError
            If there is no worker, and none comes.
        SchedulerLost
            If the scheduler does not answer; `leave` gives everything back.
        StorageError
            If what came back cannot be written.
        """
        self._fill()
        try:
            message = self._connection.heard.get(timeout=seconds)
            while True:
                self._hear(message)
                message = self._connection.heard.get_nowait()
        except queue.Empty:
            pass
        self._look_at_clocks()
        self._require_workers()

    # -- giving out ------------------------------------------------------------------------------

    @property
    def _used(self) -> list[_Hand]:
        return [hand for hand in self._hands.values() if hand.is_used]

    def _fill(self) -> None:
        """Those with little before them first, so that all have something before one has much."""
        used = self._used
        for n in range(_MOST_AT_ONCE):
            free = [hand for hand in used if len(hand.sent) == n and self._has_room(hand, len(used))]
            if not any([self._give(hand) for hand in free]) and n:
                return

    def _has_room(self, hand: _Hand, n_used: int) -> bool:
        if not hand.is_used or not hand.sent:
            return hand.is_used
        before = sum(self._seconds.get(s.task.action, _SOON_SECONDS) for s in hand.sent.values())
        if before < _AT_ONCE_SECONDS:
            return True
        return len(hand.sent) == 1 and before < _SOON_SECONDS and self._schedule.n_ready > n_used

    def _give(self, hand: _Hand) -> bool:
        """Give a worker a task, if there is one for it."""

        def fits(task: Task) -> bool:
            if self._refusal(task) is not None:
                return True  # to be refused
            if task.memory > (hand.info.memory or task.memory):
                return False
            if hand.cannot and self._kinds(task) in hand.cannot:
                return False
            if hand.sent:  # it comes after these, so it must only be no larger
                return task.n_threads is None and task.memory <= max(
                    s.task.memory for s in hand.sent.values()
                )
            return hand.budget.fits(task)

        task = self._schedule.take_unpaid(hand.name, fits, begins=False)
        while task is not None and (refusal := self._refusal(task)) is not None:
            self._schedule.finish(task, self._work.record_failure(task, refusal))
            task = self._schedule.take_unpaid(hand.name, fits, begins=False)
        return task is not None and self._send(task, hand)

    def _refusal(self, task: Task) -> str | None:
        """Why a task fits no worker; None if it fits one."""
        if self._common is not None:
            return self._common.refusal(task)
        used = self._used
        largest = max(used, key=lambda hand: hand.info.memory or float("inf"), default=None)
        if largest is None or largest.info.memory is None or task.memory <= largest.info.memory:
            return None
        return (
            f"it is expected to take {task.memory / 2**30:.3g} GiB; the largest worker, {largest.name}, may "
            f"take {largest.info.memory / 2**30:.3g} GiB: start one with more memory, or make it smaller"
        )

    def _send(self, task: Task, hand: _Hand) -> bool:
        needs = [self._graph.tasks[key] for key in task.needs if key in self._graph.tasks]
        parcel = self._work.parcels.pack(task, needs, hand.kept)
        beside = min(self._schedule.n_ready, len(self._used) - 1)
        n_threads = 1 if hand.sent else hand.budget.share(task, 0 if self._common is None else beside)
        key = f"{task.key}-{self._token}-{next(self._numbers)}"
        if not self._connection.send(hand.info.address, parcel, key, n_threads):
            self._schedule.give_back(task, "it could not be sent", hand.name)
            return False
        self._sent[key] = hand.sent[key] = _Sent(task, hand, n_threads)
        hand.kept.update(task.needs)
        hand.count()
        return True

    # -- hearing ---------------------------------------------------------------------------------

    def _hear(self, message: object) -> None:
        match message:
            case Ended():
                self._ended(message)
            case Began(key):
                self._began(key)
            case Told(key, progress) if key in self._sent:
                sent = self._sent[key]
                self._schedule.say(Kind.PROGRESS, sent.task, worker=sent.hand.name, **progress._asdict())
            case Present(workers):
                self._present(workers)
            case Surveyed():
                self._surveyed(message)
            case Restarted(address, fault) if fault is not None and address in self._hands:
                self._note(f"{self._hands[address].name} could not be started anew: {fault}")
            case Lost(reason):
                raise SchedulerLost(reason)

    def _began(self, key: str) -> None:
        sent = self._sent.get(key)
        if sent is not None and sent.began is None:
            sent.began = time.monotonic()
            self._schedule.begin(sent.task, sent.hand.name)

    def _taken_back(self, key: str) -> _Sent:
        sent = self._sent.pop(key)
        sent.hand.sent.pop(key, None)
        sent.hand.count()
        return sent

    def _ended(self, message: Ended) -> None:
        if message.key not in self._sent:
            return
        sent, answer = self._taken_back(message.key), message.answer
        task, hand = sent.task, sent.hand
        if answer is None:
            self._died(sent, message.reason)
        elif answer.lacking:
            hand.kept.difference_update(answer.lacking)
            self._schedule.give_back(task, "its worker no longer has what it needs", hand.name)
        elif answer.is_lack and self._others(hand, task):
            hand.cannot.add(self._kinds(task))
            self._note_once(f"{hand.name} does none like {task.label}: {answer.failure}")
            self._schedule.give_back(task, str(answer.failure), hand.name)
        elif answer.fault is not None:
            self._schedule.give_back(task, answer.fault, hand.name)
            self._refuse(hand, answer.fault)
            hand.is_full = True
        else:
            self._done(sent, answer)

    def _kinds(self, task: Task) -> frozenset[tuple[str, str]]:
        return frozenset(self._work.parcels.needed([task]))

    def _others(self, hand: _Hand, task: Task) -> bool:
        """Whether there is another worker that may have what a task needs."""
        return any(other is not hand and self._kinds(task) not in other.cannot for other in self._used)

    def _done(self, sent: _Sent, answer: Answer) -> None:
        task, hand = sent.task, sent.hand
        failure = self._work.parcels.unpack(task, answer)
        if answer.was_stopped and sent.asked_to_stop is None:  # by somebody else
            self._schedule.give_back(task, "stopped", hand.name)
            return
        if answer.was_stopped:
            failure = self._work.record_failure(task, self._overtime)
        if sent.began is None:
            self._schedule.begin(task, hand.name)
        self._schedule.finish(task, failure, hand.name)
        hand.kept.add(task.key)
        before = self._seconds.get(task.action, answer.seconds)
        self._seconds[task.action] = max(answer.seconds, 0.7 * before + 0.3 * answer.seconds)

    def _died(self, sent: _Sent, reason: str) -> None:
        """An attempt ended without an answer."""
        task, hand = sent.task, sent.hand
        self._deaths[task.key] += sent.began is not None
        if self._deaths[task.key] < _MOST_DEATHS:
            self._schedule.give_back(task, reason, hand.name)
            return
        text = f"its worker died {_MOST_DEATHS} times, the last one {hand.name} ({reason}): out of memory?"
        self._schedule.finish(task, self._work.record_failure(task, text), hand.name)

    # -- workers ---------------------------------------------------------------------------------

    def _present(self, workers: Mapping[str, WorkerInfo]) -> None:
        for address in self._hands.keys() - workers.keys():
            self._lose(self._hands.pop(address))
        for address in workers.keys() - self._hands.keys():
            info = workers[address]
            own = Budget(info.n_threads, info.memory)
            self._hands[address] = _Hand(info, self._common or own)
            self._connection.survey(address, self._needed)

    def _lose(self, hand: _Hand) -> None:
        keys = list(hand.sent)
        self._connection.forget(keys)
        if keys and hand.fault is None:
            self._note(f"{hand.name} at {hand.info.address} was lost; what it did goes to others")
        for key in keys:
            self._died(self._taken_back(key), "its worker was lost")

    def _surveyed(self, message: Surveyed) -> None:
        hand = self._hands.get(message.address)
        if hand is None:
            return
        if message.fault is not None:
            self._refuse(hand, message.fault)
            return
        hand.is_ready = True
        ours = library_versions(list(message.versions))
        differing = [
            f"{name} {theirs} (here {ours[name]})"
            for name, theirs in message.versions.items()
            if ours.get(name, theirs) != theirs
        ]
        if differing:
            self._note_once(
                f"{hand.name} has {', '.join(differing)}: samples may differ in their last digits"
            )

    def _refuse(self, hand: _Hand, fault: str) -> None:
        """Use a worker no more."""
        hand.fault = fault
        self._note(f"{hand.name} at {hand.info.address} is not used: {fault}")
        keys = list(hand.sent)
        self._connection.forget(keys)
        for key in keys:
            self._schedule.give_back(self._taken_back(key).task, "its worker is not used", hand.name)

    def _note_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._note(text)

    def _require_workers(self) -> None:
        """Raises RunError if tasks have waited for workers too long; StorageError where none can write."""
        hands = self._hands.values()
        if not self._schedule.n_ready or any(hand.fault is None for hand in hands):
            self._alone_since = None
            return
        now = time.monotonic()
        self._alone_since = now if self._alone_since is None else self._alone_since
        waited = now - self._alone_since
        if not hands and self._cluster.is_patient:
            self._note_once(f"waiting for {self._cluster.name}")
            return
        if waited < (min(_REFUSED_SECONDS, self._patience) if hands else self._patience):
            return
        refused = "".join(f"; {hand.name} is not used: {hand.fault}" for hand in hands)
        error = StorageError if hands and all(hand.is_full for hand in hands) else RunError
        raise error(
            f"no worker for {self._schedule.n_ready} tasks at {self._cluster.name} in {waited:.0f} s"
            f"{refused}. {self._cluster.remedy}What was finished is kept: --resume goes on"
        )

    # -- time ------------------------------------------------------------------------------------

    @property
    def _overtime(self) -> str:
        return f"it took longer than the {self._timeout:g} s of execution.timeout"

    def _look_at_clocks(self) -> None:
        """Stop what takes too long, in words first."""
        if self._timeout is None:
            return
        now = time.monotonic()
        for key, sent in list(self._sent.items()):
            if sent.began is None or now - sent.began < self._timeout:
                continue
            if sent.asked_to_stop is None:
                sent.asked_to_stop = now
                self._connection.ask_to_stop(sent.hand.info.address, sent.task.key)
            elif now - sent.asked_to_stop > _GRACE_SECONDS:
                self._give_up(key)

    def _give_up(self, key: str) -> None:
        """A task does not stop: it has failed, and its worker is started anew where that can be."""
        self._connection.forget([key])
        sent = self._taken_back(key)
        failure = self._work.record_failure(sent.task, self._overtime)
        self._schedule.finish(sent.task, failure, sent.hand.name)
        if sent.hand.info.is_held:
            self._refuse(sent.hand, f"{sent.task.label} does not stop; it is started anew")
            self._connection.restart(sent.hand.info.address)
        else:
            self._refuse(sent.hand, f"{sent.task.label} does not stop, and no nanny can start it anew")

    # -- the end ---------------------------------------------------------------------------------

    def leave(self, remark: str) -> None:
        """Give back everything that was sent, such as where the scheduler was lost."""
        for key in list(self._sent):
            self._schedule.give_back(self._taken_back(key).task, remark, "")
        self._hands.clear()

    def stop(self, seconds: float) -> None:
        """Ask what runs to stop, and keep what it sends within so many seconds; then leave.

        Workers of others that do not let go are started anew, so that they do not go on with our work.
        """
        self._connection.forget([key for key, sent in self._sent.items() if sent.began is None])
        asked = {key: sent for key, sent in self._sent.items() if sent.began is not None}
        for sent in asked.values():
            self._connection.ask_to_stop(sent.hand.info.address, sent.task.key)
        until = time.monotonic() + seconds
        while asked.keys() & self._sent.keys() and (left := until - time.monotonic()) > 0:
            try:
                message = self._connection.heard.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(message, Lost):
                break
            if isinstance(message, Ended):
                self._ended(message)
        busy = [self._sent[key] for key in asked.keys() & self._sent.keys()]
        for sent in [] if self._cluster.is_ours else busy:
            if sent.hand.info.is_held:
                self._connection.restart(sent.hand.info.address)
        self.leave("stopped")
