"""Tokens: taken from the environment without stray white space, refused in settings, blotted out of messages.

Settings are written into configs, samples and reports, so no secret may stand in them.
"""

from __future__ import annotations

import base64
import os
import quopri
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from qspin.errors import InputError

__all__ = ["keep_secret", "redacted", "refuse_secrets", "scrubbed", "strip_tokens"]

E = TypeVar("E", bound=BaseException)

_VARIABLES = ("DWAVE_API_TOKEN", "QISKIT_IBM_TOKEN")
_NAMES = re.compile(
    r"(^|[_-])(token|passwd|password|passphrase|secrets?|credentials?|authorization)$"
    r"|(api|access|private|secret)[_-]?key$",
    re.IGNORECASE,
)
_BLOT = "<token>"
_SHORTEST = 4  # characters of what is taken for a secret; less would blot out ordinary words

_learnt: set[str] = set()


def strip_tokens() -> None:
    """Remove white space around the tokens in the environment, as of ``$(cat file)`` gone wrong.

    No header can hold it, and the error about that repeats the token.
    """
    for name in _VARIABLES:
        if (token := os.environ.get(name)) is not None and token != token.strip():
            os.environ[name] = token.strip()


def keep_secret(token: str | None) -> None:
    """Blot this out of every message from now on: a token that was read from somebody's config file."""
    if token and len(token.strip()) >= _SHORTEST:
        _learnt.add(token.strip())


def redacted(text: str) -> str:
    """`text` without the tokens that are known here, in whatever form somebody repeats them.

    Examples
    --------
    >>> keep_secret("DEV-abc/123")
    >>> redacted("no route with DEV-abc%2F123")
    'no route with <token>'
    """
    known = {*_learnt, *(os.environ.get(name, "").strip() for name in _VARIABLES)}
    for token in sorted((t for t in known if len(t) >= _SHORTEST), key=len, reverse=True):
        for form in _forms(token):
            text = text.replace(form, _BLOT)
    return text


def scrubbed(error: E) -> E:
    """The error itself, and all that it was raised for, with redacted messages."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        waiting += [link.__cause__, link.__context__]
        waiting += [value for value in link.args if isinstance(value, BaseException)]
        link.args = tuple(_redacted_value(value) for value in link.args)
        if isinstance(link, OSError) and len(link.args) > 1:  # which it shows in place of its arguments
            link.errno, link.strerror = link.args[:2]
        for name, value in list(vars(link).items()):
            if isinstance(value, str):
                setattr(link, name, redacted(value))
    return error


def refuse_secrets(settings: Mapping[str, Any], title: str) -> None:
    """Refuse settings that hold a secret, by their names or because it is a token of this environment.

    Raises
    ------
    InputError
        Naming the setting, never its value.
    """
    for key, name, value in _texts(settings, ()):
        if _NAMES.search(name) or redacted(value) != value:
            raise InputError(
                f"{title}: {'.'.join(map(str, key))} holds a secret, and settings are written into configs, "
                "samples and reports: leave it out and set it in the environment (DWAVE_API_TOKEN, "
                "QISKIT_IBM_TOKEN) or in the config file of the service",
                key=key,
            )


def _texts(value: Any, key: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """(key, innermost name, text) of every text inside mappings and lists."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, str):
        yield key, next((part for part in reversed(key) if isinstance(part, str)), ""), value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, (*key, name if isinstance(name, int) else str(name)))
    elif isinstance(value, list | tuple):
        for k, inner in enumerate(value):
            yield from _texts(inner, (*key, k))


def _redacted_value(value: Any) -> Any:
    """Text without tokens; what holds one inside becomes text."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, BaseException):
        return value
    text = repr(value)
    return value if (clean := redacted(text)) == text else clean


def _forms(token: str) -> list[str]:
    """A token as such, as a literal, in an address, and inside base64, where its start falls on any of three
    places; longest first."""
    raw = token.encode()
    forms = {token, repr(token)[1:-1], quote(token), quote(token, safe=""), quote_plus(token)}
    forms |= {str(raw)[2:-1], quopri.encodestring(raw).decode().rstrip("=\n")}  # as bytes, in headers
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * shift + raw).decode()
            # characters that also hold bits of what stands before or after it are left out
            whole = encoded.rstrip("=")[-(-8 * shift // 6) :]
            forms.add(whole[:-1] if (shift + len(raw)) % 3 else whole)
    return sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
