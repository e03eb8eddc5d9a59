"""The verdict table: one row for every comparison, p-values corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from qspin.analysis import holm
from qspin.studies.wording import with_error
from qspin.study import INSTANCE, Cell, Column, Point, Table

__all__ = ["Row", "judged", "rows_of", "shares_table", "verdict_table"]

_NUMBERS = (
    "temperature", "temperature_error", "p_value", "correlation_error", "correlation_noise",
    "total_variation", "total_variation_noise", "wasserstein", "expected_missed",
)  # fmt: skip
_COUNTS = ("n_valleys", "n_missed")


class Row(NamedTuple):
    """One comparison; numbers are NaN where they cannot be told.

    Parameters
    ----------
    problem, reference, backend : labels
    place : name of an axis -> its value
    at : what tells rows of one sample set apart that state no temperature, such as their coupling scale
    p_value, p_corrected : of this row alone, and after Holm's correction for all rows of the table
    telling : the view of the configurations that speaks loudest against the same ensemble
    doubts : what remarks say against the samples
    verdict : in words; of a row that was not compared, why not
    is_other : whether "the same ensemble" is rejected
    """

    problem: str
    reference: str
    backend: str
    place: Mapping[str, Any]
    at: str
    temperature: float = math.nan
    temperature_error: float = math.nan
    p_value: float = math.nan
    p_corrected: float = math.nan
    telling: str = ""
    correlation_error: float = math.nan
    correlation_noise: float = math.nan
    total_variation: float = math.nan
    total_variation_noise: float = math.nan
    wasserstein: float = math.nan
    n_valleys: int = 0
    n_missed: int = 0
    expected_missed: float = math.nan
    doubts: str = ""
    verdict: str = ""
    is_other: bool = False

    @property
    def is_compared(self) -> bool:
        return not math.isnan(self.p_value)

    @property
    def cell(self) -> tuple[str, str, str]:
        """What the instances of one family have in common: problem, backend and the other axes."""
        rest = {name: value for name, value in self.place.items() if name != INSTANCE}
        return self.problem, self.backend, repr(rest)

    @property
    def where(self) -> str:
        """The temperature, with its error if it was fitted."""
        if self.temperature_error > 0:
            return with_error(self.temperature, self.temperature_error)
        return f"{self.temperature:.3g}"


def rows_of(cell: Cell, point: Point, doubts: Sequence[str]) -> list[Row]:
    """Rows of one result of the measure ``compare``, not yet judged.

    Parameters
    ----------
    doubts : what remarks say against the samples of either side
    """
    result = point.result
    place = {name: point.at[name] for axis in cell.axes if (name := axis.name) in point.at}
    rows = []
    for k in range(result.sizes["row"]):
        row = Row(cell.problem, str(cell.reference), cell.backend, place, _at(result, k))
        if reason := str(result["reason"].values[k]):
            rows.append(row._replace(verdict=f"not compared: {reason}"))
            continue
        numbers: dict[str, Any] = {name: float(result[name].values[k]) for name in _NUMBERS}
        numbers |= {name: int(result[name].values[k]) for name in _COUNTS}
        telling = str(result["telling"].values[k])
        rows.append(row._replace(**numbers, telling=telling, doubts="; ".join(doubts)))
    return rows


def _at(result: xr.Dataset, k: int) -> str:
    if "coupling_scale" not in result or np.isnan(scale := float(result["coupling_scale"].values[k])):
        return ""
    return f"scale {scale:.3g}"


def judged(rows: Iterable[Row], level: float) -> list[Row]:
    """All rows with p-values corrected for the number of those that were compared, and verdicts in words.

    Parameters
    ----------
    level : corrected p-value at or below which "the same ensemble" is rejected
    """
    found = list(rows)
    known = [k for k, row in enumerate(found) if row.is_compared]
    for k, p_value in zip(known, holm([found[k].p_value for k in known]), strict=True):
        own = found[k]._replace(p_corrected=p_value, is_other=p_value <= level)
        found[k] = own._replace(verdict="; ".join(filter(None, [_words(own), own.doubts])))
    return found


def _words(row: Row) -> str:
    at = f"at T = {row.temperature:.3g}"
    if row.is_other:
        return f"not the same ensemble {at} (p = {row.p_corrected:.2g}, {row.telling})"
    return f"same ensemble {at} not rejected (p = {row.p_corrected:.2g})"


# -- tables --------------------------------------------------------------------------------------


def verdict_table(rows: Sequence[Row], level: float) -> Table:
    """Every row."""
    axes = list(dict.fromkeys(name for row in rows for name in row.place))
    compared = sum(row.is_compared for row in rows)
    return Table(
        "verdicts",
        "Backends against the reference",
        [
            Column("problem", is_text=True),
            *(Column(name) for name in axes),
            Column("backend", form=lambda row: f"{row['backend']} {row['at']}".strip(), is_text=True),
            Column("reference", "against", is_text=True),
            Column("at", is_shown=False),
            Column("temperature", "T", form=_temperature),
            Column("temperature_error", is_shown=False),
            Column("verdict", "same ensemble?", form=_same, is_text=True),
            Column("p_value", is_shown=False),
            Column("p_corrected", "p, corrected", form=".2g"),
            Column("is_other", is_shown=False),
            Column("telling", "told by", is_text=True),
            Column("correlation_error", "error of correlations (noise)", form=_beside("correlation")),
            Column("correlation_noise", is_shown=False),
            Column("total_variation", "total variation (noise)", form=_beside("total_variation")),
            Column("total_variation_noise", is_shown=False),
            Column("wasserstein", "distance of energies", form=".2g"),
            Column("n_valleys", is_shown=False),
            Column("n_missed", "valleys missed (expected)", form=_valleys),
            Column("expected_missed", is_shown=False),
        ],
        [_plain(row, axes) for row in rows],
        note=(
            f"p is corrected for the number of comparisons in this table ({compared}) by Holm's method; the "
            f"same ensemble is rejected where it is at most {level:g}. The file holds it before and after "
            "correction. Noise is what two samples of one ensemble would differ by. Valleys are local minima "
            "that hold at least 1 % of the reference."
        ),
    )


def _plain(row: Row, axes: Sequence[str]) -> dict[str, Any]:
    fields = {k: v for k, v in row._asdict().items() if k not in ("place", "doubts")}
    return {**{name: _listed(row.place.get(name)) for name in axes}, **fields}


def _listed(value: Any) -> Any:
    return " × ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _temperature(row: Mapping[str, Any]) -> str:
    value, error = row["temperature"], row["temperature_error"]
    if math.isnan(value):
        return "–"
    return with_error(value, error) if error > 0 else f"{value:.3g}"


def _same(row: Mapping[str, Any]) -> str:
    if math.isnan(row["p_value"]):
        return "not compared"
    return "no" if row["is_other"] else "not rejected"


def _beside(name: str) -> Any:
    """A number with its noise in parentheses."""

    def form(row: Mapping[str, Any]) -> str:
        value = row[f"{name}_error"] if f"{name}_error" in row else row[name]
        return "–" if math.isnan(value) else f"{value:.2g} ({row[f'{name}_noise']:.2g})"

    return form


def _valleys(row: Mapping[str, Any]) -> str:
    if math.isnan(row["p_value"]):
        return "–"
    return f"{row['n_missed']} of {row['n_valleys']} ({row['expected_missed']:.1f})"


def shares_table(rows: Sequence[Row]) -> Table | None:
    """Of families: in how many instances an ensemble is the same. None where there are no instances."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if INSTANCE in row.place:
            groups.setdefault(row.cell, []).append(row)
    if not groups:
        return None
    axes = list(dict.fromkeys(name for row in rows for name in row.place if name != INSTANCE))
    return Table(
        "instances",
        "Over instances",
        [
            Column("problem", is_text=True),
            *(Column(name) for name in axes),
            Column("backend", is_text=True),
            Column("reference", "against", is_text=True),
            Column("n_instances", "instances compared"),
            Column("n_same", "of them, the same ensemble is not rejected"),
            Column("lowest_temperature", "T from", form=".3g"),
            Column("highest_temperature", "to", form=".3g"),
            Column("lowest_p", "least p, corrected", form=".2g"),
        ],
        [_share(group, axes) for group in groups.values()],
        note="An instance counts as the same where no temperature of it is told apart.",
    )


def _share(group: Sequence[Row], axes: Sequence[str]) -> dict[str, Any]:
    known = [row for row in group if row.is_compared]
    instances = {repr(row.place[INSTANCE]) for row in known}
    other = {repr(row.place[INSTANCE]) for row in known if row.is_other}
    first = group[0]
    return {
        "problem": first.problem,
        **{name: _listed(first.place.get(name)) for name in axes},
        "backend": first.backend,
        "reference": first.reference,
        "n_instances": len(instances),
        "n_same": len(instances) - len(other),
        "lowest_temperature": min((row.temperature for row in known), default=math.nan),
        "highest_temperature": max((row.temperature for row in known), default=math.nan),
        "lowest_p": min((row.p_corrected for row in known), default=math.nan),
    }
