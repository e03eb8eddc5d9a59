"""The verdict table: one row for every comparison, p-values corrected for their number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

from qspin.analysis.correction import LEVEL, holm

__all__ = ["Verdict", "judged", "verdict_table"]


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
