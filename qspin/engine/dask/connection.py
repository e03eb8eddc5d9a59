"""A client of Dask whose threads hear what happens on a cluster, as messages in one queue."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import pydoc
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from distributed import Client

import qspin.engine.dask.pickling  # noqa: F401
from qspin import __version__
from qspin.engine.dask.cluster import Cluster
from qspin.engine.dask.parcels import Answer, Parcel
from qspin.engine.dask.workers import BEGAN, perform, stop, survey
from qspin.errors import InputError, named
from qspin.progress import Progress

__all__ = [
    "Began",
    "Connection",
    "Ended",
    "Lost",
    "Message",
    "Present",
    "Restarted",
    "Surveyed",
    "Told",
    "WorkerInfo",
]

_TRY_SECONDS = 5.0  # for one attempt to connect
_PAUSE = 0.3  # between two attempts
_LOOK_SECONDS = 0.5  # between two looks at which workers there are
_RESTART_SECONDS = 20.0
_ASKED_SECONDS = 2.0  # that a restart may take to be asked for, on a busy machine, before the connection ends
_LARGE = 2**20  # bytes of a parcel that goes to its worker on a way of its own


class WorkerInfo(NamedTuple):
    """A worker, as its scheduler knows it.

    Parameters
    ----------
    memory : bytes that it may take; None: as much as there is
    is_held : whether a nanny holds it, which can start it anew
    """

    address: str
    name: str
    n_threads: int
    memory: int | None
    is_held: bool


class Present(NamedTuple):
    """These workers are there."""

    workers: dict[str, WorkerInfo]


class Surveyed(NamedTuple):
    """What was found out about a worker: why it cannot be used, or None; versions of libraries."""

    address: str
    fault: str | None
    versions: dict[str, str]


class Began(NamedTuple):
    """A task was begun."""

    key: str


class Told(NamedTuple):
    """A task told how far it is."""

    key: str
    progress: Progress


class Ended(NamedTuple):
    """A task came back; without an answer for this reason."""

    key: str
    answer: Answer | None
    reason: str = ""


class Restarted(NamedTuple):
    """A worker was to be started anew; why it was not."""

    address: str
    fault: str | None


class Lost(NamedTuple):
    """The scheduler does not answer."""

    reason: str


Message = Present | Surveyed | Began | Told | Ended | Restarted | Lost


class Connection:
    """To the scheduler of a cluster.

    Parameters
    ----------
    seconds : for which it is tried
    meanwhile : called between attempts

    Raises
    ------
    InputError
        If no scheduler answers: where, and for how long it was tried.
    """

    def __init__(self, cluster: Cluster, seconds: float, meanwhile: Callable[[], None]):
        self.heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._client: Any = _client(cluster, seconds, meanwhile)
        self._topic = f"qspin-{uuid.uuid4().hex}"
        self._futures: dict[
            str, Any
        ] = {}  # by the key of an attempt; one for several that were sent together
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._is_closing = threading.Event()
        self._restarts: list[threading.Thread] = []
        self._client.subscribe_topic(self._topic, self._hear)
        self._aside(self._watch)
        self._aside(self._collect)

    # -- tasks -----------------------------------------------------------------------------------

    def send(self, address: str, parcels: Sequence[tuple[str, Parcel]], n_threads: int) -> bool:
        """Send parcels to a worker together, each with a key for this attempt; False if it cannot be reached.

        What becomes of them comes back together; that each begins is told at once.
        """
        packed: Any = pickle.dumps(parcels, protocol=5)
        try:
            if len(packed) > _LARGE:
                packed = self._client.scatter(packed, workers=[address], hash=False, timeout=_TRY_SECONDS)
            future = self._client.submit(
                perform, packed, n_threads, self._topic,
                key=parcels[0][0], workers=[address], allow_other_workers=False, pure=False,
            )  # fmt: skip
        except Exception as error:
            if self._is_of_gone(error):
                return False
            raise
        self._futures |= {key: future for key, _ in parcels}
        future.add_done_callback(lambda future: self._ended.put(future))
        return True

    def forget(self, keys: Iterable[str]) -> None:
        """These attempts count no more."""
        gone = {id(future): future for key in keys if (future := self._futures.pop(key, None)) is not None}
        still = {id(future) for future in self._futures.values()} if gone else set()
        if futures := [future for number, future in gone.items() if number not in still]:
            try:
                self._client.cancel(futures)
            except Exception as error:
                if not self._is_of_gone(error):
                    raise

    def _is_of_gone(self, error: Exception) -> bool:
        """Whether Dask raised this since a worker or the scheduler has gone, or since it has given up itself:
        what it raises then is of a class of its own, or of none."""
        has_given_up = self._client.status in ("closing", "closed")
        return has_given_up or isinstance(error, OSError | TimeoutError | RuntimeError)

    def ask_to_stop(self, address: str, task_key: str) -> None:
        """Let a task of a worker stop when it next tells of its progress."""

        def ask() -> None:
            self._client.run(stop, task_key, workers=[address], on_error="ignore")

        self._aside(ask)

    # -- workers ---------------------------------------------------------------------------------

    def survey(self, address: str, needed: Sequence[tuple[str, str]]) -> None:
        """Find out whether a worker can be used; `Surveyed` tells."""

        def look() -> None:
            self.heard.put(self._surveyed(address, needed))

        self._aside(look)

    def _surveyed(self, address: str, needed: Sequence[tuple[str, str]]) -> Surveyed:
        try:
            theirs = self._run(address, pydoc.locate, "qspin.__version__")  # needs no qspin there
            if theirs is None:
                return Surveyed(address, "it has no qspin", {})
            if theirs != __version__:
                return Surveyed(address, f"it has qspin {theirs}, here it is {__version__}", {})
            found = self._run(address, survey, needed)
        except Exception as error:  # whatever an environment that differs may raise
            return Surveyed(address, named(error, 200), {})
        return Surveyed(address, "; ".join(found.lacks) or None, found.versions)

    def _run(self, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._client.run(function, *arguments, workers=[address])[address]

    def restart(self, address: str) -> None:
        """Start a worker anew; `Restarted` tells."""

        def restart() -> None:
            try:
                outcome = self._client.restart_workers(
                    [address], timeout=_RESTART_SECONDS, raise_for_error=False
                )[address]
                fault = None if outcome == "OK" else str(outcome)
            except Exception as error:  # it is gone, or has no nanny
                fault = named(error)
            self.heard.put(Restarted(address, fault))

        self._restarts.append(self._aside(restart))

    # -- threads ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave the cluster; what was sent to it is cancelled."""
        self._is_closing.set()
        self._ended.put(None)
        self.forget(list(self._futures))
        until = time.monotonic() + _ASKED_SECONDS
        for restart in self._restarts:  # once this has ended, nobody would hear of it
            restart.join(max(0.0, until - time.monotonic()))
        with contextlib.suppress(Exception):  # the other side may be gone in any way
            self._client.close(timeout=2)

    def _aside(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # of Dask, when the other side goes away
                if self._client.status != "running":
                    self.heard.put(Lost(named(error)))

        thread = threading.Thread(target=guarded, daemon=True, name="qspin-dask")
        thread.start()
        return thread

    def _watch(self) -> None:
        first = None  # scheduler; one started anew at its address knows nothing of our topic and tasks
        while not self._is_closing.is_set():
            if self._client.status != "running":
                self.heard.put(Lost("the connection was closed"))
                return
            try:
                # not scheduler_info(), whose answer Dask itself replaces now and then by one without workers
                found = self._client.sync(self._client.scheduler.identity, n_workers=-1)
            except Exception as error:  # of Dask, in many ways
                self.heard.put(Lost(named(error)))
                return
            first = first or found["id"]
            if found["id"] != first:  # Dask's client went over to it by itself
                self.heard.put(Lost("another one answers at its address"))
                return
            workers = {address: _worker(address, about) for address, about in found["workers"].items()}
            self.heard.put(Present(workers))
            self._is_closing.wait(_LOOK_SECONDS)

    def _collect(self) -> None:
        while (future := self._ended.get()) is not None:
            futures = [future]
            while not self._ended.empty() and not self._is_closing.is_set():
                futures.append(self._ended.get())
            if not self._is_closing.is_set():
                self._gather(futures)

    def _gather(self, futures: list[Any]) -> None:
        finished = [future for future in futures if future.status == "finished"]
        answers = dict(itertools.chain.from_iterable(self._client.gather(finished, errors="skip")))
        reasons = {id(future): _reason(future) for future in futures}
        for key, future in list(self._futures.items()):
            if id(future) in reasons and self._futures.pop(key, None) is not None:
                answer = answers.get(key)
                self.heard.put(Ended(key, answer, "" if answer is not None else reasons[id(future)]))

    def _hear(self, event: tuple[float, Any]) -> None:
        kind, key, *what = event[1]
        self.heard.put(Began(key) if kind == BEGAN else Told(key, Progress(*what)))


def _client(cluster: Cluster, seconds: float, meanwhile: Callable[[], None]) -> Any:
    began = time.monotonic()
    while True:
        left = seconds - (time.monotonic() - began)
        try:
            return Client(cluster.target, timeout=max(0.5, min(_TRY_SECONDS, left)), set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            if time.monotonic() - began + _PAUSE >= seconds:
                raise InputError(
                    f"no scheduler of Dask answers at {cluster.name}: it was tried for {seconds:g} s "
                    f"({named(error, 200)}); expected the address that dask scheduler prints",
                    key=("execution", "scheduler"),
                ) from error
        meanwhile()
        time.sleep(_PAUSE)


def _worker(address: str, about: dict[str, Any]) -> WorkerInfo:
    name = about.get("name", address)
    shown = f"worker {name}" if isinstance(name, int) or str(name).isdigit() else str(name)
    return WorkerInfo(
        address, shown, int(about.get("nthreads") or 1), about.get("memory_limit") or None,
        bool(about.get("nanny")),
    )  # fmt: skip


def _reason(future: Any) -> str:
    """Why a future gave nothing."""
    if future.status == "finished":
        return "what it gave was lost"
    if future.status != "error":
        return f"it was {future.status}"
    return named(future.exception(timeout=_TRY_SECONDS), 300)
