"""Long calls of other libraries that do not hear an interrupt, made where they cannot hold it up.

Python hears Ctrl-C in its main thread, between two of its own instructions. What computes for minutes in
compiled code is called here in a thread beside it: the interrupt is heard at once, the call is asked to stop
and left behind if it does not. This needs a library that releases the interpreter's lock while it computes;
for those that keep it see `common.child`.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from qspin.sampler import ABANDONED

__all__ = ["in_background", "side_by_side"]

T = TypeVar("T")
S = TypeVar("S")
Tell = Callable[[float, float], None]

_TICK = 0.2  # seconds between two looks; on some systems a thread that waits hears no interrupt
_PATIENCE = 0.5  # seconds that a call which was asked to stop is waited for


def in_background(call: Callable[[], T], stop: threading.Event, tell: Tell | None = None) -> T:
    """What `call` returns or raises.

    Parameters
    ----------
    stop : set when the wait for `call` ends early; `call` should look at it now and then
    tell : told every second for how many seconds `call` has run, and which fraction is done
    """
    (result,) = side_by_side(lambda _: call(), [None], 1, stop, tell)
    return result


def side_by_side(
    call: Callable[[S], T],
    items: Sequence[S],
    n_threads: int,
    stop: threading.Event,
    tell: Tell | None = None,
) -> Iterator[T]:
    """``call(item)`` for every item in order, so many at once; `stop` and `tell` as for `in_background`."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, bool, Any]] = queue.SimpleQueue()
    for k in range(len(items)):
        waiting.put(k)

    def work() -> None:
        while not stop.is_set():
            try:
                k = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((k, True, call(items[k])))
            except BaseException as error:  # raised where it is waited for
                done.put((k, False, error))

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True, name=ABANDONED)
        for _ in range(max(1, min(n_threads, len(items))))
    ]
    for thread in threads:
        thread.start()
    try:
        yield from _in_order(done, len(items), tell)
    finally:
        stop.set()
        until = time.monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


def _in_order(done: queue.SimpleQueue[tuple[int, bool, Any]], n: int, tell: Tell | None) -> Iterator[Any]:
    start = told = time.monotonic()
    found: dict[int, Any] = {}
    for k in range(n):
        while k not in found:
            try:
                which, succeeded, value = done.get(timeout=_TICK)
            except queue.Empty:
                if tell is not None and time.monotonic() - told >= 1.0:
                    told = time.monotonic()
                    tell(told - start, k / n)
                continue
            if not succeeded:
                raise value
            found[which] = value
        yield found.pop(k)
