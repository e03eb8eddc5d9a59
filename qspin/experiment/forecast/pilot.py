"""A look at how long a kernel takes of which nothing is known: one call, for about a second.

It is made in a process beside this one, which can be ended whatever it computes or compiles. What has to be
loaded and compiled is so first, by a call that ends as soon as it says that it has begun.
"""

from __future__ import annotations

import contextlib
import pickle
import time
from multiprocessing.connection import wait

from qspin.engine.processes.conditions import Conditions
from qspin.engine.processes.pool import Worker
from qspin.engine.processes.worker import Message
from qspin.engine.travel import warn_again
from qspin.errors import QspinError, named
from qspin.executor import Task
from qspin.problem import IsingProblem
from qspin.progress import Progress, listening
from qspin.sampler import Sampler, Workload, is_paid
from qspin.sampling import sampled
from qspin.timings import Timing, machine_name

__all__ = ["pilot"]

_SECONDS = 1.0  # that a call may go on for once it has said how far it is
_MOST_SECONDS = 6.0  # and in all
_MOST_LOADING = 120.0  # for what is imported and compiled before
_LEAVE_SECONDS = 0.5  # in which a call that was interrupted may end
_TICK = 0.2
_MOST_BYTES = 2**30
_LEAST_SPAN = 1e-3  # of the whole that must have passed to tell how long the rest takes
_STEPS = ("small", "load", "time")


def pilot(sampler: Sampler, problem: IsingProblem, told: Workload, n_threads: int) -> Timing | None:
    """How long a call takes, from its beginning; None where that does not tell.

    Nothing is kept of it, and nothing that is paid or takes more than 1 GiB is tried, nor what cannot be sent
    to another process.
    """
    if is_paid(sampler) or told.memory > _MOST_BYTES or not told.work:
        return None
    trial = _Trial(sampler, problem)
    try:
        pickle.dumps(trial)
    except Exception:  # of a third party, whatever it raises: its task will say why
        return None
    worker = Worker("pilot", trial, Conditions.here())
    try:
        worker.give([(Task(step, step, {}), n_threads) for step in _STEPS])
        seconds = _Watch(worker).seconds()
    finally:
        worker.close()
    if seconds is None:
        return None
    return Timing(
        told.kernel, told.work, seconds, problem.n_spins, problem.n_couplings,
        min(n_threads, told.n_parts), is_pilot=True, machine=machine_name(),
    )  # fmt: skip


# -- there ---------------------------------------------------------------------------------------


class _Enough(KeyboardInterrupt):
    """Ends a call as an interrupt does, which every sampler hears, where it says how far it is."""


class _Trial:
    """Calls of a sampler, in the other process: of a small problem, of the real one until it has begun, and
    of that again for its time.

    Parameters
    ----------
    sampler, problem : to be tried
    """

    def __init__(self, sampler: Sampler, problem: IsingProblem):
        self._sampler, self._problem = sampler, problem
        self._speaks = False
        """Whether it has said how far it is."""

    def __call__(self, task: Task) -> str | None:
        """What failed; None if nothing did."""
        try:
            getattr(self, f"_{task.action}")()
        except QspinError as error:
            return named(error)
        return None

    def _small(self) -> None:
        with contextlib.suppress(QspinError):  # it may be too small for this one
            self._begun(IsingProblem([[0.0, -1.0], [-1.0, 0.0]]), _SECONDS)

    def _load(self) -> None:
        if self._speaks:  # else it would not end before its end
            self._begun(self._problem, 0.0)

    def _time(self) -> None:
        if sampled(self._sampler, self._problem, seed=0, backend="pilot").info["status"] != "complete":
            raise KeyboardInterrupt

    def _begun(self, problem: IsingProblem, seconds: float) -> None:
        """A call, for so many seconds from when something is done: what it takes is loaded then."""
        heard: list[float] = []

        def hear(progress: Progress) -> None:
            self._speaks = True
            if progress.fraction > 0:
                heard.append(time.monotonic())
            if heard and heard[-1] - heard[0] >= seconds:
                raise _Enough

        with contextlib.suppress(_Enough), listening(hear):
            sampled(self._sampler, problem, seed=0, backend="pilot")


# -- here ----------------------------------------------------------------------------------------


class _Watch:
    """Hears a worker that was given all steps, and looks at the clock."""

    def __init__(self, worker: Worker):
        self._worker = worker
        self._until = time.monotonic() + _MOST_LOADING
        self._is_timed, self._began = False, 0.0
        self._heard: list[tuple[float, float]] = []
        self._total: float | None = None
        self._is_over = False

    def seconds(self) -> float | None:
        """Of a whole call; None where it did not come far enough.

        What still goes on is interrupted, but for a compiler, which is left to be killed.
        """
        while not self._is_over and (left := self._until - time.monotonic()) > 0:
            self._listen(left)
        if self._is_timed and not self._worker.is_idle:
            self._worker.interrupt()
            until = time.monotonic() + _LEAVE_SECONDS
            while not self._worker.is_idle and (left := until - time.monotonic()) > 0:
                self._listen(left)
        return self._expected()

    def _listen(self, seconds: float) -> None:
        """To what the worker says within so many seconds, at the most."""
        wait(self._worker.ears, min(seconds, _TICK))
        for message in self._worker.messages():
            if message.kind == "warning":
                warn_again(message.what)
            elif message.key == _STEPS[-1] and not self._is_over:
                self._hear(message)
            self._is_over |= message.kind == "idle"
        list(self._worker.lines())  # what it prints is that of the task to come
        self._is_over |= self._worker.is_lost

    def _hear(self, message: Message) -> None:
        """Of the call whose time is taken: by the clock of who said it, however late it is heard."""
        if message.kind == "start":
            self._is_timed, self._began = True, message.when
            self._until = time.monotonic() + _MOST_SECONDS
        elif message.kind == "end" and message.what is None:
            self._total = message.when - self._began
        elif message.kind == "progress":
            self._note(message.when - self._began, message.what.fraction)

    def _note(self, now: float, fraction: float) -> None:
        self._heard.append((now, fraction))
        began, first = self._heard[0]
        self._is_over = fraction < 1 and now - began > _SECONDS and fraction - first > _LEAST_SPAN

    def _expected(self) -> float | None:
        if self._total is not None or not self._heard:
            return self._total
        (began, first), (now, last) = self._heard[0], self._heard[-1]
        if last - first <= _LEAST_SPAN:  # it was heard once: as if it had been as fast from the beginning
            began, first = 0.0, 0.0
        if last - first <= _LEAST_SPAN:
            return None
        return now + (1 - last) * (now - began) / (last - first)
