"""Mean |q| of two series held against each other: of two problems with one backend, or of two backends on one
problem.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from qspin.analysis.curves import STANDARD_ERRORS, Comparison, Curve
from qspin.studies.series import Series
from qspin.studies.tables import value_columns
from qspin.studies.wording import ranges, with_error
from qspin.study import Column, Finding, Table

__all__ = ["Pair", "findings_of", "pair_dataset", "pair_table", "pairs_of"]

_MOST_TOLD = 6  # of one kind one by one; of more the heaviest, after one sentence on all
_MOST_ROWS = 1_000  # of the table
_OF_BACKENDS = 0.3  # how much heavier a difference between backends weighs than one between problems


class Pair(NamedTuple):
    """Two series of the same backend or of the same problem.

    Parameters
    ----------
    first, second : their names
    where : ``With tempering`` or ``On glass``
    group : what pairs are counted together with: the backend, or both backends
    n_backends : 1 or 2
    """

    first: str
    second: str
    where: str
    group: str
    n_backends: int
    comparison: Comparison

    @property
    def is_known(self) -> bool:
        """Whether both have error bars."""
        return not bool(np.isnan(self.comparison.error).any())

    @property
    def differs(self) -> bool:
        return self.is_known and bool(self.comparison.significant.any())

    @property
    def weight(self) -> float:
        if not self.is_known:
            return 0.2
        more = _OF_BACKENDS if self.n_backends == 2 else 0.0
        largest = abs(float(self.comparison.difference[self.comparison.largest]))
        return more + (1 + min(largest, 1.0) / 2 if self.differs else 0.4)


def pairs_of(series: Sequence[Series], told: Collection[frozenset[str]] = ()) -> list[Pair]:
    """All pairs that differ in one respect alone and share a range of temperatures that were set.

    Parameters
    ----------
    told : pairs of problems that something better is said of
    """
    curves = [(s, Curve(d)) for s in series if (d := s.curve("q_abs")) is not None]
    return [
        _pair(a, b, found)
        for (a, first), (b, second) in itertools.combinations(curves, 2)
        if _is_comparable(a, b)
        and frozenset((a.problem, b.problem)) not in told
        and (found := first.against(second)) is not None
    ]


def _pair(a: Series, b: Series, found: Comparison) -> Pair:
    if a.backend == b.backend:
        names = a.told_as("problem"), b.told_as("problem")
        return Pair(*names, f"With {a.backend}", a.backend, 1, found)
    names = a.told_as("backend"), b.told_as("backend")
    return Pair(*names, f"On {a.problem}", f"{a.backend} and {b.backend}", 2, found)


def _is_comparable(a: Series, b: Series) -> bool:
    """Whether they differ in the problem, in the backend or along one axis, and in nothing else."""
    axes = sum(a.at[name] != b.at[name] for name in a.at.keys() & b.at.keys())
    return (a.problem != b.problem) + (a.backend != b.backend) + axes == 1


def findings_of(pairs: Sequence[Pair]) -> list[Finding]:
    """A sentence a pair; of many pairs of one group the heaviest, lightly, after one sentence on all."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.group, []).append(pair)
    found: list[Finding] = []
    for group in groups.values():
        if len(group) <= _MOST_TOLD:
            found += [Finding(_sentence(pair), pair.weight) for pair in group]
            continue
        heaviest = sorted(group, key=lambda pair: -pair.weight)[:_MOST_TOLD]
        found.append(Finding(_summary(group), heaviest[0].weight))
        found += [Finding(_sentence(pair), pair.weight / 4) for pair in heaviest]
    return found


def _summary(group: Sequence[Pair]) -> str:
    """One sentence on many pairs."""
    n, differing = len(group), [pair for pair in group if pair.differs]
    unknown = sum(not pair.is_known for pair in group)
    one, agreeing = group[0], n - len(differing) - unknown
    of_what = f"With {one.group}, mean |q|" if one.n_backends == 1 else f"Mean |q| of {one.group}"
    parts = []
    if differing:
        most = max(differing, key=lambda pair: abs(pair.comparison.difference[pair.comparison.largest]))
        parts.append(
            f"differs by more than {STANDARD_ERRORS:g} standard errors in {len(differing)} of {n} "
            f"comparisons, most {_place(most)}"
        )
    if agreeing:
        parts.append(f"agrees within them in {agreeing}" if differing else _all_agree(agreeing, n))
    if unknown:
        parts.append(f"has no error bar in {unknown}")
    return f"{of_what} {', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]}."


def _all_agree(agreeing: int, n: int) -> str:
    which = f"all {n}" if agreeing == n else f"{agreeing} of {n}"
    return f"agrees within {STANDARD_ERRORS:g} standard errors in {which} comparisons"


def _place(pair: Pair) -> str:
    c, k = pair.comparison, pair.comparison.largest
    which = f"between {pair.first} and {pair.second}" if pair.n_backends == 1 else f"o{pair.where[1:]}"
    return f"{which} at T = {c.temperature[k]:.3g}, {_against(c, k)}"


def _against(c: Comparison, k: int) -> str:
    return f"{with_error(c.first[k], c.first_error[k])} against {with_error(c.second[k], c.second_error[k])}"


def _sentence(pair: Pair) -> str:
    first, second, where, c = pair.first, pair.second, pair.where, pair.comparison
    if not pair.is_known:
        return (
            f"{where}, {first} and {second} cannot be told apart with certainty: an error bar needs at "
            "least three replicas."
        )
    if not pair.differs:
        return (
            f"{where}, mean |q| of {first} and {second} agree within {STANDARD_ERRORS:g} standard errors at "
            f"all {_temperatures(c, 'shared ')}; the largest difference is "
            f"{with_error(abs(c.difference[c.largest]), c.error[c.largest])}."
        )
    sides = [
        f"{first} lies {side} {second} {ranges(c.temperature, c.significant & (c.difference * sign > 0))}"
        for side, sign in (("above", 1), ("below", -1))
        if (c.significant & (c.difference * sign > 0)).any()
    ]
    return (
        f"{where}, mean |q| of {first} and {second} differ by more than {STANDARD_ERRORS:g} standard errors "
        f"at {int(c.significant.sum())} of {_temperatures(c)}: {' and '.join(sides)}. The difference is "
        f"largest at T = {c.temperature[c.largest]:.3g}, {_against(c, c.largest)}."
    )


def _temperatures(c: Comparison, shared: str = "") -> str:
    """``4 shared temperatures``, or between which temperatures the curves were compared."""
    n, noun = len(c.temperature), "temperature" if len(c.temperature) == 1 else "temperatures"
    if not c.is_interpolated:
        return f"{n} {shared}{noun}"
    return f"{n} {noun} from T = {c.temperature[0]:.3g} to {c.temperature[-1]:.3g}, one curve interpolated"


def pair_table(pairs: Sequence[Pair]) -> list[Table]:
    """Pairs with their largest difference, the heaviest first; of very many the heaviest. No table without
    any.
    """
    if not pairs:
        return []
    columns = [
        Column("where", is_text=True),
        Column("first", is_text=True),
        Column("second", is_text=True),
        Column("n_temperatures", "temperatures"),
        Column("n_differing", f"more than {STANDARD_ERRORS:g} errors apart"),
        Column("temperature", "largest at T", ".3g"),
        *value_columns("first_q", "mean |q| of the first"),
        *value_columns("second_q", "of the second"),
        Column("is_interpolated", "interpolated"),
    ]
    ordered = sorted(pairs, key=lambda pair: -pair.weight)
    left_out = len(ordered) - _MOST_ROWS
    note = f"{left_out} more, of less weight, are in the dataset of pairs." if left_out > 0 else ""
    rows = [_row(pair) for pair in ordered[:_MOST_ROWS]]
    return [Table("pairs", "Mean |q| of pairs of curves", columns, rows, note)]


def pair_dataset(pairs: Sequence[Pair]) -> dict[str, xr.Dataset]:
    """Of very many pairs, what the table has no room for."""
    if len(pairs) <= _MOST_ROWS:
        return {}
    rows = [_row(pair) for pair in pairs]
    columns = {name: ("pair", np.array([row[name] for row in rows])) for name in rows[0]}
    columns["is_interpolated"] = ("pair", columns["is_interpolated"][1].astype(np.int8))
    return {"pairs": xr.Dataset(columns, coords={"pair": np.arange(len(rows))})}


def _row(pair: Pair) -> dict[str, Any]:
    c, k = pair.comparison, pair.comparison.largest
    return {
        "where": pair.where,
        "first": pair.first,
        "second": pair.second,
        "n_temperatures": len(c.temperature),
        "n_differing": int(c.significant.sum()),
        "temperature": float(c.temperature[k]),
        "first_q": float(c.first[k]),
        "first_q_error": float(c.first_error[k]),
        "second_q": float(c.second[k]),
        "second_q_error": float(c.second_error[k]),
        "is_interpolated": c.is_interpolated,
    }
