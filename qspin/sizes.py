"""Counts of what is kept in memory, refused in words where it would not fit."""

from __future__ import annotations

from typing import Any

from qspin.errors import shown
from qspin.memory import require_bytes
from qspin.validate import checked_count

__all__ = ["checked_size"]


def checked_size(value: Any, name: str, *, each: int, least: int = 1) -> int:
    """An integer from `least` on, of things that take `each` bytes and are all kept.

    Raises
    ------
    InputError
        If it is none.
    CapacityError
        If they would take more than half of the machine's memory.

    Examples
    --------
    >>> checked_size(10, "n_points", each=8)
    10
    """
    count = checked_count(value, name, least=least)
    require_bytes(each * count, f"results for {name} = {shown(count)}", "take a smaller number")
    return count
