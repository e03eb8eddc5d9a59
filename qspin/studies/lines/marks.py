"""Temperatures that theory knows, beside curves over temperature: what they are, and how they are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin.errors import QspinError
from qspin.predicted import Mark
from qspin.problem import IsingProblem
from qspin.studies.lines.names import MARK
from qspin.studies.lines.sources import source_at
from qspin.studies.series import Series
from qspin.studies.wording import some, with_error
from qspin.study import INSTANCE, Finding, Results

__all__ = ["mark_beside", "marked", "marks_at", "marks_in", "marks_told", "names_told", "temperature_told"]

_MOST_INSTANCES = 8  # of which marks are averaged: each may take a second
_MOST_NAMED = 12
_WEIGHT = 0.45


def marks_at(results: Results, label: str, at: Mapping[str, Any]) -> list[Mark]:
    """What theory marks of a problem at a point of the sweep; where marks depend on couplings, means over its
    first instances, with their standard error. None where it knows none, or its formulas do not reach.

    Parameters
    ----------
    label : of the problem
    """
    own: dict[str, list[Mark]] = {}
    values = _instances(results, label, at)
    for value in values[:_MOST_INSTANCES]:
        found, looked = _marks(results, label, at if value is None else {**at, INSTANCE: value})
        for mark in found:
            own.setdefault(mark.symbol, []).append(mark)
        if not looked:
            return found
    return [_mean(marks, len(values)) for marks in own.values()]


def _instances(results: Results, label: str, at: Mapping[str, Any]) -> Sequence[Any]:
    axes = {axis.name: axis.values for axis in results.asked.problems[label].axes}
    return (None,) if INSTANCE in at else axes.get(INSTANCE, (None,))


def _marks(results: Results, label: str, at: Mapping[str, Any]) -> tuple[list[Mark], bool]:
    """And whether they depend on the couplings."""
    looked = False

    def problem() -> IsingProblem:
        nonlocal looked
        looked = True
        return results.problem(label, at)

    try:
        found = source_at(results.asked.problems[label].source, at).marks(problem)
    except QspinError:
        found = ()  # where the formulas do not reach there is no mark
    return list(found), looked


def _mean(marks: Sequence[Mark], n: int) -> Mark:
    first, temperatures = marks[0], np.array([mark.temperature for mark in marks])
    if len(marks) == 1:
        return first
    error = float(temperatures.std(ddof=1) / np.sqrt(len(marks)))
    told = f"{first.told}; mean of {len(marks)} of {n} instances"
    return Mark(first.symbol, float(temperatures.mean()), told, float(np.hypot(error, first.error)))


def marked(measured: xr.Dataset, marks: Sequence[Mark]) -> xr.Dataset:
    """A result over ``beta`` with marks; as it is where there are none."""
    if not marks:
        return measured
    columns = {
        MARK: [mark.temperature for mark in marks],
        f"{MARK}_error": [mark.error for mark in marks],
        f"{MARK}_told": [mark.told for mark in marks],
    }
    added = {name: ("mark", np.array(values)) for name, values in columns.items()}
    return measured.assign(added).assign_coords(mark=[mark.symbol for mark in marks])


def marks_in(measured: xr.Dataset) -> list[Mark]:
    """Those of a result."""
    if MARK not in measured:
        return []
    columns = (measured[name].values for name in ("mark", MARK, f"{MARK}_told", f"{MARK}_error"))
    return [Mark(str(s), float(t), str(told), float(e)) for s, t, told, e in zip(*columns, strict=True)]


# -- in words ------------------------------------------------------------------------------------


def marks_told(series: Sequence[Series], *labels: str) -> Iterator[Finding]:
    """A sentence for each mark, with the values of all series.

    Parameters
    ----------
    labels : of measures, any of which may hold them
    """
    found: dict[tuple[str, str], dict[str, list[Series]]] = {}
    for one in series:
        own = next((marks for label in labels if (marks := _of(one, label))), [])
        for mark in own:
            values = found.setdefault((mark.symbol, mark.told), {})
            values.setdefault(temperature_told(mark), []).append(one)
    for (symbol, told), values in found.items():
        places = (f"{value} of {names_told(own, series)}" for value, own in values.items())
        yield Finding(
            f"Theory has {symbol} = {some(places, _MOST_NAMED)}: {told}.", _WEIGHT, is_of_report=True
        )


def names_told(own: Sequence[Series], series: Sequence[Series]) -> str:
    """Of some series; those of a problem whose series are all among them are told by it alone."""
    left = {one.problem for one in series if all(one is not other for other in own)}
    whole = {one.problem for one in own} - left
    return some(one.problem if one.problem in whole else one.name("problem") for one in own)


def _of(one: Series, label: str) -> list[Mark]:
    return marks_in(one.results[label]) if label in one.results else []


def temperature_told(mark: Mark) -> str:
    """With its error, where it has one."""
    return with_error(mark.temperature, mark.error) if mark.error else f"{mark.temperature:.6g}"


def mark_beside(marks: Sequence[Mark], temperature: float, error: float) -> tuple[Mark, float] | None:
    """The mark nearest to a temperature that was measured, and how many standard errors of both the latter
    lies above it; None where there is none, or no error.

    Examples
    --------
    >>> mark_beside([Mark("T_c", 1.0, "exact"), Mark("T_g", 2.0, "exact")], 0.9, 0.05)[1].__round__(6)
    -2.0
    """
    if not marks or not np.isfinite(temperature) or not error > 0:
        return None
    nearest = min(marks, key=lambda mark: abs(mark.temperature - temperature))
    return nearest, float((temperature - nearest.temperature) / np.hypot(error, nearest.error))
