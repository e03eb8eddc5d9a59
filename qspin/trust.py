"""Which packages a text may have imported: importing a module already runs its code.

Whoever writes Python imports what he likes. Text that somebody else may have written, such as a config, is
read inside `importing_only`; there an import path reaches the packages that were named, and no other.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from qspin.errors import InputError

__all__ = [
    "importing_only",
    "is_function",
    "require_home",
    "require_named_by_hand",
    "require_own_server",
    "require_trusted",
    "trusted_packages",
]

_ROUTES = ("cert", "endpoint", "header", "proxy", "ssl", "url", "config_file")
"""What names of options hold that say where a client sends its token, and over what."""

_packages: ContextVar[frozenset[str] | None] = ContextVar("packages", default=None)


@contextlib.contextmanager
def importing_only(packages: Iterable[str]) -> Iterator[None]:
    """Let import paths of settings reach these top-level packages only.

    Examples
    --------
    >>> with importing_only({"dimod"}):
    ...     require_trusted("os:system", "embedding", key="embedding")
    Traceback (most recent call last):
    ...
    qspin.errors.InputError: embedding 'os:system' would import the package os, which runs its code; files \
may name dimod. If you trust it: --allow-import os
    """
    token = _packages.set(frozenset(packages))
    try:
        yield
    finally:
        _packages.reset(token)


def trusted_packages() -> frozenset[str] | None:
    """What import paths may reach here, for `importing_only` in another process; None: anything."""
    return _packages.get()


def require_trusted(path: str, what: str, *, key: str) -> None:
    """Raises InputError if ``package.module:name`` lies in a package that may not be imported here."""
    _require(path.partition(":")[0].partition(".")[0], f"{what} {path!r}", key)


def require_home(member: Any, path: str, what: str, *, key: str) -> None:
    """Raises InputError for a member that a trusted module has from a package that may not be used here."""
    named = member if isinstance(member, type | types.FunctionType) else type(member)
    home = str(getattr(member, "__module__", None) or named.__module__)
    _require(home.partition(".")[0], f"{what} {path!r}, which is {home}:{_name(member)},", key)


def require_own_server(options: Mapping[str, Any], *, key: str) -> None:
    """Refuse options in a text by which a client would send the user's token to a server of its choice."""
    for name in options if _packages.get() is not None else ():
        if any(part in name.lower() for part in _ROUTES):
            raise InputError(
                f"{key}: {name!r} decides which server is sent your token, so no config file may set it; "
                "expected it in the environment, in Ocean's config file (dwave config create) or in Python",
                key=(key, name),
            )


def require_named_by_hand(service: str, what: str, *, key: str) -> None:
    """Refuse what a text says that hands work to programs of others, unless the user names the service too.

    Raises
    ------
    InputError
        If its name is not among the packages that may be used here.
    """
    if not _may_be_used(service):
        raise InputError(
            f"{key}: {what} is told what to run, and what it answers runs here, so a file alone cannot name "
            f"it. If you trust it: --executor {service}",
            key=(key,),
        )


def is_function(member: Any) -> bool:
    """Whether this is a function of Python, or an object that stands for one: no class, nothing built in."""
    return callable(member) and not isinstance(member, type | types.BuiltinFunctionType)


def _may_be_used(package: str) -> bool:
    allowed = _packages.get()
    return allowed is None or package in allowed


def _require(package: str, subject: str, key: str) -> None:
    if not _may_be_used(package):
        raise InputError(
            f"{subject} would import the package {package}, which runs its code; files may name "
            f"{', '.join(sorted(_packages.get() or ()))}. If you trust it: --allow-import {package}",
            key=(key,),
        )


def _name(member: Any) -> str:
    return str(getattr(member, "__name__", type(member).__name__))
