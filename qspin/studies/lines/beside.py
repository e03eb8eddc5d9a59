"""Measured curves with the line of a theory beside each, and the distance in standard errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.errors import QspinError
from qspin.remarks import Remark, remarks_from
from qspin.settings import setting_names
from qspin.source import Source
from qspin.studies.series import Series
from qspin.study import Results

__all__ = [
    "DEVIATION",
    "REMARKS",
    "THEORY",
    "beside_theory",
    "is_line",
    "line_remarks",
    "predicted_at",
    "source_at",
    "with_lines",
]

THEORY = "theory_"
"""What the name of a variable begins with that holds the line of another one."""

DEVIATION = "deviation_"
"""And that of its distance from the line, in standard errors of the measured point."""

REMARKS = f"{THEORY}remarks"
"""Attribute of a result with lines: what is to be known of the theory, as `qspin.remarks.stored` has it."""


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
        source = source_at(results.asked.problems[one.problem].source, one.at)
        if measured is None or "beta" not in measured.dims:
            yield one
        else:
            yield replace(one, results={**one.results, label: with_lines(measured, source)})


def source_at(source: Source, at: Mapping[str, Any]) -> Source:
    """The source at values of the axes: those that have names of its settings are these.

    One that names no theory is not made anew: its file may be gone when a run is concluded again.
    """
    if not source.names_theory():
        return source
    own = setting_names(type(source))
    changed = {name: value for name, value in at.items() if name in own}
    if not changed:
        return source
    return type(source)(**{name: getattr(source, name) for name in own} | changed)


def with_lines(measured: xr.Dataset, source: Source) -> xr.Dataset:
    """A result over ``beta`` with the line of each variable that theory knows, and distances where there are
    errors; as it is where there is no theory."""
    lines = predicted_at(source, _temperatures(measured))
    return measured if lines is None else _with(measured, lines)


def line_remarks(measured: xr.Dataset) -> list[Remark]:
    """What is to be known of the lines of a result."""
    return remarks_from(json.loads(measured.attrs.get(REMARKS, "[]")))


def predicted_at(source: Source, temperatures: NDArray[np.float64]) -> xr.Dataset | None:
    """What theory says of the curves of a problem over ``beta``, in the order of these temperatures.

    Parameters
    ----------
    temperatures : (n,), in any order; where one is not finite and above 0 the lines are NaN

    Returns
    -------
    None where there is no theory of such problems, or no formula of it reaches these settings
    """
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
    return xr.Dataset(lines, attrs=found.attrs)


def _temperatures(measured: xr.Dataset) -> NDArray[np.float64]:
    if "temperature" in measured.coords and measured["temperature"].dims == ("beta",):
        return np.asarray(measured["temperature"].values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / measured["beta"].values, dtype=np.float64)


def _with(measured: xr.Dataset, lines: xr.Dataset) -> xr.Dataset:
    """Lines of the variables that were measured over temperature; in their distances errors of the theory,
    which population dynamics has, count as well."""
    added = {}
    for key, line in lines.data_vars.items():
        name = str(key)
        if name.endswith("_error") or name not in measured or measured[name].dims != ("beta",):
            continue
        added[f"{THEORY}{name}"] = ("beta", line.values)
        if f"{name}_error" in measured:
            error = measured[f"{name}_error"].values.astype(float)
            own = lines[f"{name}_error"].values if f"{name}_error" in lines else 0.0
            off = measured[name].values - line.values
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.where(error > 0, off / np.hypot(error, own), np.nan)
            added[f"{DEVIATION}{name}"] = ("beta", distance)
    remarks = lines.attrs.get("remarks", "[]")
    return measured.assign(added).assign_attrs({REMARKS: remarks} if added and remarks != "[]" else {})
