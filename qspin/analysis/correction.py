"""Many tests at once: p-values corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["LEVEL", "holm"]

LEVEL = 0.05
"""Corrected p-value at or below which a hypothesis is rejected, everywhere."""


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, so that one wrong rejection among all is as rare as one alone.

    Holm 1979, Scand. J. Stat. 6, 65; valid however the tests depend on each other.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, k in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[k]))
        corrected[k] = largest
    return corrected
