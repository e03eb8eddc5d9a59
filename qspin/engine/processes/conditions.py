"""What work in another process must know of the one that asks for it."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import Any

from qspin.trust import importing_only, trusted_packages

__all__ = ["Conditions"]


@dataclass(frozen=True)
class Conditions:
    """Can be pickled.

    Parameters
    ----------
    packages : that import paths in files may lead to; None: any
    filters : of warnings: arguments of `warnings.filterwarnings`, the first that counts first
    """

    packages: frozenset[str] | None
    filters: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def here(cls) -> Conditions:
        """Those of this process, now."""
        mine = [filter_ for filter_ in warnings.filters if filter_[2].__module__ != "__main__"]
        return cls(trusted_packages(), tuple(map(_spelled, mine)))

    def trusting(self) -> contextlib.AbstractContextManager[None]:
        """Inside this block import paths lead where they may lead there."""
        return contextlib.nullcontext() if self.packages is None else importing_only(self.packages)

    def filter_warnings(self) -> None:
        """Warn of the same from now on, in all threads of this process."""
        warnings.resetwarnings()
        for action, message, category, module, line in self.filters:
            warnings.filterwarnings(action, message, category, module, line, append=True)


def _spelled(filter_: tuple[Any, ...]) -> tuple[Any, ...]:
    action, message, category, module, line = filter_
    return action, _pattern(message), category, _pattern(module), line


def _pattern(text: Any) -> str:
    """Of a regular expression, which the module `warnings` keeps compiled or not, or not at all."""
    return str(getattr(text, "pattern", text or ""))
