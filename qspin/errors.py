"""What can go wrong, by what the user can do about it.

Every message says what was expected, what came, and how to mend it.
"""

from __future__ import annotations

import difflib
import pickle
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = [
    "CapacityError",
    "InputError",
    "MissingExtraError",
    "QspinError",
    "RunError",
    "StorageError",
    "install_command",
    "named",
    "nearest_name",
    "shown",
]

DISTRIBUTION = "qspin-framework"


class QspinError(Exception):
    """Base of every error that qspin raises on purpose. Each of them can be pickled and copied."""

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException would call the class with its message alone, which not every __init__ takes
        return _restored, (type(self), self.args, self.__dict__.copy(), _portable(self.__cause__))


class _Cause(Exception):
    """The text of a cause that cannot be pickled itself."""


def _restored(
    cls: type[QspinError], args: tuple[Any, ...], state: dict[str, Any], cause: BaseException | None
) -> QspinError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    if cause is not None:
        error.__cause__ = cause
    return error


def _portable(cause: BaseException | None) -> BaseException | None:
    """The cause itself if it survives being pickled, else its type and text."""
    if cause is None or isinstance(cause, QspinError):
        return cause
    try:
        pickle.loads(pickle.dumps(cause))
    except Exception:  # whatever a foreign class raises here, it only means that it cannot travel
        return _Cause(f"{type(cause).__name__}: {cause}")
    return cause


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

    def within(self, place: str, key: tuple[str | int, ...]) -> InputError:
        """The same fault, told with the place where it sits.

        Parameters
        ----------
        place : for the message
        key : of the fault in the mapping that holds this place
        """
        text, cls = f"{place}: {self}", type(self)
        fault = cls.__new__(cls, text)  # not every __init__ takes a message
        fault.__dict__.update({**self.__dict__, "key": key})
        return fault


class CapacityError(InputError):
    """The problem is larger than the sampler or the memory of the machine allows."""


class MissingExtraError(InputError, ImportError):
    """An optional dependency is not installed; the message holds the pip command that installs it.

    Parameters
    ----------
    feature : what cannot be had without it
    extra : of qspin, that installs it
    module : that is missing
    """

    def __init__(self, feature: str, *, extra: str, module: str):
        super().__init__(
            f"{feature} needs the package {module!r}, which is not installed; "
            f"install it with: {install_command(extra)}"
        )

    def within(self, place: str, key: tuple[str | int, ...]) -> InputError:
        """Itself: it sits in no place of a file."""
        return self


class RunError(QspinError, RuntimeError):
    """Usable input, but the work failed underway. The command line exits with 1."""


class StorageError(RunError):
    """A file could not be written: a full disk, no permission. Every other task would meet the same."""


def install_command(extra: str) -> str:
    """The pip command that installs an extra of the qspin that runs: of this checkout, or of the distribution
    by its name.

    Parameters
    ----------
    extra : a key of ``optional-dependencies`` in pyproject.toml, such as ``dwave``
    """
    folder = Path(__file__).resolve().parent.parent
    if not _is_checkout(folder):
        return f"pip install '{DISTRIBUTION}[{extra}]'"
    place = "." if folder.samefile(".") else str(folder)
    return f"pip install -e '{place}[{extra}]'"


def _is_checkout(folder: Path) -> bool:
    """Whether the pyproject.toml of qspin lies in `folder`."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none there, or none that can be read: an installed package
        return False
    return project.get("project", {}).get("name") == DISTRIBUTION


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


def named(error: BaseException, length: int | None = None) -> str:
    """Type and message of an error on one line, cut off after so many characters.

    >>> named(ValueError("no\\nnumber")), named(MemoryError())
    ('ValueError: no number', 'MemoryError')
    """
    text = " ".join(str(error).split())
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__)[:length]


def shown(value: object, length: int = 60) -> str:
    """A value for a message: its repr on one line, shortened; what has none is told by its type.

    >>> shown([1, 2]), shown("a" * 100, length=10)
    ('[1, 2]', "'aaaaaa...")
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # of others: a repr may fail in any way, an integer of many digits has none
        return f"a {type(value).__name__}"
    return text if len(text) <= length else text[: length - 3] + "..."
