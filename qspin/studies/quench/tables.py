"""Tables and files of quenches: every number that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin.studies.quench.densities import densities_of
from qspin.studies.quench.errors import Error
from qspin.studies.quench.found import Found
from qspin.studies.quench.kinks import Kinks
from qspin.studies.quench.scaling import BinderCurve, Scaled
from qspin.studies.quench.states import State
from qspin.studies.series import free_name, told
from qspin.studies.tables import table_of, value_columns
from qspin.study import Column, Table

__all__ = ["datasets_of", "tables_of"]

_PLACE = (
    Column("problem", is_text=True),
    Column("backend", is_text=True),
    Column("settings", "at", is_text=True),
    Column("time", "t, ns", ".4g"),
    Column("length", "length", ".4g"),
)


def tables_of(found: Found) -> Iterator[Table]:
    """Those that have rows."""
    if found.errors:
        yield _errors("correlation_errors", "Correlation errors, with the best settings", found.errors)
    if found.curves:
        yield _binder(found.curves)
    if found.scaled:
        yield _collapses(found.scaled)
    if found.kinks:
        yield _kinks(found)


def _place(state: State) -> dict[str, Any]:
    settings = ", ".join(f"{k} = {told(v)}" for k, v in state.settings.items())
    return {
        "problem": state.problem_name,
        "backend": state.backend,
        "settings": settings or None,
        "time": state.time if state.is_time else None,
        "length": None if state.is_time else state.time,
    }


def _errors(name: str, title: str, errors: Sequence[Error]) -> Table:
    columns = [
        *_PLACE,
        Column("error", "ε, 95 % interval", _interval),
        Column("error_low", is_shown=False),
        Column("error_high", is_shown=False),
        *value_columns("squared", "ε² without noise"),
        Column("raw", "ε as read", ".3g"),
        Column("null", "of exact reads", ".3g"),
        Column("null_high", "one in twenty beyond", ".3g"),
        Column("p_value", "p", ".2g"),
        Column("n_instances", "instances"),
    ]
    rows = [
        {
            **_place(e.state), "length": None if e.state.is_time else e.state.time,
            "time": _known(e.time), "error": e.value, "error_low": e.low, "error_high": e.high,
            "squared": e.squared, "squared_error": e.squared_error, "raw": e.raw,
            "null": _known(e.null), "null_high": _known(e.null_high), "p_value": _known(e.p_value),
            "n_instances": e.n_instances,
        }
        for e in errors
    ]  # fmt: skip
    return table_of(name, title, columns, rows)


def _interval(row: Any) -> str:
    return f"{row['error']:.3f} ({row['error_low']:.3f} to {row['error_high']:.3f})"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _binder(curves: Sequence[BinderCurve]) -> Table:
    columns = [
        *_PLACE,
        Column("n_spins", "N"),
        *value_columns("binder", "U"),
        Column("q2", "⟨q²⟩", ".3g"),
        Column("n_instances", "instances"),
    ]
    rows = [
        {
            **_place(state), "n_spins": state.n_spins, "binder": float(u), "binder_error": float(error),
            "q2": float(q2), "n_instances": curve.n_instances,
        }
        for curve in curves
        for state, u, error, q2 in zip(curve.states, curve.values, curve.errors, curve.q2, strict=True)
    ]  # fmt: skip
    return table_of("binder_ratios", "Binder ratios", columns, rows)


def _collapses(scaled: Sequence[Scaled]) -> Table:
    columns = [
        Column("family", "model", is_text=True),
        Column("sampler", is_text=True),
        Column("sizes", is_text=True),
        *value_columns("mu"),
        Column("quality", "squared distance, in errors", ".2g"),
        Column("reason", "why there is none", is_text=True),
    ]
    rows = []
    for own in scaled:
        row: dict[str, Any] = {
            "family": own.family, "sampler": own.sampler, "sizes": ", ".join(map(str, sorted(own.curves))),
            "reason": own.reason or None,
        }  # fmt: skip
        if own.collapse is not None:
            row |= {"mu": own.collapse.mu, "mu_error": own.collapse.error, "quality": own.collapse.quality}
        rows.append(row)
    return table_of("collapses", "Collapse over t L^-mu", columns, rows)


def _kinks(found: Found) -> Table:
    columns = [
        *_PLACE,
        Column("n_spins", "N"),
        Column("coupling", "|J|", ".4g"),
        *value_columns("kinks", "kinks a spin"),
        Column("kinks_limit", "at most, where none is read", ".5f"),
        Column("exact", "of the exact state", ".5f"),
        *(Column(line, heading, ".5f") for line, heading in _LINES.items()),
    ]
    rows = [
        {
            **_place(k.state), "n_spins": k.n_spins, "coupling": k.coupling, "kinks": k.value,
            "kinks_error": k.error, "kinks_limit": _known(k.limit), "exact": _known(k.exact),
            **_theory(k, found),
        }
        for k in found.kinks
    ]  # fmt: skip
    return table_of("kinks", "Kinks of rings", columns, rows)


_LINES = {"free fermions": "free fermions", "Kibble-Zurek": "Kibble-Zurek"}


def _theory(kinks: Kinks, found: Found) -> dict[str, float]:
    """What theory says at this time."""
    return {
        line.name: value
        for line in found.theories
        if line.place == kinks.state.place and (value := line.at(kinks.state.time)) is not None
    }


# -- files ---------------------------------------------------------------------------------------


def datasets_of(found: Found) -> dict[str, xr.Dataset]:
    """Errors of all settings, curves and lines of theory, by names that files may have."""
    datasets: dict[str, xr.Dataset] = {}
    if found.every:
        datasets["errors"] = _rows_of(_errors("every", "", found.every))
    for curve in found.curves:
        state = curve.states[0]
        name = _plain(f"binder-{state.problem_name}-{state.backend_name}")
        datasets[free_name(name, datasets)] = curve.dataset()
    for problem, own in densities_of(found.errors).items():
        for backend, density in own.items():
            datasets[free_name(_plain(f"density-{problem}-{backend}"), datasets)] = density
    for line in found.theories:
        name = _plain(f"theory-{line.name}-{line.place[0]}")
        datasets[free_name(name, datasets)] = line.dataset()
    return datasets


def _rows_of(table: Table) -> xr.Dataset:
    """A table as columns over ``row``."""
    columns = {}
    for column in table.columns:
        values = [row.get(column.key) for row in table.rows]
        if column.is_text:
            columns[column.key] = ("row", np.array(["" if v is None else str(v) for v in values]))
        else:
            columns[column.key] = ("row", np.array([np.nan if v is None else v for v in values], dtype=float))
    return xr.Dataset(columns, coords={"row": np.arange(len(table.rows))})


def _plain(name: str) -> str:
    """As a file may be called."""
    return re.sub(r"[^\w.-]+", "_", name)
