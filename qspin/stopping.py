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
from collections.abc import Iterator

__all__ = [
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


class _State:
    """Of the main thread, where signals are handled."""

    patience: float | None = None
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
def patient(seconds: float) -> Iterator[None]:
    """Around work that hears a request: a signal is one, and interrupts only after so many seconds.

    A request ends with the block.
    """
    before, _State.patience = _State.patience, seconds
    try:
        yield
    finally:
        _State.patience = before
        if before is None:
            clear()


def patience() -> float | None:
    """Seconds that whoever works now wants to be given after a request; None: nobody hears one."""
    return _State.patience


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
