"""How a sampler says how far it is, without knowing whether anybody listens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

__all__ = ["listening", "report_progress"]

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("progress_listener", default=None)


def report_progress(fraction: float) -> None:
    """Say that `fraction` (0 to 1) of the present `sample` call is done; free when nobody listens."""
    if (listener := _listener.get()) is not None:
        listener(min(max(fraction, 0.0), 1.0))


@contextlib.contextmanager
def listening(listener: Callable[[float], None]) -> Iterator[None]:
    """Pass what `report_progress` says inside this block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
