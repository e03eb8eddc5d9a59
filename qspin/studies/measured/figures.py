"""Figures of any variable, by what it lies over: temperature, another coordinate, or an axis of the sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin import plot
from qspin.studies.grids import grid
from qspin.studies.lines import drawn_beside
from qspin.studies.measured.variables import Variable, coldest_row, variables_of
from qspin.studies.series import Series, panels
from qspin.study import Figure

__all__ = ["figures_of"]

_OPEN = 3  # figures that the page shows unasked
_PLACES = frozenset({"beta_effective", "coupling_scale", "chain_break_fraction"})
"""Facts of a device that stand beside whatever is measured of it; in tables and files alone."""

_ERRORS = "Bars and bands are one standard error, where there is any."


def figures_of(series: Sequence[Series], label: str) -> Iterator[Figure]:
    """One figure for each variable that is a curve.

    Parameters
    ----------
    label : of the measure
    """
    results = [s.results[label] for s in series if label in s.results]
    number = 0
    for variable in variables_of(results):
        if variable.name in _PLACES or (variable.name == "beta_matched" and _are_placed(results)):
            continue
        figure = _figure(variable, series, label, is_folded=number >= _OPEN)
        if figure is not None:
            number += 1
            yield figure


def _are_placed(results: Sequence[xr.Dataset]) -> bool:
    return any("temperature_of" in result.attrs for result in results)


def _figure(variable: Variable, series: Sequence[Series], label: str, *, is_folded: bool) -> Figure | None:
    if variable.is_text:
        return None
    own = [s for s in series if label in s.results and _is_known(s.results[label], variable)]
    if not own:
        return None
    if variable.dims == ("beta",):
        caption = f"{_title(variable)} against temperature. {_ERRORS}"
        drawn = _over_temperature(variable)
        return grid(variable.name, caption, panels(own), label, drawn, is_folded=is_folded)
    if not variable.dims:
        return _over_axis(variable, own, label, is_folded)
    dim = next(d for d in variable.dims if d != "beta")
    if set(variable.dims) - {"beta", dim} or not _is_curve(own, label, dim):
        return None
    where = " at the coldest temperature" if "beta" in variable.dims else ""
    caption = f"{_title(variable)} against {dim}{where}. {_ERRORS}"
    return grid(variable.name, caption, panels(own), label, _over(variable, dim), is_folded=is_folded)


def _title(variable: Variable) -> str:
    return variable.heading[0].upper() + variable.heading[1:]


def _is_known(result: xr.Dataset, variable: Variable) -> bool:
    return variable.name in result and bool(np.isfinite(result[variable.name].values.astype(float)).any())


def _is_curve(series: Sequence[Series], label: str, dim: str) -> bool:
    """Whether a coordinate has two numbers or more to be drawn against."""
    coordinates = [s.results[label][dim] for s in series if dim in s.results[label].coords]
    return any(c.dtype.kind in "iuf" and c.size > 1 for c in coordinates)


def _over_temperature(variable: Variable) -> Callable[..., Any]:
    def draw(ax: Any, curves: Mapping[str, xr.Dataset], styles: plot.Styles) -> Any:
        own = {key: curve for key, curve in curves.items() if variable.name in curve}
        drawn = plot.quantity(own, variable.name, ax, label=variable.heading, styles=styles)
        return drawn_beside(drawn, own, variable.name, styles)

    return draw


def _over(variable: Variable, dim: str) -> Callable[..., Any]:
    def draw(ax: Any, curves: Mapping[str, xr.Dataset], styles: plot.Styles) -> Any:
        own = {key: _row(curve, variable) for key, curve in curves.items() if variable.name in curve}
        return plot.profile(own, variable.name, dim, ax, label=variable.heading, styles=styles)

    return draw


def _row(result: xr.Dataset, variable: Variable) -> xr.Dataset:
    return result.isel(beta=coldest_row(result)) if "beta" in variable.dims else result


def _over_axis(variable: Variable, series: Sequence[Series], label: str, is_folded: bool) -> Figure | None:
    """Of single numbers a curve along the first axis of the sweep that runs over numbers."""
    axis = _first_axis(series)
    if axis in (None, variable.name):
        return None
    lines: dict[str, list[Series]] = {}
    for s in series:
        if axis in s.at:
            rest = {name: value for name, value in s.at.items() if name != axis}
            key = Series(s.problem, s.backend, rest, {}).name("problem", "backend")
            lines.setdefault(key, []).append(s)
    curves = {key: _along(own, axis, variable.name, label) for key, own in lines.items()}
    return Figure(
        variable.name,
        f"{_title(variable)} against {axis}. {_ERRORS}",
        [lambda ax: plot.profile(curves, variable.name, axis, ax, label=variable.heading)],
        is_folded=is_folded,
    )


def _first_axis(series: Sequence[Series]) -> str | None:
    names = dict.fromkeys(name for s in series for name in s.at)
    for name in names:
        values = [s.at[name] for s in series if name in s.at]
        if (
            all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
            and len(set(values)) > 1
        ):
            return name
    return None


def _along(series: Sequence[Series], axis: str, name: str, label: str) -> xr.Dataset:
    """One variable of several series as a curve over an axis."""
    ordered = sorted(series, key=lambda s: s.at[axis])
    parts = [part for part in (name, f"{name}_error") if all(part in s.results[label] for s in ordered)]
    values = {part: (axis, [float(s.results[label][part]) for s in ordered]) for part in parts}
    return xr.Dataset(values, coords={axis: [s.at[axis] for s in ordered]})
