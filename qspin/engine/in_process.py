"""One task after the other, in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping

from qspin import stopping
from qspin.engine.schedule import Schedule
from qspin.executor import Graph, Kind, Reporter, Task, Work, settings
from qspin.progress import Progress, listening

__all__ = ["InProcess"]

_PAUSE = 0.2  # seconds, while others do what is left
_PATIENCE = 1.0  # seconds that a task is given to end by itself after a stop was asked for


@settings
class InProcess:
    """Tasks in their order, in this process.

    Where a stop is asked for, a task that is done within a second still is, and one that keeps unfinished
    work saves it; an interrupt ends it at once. Neither costs what is stored.
    """

    def run(self, graph: Graph, work: Work, reporter: Reporter) -> Mapping[str, str]:
        """As `qspin.executor.Executor.run`."""
        schedule = Schedule(graph, work, reporter)
        with stopping.patient(_PATIENCE):
            while not schedule.is_over:
                stopping.end_if_requested()
                if (task := schedule.take()) is not None:
                    _do(task, schedule, work)
                elif schedule.is_waiting:
                    time.sleep(_PAUSE)
            stopping.end_if_requested()
        return schedule.failures


def _do(task: Task, schedule: Schedule, work: Work) -> None:
    def tell(progress: Progress) -> None:
        schedule.say(Kind.PROGRESS, task, **progress._asdict())

    try:
        with listening(tell):
            failure = work.perform(task)
    except BaseException:
        schedule.give_back(task, "stopped")
        raise
    schedule.finish(task, failure)
