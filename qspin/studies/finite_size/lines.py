"""Theory beside curves of several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin.studies.finite_size.scaling import Scaling
from qspin.studies.finite_size.sizes import Family, linear_size
from qspin.studies.lines import (
    DEVIATION,
    THEORY,
    mark_beside,
    marked,
    marks_at,
    marks_in,
    source_at,
    temperature_told,
    with_lines,
)
from qspin.studies.series import Series
from qspin.study import INSTANCE, Asked, Point, Results

__all__ = ["lines_beside", "off_theory", "off_theory_told"]


def lines_beside(
    scaling: Scaling, family: Family, points: dict[int, list[Point]], results: Results, *, theory: bool
) -> list[Series]:
    """Each size as a curve over ``beta``, under the name of the quantity, with the line of theory if there is
    one, and its marks.

    Parameters
    ----------
    points : by size, of the scaling
    theory : whether lines are wanted
    """
    found = []
    for size in sorted(scaling.curves):
        curve = _curve(scaling, size)
        if theory:
            problem, at = _label(family, size, results.asked), points[size][0].at
            at = {name: value for name, value in at.items() if name != INSTANCE}
            curve = with_lines(curve, source_at(results.asked.problems[problem].source, at))
            curve = marked(curve, marks_at(results, problem, at))
        own = {scaling.quantity.name: curve}
        label = f"{scaling.label}, size {size}"
        found.append(Series(family.name, scaling.backend, {"size": size}, own, label=label))
    return found


def off_theory(lines: Sequence[Series], name: str, temperature: float, error: float) -> dict[str, Any]:
    """Columns of a temperature beside the nearest one that theory knows of the largest size; none where it
    knows none, or there is no error.

    Parameters
    ----------
    name : of the quantity
    """
    found = mark_beside(marks_in(lines[-1].results[name]), temperature, error)
    if found is None:
        return {}
    mark, off = found
    return {f"{THEORY}temperature": mark.temperature, f"{DEVIATION}temperature": off}


def off_theory_told(lines: Sequence[Series], name: str, temperature: float, error: float) -> str:
    """The same at the end of a sentence; empty where there is nothing to tell."""
    found = mark_beside(marks_in(lines[-1].results[name]), temperature, error)
    if found is None:
        return ""
    mark, off = found
    side = "below" if off > 0 else "above"
    return f"; {mark.symbol} = {temperature_told(mark)} by theory lies {abs(off):.1f} standard errors {side}"


def _label(family: Family, size: int, asked: Asked) -> str:
    """Of the problem that has this size."""
    return next(
        label
        for label, value in family.problems.items()
        if family.axis is not None
        or size == (linear_size(value) if family.is_linear else asked.problems[label].outline.n_spins)
    )


def _curve(scaling: Scaling, size: int) -> xr.Dataset:
    name = scaling.quantity.name
    with np.errstate(divide="ignore"):
        betas = 1 / scaling.temperatures
    return xr.Dataset(
        {name: ("beta", scaling.curves[size]), f"{name}_error": ("beta", scaling.errors[size])},
        coords={"beta": betas, "temperature": ("beta", scaling.temperatures)},
    )
