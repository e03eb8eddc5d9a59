"""One task after the other, in this process."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from qspin import stopping
from qspin.engine.budget import Budget, too_late
from qspin.engine.schedule import Schedule
from qspin.errors import InputError
from qspin.events import one_at_a_time
from qspin.executor import Gibibytes, Graph, Kind, PositiveFloat, Reporter, Task, Work, settings
from qspin.progress import Progress, listening

__all__ = ["InProcess"]

_PAUSE = 0.2  # seconds, while others do what is left
_PATIENCE = 1.0  # seconds that a task is given to end by itself after a stop was asked for


@settings
class InProcess:
    """Tasks in their order, in this process.

    Where a stop is asked for, a task that is done within a second still is, and one that keeps unfinished
    work saves it; an interrupt ends it at once. Neither costs what is stored.

    Parameters
    ----------
    memory : GiB that a task may be expected to take; default any
    timeout : seconds that a task may take; paid ones, which wait for a server, take as long as they need
    """

    name: ClassVar[str] = "in_process"
    memory: Gibibytes | None = None
    timeout: PositiveFloat | None = None

    def expected_refusals(self, tasks: Sequence[Task]) -> dict[str, str]:
        """As `qspin.executor.refusals_of` asks."""
        return self._budget.refusals(tasks)

    @property
    def _budget(self) -> Budget:
        return Budget(1, None if self.memory is None else self.memory * 2**30)

    def run(self, graph: Graph, work: Work, reporter: Reporter) -> Mapping[str, str]:
        """As `qspin.executor.Executor.run`.

        Raises
        ------
        InputError
            If a timeout cannot be kept here: its clock is a signal, which only the main thread hears.
        """
        if self.timeout is not None and not can_time():
            raise InputError(
                "a timeout in one process needs its main thread and the signal SIGALRM; take the engine "
                "processes, or leave execution.timeout out"
            )
        schedule = Schedule(graph, work, one_at_a_time(reporter))
        budget = self._budget
        with stopping.patient(_PATIENCE, schedule.say_stopping):
            while not schedule.is_over:
                stopping.end_if_requested()
                if (task := schedule.take()) is None:
                    time.sleep(_PAUSE if schedule.is_waiting else 0.0)
                elif (refusal := budget.refusal(task)) is not None:
                    schedule.finish(task, work.record_failure(task, refusal))
                else:
                    self._do(task, schedule, work)
            stopping.end_if_requested()
        return schedule.failures

    def _do(self, task: Task, schedule: Schedule, work: Work) -> None:
        def tell(progress: Progress) -> None:
            schedule.say(Kind.PROGRESS, task, **progress._asdict())

        alarm = _Alarm(math.inf if self.timeout is None or task.is_paid else self.timeout)
        try:
            with listening(tell), alarm.set():
                failure = work.perform(task)
        except KeyboardInterrupt:
            if not alarm.has_rung:
                schedule.give_back(task, "stopped")
                raise
            stopping.clear()
            is_there = work.has(task)
            failure = None if is_there else work.record_failure(task, too_late(task, work, self.timeout))
        except BaseException:
            schedule.give_back(task, "stopped")
            raise
        if alarm.has_rung:  # and the task has ended before it was interrupted
            stopping.clear()
        schedule.finish(task, failure)


def can_time() -> bool:
    """Whether a task can be interrupted here when its time is over."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


class _Alarm:
    """Asks for a stop when a time is over, and interrupts where nothing hears that.

    Parameters
    ----------
    seconds : may be infinite
    """

    def __init__(self, seconds: float):
        self._seconds = seconds
        self.has_rung = False

    @contextlib.contextmanager
    def set(self) -> Iterator[None]:
        """Around what may take so long."""
        if math.isinf(self._seconds):
            yield
            return
        before = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _PATIENCE)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)

    def _ring(self, *_: object) -> None:
        """Handler of a signal, which comes again and again."""
        if self.has_rung:
            stopping.overdue()
        elif not stopping.is_requested():  # else somebody has asked before, and for the whole run
            self.has_rung = True
            stopping.request()
