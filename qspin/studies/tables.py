"""Columns that tables of studies share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import xarray as xr

from qspin.studies.series import Series, told
from qspin.studies.wording import with_error
from qspin.study import Column, Table

__all__ = ["listed", "number", "place_columns", "place_of", "plain", "table_of", "value_columns"]


def value_columns(name: str, heading: str = "") -> Iterator[Column]:
    """A value with its error in parentheses, shown as one column, and the error alone in the file.

    Rows hold them as ``NAME`` and ``NAME_error``; what is not known is a dash.

    Examples
    --------
    >>> value, error = value_columns("energy")
    >>> value.form({"energy": 0.5, "energy_error": 0.01}), value.form({})
    ('0.50(1)', '–')
    """

    def shown(row: Mapping[str, Any]) -> str:
        value, error = row.get(name), row.get(f"{name}_error")
        if value is None or math.isnan(value):
            return "–"
        return with_error(value, float("nan") if error is None else error)

    yield Column(name, heading, shown)
    yield Column(f"{name}_error", is_shown=False)


def place_columns(series: Sequence[Series]) -> list[Column]:
    """Where the numbers of a row belong: problem, backend, axes, and how many instances were averaged."""
    axes = dict.fromkeys(name for s in series for name in s.at)
    has_instances = any(s.n_instances > 1 for s in series)
    return [
        Column("problem", is_text=True),
        Column("backend", is_text=True),
        *(Column(name) for name in axes),
        *([Column("n_instances", "instances")] if has_instances else []),
    ]


def place_of(series: Series) -> dict[str, Any]:
    """The same of one series, as the beginning of its row."""
    at = {name: plain(value) for name, value in series.at.items()}
    return {"problem": series.problem, "backend": series.backend, "n_instances": series.n_instances, **at}


def plain(value: Any) -> Any:
    """A value of an axis as a table holds it: a number, or text."""
    return value if isinstance(value, int | float) else told(value)


def listed(value: Any) -> Any:
    """The same where there may be none: a list as text, all else as it is."""
    return told(value) if isinstance(value, list | tuple) else value


def table_of(
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    *always: str,
) -> Table:
    """A table of the columns that any row has a value for.

    Parameters
    ----------
    always : keys of columns that stand there also without any value
    """
    known = {key for row in rows for key, value in row.items() if value is not None}.union(always)
    kept = [column for column in columns if column.key in known]
    keys = {column.key for column in kept}
    return Table(name, title, kept, [{k: v for k, v in row.items() if k in keys} for row in rows])


def number(value: xr.DataArray) -> float | int:
    """A variable without dimensions; whole numbers as such."""
    plain = float(value)
    return int(plain) if plain.is_integer() else plain
