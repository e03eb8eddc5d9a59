"""Seeds: given, or fresh and recorded; what is none is refused by name."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qspin.counts import checked_count
from qspin.errors import InputError

__all__ = ["Seed", "checked_seed", "resolved_seed"]

Seed = int | None


def checked_seed(seed: Any) -> int | Sequence[int]:
    """One number, or a list of several as `numpy.random.SeedSequence` takes them.

    Raises
    ------
    InputError
        If one of them is not an integer, or below 0.
    """
    if isinstance(seed, list | tuple):
        return [checked_count(part, "seed") for part in seed]
    return checked_count(seed, "seed")


def resolved_seed(seed: Seed, kept: Mapping[str, Any] | None = None) -> int:
    """`seed` itself, or fresh entropy where none was given, so that every run can be repeated.

    Parameters
    ----------
    kept : identity of a checkpoint, whose seed goes on where none was given

    Raises
    ------
    InputError
        If the seed is not a non-negative integer.
    """
    if seed is None and kept:
        seed = kept.get("seed")
    if seed is None:
        return secrets.randbits(48)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed must be a non-negative integer or None; got {seed!r}")
    return int(seed)
