"""Whole numbers that a user gives, of which rooms on every floor are told."""

from __future__ import annotations

from typing import Any

import numpy as np

from qspin.errors import InputError, shown

__all__ = ["checked_count"]


def checked_count(value: Any, what: str, *, least: int = 0) -> int:
    """An integer from `least` on, also NumPy's."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise InputError(f"{what} must be an integer; got {shown(value)}")
    if value < least:
        raise InputError(f"{what} must be at least {least}; got {shown(value)}")
    return int(value)
