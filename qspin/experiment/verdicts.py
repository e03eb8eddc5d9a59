"""The verdict table: one row for every comparison, p-values corrected for their number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["LEVEL", "Verdict", "holm", "judged", "verdict_table"]

LEVEL = 0.05
"""Corrected p-value at or below which "the same ensemble" is rejected."""


class Verdict(NamedTuple):
    """One row of the verdict table; numbers are NaN where they cannot be told.

    `p_value` is that of the row alone, `p_corrected` after Holm's correction for all rows of the table.
    """

    problem: str
    reference: str
    backend: str
    at: str
    temperature: float
    temperature_error: float
    p_value: float
    p_corrected: float
    telling: str
    correlation_error: float
    correlation_noise: float
    total_variation: float
    total_variation_noise: float
    wasserstein: float
    n_valleys: int
    n_missed: int
    expected_missed: float
    verdict: str

    @property
    def is_compared(self) -> bool:
        return not math.isnan(self.p_value)

    @property
    def is_other(self) -> bool:
        """Whether "the same ensemble" is rejected."""
        return self.p_corrected <= LEVEL


def judged(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The whole table with p-values corrected for the number of its rows, and verdicts in words.

    Parameters
    ----------
    verdicts : whose `verdict` holds what is to be told beside it, or why there was no comparison
    """
    found = list(verdicts)
    known = [k for k, verdict in enumerate(found) if verdict.is_compared]
    for k, p_value in zip(known, holm([found[k].p_value for k in known]), strict=True):
        own = found[k]._replace(p_corrected=p_value)
        found[k] = own._replace(verdict="; ".join(filter(None, [_words(own), own.verdict])))
    return found


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


def _words(verdict: Verdict) -> str:
    at = f"at T = {verdict.temperature:.3g}"
    if verdict.is_other:
        return f"not the same ensemble {at} (p = {verdict.p_corrected:.2g}, {verdict.telling})"
    return f"same ensemble {at} not rejected (p = {verdict.p_corrected:.2g})"


def verdict_table(verdicts: list[Verdict]) -> str:
    """As CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Verdict._fields)
    for verdict in verdicts:
        writer.writerow(
            [
                "" if isinstance(v, float) and math.isnan(v) else f"{v:.6g}" if isinstance(v, float) else v
                for v in verdict
            ]
        )
    return text.getvalue()
