"""How a sampler says how far it is, without knowing whether anybody listens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

__all__ = ["ABANDONED", "Listener", "listening", "report_progress"]

ABANDONED = "qspin-beside"
"""Name of daemon threads that compute beside the main thread; an interrupt may leave one behind, and the end
of the program does not wait for it."""

Listener = Callable[[float, str], None]
"""Takes the fraction that is done and a remark, which may be empty."""

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def report_progress(fraction: float, remark: str = "") -> None:
    """Say that `fraction` (0 to 1) of the present `sample` call is done; free when nobody listens.

    Parameters
    ----------
    remark : a few words for the eye, such as the speed
    """
    if (listener := _listener.get()) is not None:
        listener(min(max(fraction, 0.0), 1.0), remark)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass what `report_progress` says inside this block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
