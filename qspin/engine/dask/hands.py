"""Workers of a cluster as the client sees them, and which of them a task fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from qspin.engine.budget import Budget
from qspin.engine.dask.cluster import Cluster
from qspin.engine.dask.connection import WorkerInfo
from qspin.engine.dask.parcels import Parcel
from qspin.executor import Task

__all__ = ["MOST_AT_ONCE", "Hand", "Hands", "Sent"]

MOST_AT_ONCE = 32
_AT_ONCE_SECONDS = 0.1  # of work that a worker may have before it, which a message is little beside
_SOON_SECONDS = 5.0  # within which a task may wait behind another one
_MOST_BYTES = 2**22  # that go to a worker together
_WEIGHT = 0.3  # of the last duration in the mean

Kinds = frozenset[tuple[str, str]]


@dataclass
class Hand:
    """A worker.

    Parameters
    ----------
    budget : of the cores and the memory that it shares
    is_ready : whether it was looked at, and can be used
    fault : why it is not used
    sent : its attempts at tasks that have not come back, in order
    kept : keys of what it should still have at hand
    outbox : parcels that go to it next, by the keys of their attempts
    cannot : kinds of tasks for which it lacks a package
    is_full : whether it cannot write its files
    """

    info: WorkerInfo
    budget: Budget
    is_ready: bool = False
    fault: str | None = None
    sent: dict[str, Sent] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    outbox: list[tuple[str, Parcel]] = field(default_factory=list)
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
class Sent:
    """An attempt at a task.

    Parameters
    ----------
    n_threads : that it was given
    began, asked_to_stop : since when, by the monotonic clock
    is_over : whether its worker has begun with the next, so that only the answer is still to come
    """

    task: Task
    hand: Hand
    n_threads: int
    began: float | None = None
    asked_to_stop: float | None = None
    is_over: bool = False


class Hands(dict[str, Hand]):
    """Workers by their address.

    Parameters
    ----------
    kinds_of : what a worker must have to do a task
    """

    def __init__(self, cluster: Cluster, kinds_of: Callable[[Task], Kinds]):
        super().__init__()
        self._kinds_of = kinds_of
        self._common = Budget(cluster.n_cores, cluster.memory) if cluster.n_cores else None
        self._n_workers = cluster.n_workers
        self._seconds: dict[str, float] = {}

    def add(self, info: WorkerInfo) -> None:
        """A worker that has come."""
        self[info.address] = Hand(info, self._common or Budget(info.n_threads, info.memory))

    @property
    def used(self) -> list[Hand]:
        """Those that can be given tasks."""
        return [hand for hand in self.values() if hand.is_used]

    def note_seconds(self, task: Task, seconds: float) -> None:
        """A task has taken so long."""
        before = self._seconds.get(task.action, seconds)
        self._seconds[task.action] = max(seconds, (1 - _WEIGHT) * before + _WEIGHT * seconds)

    def has_room(self, hand: Hand, n_ready: int) -> bool:
        """Whether one more task may wait at a worker, where so many could begin."""
        if not hand.is_used or not hand.sent:
            return hand.is_used
        before = self._before(hand)
        if before < _AT_ONCE_SECONDS:
            return sum(parcel.n_bytes for _, parcel in hand.outbox) < _MOST_BYTES
        return len(hand.sent) == 1 and before < _SOON_SECONDS and n_ready > len(self.used)

    def _before(self, hand: Hand) -> float:
        """Seconds that are expected of what was given to a worker."""
        return sum(self._seconds.get(sent.task.action, _SOON_SECONDS) for sent in hand.sent.values())

    def bundles(self, hand: Hand) -> list[list[tuple[str, Parcel]]]:
        """What goes to a worker, which is then taken to be sent: together where all of it is quick."""
        outbox, hand.outbox = hand.outbox, []
        return [outbox] if outbox and self._before(hand) < 2 * _AT_ONCE_SECONDS else [[one] for one in outbox]

    def fits(self, hand: Hand, task: Task) -> bool:
        """Whether a worker may be given a task now, to do or, where it fits none, to refuse it."""
        if self.refusal(task) is not None:
            return True
        if task.memory > (hand.info.memory or task.memory):
            return False
        if hand.cannot and self._kinds_of(task) in hand.cannot:
            return False
        if hand.sent:  # it comes after these, so it must only be no larger
            before = hand.sent.values()
            most_threads = max(sent.n_threads for sent in before)
            most_memory = max(sent.task.memory for sent in before)
            return (task.n_threads or 1) <= most_threads and task.memory <= most_memory
        return hand.budget.fits(task)

    def share(self, hand: Hand, task: Task, n_ready: int) -> int:
        """Threads for a task of a worker, where so many others could begin."""
        if hand.sent:  # it comes after these
            return max(sent.n_threads for sent in hand.sent.values())
        if self._common is None:
            return hand.budget.share(task, 0)
        n_idle = self._n_workers - sum(
            bool(other.sent) for other in self.values()
        )  # some may still be coming
        return hand.budget.share(task, min(n_ready, max(n_idle - 1, 0)))

    def refusal(self, task: Task) -> str | None:
        """Why a task fits no worker; None if it fits one."""
        if self._common is not None:
            return self._common.refusal(task)
        largest = max(self.used, key=lambda hand: hand.info.memory or math.inf, default=None)
        if largest is None or largest.info.memory is None or task.memory <= largest.info.memory:
            return None
        return (
            f"it is expected to take {task.memory / 2**30:.3g} GiB; the largest worker, {largest.name}, may "
            f"take {largest.info.memory / 2**30:.3g} GiB: start one with more memory, or make it smaller"
        )

    def lacks(self, hand: Hand, task: Task) -> bool:
        """A worker lacks a package for a task: whether there is another one that may have it."""
        kinds = self._kinds_of(task)
        if not any(other is not hand and kinds not in other.cannot for other in self.used):
            return False
        hand.cannot.add(kinds)
        return True
