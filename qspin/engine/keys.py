"""Keys: digests of everything that decides on what a task gives."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["digest", "key_of", "seed_of"]

_KEY_DIGITS = 20
_SEED_DIGITS = 12


def digest(*parts: Any) -> str:
    """SHA-256, hex, of plain JSON values; the order of mappings does not count."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def key_of(*parts: Any) -> str:
    """Names an object of a store."""
    return digest(*parts)[:_KEY_DIGITS]


def seed_of(*parts: Any) -> int:
    """A seed below 2^48, of what is to be drawn and of the run's own seed."""
    return int(digest("seed", *parts)[:_SEED_DIGITS], 16)
