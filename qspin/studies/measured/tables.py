"""Tables of any variables: single numbers, and a row for each value of what they lie over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin.studies.lines import DEVIATION, REMARKS, THEORY, line_columns
from qspin.studies.measured.variables import Variable, variables_of
from qspin.studies.series import Series
from qspin.studies.tables import place_columns, place_of, table_of, value_columns
from qspin.study import Column, Table

__all__ = ["tables_of"]

_INTERNAL = frozenset(
    {"remarks", "info", "n_spins", "temperature_of", "temperature_reasons", "reason", "n_instances", REMARKS}
)
"""Attributes that other studies tell, or that are words for programs."""

_PARTS = ("_error", "_low", "_high")


def tables_of(series: Sequence[Series], label: str) -> Iterator[Table]:
    """Single numbers first, then a table for every dimension; what lies over two or more is in files alone.

    Parameters
    ----------
    label : of the measure
    """
    own = [s for s in series if label in s.results]
    found = variables_of([s.results[label] for s in own])
    single = [variable for variable in found if not variable.dims]
    facts = list(dict.fromkeys(name for s in own for name in _facts(s.results[label])))
    if single or facts:
        yield _numbers(own, label, single, facts)
    for dim in dict.fromkeys(variable.dims[0] for variable in found if len(variable.dims) == 1):
        yield _over(own, label, [variable for variable in found if variable.dims == (dim,)], dim)


def _facts(result: xr.Dataset) -> dict[str, Any]:
    """Attributes that are numbers or words for people."""
    return {
        str(name): value.item() if isinstance(value, np.generic) else value
        for name, value in result.attrs.items()
        if name not in _INTERNAL and isinstance(value, str | int | float | np.generic)
    }


def _columns(variables: Sequence[Variable], results: Sequence[xr.Dataset]) -> Iterator[Column]:
    for variable in variables:
        if variable.is_text:
            yield Column(variable.name, variable.heading, is_text=True)
            continue
        if any(f"{variable.name}_error" in result for result in results):
            yield from value_columns(variable.name, variable.heading)
        else:
            yield Column(variable.name, variable.heading)
        if any(f"{THEORY}{variable.name}" in result for result in results):
            yield from line_columns(variable.name, variable.heading)
        for part in _PARTS[1:]:
            yield Column(f"{variable.name}{part}", is_shown=False)


def _numbers(
    series: Sequence[Series], label: str, variables: Sequence[Variable], facts: Sequence[str]
) -> Table:
    results = [s.results[label] for s in series]
    words = {name for result in results for name, fact in _facts(result).items() if isinstance(fact, str)}
    names = [name for name in facts if name not in {variable.name for variable in variables}]
    columns = [
        *place_columns(series),
        *_columns(variables, results),
        *(Column(name, name.replace("_", " "), is_text=name in words) for name in names),
    ]
    rows = [
        {**place_of(s), **_facts(result), **_values(result, variables)}
        for s, result in zip(series, results, strict=True)
    ]
    return table_of("numbers", "Numbers", columns, rows)


def _values(
    result: xr.Dataset, variables: Sequence[Variable], at: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Variables with their errors and intervals, at one place."""
    found: dict[str, Any] = {}
    for variable in variables:
        parts = (f"{variable.name}{part}" for part in _PARTS)
        for name in (variable.name, *parts, f"{THEORY}{variable.name}", f"{DEVIATION}{variable.name}"):
            if name in result:
                values = result[name].isel(at or {}).values
                found[name] = str(values) if variable.is_text else _plain(values.item())
    return found


def _plain(value: Any) -> Any:
    """A number, None where it is not known."""
    return None if isinstance(value, float) and np.isnan(value) else value


def _over(series: Sequence[Series], label: str, variables: Sequence[Variable], dim: str) -> Table:
    """A row for each value of a coordinate."""
    results = [s.results[label] for s in series]
    has_temperature = any("temperature" in r.coords and r["temperature"].dims == (dim,) for r in results)
    columns = [
        *place_columns(series),
        *(value_columns("temperature", "T") if has_temperature else []),
        Column(dim),
        *_columns(variables, results),
    ]
    rows = []
    for s, result in zip(series, results, strict=True):
        for k in range(result.sizes.get(dim, 0)):
            rows.append(
                {**place_of(s), **_coordinates(result, dim, k), **_values(result, variables, {dim: k})}
            )
    return table_of(f"over_{dim}", f"Over {dim}", columns, rows)


def _coordinates(result: xr.Dataset, dim: str, k: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (dim, "temperature", "temperature_error"):
        if name in result.coords and result[name].dims == (dim,):
            value = result[name].values[k].item()
            found[name] = value if isinstance(value, str) else _plain(value)
    return found
