"""Results of a run as files: everything in ``analysis.nc``, curves in ``metrics.csv``, tables of studies."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin.experiment.stacking import stacked
from qspin.study import Cell, Column, Point, Table

__all__ = ["as_csv", "as_parquet", "everything", "metrics"]

_MATCHED = "beta_matched"
"""Variable of a measure that puts rows where a reference has their energy."""


def everything(cells: Mapping[str, Sequence[Cell]]) -> dict[str, xr.Dataset]:
    """Path of a group, PROBLEM/BACKEND/MEASURE -> what was measured, with the axes as dimensions.

    Parameters
    ----------
    cells : by the name under which a measure was wanted
    """
    groups = {}
    for name, own in cells.items():
        for cell in own:
            if cell.points:
                against = f"_against_{cell.reference}" if cell.reference else ""
                groups[f"{cell.problem}/{cell.backend}/{name}{against}"] = stacked(cell.axes, cell.points)
    return groups


def metrics(cells: Mapping[str, Sequence[Cell]]) -> str:
    """Every variable over ``beta`` alone as CSV: a row for problem, backend, point of the sweep and
    temperature. Measures at temperatures of their own have rows of their own; where rows were matched to a
    reference, their temperatures are those, as everywhere in a report."""
    rows = [row for own in _by_cell(cells).values() for row in _rows(own)]
    axes = dict.fromkeys(name for row in rows for name in row[1])
    first = ("temperature", "beta")
    others = dict.fromkeys(name for row in rows for name in row[2] if name not in first)
    lines = (
        [*cell, *(at.get(name) for name in axes), *(own.get(name) for name in (*first, *others))]
        for cell, at, own in rows
    )
    return _csv(["problem", "backend", *axes, *first, *others], lines)


def _by_cell(cells: Mapping[str, Sequence[Cell]]) -> dict[tuple[str, str], list[tuple[str, Cell]]]:
    """Problem and backend -> what was measured by its name, that which places its rows first."""
    found: dict[tuple[str, str], list[tuple[str, Cell]]] = {}
    every = [(name, cell) for name, own in cells.items() for cell in own]
    matched = [(name, cell) for name, cell in every if cell.reference is not None and _is_matched(cell)]
    for name, cell in [*matched, *((name, cell) for name, cell in every if cell.reference is None)]:
        found.setdefault((cell.problem, cell.backend), []).append((name, cell))
    return found


def _is_matched(cell: Cell) -> bool:
    return any(_MATCHED in point.result.variables for point in cell.points)


def _has_rows(point: Point) -> bool:
    return "beta" in point.result.coords and point.result["beta"].dims == ("beta",)


def _rows(
    cells: Sequence[tuple[str, Cell]],
) -> Iterator[tuple[tuple[str, str], dict[str, Any], dict[str, float]]]:
    by_point: dict[str, list[tuple[str, Point]]] = {}
    for name, cell in cells:
        for point in filter(_has_rows, cell.points):
            by_point.setdefault(repr(point.at), []).append((name, point))
    key = (cells[0][1].problem, cells[0][1].backend)
    for points in by_point.values():
        ladders: dict[bytes, dict[str, Any]] = {}
        for name, point in points:
            ladder = ladders.setdefault(point.result["beta"].values.tobytes(), {})
            _add_columns(ladder, name, point.result)
        for ladder in ladders.values():
            for k in range(len(ladder["beta"])):
                yield key, dict(points[0][1].at), {column: float(v[k]) for column, v in ladder.items()}


def _add_columns(ladder: dict[str, Any], measure: str, result: xr.Dataset) -> None:
    """Curves of one measure; one that another measure calls alike, with other values, bears its own name."""
    for name, variable in result.variables.items():
        if variable.dims != ("beta",) or variable.dtype.kind not in "fiub":
            continue
        known = ladder.setdefault(str(name), variable.values)
        is_place = name in result.coords  # a matched temperature stands for the device's own
        if not is_place and not np.array_equal(known, variable.values, equal_nan=True):
            ladder[f"{name}_of_{measure}"] = variable.values


def as_csv(table: Table) -> str:
    """Rows of a table with all digits, under the keys of its columns."""
    columns: Sequence[Column] = table.columns
    return _csv([column.key for column in columns], ([row.get(c.key) for c in columns] for row in table.rows))


def as_parquet(table: Table) -> bytes | None:
    """The same for data frames; None where the extra ``parquet`` is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        return None
    import pandas

    content = io.BytesIO()
    frame = pandas.DataFrame([{c.key: row.get(c.key) for c in table.columns} for row in table.rows])
    frame.to_parquet(content)
    return content.getvalue()


def _csv(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_plain(value) for value in line] for line in lines)
    return text.getvalue()


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    return f"{value:.10g}" if isinstance(value, float | np.floating) else value
