"""Measured curves with the line of a theory beside each, and the distance in standard errors."""

from __future__ import annotations

import json
from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.errors import QspinError
from qspin.predicted import Mark
from qspin.remarks import Remark, remarks_from
from qspin.source import Source
from qspin.studies.lines.marks import marked, marks_at
from qspin.studies.lines.names import DEVIATION, REMARKS, THEORY, measured_name
from qspin.studies.lines.sources import source_at
from qspin.studies.series import Series
from qspin.study import Results

__all__ = ["beside_theory", "line_remarks", "predicted_at", "with_lines"]


_SIZES = frozenset({"m_abs", "m_max", "q_abs"})
"""Means of sizes: they vanish in the limit of many spins alone, however well fewer are sampled."""


def beside_theory(results: Results, series: Sequence[Series], *labels: str) -> list[Series]:
    """The same series; results of measures over temperature hold lines and marks where the kind of the
    problem names a theory.

    Parameters
    ----------
    labels : of the measures
    """
    known: dict[str, list[Mark]] = {}
    return [_beside(results, one, labels, known) for one in series]


def _beside(
    results: Results, one: Series, labels: Sequence[str], known: MutableMapping[str, list[Mark]]
) -> Series:
    own = {label: one.results[label] for label in labels if label in one.results}
    own = {label: result for label, result in own.items() if "beta" in result.dims}
    line = results.asked.problems[one.problem]
    if not own or not line.source.names_theory():
        return one
    try:
        source = source_at(line.source, one.at)
    except QspinError:
        return one  # an axis runs over files, and one is gone
    place = {axis.name: one.at[axis.name] for axis in line.axes if axis.name in one.at}
    key = repr((one.problem, place))
    if key not in known:  # other backends have the same
        known[key] = marks_at(results, one.problem, place)
    drawn = {label: marked(with_lines(result, source), known[key]) for label, result in own.items()}
    return replace(one, results={**one.results, **drawn})


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
            lines[name] = ("beta", row, values.attrs)
    return xr.Dataset(lines, attrs=found.attrs)


def _temperatures(measured: xr.Dataset) -> NDArray[np.float64]:
    if "temperature" in measured.coords and measured["temperature"].dims == ("beta",):
        return np.asarray(measured["temperature"].values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / measured["beta"].values, dtype=np.float64)


def _with(measured: xr.Dataset, lines: xr.Dataset) -> xr.Dataset:
    """Lines of the variables that were measured over temperature; in their distances errors of the theory,
    which population dynamics has, count as well. Sizes have none where their line is 0."""
    added: dict[str, Any] = {}
    for key, line in lines.data_vars.items():
        of_state, name = str(key), measured_name(str(key))
        if of_state.endswith("_error") or name not in measured or measured[name].dims != ("beta",):
            continue
        added[f"{THEORY}{of_state}"] = ("beta", line.values, line.attrs)
        if f"{name}_error" in measured:
            error = measured[f"{name}_error"].values.astype(float)
            own = lines[f"{of_state}_error"].values if f"{of_state}_error" in lines else 0.0
            off = measured[name].values - line.values
            is_told = (line.values != 0) | (name not in _SIZES)
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.where((error > 0) & is_told, off / np.hypot(error, own), np.nan)
            added[f"{DEVIATION}{of_state}"] = ("beta", distance)
    remarks = lines.attrs.get("remarks", "[]")
    return measured.assign(added).assign_attrs({REMARKS: remarks} if added and remarks != "[]" else {})
