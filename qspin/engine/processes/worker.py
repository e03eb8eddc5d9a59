"""A worker: a process beside that of the run, which does tasks and says how they go.

It says so through a pipe, one message after the other, and its prints go into a second one: so neither tears
what a terminal shows. It ends when the process of the run does, however that ends; what is typed at the
terminal interrupts the run, which then asks its workers to stop.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, TextIO

from qspin import stopping
from qspin.confidential import redacted
from qspin.engine.processes.conditions import Conditions
from qspin.engine.threads import take_threads
from qspin.engine.travel import Warned, portable
from qspin.executor import Perform, Task
from qspin.progress import Progress, listening

__all__ = ["Message", "begin", "do"]

_PROGRESS_SECONDS = 0.1  # between two messages about one task


class Message(NamedTuple):
    """What a worker says.

    Parameters
    ----------
    kind : ``start``, ``progress``, ``end``, ``interrupted`` or ``raised`` of a task; ``idle`` when all that
        was given is done or left; ``warning``
    key : of the task
    what : the progress; what failed or None; what an interrupt said; an error; a warning
    when : it was said, by the monotonic clock of the worker
    """

    kind: str
    key: str = ""
    what: Any = None
    when: float = 0.0


class _Here:
    """What this process is, once it has begun."""

    channel: Connection
    perform: Perform
    conditions: Conditions
    lock = threading.Lock()
    is_doing = False
    """Whether an interrupt is meant for a task."""


def begin(channel: Connection, output: Connection, perform: Perform, conditions: Conditions) -> None:
    """Before the first task.

    Parameters
    ----------
    channel : takes messages
    output : takes what is printed
    perform : does a task
    conditions : of the process of the run
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda *_: stopping.request())
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform != "win32":
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(output.fileno(), number)
            setattr(sys, name, os.fdopen(number, "w", 1, errors="backslashreplace", closefd=False))
    _Here.channel, _Here.perform, _Here.conditions = channel, perform, conditions
    atexit.register(_leave)
    conditions.filter_warnings()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=functools.partial(_be_another, warnings.showwarning))
    warnings.showwarning = _warn


def _leave() -> None:
    """After what tasks have registered for the end: libraries take seconds to be put away."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _be_another(show: Callable[..., None]) -> None:
    """In a child that a task forked: it is no worker, says nothing for one, and ends where it is told to.

    Ctrl-C stays for the run alone, which lets the task end in peace. What it warns of is printed.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    atexit.unregister(_leave)
    _Here.channel.close()
    warnings.showwarning = show


def do(tasks: Sequence[tuple[Task, int]]) -> None:
    """Do tasks, each with so many threads, one after the other, until a stop is asked for or one ends in more
    than a failure."""
    stopping.clear()
    for task, n_threads in tasks:
        if stopping.is_requested() or not _done(task, n_threads):
            break
    _say("idle")


def _done(task: Task, n_threads: int) -> bool:
    """Whether the next may follow."""
    take_threads(n_threads)
    try:
        _Here.is_doing = True
        _say("start", task.key)  # only now: who hears of it may interrupt it
        with _Here.conditions.trusting(), listening(_Teller(task.key)):
            failure = _Here.perform(task)
        _Here.is_doing = False
    except KeyboardInterrupt as interrupt:
        _Here.is_doing = False
        _say("interrupted", task.key, redacted(str(interrupt)))
        return False
    except BaseException as error:
        _Here.is_doing = False
        _say("raised", task.key, portable(error))
        return False
    _say("end", task.key, None if failure is None else redacted(failure))
    return True


class _Teller:
    """Passes on how far a task is, now and then.

    Parameters
    ----------
    key : of the task
    """

    def __init__(self, key: str):
        self._key, self._told = key, 0.0

    def __call__(self, progress: Progress) -> None:
        if (now := time.monotonic()) - self._told >= _PROGRESS_SECONDS:
            self._told = now
            _say("progress", self._key, progress._replace(remark=redacted(progress.remark)))


def _say(kind: str, key: str = "", what: Any = None) -> None:
    """Whole, whoever else says something; to nobody if the process of the run is gone, or this is a child."""
    if _Here.channel.closed:
        return
    with stopping.shielded(), _Here.lock, contextlib.suppress(BrokenPipeError):
        _Here.channel.send(Message(kind, key, what, time.monotonic()))


def _interrupt(*_: object) -> None:
    """Handler of a signal: raises only what a task will hear."""
    if _Here.is_doing:
        stopping.request()
        stopping.overdue()


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """As `warnings.showwarning`, in the process of the run."""
    _say("warning", what=Warned.of(message, category, filename, lineno))


def _end_with_parent() -> None:
    """In a thread: wait until the process of the run has ended, and end too, whatever is being computed."""
    if (parent := multiprocessing.parent_process()) is not None:
        wait([parent.sentinel])
        os._exit(1)
