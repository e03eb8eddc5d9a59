"""What each training spent, and whether two of them had the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qspin.studies.boltzmann_backends.trained import Trained
from qspin.studies.wording import some
from qspin.study import Column, Finding, Remark, Table

__all__ = ["budget_remarks", "budgets_told", "spent_table"]

_APART = 2.0  # factor beyond which two budgets are not the same
_SAME = 1.005  # factor up to which numbers are told as one


def spent_table(trained: Mapping[str, Trained]) -> Table:
    """Means over seeds of what was spent until the last epoch that was kept."""
    rows: list[dict[str, Any]] = []
    for label, own in trained.items():
        seconds, samples, paid = (_mean(own, name) for name in ("seconds", "samples", "paid_seconds"))
        rows.append({"problem": label, "samples": samples, "seconds": seconds, "paid_seconds": paid})
    columns = [
        Column("problem", is_text=True),
        Column("samples", "samples of the negative phase", ",.0f"),
        Column("seconds", "seconds", ".3g"),
        Column("paid_seconds", "of these paid", ".3g"),
    ]
    return Table("budgets", "What each training spent, mean over seeds", columns, rows, _NOTE)


_NOTE = (
    "Seconds are wall-clock time of the steps of training, without likelihoods and compiling, on machines "
    "that may do other work at the same time. An exact sum takes no samples."
)


def budgets_told(trained: Mapping[str, Trained]) -> Iterator[Finding]:
    """One sentence, as far as budgets are known; trainings that took no samples are named."""
    samples = {label: _mean(own, "samples") for label, own in trained.items()}
    seconds = {label: _mean(own, "seconds") for label, own in trained.items()}
    drawn = _range_told({label: n for label, n in samples.items() if n > 0}, ",.0f", "samples")
    without = [label for label, n in samples.items() if n == 0]
    parts = [
        f"{drawn} ({some(without)} took none)" if drawn and without else drawn,
        _range_told({label: s for label, s in seconds.items() if s > 0}, ".3g", "s"),
    ]
    if known := [part for part in parts if part]:
        yield Finding(f"A training took {' and '.join(known)}.", 0.5)


def budget_remarks(trained: Mapping[str, Trained], reference: str) -> Iterator[tuple[str, Remark]]:
    """(problem, remark) where neither samples nor seconds are those of the reference, or, where that draws no
    samples, of the first that does."""
    drawing = [label for label, own in trained.items() if _mean(own, "samples") > 0]
    base = reference if reference in drawing or not drawing else drawing[0]
    for label in drawing:
        factors = {
            name: _mean(trained[label], name) / of_base
            for name in ("samples", "seconds")
            if (of_base := _mean(trained[base], name)) > 0
        }
        known = {name: factor for name, factor in factors.items() if not math.isnan(factor)}
        if known and all(max(factor, 1 / factor) > _APART for factor in known.values()):
            told = " and ".join(f"{factor:.2g} times the {name}" for name, factor in known.items())
            text = f"its training took {told} of {base}'s, so that likelihoods differ by budget too"
            yield label, Remark("unequal-budget", text)


def _mean(own: Trained, name: str) -> float:
    """Over seeds, at the end; NaN where it is not told."""
    return float(getattr(own, name)[:, -1].mean())


def _range_told(values: Mapping[str, float], form: str, unit: str) -> str:
    """``9,600 samples``, or ``5.2 (pcd) to 42 (exact) s``; empty of none."""
    if not values:
        return ""
    ordered: Sequence[str] = sorted(values, key=values.__getitem__)
    low, high = ordered[0], ordered[-1]
    if values[high] <= _SAME * values[low]:
        return f"{values[low]:{form}} {unit}"
    return f"{values[low]:{form}} ({low}) to {values[high]:{form}} ({high}) {unit}"
