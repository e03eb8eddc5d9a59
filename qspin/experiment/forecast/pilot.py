"""A look at how long a kernel takes of which nothing is known: one call, for about a second."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from types import TracebackType

from qspin.errors import QspinError
from qspin.problem import IsingProblem
from qspin.progress import Progress, listening
from qspin.sampler import Sampler, Workload, is_paid
from qspin.sampling import sampled
from qspin.timings import Timing, machine_name

__all__ = ["pilot"]

_SECONDS = 1.0  # that a call may go on for once it has said how far it is
_MOST_SECONDS = 6.0  # and in all
_MOST_LOADING = 20.0  # for what is imported and compiled before, on a small problem
_MOST_BYTES = 2**30
_LEAST_SPAN = 1e-3  # of the whole that must have passed to tell how long the rest takes


class _Enough(KeyboardInterrupt):
    """Ends a call as an interrupt does, which every sampler hears."""


def pilot(sampler: Sampler, problem: IsingProblem, told: Workload, n_threads: int) -> Timing | None:
    """How long a call takes, from its beginning; None where that does not tell.

    Nothing is kept of it, and nothing that is paid or takes more than 1 GiB is tried.
    """
    if is_paid(sampler) or told.memory > _MOST_BYTES or not told.work:
        return None
    with contextlib.suppress(QspinError), _Watch(_MOST_LOADING), listening(_as_soon_as_it_works):
        sampled(sampler, IsingProblem([[0.0, -1.0], [-1.0, 0.0]]), seed=0, backend="pilot")
    watch = _Watch(_MOST_SECONDS)
    try:
        with watch, listening(watch.hear):
            samples = sampled(sampler, problem, seed=0, backend="pilot")
            if samples.info["status"] == "complete":
                watch.end(float(samples.info["clocks"].get("compile", 0.0)))
    except QspinError:  # its task will say why
        return None
    seconds = watch.expected()
    if seconds is None:
        return None
    return Timing(
        told.kernel, told.work, seconds, problem.n_spins, problem.n_couplings,
        min(n_threads, told.n_parts), is_pilot=True, machine=machine_name(),
    )  # fmt: skip


def _as_soon_as_it_works(progress: Progress) -> None:
    """Raises _Enough: a small problem was for loading what the real one needs."""
    if progress.fraction > 0:
        raise _Enough


class _Watch:
    """Looks at the clock while a call goes on, and ends it after so many seconds at the most."""

    def __init__(self, most_seconds: float):
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._thread = threading.get_ident()
        self._is_over = self._has_rung = False
        self._heard: list[tuple[float, float]] = []
        self._total: float | None = None

    def __enter__(self) -> _Watch:
        self._began = time.perf_counter()
        self._timer = threading.Timer(self._most_seconds, self._ring)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
        if self._has_rung and not isinstance(error, _Enough):  # it may still be on its way
            with contextlib.suppress(_Enough):
                time.sleep(0.1)
        return isinstance(error, _Enough)

    def hear(self, progress: Progress) -> None:
        """Raises _Enough when enough is known."""
        now = time.perf_counter() - self._began
        self._heard.append((now, progress.fraction))
        first = self._heard[0]
        if progress.fraction < 1 and now - first[0] > _SECONDS and progress.fraction - first[1] > _LEAST_SPAN:
            raise _Enough

    def end(self, apart: float) -> None:
        """The call has come to its end.

        Parameters
        ----------
        apart : seconds that another one does not take
        """
        self._total = max(time.perf_counter() - self._began - apart, 0.0)

    def expected(self) -> float | None:
        """Seconds of a whole call; None where it did not come far enough."""
        if self._total is not None or not self._heard:
            return self._total
        (began, first), (now, last) = self._heard[0], self._heard[-1]
        if last - first <= _LEAST_SPAN:  # it was heard once: as if it had been as fast from the beginning
            began, first = 0.0, 0.0
        if last - first <= _LEAST_SPAN:
            return None
        return now + (1 - last) * (now - began) / (last - first)

    def _ring(self) -> None:
        with self._lock:
            if not self._is_over:
                self._has_rung = True
                raised = ctypes.py_object(_Enough)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), raised)
