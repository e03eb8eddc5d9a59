"""Which cells have what measures need, and cells and points by their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr

from qspin.registry import get_measure
from qspin.study import Asked, Cell, Point, Results, Wanted

__all__ = ["by_place", "is_beside", "result_at", "wherever_met"]


def wherever_met(asked: Asked, names: Iterable[str]) -> list[Wanted]:
    """Measures on every cell that has what they need; on others nobody wants them.

    Parameters
    ----------
    names : of measures, with their default settings
    """
    measures = {name: get_measure(name) for name in names}
    return [
        Wanted(name, problem.label, backend.label)
        for problem, backend in asked.cells()
        for name, measure in measures.items()
        if not asked.unmet(measure, problem.label, backend.label)
    ]


def by_place(results: Results, label: str) -> dict[tuple[str, str], Cell]:
    """Cells of a measure by (problem, backend).

    Parameters
    ----------
    label : under which it was wanted
    """
    return {(cell.problem, cell.backend): cell for cell in results.cells(label)}


def result_at(cell: Cell | None, at: Mapping[str, Any]) -> xr.Dataset | None:
    """Of the point of a cell with these values on its axes; None where there is none."""
    return next((p.result for p in cell.points if repr(p.at) == repr(at)), None) if cell else None


def is_beside(one: Point, other: Point) -> bool:
    """Whether a point has the values of another on all axes that they share."""
    return all(repr(one.at[name]) == repr(value) for name, value in other.at.items() if name in one.at)
