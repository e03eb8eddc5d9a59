"""What may go wrong between here and a server: what passes with patience, and what does not."""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Callable
from typing import TypeVar

from requests.exceptions import RequestException

from qspin.errors import RunError
from qspin.sampler import report_progress

__all__ = [
    "TOKEN_HELP",
    "UNDECODABLE",
    "Cancelled",
    "Malformed",
    "patiently",
    "refusal",
    "short",
    "token_refused",
]

T = TypeVar("T")

TOKEN_HELP = (
    "set it in the environment (DWAVE_API_TOKEN) or in Ocean's config file (dwave config create); it is "
    "read from there only, and never stored"
)
_LONGEST_PAUSE = 60.0
_PASSING_CODES = (408, 429)  # too slow, too many requests


class Malformed(Exception):
    """An answer that is none."""


class Cancelled(Exception):
    """A problem that was cancelled before this process asked for it."""


_PASSING = (RequestException, Malformed, Cancelled)
UNDECODABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error)


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
        After the last attempt, or at once where another attempt cannot help.
    """
    for left in range(retries, -1, -1):
        try:
            return call()
        except _polling_timeout() as error:
            fault = error
        except _PASSING as error:
            if (verdict := token_refused(error) or refusal(error)) is not None:
                raise RunError(f"{what()}: {verdict}. What was answered before is kept") from error
            fault = error
        if left == 0:
            raise RunError(
                f"{what()} could not be had in {retries + 1} attempts; the last one met "
                f"{type(fault).__name__}: {short(fault)}. What was sent is in the journal: --resume asks "
                "for it again and buys nothing twice"
            ) from fault
        report_progress(done, f"{type(fault).__name__}, again in {pause:.3g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    raise AssertionError("the last attempt returns or raises")


def _polling_timeout() -> type[Exception]:
    from dwave.cloud.exceptions import PollingTimeout

    return PollingTimeout


def token_refused(error: Exception) -> str | None:
    """What to do about a token that is not accepted; None if the error is another."""
    from dwave.cloud.api.exceptions import ResourceAuthenticationError

    if isinstance(error, ResourceAuthenticationError) or getattr(error, "error_code", None) == 401:
        return f"the token was refused (401): renew it, and {TOKEN_HELP}"
    return None


def refusal(error: Exception) -> str | None:
    """Why the server will not do it, however often it is asked; None if it may."""
    from dwave.cloud.api.exceptions import ResourceBadResponseError
    from dwave.cloud.exceptions import SolverFailureError, SolverOfflineError

    code = getattr(error, "error_code", None)
    if isinstance(error, ResourceBadResponseError | SolverOfflineError) or code == 401:
        return None
    if isinstance(error, SolverFailureError):
        return f"the solver refused it: {short(error)}"
    if isinstance(code, int) and 400 <= code < 500 and code not in _PASSING_CODES:
        return f"the server refused it ({code}): {short(error)}"
    return None


def _tokens() -> set[str]:
    from dwave.cloud.config import load_config
    from dwave.cloud.config.exceptions import ConfigFileError

    found = {os.environ.get("DWAVE_API_TOKEN")}
    with contextlib.suppress(
        ConfigFileError, ValueError, OSError
    ):  # a config file that cannot be read holds none
        found.add(load_config().get("token"))
    return {token for token in found if token}


def short(error: BaseException, length: int = 200) -> str:
    """What an error says, on one line, and without the token if a server or a parser repeats it."""
    text = " ".join(str(error).split()) or type(error).__name__
    for token in _tokens():
        text = text.replace(token, "<token>")
    return text if len(text) <= length else text[: length - 3] + "..."
