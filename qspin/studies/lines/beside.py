"""Measured curves with the line of a theory beside each, and the distance in standard errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.errors import QspinError
from qspin.settings import setting_names
from qspin.source import Source
from qspin.studies.series import Series
from qspin.study import Results

__all__ = ["DEVIATION", "THEORY", "beside_theory", "is_line"]

THEORY = "theory_"
"""What the name of a variable begins with that holds the line of another one."""

DEVIATION = "deviation_"
"""And that of its distance from the line, in standard errors of the measured point."""


def is_line(name: str) -> bool:
    """Whether a variable belongs to another one, as its line or its distance from that."""
    return name.startswith((THEORY, DEVIATION))


def beside_theory(results: Results, series: Sequence[Series], label: str) -> list[Series]:
    """The same series; results of a measure hold lines where the kind of the problem names a theory.

    Parameters
    ----------
    label : of the measure
    """
    return list(_beside(results, series, label))


def _beside(results: Results, series: Sequence[Series], label: str) -> Iterator[Series]:
    for one in series:
        measured = one.results.get(label)
        source = _source_at(results.asked.problems[one.problem].source, one)
        lines = None if measured is None or "beta" not in measured.dims else _lines(source, measured)
        if lines is None or measured is None:
            yield one
        else:
            yield replace(one, results={**one.results, label: _with(measured, lines)})


def _source_at(source: Source, series: Series) -> Source:
    """The source at the values of the axes: those that differ are its settings where they have such names."""
    own = setting_names(type(source))
    changed = {name: value for name, value in series.at.items() if name in own}
    if not changed:
        return source
    return type(source)(**{name: getattr(source, name) for name in own} | changed)


def _temperatures(measured: xr.Dataset) -> NDArray[np.float64]:
    if "temperature" in measured.coords and measured["temperature"].dims == ("beta",):
        return np.asarray(measured["temperature"].values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / measured["beta"].values, dtype=np.float64)


def _lines(source: Source, measured: xr.Dataset) -> xr.Dataset | None:
    """Predictions at the temperatures of the measured points, NaN where these have none."""
    temperatures = _temperatures(measured)
    known = np.flatnonzero(np.isfinite(temperatures) & (temperatures > 0))
    if not known.size:
        return None
    betas, back = np.unique(1 / temperatures[known], return_inverse=True)
    try:
        found = source.predicted(betas)
    except QspinError:
        return None  # where the formulas do not reach there is no line
    if found is None:
        return None
    lines = {}
    for name, values in found.data_vars.items():
        if values.dims == ("beta",) and values.dtype.kind == "f":
            row = np.full(len(temperatures), np.nan)
            row[known] = values.values[back]
            lines[name] = ("beta", row)
    return xr.Dataset(lines)


def _with(measured: xr.Dataset, lines: xr.Dataset) -> xr.Dataset:
    """Lines of the variables that were measured over temperature, and distances where there are errors."""
    added = {}
    for key, line in lines.data_vars.items():
        name = str(key)
        if name not in measured or measured[name].dims != ("beta",):
            continue
        added[f"{THEORY}{name}"] = ("beta", line.values)
        if f"{name}_error" in measured:
            error = measured[f"{name}_error"].values.astype(float)
            off = measured[name].values - line.values
            with np.errstate(divide="ignore", invalid="ignore"):
                added[f"{DEVIATION}{name}"] = ("beta", np.where(error > 0, off / error, np.nan))
    return measured.assign(added)
