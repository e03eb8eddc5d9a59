"""What may go wrong between here and a server, whoever runs it, and patience with what passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from qspin.errors import RunError
from qspin.sampler import redacted, report_progress

__all__ = [
    "Cancelled",
    "Failed",
    "Fault",
    "Malformed",
    "Passing",
    "Refused",
    "TokenRefused",
    "Unknown",
    "one_line",
    "patiently",
]

T = TypeVar("T")

_LONGEST_PAUSE = 60.0


class Fault(Exception):
    """Met between here and a server; the text says what, without a token."""


class Passing(Fault):
    """May be gone when asked again: the network, a server that is busy."""


class Malformed(Passing):
    """An answer that is none."""


class Cancelled(Passing):
    """A job that was cancelled."""


class Refused(Fault):
    """The server will not do it, however often it is asked."""


class TokenRefused(Refused):
    """Not with this token; with another it may."""


class Failed(Refused):
    """A job that ended without an answer and never will have one."""


class Unknown(Refused):
    """A job that the server does not know."""


def patiently(
    call: Callable[[], T], what: Callable[[], str], retries: int, pause: float, done: float = 0.0
) -> T:
    """Call again after faults that pass.

    Parameters
    ----------
    what : the call is for, for messages
    retries : after the first attempt
    pause : seconds before the first of them; each next one waits twice as long
    done : fraction of the whole work, for progress

    Raises
    ------
    RunError
        After the last attempt, or at once where another attempt cannot help; caused by the `Fault`.
    """
    for left in range(retries, -1, -1):
        try:
            return call()
        except Refused as refused:
            raise RunError(f"{what()}: {refused}. What was answered before is kept") from refused
        except Passing as passing:
            fault = passing
        if left == 0:
            raise RunError(
                f"{what()} could not be had in {retries + 1} attempts; the last one met {fault}. What was "
                "sent is in the journal: --resume asks for it again and buys nothing twice"
            ) from fault
        report_progress(done, f"{type(fault.__cause__ or fault).__name__}, again in {pause:.3g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    raise AssertionError("the last attempt returns or raises")


def one_line(error: BaseException, length: int = 200) -> str:
    """What an error says, on one line, and without tokens if a server or a parser repeats them."""
    text = redacted(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= length else text[: length - 3] + "..."
