"""Warnings and errors that travel from a worker to the process of the run."""

from __future__ import annotations

import contextlib
import pickle
import warnings
from typing import NamedTuple

from qspin.confidential import redacted
from qspin.errors import RunError, named

__all__ = ["Warned", "portable", "warn_again"]


class Warned(NamedTuple):
    """Arguments of `warnings.warn_explicit`."""

    message: str
    category: type[Warning]
    filename: str
    lineno: int

    @classmethod
    def of(cls, message: Warning | str, category: type[Warning], filename: str, lineno: int) -> Warned:
        """A warning that the process of the run can show: of a class that it can import, without tokens."""
        text = str(message)
        if not _is_known_there(category):
            category, text = UserWarning, f"{category.__name__}: {text}"
        return cls(redacted(text), category, filename, lineno)


def warn_again(warned: Warned) -> None:
    """Here, what was warned of there; once for each place, as warnings are."""
    warnings.warn_explicit(**warned._asdict(), registry=_warned)


def portable(error: BaseException) -> BaseException:
    """The error itself if it can travel, else one that tells it."""
    if _is_known_there(type(error)):
        with contextlib.suppress(Exception):  # its author did not think of that
            pickle.loads(pickle.dumps(error))
            return error
    return RunError(named(error))


def _is_known_there(kind: type) -> bool:
    """Whether the process of the run can import a class, which may not find all that this one does."""
    if kind.__module__.partition(".")[0] not in ("builtins", "qspin"):
        return False
    try:
        return pickle.loads(pickle.dumps(kind)) is kind
    except Exception:  # it was made inside a function, or only says that it is from there
        return False


_warned: dict[str | tuple[str, type[Warning], int], int] = {}
"""Of `warnings`: what workers have warned of."""
