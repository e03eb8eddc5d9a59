"""When a difference is called one: the same limit for findings, warnings and tests."""

from __future__ import annotations

import math

__all__ = ["BY_CHANCE", "STANDARD_ERRORS"]

STANDARD_ERRORS = 4.0
"""Deviations up to this many standard errors are put down to chance."""

BY_CHANCE = math.erfc(STANDARD_ERRORS / math.sqrt(2))
"""How often chance exceeds that, on either side: the same limit for p-values."""
