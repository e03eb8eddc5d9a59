"""How a sampler says how far it is, without knowing whether anybody listens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["ABANDONED", "Listener", "Progress", "listening", "part_of_progress", "report_progress"]

ABANDONED = "qspin-beside"
"""Name of daemon threads that compute beside the main thread; an interrupt may leave one behind, and the end
of the program does not wait for it."""


class Progress(NamedTuple):
    """How far one call is.

    Parameters
    ----------
    fraction : that is done, 0 to 1
    remark : a few words for the eye, which may be empty
    figures : by name, such as ``best_energy`` and ``sweeps_per_second``
    """

    fraction: float
    remark: str = ""
    figures: Mapping[str, float] = {}


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def report_progress(fraction: float, remark: str = "", **figures: float) -> None:
    """Say that `fraction` (0 to 1) of the present `sample` call is done; free when nobody listens.

    Parameters
    ----------
    remark : a few words for the eye
    figures : what it has come to, such as ``best_energy``, and its speed, as ``sweeps_per_second``
    """
    if (listener := _listener.get()) is not None:
        listener(Progress(min(max(fraction, 0.0), 1.0), remark, figures))


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass what `report_progress` says inside this block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def part_of_progress(begin: float, end: float) -> Iterator[None]:
    """What is called inside this block, and says how far it is itself, is a part of what the caller does.

    Parameters
    ----------
    begin, end : fractions of the whole (0 to 1) that are done before and after it

    Examples
    --------
    >>> with listening(lambda progress: print(progress.fraction)), part_of_progress(0.5, 0.75):
    ...     report_progress(1.0)
    0.75
    """
    listener = _listener.get()
    if listener is None:
        yield
        return

    def hear(progress: Progress) -> None:
        listener(progress._replace(fraction=begin + (end - begin) * progress.fraction))

    with listening(hear):
        yield
