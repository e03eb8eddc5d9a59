"""Tasks on all cores of this machine: each worker a process, which may die without harm to the others."""

from __future__ import annotations

import collections
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing.connection import wait
from typing import Any

from qspin import stopping
from qspin.engine.budget import MOST_DEATHS, Budget, Durations, allowed_bytes, too_late
from qspin.engine.paid import PaidTasks
from qspin.engine.processes.conditions import Conditions
from qspin.engine.processes.pool import Worker
from qspin.engine.processes.worker import Message
from qspin.engine.schedule import Schedule
from qspin.engine.threads import n_cores
from qspin.engine.travel import warn_again
from qspin.errors import RunError
from qspin.executor import Gibibytes, Graph, Kind, PositiveFloat, PositiveInt, Reporter, Task, Work, settings

__all__ = ["Processes"]

_TICK = 0.2  # seconds; a signal that raises nothing is noticed after so long
_QUICK_SECONDS = 2.0  # in which a task that is asked to stop may finish or save its state
_STOP_SECONDS = 8.0  # in which it may do so once it was interrupted
_PATIENCE = 3 * (_QUICK_SECONDS + _STOP_SECONDS)  # until this process is interrupted itself
_STEPS = (
    (0.0, Worker.stop),
    (_QUICK_SECONDS, Worker.interrupt),
    (_QUICK_SECONDS + _STOP_SECONDS, Worker.kill),
)
"""Seconds after the time of a task is over -> what ends it."""


@settings
class Processes:
    """Tasks side by side, each in one of several processes; those that are paid in this one.

    Parameters
    ----------
    n_workers : processes; default one a core
    memory : GiB that tasks which run at once may take together; default half of the machine's
    timeout : seconds that a task may take; paid ones, which wait for a server, take as long as they need
    """

    n_workers: PositiveInt | None = None
    memory: Gibibytes | None = None
    timeout: PositiveFloat | None = None

    def expected_workers(self, n_tasks: int) -> int:
        """As `qspin.executor.workers_of` asks."""
        return min(self.n_workers or n_cores(), n_tasks)

    def expected_refusals(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        """As `qspin.executor.refusals_of` asks."""
        return Budget(1, allowed_bytes(self.memory)).refusals(task for task in tasks if not task.is_paid)

    def run(self, graph: Graph, work: Work, reporter: Reporter) -> Mapping[str, str]:
        """As `qspin.executor.Executor.run`."""
        crew = _Crew(self, Schedule(graph, work, reporter), work)
        try:
            with stopping.patient(_PATIENCE):
                crew.work()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                crew.schedule.say_stopping()
            said = crew.stop()
            if isinstance(error, KeyboardInterrupt) and said:
                raise KeyboardInterrupt(*error.args, *said) from None
            raise
        finally:
            crew.close()
        return crew.schedule.failures


class _Crew:
    """Workers, and what is known of the tasks that they do."""

    def __init__(self, own: Processes, schedule: Schedule, work: Work):
        self.schedule, self._work = schedule, work
        self._timeout = own.timeout
        count = own.n_workers or n_cores()
        conditions = Conditions.here()
        self._workers = [Worker(f"worker {k + 1}", work.perform, conditions) for k in range(count)]
        self._budget = Budget(max(count, n_cores()), allowed_bytes(own.memory))
        self._paid = PaidTasks(schedule, work.perform)
        self._durations = Durations()
        self._is_full = False
        self._deaths: collections.Counter[str] = collections.Counter()
        self._late: dict[str, int] = {}
        """Key of a task that has taken too long -> steps that were made to end it."""
        self._ending: Callable[[Worker], None] | None = None
        """What ends tasks that are being done, once a stop was asked for."""
        self._heard: dict[str, Callable[[Worker, Task, Any], None]] = {
            "start": self._started,
            "progress": self._progressed,
            "end": self._ended,
            "interrupted": self._interrupted,
            "raised": self._raised,
        }
        """Kind of a message about a task -> what it changes."""

    def work(self) -> None:
        """Until all is done.

        Raises
        ------
        KeyboardInterrupt
            If a stop was asked for.
        """
        while not self.schedule.is_over:
            stopping.end_if_requested()
            self.hand_out()
            self.listen(_TICK)
        stopping.end_if_requested()

    # -- giving tasks ----------------------------------------------------------------------------

    def hand_out(self) -> None:
        """Give tasks to all that have nothing to do; a worker is started when there is one for it."""
        self._paid.begin()
        idle = [worker for worker in self._workers if worker.is_idle]
        for k, worker in enumerate(sorted(idle, key=lambda worker: not worker.is_started)):
            if self._is_full or not (tasks := self._bundle(worker.name, len(idle) - k)):
                return
            self._budget.hold(worker.name, tasks)
            worker.give(tasks)

    def _bundle(self, name: str, n_idle: int) -> list[tuple[Task, int]]:
        """A task for a worker, or several where they are quick, with their threads."""
        tasks: list[tuple[Task, int]] = []
        most = 1
        while len(tasks) < most and self._durations.has_room(tasks):
            task = self.schedule.take_unpaid(name, self._budget.fits, begins=False)
            if task is None:
                self._is_full = not tasks and self.schedule.n_ready > 0
                break
            if (refusal := self._budget.refusal(task)) is not None:
                self.schedule.finish(task, self._work.record_failure(task, refusal), name)
                continue
            tasks.append((task, self._budget.share(task, min(n_idle - 1, self.schedule.n_ready))))
            most = max(most, len(tasks) + self.schedule.n_ready // len(self._workers))
        return tasks

    # -- hearing of them -------------------------------------------------------------------------

    def listen(self, seconds: float) -> None:
        """Wait for what workers say, not longer than this, and act on it."""
        wait([self._paid.bell, *(ear for worker in self._workers for ear in worker.ears)], seconds)
        self._paid.poll()
        for worker in self._workers:
            for message in worker.messages():
                self._hear(worker, message)
            _print(worker, worker.lines())
            if worker.is_lost:
                self._lose(worker)
            self._watch(worker)

    def _hear(self, worker: Worker, message: Message) -> None:
        if message.kind == "warning":
            warn_again(message.what)
        elif message.kind == "idle":
            if (task := worker.current) is not None:
                self._leave(worker, task)
                self._mishap(worker, task, "how it ended was not understood", "")
            self._take_back(worker)
        elif message.kind in self._heard and worker.current is not None:
            self._heard[message.kind](worker, worker.current, message.what)

    def _started(self, worker: Worker, task: Task, _: Any) -> None:
        self.schedule.begin(task, worker.name)
        if self._ending is not None:  # it had not begun when its worker was asked
            self._ending(worker)

    def _progressed(self, worker: Worker, task: Task, progress: Any) -> None:
        self.schedule.say(Kind.PROGRESS, task, worker=worker.name, **progress._asdict())

    def _ended(self, worker: Worker, task: Task, failure: str | None) -> None:
        self._durations.note(task, time.monotonic() - worker.began)
        self._deaths.pop("", None)
        self._leave(worker, task)
        self.schedule.finish(task, failure, worker.name)

    def _interrupted(self, worker: Worker, task: Task, said: str) -> None:
        is_late = task.key in self._late
        self._leave(worker, task)
        if self._is_stopping:
            self.schedule.give_back(task, "stopped", worker.name)
        elif is_late:
            self._refuse(worker, task, too_late(task, self._work, self._timeout))
        else:
            self._mishap(worker, task, "it was interrupted", said)

    def _raised(self, worker: Worker, task: Task, error: BaseException) -> None:
        self._leave(worker, task)
        self.schedule.give_back(task, "stopped", worker.name)
        if not self._is_stopping:
            raise error

    def _leave(self, worker: Worker, task: Task) -> None:
        """A worker has ended with a task, one way or another."""
        worker.current = None
        self._late.pop(task.key, None)
        if not worker.waiting:
            self._budget.free(worker.name)

    def _take_back(self, worker: Worker) -> None:
        """A worker has nothing to do: what it was given and has not begun waits again."""
        while worker.waiting:
            self.schedule.give_back(worker.waiting.pop(), "not begun", worker.name)
        self._budget.free(worker.name)
        self._is_full = False

    # -- faults ----------------------------------------------------------------------------------

    def _lose(self, worker: Worker) -> None:
        """A worker died: what it had goes to others."""
        task = worker.current
        self._take_back(worker)
        is_late = task is not None and self._late.pop(task.key, None) is not None
        reason = worker.bury()
        if self._is_stopping:
            return  # what was given is given back in the end
        if task is None:
            self._deaths[""] += 1
            if self._deaths[""] >= MOST_DEATHS:
                raise RunError(f"workers die before they begin with a task: {reason}")
            self.schedule.note(f"{worker.name} died before it began with a task: {reason}")
        elif is_late:
            self._refuse(worker, task, too_late(task, self._work, self._timeout))
        else:
            self._mishap(worker, task, "its worker died", reason)

    def _mishap(self, worker: Worker, task: Task, what: str, reason: str) -> None:
        """A task was lost that nobody wanted to end: it is tried again, not for ever."""
        self._deaths[task.key] += 1
        told = f"{what}: {reason}" if reason else what
        if (count := self._deaths[task.key]) < MOST_DEATHS:
            self.schedule.give_back(task, told, worker.name)
            self.schedule.note(f"{worker.name}: {task.label} is to be done again; {told}")
        else:
            self._refuse(worker, task, f"{what} {count} times, the last time so: {reason or what}")

    def _refuse(self, worker: Worker, task: Task, reason: str) -> None:
        """A task fails, unless what it gives was stored in the last moment."""
        failure = None if self._work.has(task) else self._work.record_failure(task, reason)
        self.schedule.finish(task, failure, worker.name)

    def _watch(self, worker: Worker) -> None:
        """Interrupt a task that has taken too long, and end its worker if it does not hear."""
        if self._timeout is None or worker.current is None:
            return
        over, n_made = time.monotonic() - worker.began - self._timeout, self._late.get(worker.current.key, 0)
        if n_made < len(_STEPS) and over >= _STEPS[n_made][0]:
            _STEPS[n_made][1](worker)
            self._late[worker.current.key] = n_made + 1

    # -- the end ---------------------------------------------------------------------------------

    def stop(self) -> list[str]:
        """Let finish what is quick, have the rest save its state, and give back what is left.

        Returns
        -------
        what the interrupted say
        """
        self._end_by(Worker.stop)
        self._drain(_QUICK_SECONDS)
        self._end_by(Worker.interrupt)
        said = self._paid.stop(_QUICK_SECONDS)
        self._drain(_STOP_SECONDS)
        for task in list(self.schedule.running):
            self.schedule.give_back(task, "stopped")
        return said

    def _end_by(self, means: Callable[[Worker], None]) -> None:
        """End what is being done, and what begins from now on."""
        self._ending = means
        for worker in self._workers:
            if not worker.is_idle:
                means(worker)

    @property
    def _is_stopping(self) -> bool:
        return self._ending is not None

    def _drain(self, seconds: float) -> None:
        """Listen until nobody does anything, not longer than this."""
        until = time.monotonic() + seconds
        while self._is_busy and (left := until - time.monotonic()) > 0:
            self.listen(min(left, _TICK))

    @property
    def _is_busy(self) -> bool:
        return self._paid.is_busy or not all(worker.is_idle for worker in self._workers)

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            _print(worker, worker.close())


def _print(worker: Worker, lines: Iterable[str]) -> None:
    """Where a display of the run can put it above its own lines."""
    for line in lines:
        print(f"{worker.name}: {line}", file=sys.stderr, flush=True)
