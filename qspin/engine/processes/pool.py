"""Workers, as the process of the run sees them: each in a pool of its own, so that a death costs one task.

A pool of `concurrent.futures` with several processes is lost as a whole when one of them dies; and it does
not tell which task that one had.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import time
import types
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from qspin.confidential import redacted
from qspin.engine.processes import worker
from qspin.engine.processes.conditions import Conditions
from qspin.executor import Perform, Task

__all__ = ["Worker"]

_LAST_WORDS = 20  # lines that are kept of what a worker prints
_MOMENT = 0.01  # seconds between two messages of which the second follows at once
_END_SECONDS = 0.2  # in which a pipe ends whose process has
_LEAVE_SECONDS = 5.0  # in which a worker ends that has nothing to do


class Worker:
    """One process beside this one; it is started with its first task, and again after it was lost.

    Parameters
    ----------
    name : for people
    perform : does a task, there
    conditions : under which
    """

    def __init__(self, name: str, perform: Perform, conditions: Conditions):
        self.name = name
        self.waiting: deque[Task] = deque()
        """Tasks that it was given and has not begun."""
        self.current: Task | None = None
        self.began = 0.0
        """When the current task began, by the monotonic clock."""
        self.is_idle = True
        """Whether it has nothing to do."""
        self._given = perform, conditions
        self._pool: ProcessPoolExecutor | None = None
        self._process: _Process | None = None
        self._channel: Connection | None = None
        self._output: Connection | None = None
        self._future: Future[Any] | None = None
        self._line = b""
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)

    @property
    def is_started(self) -> bool:
        return self._pool is not None

    @property
    def ears(self) -> list[Any]:
        """What can be read when it says something, for `multiprocessing.connection.wait`."""
        return [ear for ear in (self._channel, self._output) if ear is not None]

    def give(self, tasks: Sequence[tuple[Task, int]]) -> None:
        """Let it do tasks, each with so many threads."""
        if self._pool is None:
            self._start()
        assert self._pool is not None
        self.is_idle = False
        self._words.clear()
        self.waiting.extend(task for task, _ in tasks)
        self._future = self._pool.submit(worker.do, list(tasks))

    def _start(self) -> None:
        context = _Context()
        self._channel, channel = multiprocessing.Pipe(duplex=False)
        self._output, output = multiprocessing.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, context, worker.begin, (channel, output, *self._given))
        self._future = self._pool.submit(os.getpid)  # starts the process
        self._process = context.process
        channel.close()  # its own ends close when it dies
        output.close()

    # -- what it says ----------------------------------------------------------------------------

    def messages(self) -> Iterator[worker.Message]:
        """All that it has said; ends where it says nothing more. What cannot be understood is left out."""
        while self._channel is not None and self._channel.poll(self._moment):
            try:
                with _deaf():  # half a message would be none
                    said = self._channel.recv_bytes()
            except (EOFError, OSError):
                self._channel.close()
                self._channel = None
                return
            try:
                message = pickle.loads(said)
            except Exception:  # of something that cannot be imported here
                continue
            if message.kind == "start":
                self.current, self.began = self.waiting.popleft(), time.monotonic()
            self.is_idle |= message.kind == "idle"
            yield message

    @property
    def _moment(self) -> float:
        """Seconds to wait for a message: after the last task it is about to say that it has no more."""
        return 0.0 if self.is_idle or self.waiting or self.current is not None else _MOMENT

    def lines(self, seconds: float = 0.0) -> Iterator[str]:
        """Whole lines that it has printed, without tokens; the last one too once its process has ended.

        Parameters
        ----------
        seconds : to wait for more; then no more is read, whoever still prints: a child that it left does
            so, and keeps the pipe open
        """
        until = time.monotonic() + seconds
        while self._output is not None and self._output.poll(max(until - time.monotonic(), 0.0)):
            if seconds and time.monotonic() > until:
                return
            text = os.read(self._output.fileno(), 2**16)
            *lines, self._line = (self._line + text).split(b"\n")
            if not text:
                lines = [self._line] if self._line else []
                self._output.close()
                self._output, self._line = None, b""
            for line in lines:
                said = redacted(line.decode(errors="replace").rstrip("\r"))
                self._words.append(said)
                yield said

    # -- how it ends -----------------------------------------------------------------------------

    @property
    def is_lost(self) -> bool:
        """Whether its process is gone, with all that it said having been heard."""
        return self.is_started and (self._channel is None or not (self._is_alive or self._channel.poll()))

    @property
    def _is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def stop(self) -> None:
        """Ask it to save the state of what it does, and to begin nothing more of what it was given."""
        if hasattr(signal, "SIGUSR1"):
            self._signal(signal.SIGUSR1)

    def interrupt(self) -> None:
        """Interrupt what it does; it says how that went."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.is_alive() and self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()

    def bury(self) -> str:
        """Forget the process that was lost; how it ended, and what it said last."""
        assert self._process is not None
        list(self.lines(_END_SECONDS))
        if not self._process.has_ended(_LEAVE_SECONDS):
            self.kill()
        reason = _ended(self._process.exitcode)
        if self._words:
            reason += f"; it said last: {self._words[-1]}"
        self._forget()
        return reason

    def close(self) -> list[str]:
        """End it in peace if it has nothing to do, else at once; lines that it has still printed."""
        if self._pool is None or self._process is None:
            return []
        if not self.is_idle:
            self.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if not self._process.has_ended(_LEAVE_SECONDS):
            self.kill()
            self._process.has_ended(_LEAVE_SECONDS)
        rest = list(self.lines(_END_SECONDS))
        self._forget()
        return rest

    def _forget(self) -> None:
        """Without waiting for a process that does not end, such as one that hangs in its file system."""
        if self._pool is not None and self._process is not None:
            is_over = not self._process.is_alive()
            self._pool.shutdown(wait=is_over, cancel_futures=True)
            if is_over:
                self._process.forget_end()
        for ear in (self._channel, self._output):
            if ear is not None:
                ear.close()
        self._pool = self._process = self._channel = self._output = self._future = None
        self.waiting.clear()
        self.current, self.is_idle, self._line = None, True, b""


def _ended(code: int | None) -> str:
    if code is None:
        return "it does not answer"
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    hint = ": out of memory?" if -code == getattr(signal, "SIGKILL", None) else ""
    return f"it was ended by signal {-code} ({name}){hint}"


# -- how it starts -------------------------------------------------------------------------------


class _Process(SpawnProcess):
    """Does not import the main module of this process, and does not hear what is typed while it starts.

    Its pool waits for the `sentinel` of a process, which is a pipe that children forked by it hold open too.
    Here whoever asks whether it is alive asks the system, and tells the pool of its end.
    """

    _end: tuple[int, int] | None = None
    """Pipe into which its end is written, where processes can be forked."""
    _is_told = False

    def start(self) -> None:
        with _deaf(), _hidden_main():
            super().start()
        if hasattr(os, "fork"):
            self._end = os.pipe()

    @property
    def sentinel(self) -> int:
        return super().sentinel if self._end is None else self._end[0]

    def is_alive(self) -> bool:
        is_alive = super().is_alive()
        if not (is_alive or self._is_told or self._end is None):
            self._is_told = True
            os.write(self._end[1], b"!")
        return is_alive

    def has_ended(self, seconds: float) -> bool:
        """Whether it does within so many seconds."""
        until = time.monotonic() + seconds
        while self.is_alive():  # a thread of the pool asks too, and is told first
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def forget_end(self) -> None:
        """Once its pool has ended."""
        end, self._end = self._end, None
        for descriptor in end or ():
            os.close(descriptor)


class _Context(SpawnContext):
    """Keeps the process that a pool starts."""

    process: _Process | None = None

    def Process(self, *arguments: Any, **options: Any) -> _Process:  # type: ignore[override]
        self.process = _Process(*arguments, **options)
        return self.process


@contextlib.contextmanager
def _hidden_main() -> Iterator[None]:
    """A process that is started inside this block does not run the user's script again.

    Nothing that a worker needs is defined there, and a script without ``if __name__ == "__main__"`` would
    start a run of its own.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """A process that is started inside this block hears no Ctrl-C, until it says that it wants to."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
