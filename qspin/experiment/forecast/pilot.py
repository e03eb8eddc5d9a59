"""A look at how long a kernel takes of which nothing is known: one call, for about a second.

It is made in a process beside this one, which can be ended whatever it computes or compiles.
"""

from __future__ import annotations

import pickle
import time
from multiprocessing.connection import wait
from types import TracebackType

from qspin.engine.processes.conditions import Conditions
from qspin.engine.processes.pool import Worker
from qspin.engine.processes.worker import Message
from qspin.engine.travel import warn_again
from qspin.experiment.forecast.trials import TIMED, Call, steps_of, tried
from qspin.sampler import Workload
from qspin.timings import Timing, machine_name

__all__ = ["Pilots"]

_SECONDS = 1.0  # that a call may go on for once it has said how far it is
_MOST_SECONDS = 6.0  # and in all
_MOST_LOADING = 120.0  # for what is imported and compiled before
_LEAVE_SECONDS = 0.5  # in which a call that was interrupted may end
_TICK = 0.2
_MOST_BYTES = 2**30
_LEAST_SPAN = 1e-5  # of the whole that must have passed to tell how long the rest takes


class Pilots:
    """Calls that are tried one after the other, in one process as long as they end when they are told to:
    what one has imported the next need not import. As a context it ends that process.
    """

    def __init__(self) -> None:
        self._worker = Worker("pilot", tried, Conditions.here())

    def __enter__(self) -> Pilots:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()

    def timing(self, call: Call, told: Workload, n_threads: int) -> Timing | None:
        """How long a call takes, from its beginning; None where that does not tell.

        Nothing is kept of it, and nothing that is paid or takes more than 1 GiB is tried, nor what cannot be
        sent to another process.
        """
        if call.is_paid or told.memory > _MOST_BYTES or not told.work:
            return None
        steps = steps_of(call)
        try:
            pickle.dumps(steps)
        except Exception:  # of a third party, whatever it raises: its task will say why
            return None
        self._worker.give([(step, n_threads) for step in steps])
        seconds = _Watch(self._worker).seconds()
        if not self._worker.is_idle or self._worker.is_lost:
            self._worker.close()
        if seconds is None:
            return None
        return Timing(
            told.kernel, told.work, seconds, *call.size, min(n_threads, told.n_parts), is_pilot=True,
            machine=machine_name(),
        )  # fmt: skip


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
            elif message.key == TIMED and not self._is_over:
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
