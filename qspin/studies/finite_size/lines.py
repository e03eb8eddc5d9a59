"""Theory beside curves of several sizes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from qspin.studies.finite_size.scaling import Scaling
from qspin.studies.finite_size.sizes import Family, linear_size
from qspin.studies.lines import source_at, with_lines
from qspin.studies.series import Series
from qspin.study import Asked, Point

__all__ = ["lines_beside"]


def lines_beside(
    scaling: Scaling, family: Family, points: dict[int, list[Point]], asked: Asked, *, theory: bool
) -> list[Series]:
    """Each size as a curve over ``beta``, under the name of the quantity, with the line of theory if there is
    one.

    Parameters
    ----------
    points : by size, of the scaling
    theory : whether lines are wanted
    """
    found = []
    for size in sorted(scaling.curves):
        curve = _curve(scaling, size)
        if theory:
            source = asked.problems[_label(family, size, asked)].source
            curve = with_lines(curve, source_at(source, points[size][0].at))
        results = {scaling.quantity.name: curve}
        label = f"{scaling.label}, size {size}"
        found.append(Series(family.name, scaling.backend, {"size": size}, results, label=label))
    return found


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
