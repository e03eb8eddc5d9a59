"""The workers of a cluster and what each of them does: tasks are given out and come back, and go elsewhere
where a worker is lost."""

from __future__ import annotations

import itertools
import queue
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping

from qspin.engine.budget import MOST_DEATHS, too_late
from qspin.engine.dask.cluster import Cluster
from qspin.engine.dask.connection import (
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
from qspin.engine.dask.hands import MOST_AT_ONCE, Hand, Hands, Sent
from qspin.engine.dask.parcels import Answer, Parcel
from qspin.engine.schedule import Schedule
from qspin.errors import RunError, StorageError, named
from qspin.executor import Graph, Kind, Task, Work
from qspin.provenance import library_versions

__all__ = ["Crew", "SchedulerLost"]

_GRACE_SECONDS = 5.0  # for a task that was asked to stop
_REFUSED_SECONDS = 5.0  # that another worker is waited for where all were refused

Note = Callable[[str], None]


class SchedulerLost(Exception):
    """The scheduler does not answer any more."""


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
        self._hands = Hands(cluster, lambda task: frozenset(work.parcels.needed([task])))
        self._sent: dict[str, Sent] = {}
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

    def _fill(self) -> None:
        """Those with little before them first, so that all have something before one has much."""
        used = self._hands.used
        for n in range(MOST_AT_ONCE):
            n_ready = self._schedule.n_ready
            free = [hand for hand in used if len(hand.sent) == n and self._hands.has_room(hand, n_ready)]
            if not any([self._give(hand) for hand in free]) and n:
                break
        for hand in used:
            for bundle in self._hands.bundles(hand):
                self._send(bundle, hand)

    def _give(self, hand: Hand) -> bool:
        """Give a worker a task, if there is one for it."""

        def fits(task: Task) -> bool:
            return self._hands.fits(hand, task)

        task = self._schedule.take_unpaid(hand.name, fits, begins=False)
        while task is not None and (refusal := self._hands.refusal(task)) is not None:
            self._schedule.finish(task, self._work.record_failure(task, refusal))
            task = self._schedule.take_unpaid(hand.name, fits, begins=False)
        if task is not None:
            self._pack(task, hand)
        return task is not None

    def _pack(self, task: Task, hand: Hand) -> None:
        needs = [self._graph.tasks[key] for key in task.needs if key in self._graph.tasks]
        try:
            parcel = self._work.parcels.pack(task, needs, hand.kept)
        except FileNotFoundError as error:
            reason = f"what it needs is no longer there: {named(error)}"
            self._schedule.finish(task, self._work.record_failure(task, reason))
            return
        key = f"{task.key}-{self._token}-{next(self._numbers)}"
        n_threads = self._hands.share(hand, task, self._schedule.n_ready)
        self._sent[key] = hand.sent[key] = Sent(task, hand, n_threads)
        hand.outbox.append((key, parcel))
        hand.kept.update(task.needs)
        hand.count()

    def _send(self, bundle: list[tuple[str, Parcel]], hand: Hand) -> None:
        n_threads = max(self._sent[key].n_threads for key, _ in bundle)
        if not self._connection.send(hand.info.address, bundle, n_threads):
            for key, _ in bundle:
                self._schedule.give_back(self._taken_back(key).task, "it could not be sent", hand.name)

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
            for earlier in sent.hand.sent.values():
                earlier.is_over = earlier.began is not None
            sent.began = time.monotonic()
            self._schedule.begin(sent.task, sent.hand.name)

    def _taken_back(self, key: str) -> Sent:
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
            is_suspect = sent.began is not None and not sent.is_over
            if self._put_back(sent, message.reason, is_suspect) and sent.began is not None:
                self._note(f"{hand.name}: {task.label} is to be done again; {message.reason}")
        elif answer.lacking:
            hand.kept.difference_update(answer.lacking)
            self._schedule.give_back(task, "its worker no longer has what it needs", hand.name)
        elif answer.is_lack and self._hands.lacks(hand, task):
            self._note_once(f"{hand.name} does none like {task.label}: {answer.failure}")
            self._schedule.give_back(task, str(answer.failure), hand.name)
        elif answer.fault is not None:
            self._schedule.give_back(task, answer.fault, hand.name)
            self._refuse(hand, answer.fault)
            hand.is_full = True
        else:
            self._done(sent, answer)

    def _done(self, sent: Sent, answer: Answer) -> None:
        task, hand = sent.task, sent.hand
        failure = self._work.parcels.unpack(task, answer)
        if answer.was_stopped and sent.asked_to_stop is None:  # by somebody else
            self._schedule.give_back(task, "stopped", hand.name)
            return
        if answer.was_stopped:
            failure = self._work.record_failure(task, too_late(task, self._work, self._timeout))
        if sent.began is None:
            self._schedule.begin(task, hand.name)
        self._schedule.finish(task, failure, hand.name)
        hand.kept.add(task.key)
        self._hands.note_seconds(task, answer.seconds)

    def _put_back(self, sent: Sent, reason: str, is_suspect: bool) -> bool:
        """An attempt ended without an answer; whether the task waits for another.

        Parameters
        ----------
        is_suspect : whether its worker may have died of it
        """
        task, hand = sent.task, sent.hand
        self._deaths[task.key] += is_suspect
        if self._deaths[task.key] < MOST_DEATHS:
            self._schedule.give_back(task, reason, hand.name)
            return True
        text = f"its worker died {MOST_DEATHS} times, the last one {hand.name} ({reason}): out of memory?"
        self._schedule.finish(task, self._work.record_failure(task, text), hand.name)
        return False

    # -- workers ---------------------------------------------------------------------------------

    def _present(self, workers: Mapping[str, WorkerInfo]) -> None:
        for address in self._hands.keys() - workers.keys():
            self._lose(self._hands.pop(address))
        for address in workers.keys() - self._hands.keys():
            self._hands.add(workers[address])
            self._connection.survey(address, self._needed)

    def _lose(self, hand: Hand) -> None:
        keys = list(hand.sent)
        self._connection.forget(keys)
        if keys and hand.fault is None:
            self._note(f"{hand.name} at {hand.info.address} was lost; what it did goes to others")
        # that it has begun may have been said too late to be heard
        doing = next((key for key, sent in hand.sent.items() if not sent.is_over), None)
        for key in keys:
            self._put_back(self._taken_back(key), "its worker was lost", key == doing)

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

    def _refuse(self, hand: Hand, fault: str) -> None:
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

    def _look_at_clocks(self) -> None:
        """Stop what takes too long, in words first."""
        if self._timeout is None:
            return
        now = time.monotonic()
        for key, sent in list(self._sent.items()):
            if sent.began is None or sent.is_over or now - sent.began < self._timeout:
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
        failure = self._work.record_failure(sent.task, too_late(sent.task, self._work, self._timeout))
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
            if not sent.is_over:
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
