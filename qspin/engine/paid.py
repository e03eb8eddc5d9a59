"""Paid tasks: done in threads of the process of the run, one of a lane at a time, while others go on.

Whoever executes the others calls `PaidTasks.begin` and `PaidTasks.poll` in its loop, and `PaidTasks.stop`
when it ends early. Keys, tokens and the journal of what was bought then need to be nowhere else.
"""

from __future__ import annotations

import contextvars
import ctypes
import functools
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from qspin.engine.schedule import Schedule
from qspin.errors import StorageError
from qspin.executor import Kind, Perform, Task
from qspin.progress import ABANDONED, Progress, listening

__all__ = ["PaidTasks"]


class PaidTasks:
    """Threads that do the paid tasks of a schedule; all methods are called by one thread.

    Parameters
    ----------
    schedule : gives tasks, and is told of them
    perform : does one
    """

    def __init__(self, schedule: Schedule, perform: Perform):
        self._schedule, self._perform = schedule, perform
        self._threads: dict[str, tuple[Task, threading.Thread]] = {}
        self._said: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._rung = threading.Event()
        self._bell, self._rope = Pipe(duplex=False)

    @property
    def bell(self) -> Connection:
        """Can be read when there is something to poll, for `multiprocessing.connection.wait`."""
        return self._bell

    @property
    def is_busy(self) -> bool:
        """Whether any is being done."""
        return bool(self._threads)

    def begin(self) -> None:
        """Begin those that can begin, each lane that is free with one."""
        for lane in self._schedule.lanes:
            if lane not in self._threads:
                task = self._schedule.take_paid(lane, _name(lane))
                if task is not None:
                    self._start(task)

    def poll(self) -> None:
        """Tell the schedule what has happened.

        Raises
        ------
        BaseException
            What ended a task without being its failure: its store cannot be written, or it was interrupted.
        """
        while self._bell.poll():
            self._bell.recv_bytes()
        self._rung.clear()  # only now: who rang since would find it rung, and its sound gone
        while not self._said.empty():
            self._said.get()()

    def stop(self, seconds: float) -> list[str]:
        """Interrupt those that are being done, and wait for them so long.

        An interrupt reaches a thread between two instructions of Python: what waits for a server hears it and
        cancels what runs there. What does not end is left behind; its purchase is in the journal.

        Returns
        -------
        what the interrupted say, such as what they cancelled
        """
        said: list[str] = []
        for _, thread in self._threads.values():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
            )
        until = time.monotonic() + seconds
        for _, thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))
        while not self._said.empty():
            try:
                self._said.get()()
            except KeyboardInterrupt as interrupt:
                said += map(str, interrupt.args)
            except StorageError as error:  # which its task will meet again
                said.append(str(error))
        for task, _ in self._threads.values():
            self._schedule.give_back(task, "left behind", _name(task.lane))
        self._threads.clear()
        return said

    def _start(self, task: Task) -> None:
        work = functools.partial(contextvars.copy_context().run, self._do, task)
        thread = threading.Thread(target=work, daemon=True, name=ABANDONED)
        self._threads[task.lane] = task, thread
        thread.start()

    def _do(self, task: Task) -> None:
        """In a thread of its own."""

        def tell(progress: Progress) -> None:
            self._say(
                functools.partial(
                    self._schedule.say, Kind.PROGRESS, task, worker=_name(task.lane), **progress._asdict()
                )
            )

        failure: str | None = None
        ended: BaseException | None = None
        try:
            with listening(tell):
                failure = self._perform(task)
        except BaseException as error:  # raised where it is polled
            ended = error
        self._say(functools.partial(self._end, task, failure, ended))

    def _say(self, what: Callable[[], None]) -> None:
        self._said.put(what)
        if not self._rung.is_set():
            self._rung.set()
            self._rope.send_bytes(b"!")

    def _end(self, task: Task, failure: str | None, ended: BaseException | None) -> None:
        del self._threads[task.lane]
        if ended is None:
            self._schedule.finish(task, failure, _name(task.lane))
        else:
            self._schedule.give_back(task, "stopped", _name(task.lane))
            raise ended


def _name(lane: str) -> str:
    """Of a worker, for people."""
    return f"paid {lane}".strip()
