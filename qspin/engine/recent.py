"""What was made last, kept at hand in this process."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Recent"]

T = TypeVar("T")


class Recent(Generic[T]):
    """The objects that were asked for last, by name.

    Parameters
    ----------
    most : how many
    most_bytes : that they take together; one that is larger is not kept
    size : bytes of one
    """

    def __init__(self, most: int, most_bytes: float = math.inf, size: Callable[[T], int] = lambda _: 0):
        self._most, self._most_bytes, self._size = most, most_bytes, size
        self._kept: OrderedDict[str, T] = OrderedDict()

    def get(self, name: str, make: Callable[[], T]) -> T:
        """The one of this name; made if it is not at hand."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        made = make()
        self.keep(name, made)
        return made

    def keep(self, name: str, made: T) -> None:
        """Keep one, and drop those that were not asked for in the longest time."""
        self._kept[name] = made
        self._kept.move_to_end(name)
        while len(self._kept) > self._most or sum(map(self._size, self._kept.values())) > self._most_bytes:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
