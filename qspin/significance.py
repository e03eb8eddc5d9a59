"""When a difference is called one: the same limit for findings, warnings and tests."""

from __future__ import annotations

__all__ = ["STANDARD_ERRORS"]

STANDARD_ERRORS = 4.0
"""Deviations up to this many standard errors are put down to chance."""
