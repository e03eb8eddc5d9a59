"""A stop that was asked for: what runs saves its state and ends, what is nearly done finishes.

Whoever can end a process gently says so around its work; a signal that comes meanwhile is a request, which
samplers hear through their `Checkpoint`, and an interrupt only where nothing has ended in time::

    with patient(seconds=1.0):
        while work_is_left:
            end_if_requested()
            do_the_next()

Outside of such a block, and for a KeyboardInterrupt that Python raises by itself, as in a notebook, nothing
is different from ever.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple

__all__ = [
    "acknowledge",
    "acknowledgement",
    "clear",
    "end_if_requested",
    "is_requested",
    "overdue",
    "patience",
    "patient",
    "request",
    "shielded",
]

_requested = threading.Event()


class _Block(NamedTuple):
    patience: float
    tell: Callable[[], object] | None


class _State:
    """Of the main thread, where signals are handled, but for `n_blocks`."""

    blocks: ClassVar[list[_Block]] = []
    n_blocks = 0
    """In all threads; changed under the lock alone."""
    lock = threading.Lock()
    teller: threading.Thread | None = None
    n_shields = 0
    is_withheld = False


def request() -> None:
    """Ask whatever works in this process to save its state and end; from any thread or signal handler."""
    _requested.set()


def is_requested() -> bool:
    """Whether somebody has asked, and nobody has ended since."""
    return _requested.is_set()


def clear() -> None:
    """What was asked for is done, or does not count for what comes next."""
    _requested.clear()


def end_if_requested() -> None:
    """Raises KeyboardInterrupt if somebody has asked."""
    if is_requested():
        raise KeyboardInterrupt


@contextlib.contextmanager
def patient(seconds: float, tell: Callable[[], object] | None = None) -> Iterator[None]:
    """Around work that hears a request: a signal is one, and interrupts only after so many seconds.

    A request ends with the last of such blocks. Those of other threads than the main one, where signals are
    handled, hear a request too, but no signal waits for them.

    Parameters
    ----------
    tell : says that a signal was heard, where the work itself has no time to; called in a thread of its own
    """
    is_main = threading.current_thread() is threading.main_thread()
    with _State.lock:
        _State.n_blocks += 1
    if is_main:
        _State.blocks.append(_Block(seconds, tell))
    try:
        yield
    finally:
        teller = None
        if is_main:
            _State.blocks.pop()
            teller, _State.teller = _State.teller, None
        with _State.lock:
            _State.n_blocks -= 1
            if not _State.n_blocks:
                clear()
        if teller is not None:
            teller.join()  # nothing is said of what has ended


def acknowledge() -> None:
    """Have whoever works now say that a signal was heard; for its handler, which itself may print nothing."""
    if _State.blocks and (tell := _State.blocks[-1].tell) is not None:
        _State.teller = threading.Thread(target=tell, name="qspin-stopping", daemon=True)
        _State.teller.start()


def acknowledgement(n_tasks: int = 0) -> str:
    """What is said once a stop was asked for.

    Parameters
    ----------
    n_tasks : that are under way

    Examples
    --------
    >>> acknowledgement(2)
    'stopping: 2 tasks finish or save their state; Ctrl-C again ends at once and loses it'
    >>> acknowledgement(0)
    'stopping; Ctrl-C again ends at once'
    """
    if not n_tasks:
        return "stopping; Ctrl-C again ends at once"
    who = (
        "1 task finishes or saves its state"
        if n_tasks == 1
        else f"{n_tasks} tasks finish or save their state"
    )
    return f"stopping: {who}; Ctrl-C again ends at once and loses it"


def patience() -> float | None:
    """Seconds that whoever works now wants to be given after a request; None: nobody hears one."""
    return _State.blocks[-1].patience if _State.blocks else None


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Around the writing of what must not be lost: an interrupt that is `overdue` waits for its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.n_shields += 1
    try:
        yield
    finally:
        _State.n_shields -= 1
        withheld, _State.is_withheld = _State.is_withheld, _State.is_withheld and _State.n_shields > 0
    if withheld and not _State.n_shields:
        raise KeyboardInterrupt


def overdue() -> None:
    """The patience is over: raises KeyboardInterrupt, at once or at the end of what is `shielded`.

    For the handler of a signal, which Python calls in the main thread.
    """
    if not is_requested():
        return
    if _State.n_shields:
        _State.is_withheld = True
    else:
        raise KeyboardInterrupt
