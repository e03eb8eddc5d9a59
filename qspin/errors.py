"""What can go wrong, by what the user can do about it.

Every message says what was expected, what came, and how to mend it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CapacityError",
    "InputError",
    "MissingExtraError",
    "QspinError",
    "RunError",
    "nearest_name",
]


class QspinError(Exception):
    """Base of every error that qspin raises on purpose."""


class InputError(QspinError, ValueError):
    """Something given is unusable; nothing was started. The command line exits with 2.

    Parameters
    ----------
    message : what was expected, what came, and the remedy
    key : where in a mapping of settings the fault sits, outermost first, if it sits in one
    """

    def __init__(self, message: str, *, key: tuple[str | int, ...] = ()):
        super().__init__(message)
        self.key = key


class CapacityError(InputError):
    """The problem is larger than the sampler or the memory of the machine allows."""


class MissingExtraError(InputError, ImportError):
    """An optional dependency is not installed; the message holds the pip command that installs it."""

    def __init__(self, feature: str, *, extra: str, module: str):
        super().__init__(
            f"{feature} needs the package {module!r}, which is not installed; "
            f"install it with: pip install 'qspin[{extra}]'"
        )


class RunError(QspinError, RuntimeError):
    """Usable input, but the work failed underway. The command line exits with 1."""


def nearest_name(name: str, names: Iterable[str]) -> str:
    """The remedy for a wrong name: the nearest valid one, and all of them.

    >>> nearest_name("tempring", ["exact", "tempering"])
    "did you mean 'tempering'? Valid names: exact, tempering"
    >>> nearest_name("x", [])
    'no names are valid here'
    """
    valid = sorted(names)
    if not valid:
        return "no names are valid here"
    listing = "Valid names: " + ", ".join(valid)
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}? {listing}" if close else listing
