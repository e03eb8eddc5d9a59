"""What D-Wave's client meets between here and its server, in the terms of `common.faults`."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

from requests.exceptions import RequestException

from qspin.sampler import keep_secret, scrubbed, strip_tokens
from qspin_backends.common.faults import Failed, Malformed, Passing, Refused, TokenRefused, Unknown, one_line

__all__ = ["TOKEN_HELP", "learn_tokens", "translated", "undecodable"]

TOKEN_HELP = (
    "set it in the environment (DWAVE_API_TOKEN) or in Ocean's config file (dwave config create); it is "
    "read from there only, and never stored"
)
_PASSING_CODES = (408, 429)  # too slow, too many requests
_UNDECODABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise a `Fault` in place of what the client raises."""
    from dwave.cloud.api.exceptions import ResourceAuthenticationError, ResourceBadResponseError
    from dwave.cloud.exceptions import PollingTimeout, SolverFailureError, SolverOfflineError

    try:
        yield
    except (PollingTimeout, ResourceBadResponseError, SolverOfflineError) as error:
        raise Passing(_named(error)) from scrubbed(error)
    except SolverFailureError as error:
        raise Failed(f"the solver refused it: {one_line(error)}") from scrubbed(error)
    except RequestException as error:
        code = getattr(error, "error_code", None)
        if isinstance(error, ResourceAuthenticationError) or code == 401:
            raise TokenRefused(f"the token was refused (401): renew it, and {TOKEN_HELP}") from scrubbed(
                error
            )
        if isinstance(code, int) and 400 <= code < 500 and code not in _PASSING_CODES:
            kind = Unknown if code == 404 else Refused
            raise kind(f"the server refused it ({code}): {one_line(error)}") from scrubbed(error)
        raise Passing(_named(error)) from scrubbed(error)


@contextlib.contextmanager
def undecodable() -> Iterator[None]:
    """Raise `Malformed` for an answer that the client cannot read; faults of the network pass through."""
    try:
        yield
    except RequestException:  # some of them are ValueErrors too
        raise
    except _UNDECODABLE as error:
        name = type(error).__name__
        raise Malformed(f"Malformed: an answer that cannot be decoded ({name})") from scrubbed(error)


def learn_tokens() -> None:
    """Before anything is sent: strip the token of the environment, and get to know those of config files."""
    from dwave.cloud.config import load_config
    from dwave.cloud.config.exceptions import ConfigFileError

    strip_tokens()
    with contextlib.suppress(ConfigFileError, ValueError, OSError):  # one that cannot be read holds none
        keep_secret(load_config().get("token"))


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
