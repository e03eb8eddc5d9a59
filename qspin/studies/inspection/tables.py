"""The numbers of an inspection as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qspin.studies.inspection.draws import Against
from qspin.studies.inspection.numbers import Numbers, PieceNumbers, corrected
from qspin.studies.inspection.words import told_p
from qspin.studies.tables import value_columns
from qspin.study import Column, Table

__all__ = ["tables_of"]


def tables_of(numbers: Numbers, found: Sequence[Against]) -> list[Table]:
    """Pieces, critical temperatures, and the curves with their p-values."""
    tables = [_pieces(numbers), _temperatures(numbers)]
    if found:
        tables.append(_curves(numbers, found))
    return tables


def _p(key: str) -> Callable[[Mapping[str, Any]], str]:
    def shown(row: Mapping[str, Any]) -> str:
        return "–" if row.get(key) is None else told_p(row[key]).removeprefix("p ").removeprefix("= ")

    return shown


def _pieces(numbers: Numbers) -> Table:
    columns = [
        Column("piece", is_text=True),
        Column("n", "numbers"),
        Column("rms", "root mean square", ".3g"),
        Column("n_outliers", "outliers"),
        Column("largest", "largest / edge", ".3g"),
        Column("p_edge", "p of the edge", _p("p_edge")),
        Column("top", "largest", ".3g"),
        Column("top_shuffled", "of shuffles", ".3g"),
        Column("top_shuffled_deviation", "their deviation", ".2g"),
        Column("p_shuffled", "p of shuffles", _p("p_shuffled")),
        Column("initial_width", "initial half-width", ".3g"),
        Column("n_outside", "beyond it"),
        Column("p_initial", "p of uniform there", _p("p_initial")),
        Column("p_fitted", "p of uniform, fitted", _p("p_fitted")),
    ]
    rows = [_row(one) for one in numbers.pieces]
    for key in ("p_shuffled", "p_initial", "p_fitted"):
        own = corrected([float("nan") if row[key] is None else row[key] for row in rows])
        for row, p in zip(rows, own, strict=True):
            row[key] = p if p == p else None
    return Table("pieces", "Numbers of the model", columns, rows)


def _row(one: PieceNumbers) -> dict[str, Any]:
    values, spectrum = one.piece.values, one.spectrum
    several = len(one.shuffled) > 1
    return {
        "piece": one.piece.name,
        "n": len(values),
        "rms": float((values**2).mean() ** 0.5),
        "n_outliers": None if spectrum is None else spectrum.n_outliers,
        "largest": None if spectrum is None else float(spectrum.eigenvalues[0] / spectrum.upper),
        "p_edge": None if spectrum is None else float(spectrum.p_values[0]),
        "top": one.top if one.top == one.top else None,
        "top_shuffled": float(one.shuffled.mean()) if several else None,
        "top_shuffled_deviation": float(one.shuffled.std(ddof=1)) if several else None,
        "p_shuffled": one.p_shuffled if one.p_shuffled == one.p_shuffled else None,
        "initial_width": None if one.initial is None else one.initial.high,
        "n_outside": None if one.initial is None else one.initial.n_outside,
        "p_initial": None if one.initial is None else one.initial.p_value,
        "p_fitted": None if one.fitted is None else one.fitted.p_value,
    }


def _temperatures(numbers: Numbers) -> Table:
    """Critical temperatures, one a row."""
    initial = {"of": "architecture as it is initialised", "by": "formula", "temperature": numbers.unit}
    rows: list[dict[str, Any]] = [
        *([initial] if numbers.is_initial_known else []),
        {"of": "the model, signs at random", "by": "formula", "temperature": numbers.formula},
    ]
    if numbers.tap == numbers.tap:
        rows.append({"of": "the model", "by": "TAP", "temperature": numbers.tap})
    if len(shuffled := numbers.tap_shuffled) > 1 and (shuffled == shuffled).all():
        spread = {"deviation": float(shuffled.std(ddof=1)), "n_draws": len(shuffled)}
        rows.append({"of": "shuffles", "by": "TAP", "temperature": float(shuffled.mean()), **spread})
    for row in rows:
        row["in_units"] = row["temperature"] / numbers.unit if numbers.unit else None
    columns = [
        Column("of", "critical temperature of", is_text=True),
        Column("by", is_text=True),
        Column("temperature", "T", ".4g"),
        Column("in_units", "T / T_c", ".3g"),
        Column("deviation", "standard deviation", ".2g"),
        Column("n_draws", "draws"),
    ]
    return Table("temperatures", "Critical temperatures", columns, rows)


def _curves(numbers: Numbers, found: Sequence[Against]) -> Table:
    columns = [
        Column("backend", is_text=True),
        Column("control", "against", is_text=True),
        Column("temperature", "T", ".3g"),
        Column("in_units", "T / T_c", ".3g"),
        *value_columns("own", "mean |q|"),
        Column("mean", "of the draws", ".3f"),
        Column("deviation", "their deviation", ".2g"),
        Column("n_below", "draws below it"),
        Column("p_value", "p, corrected", _p("p_value")),
        Column("in_equilibrium", "replicas agree"),
    ]
    rows = [_at(one, k, numbers.unit) for one in found for k in range(len(one.temperature))]
    return Table("curves", "Mean |q| beside the controls", columns, rows)


def _at(one: Against, k: int, unit: float) -> dict[str, Any]:
    p_value = float(one.p_values[k])
    return {
        "backend": one.backend,
        "control": one.label,
        "temperature": float(one.temperature[k]),
        "in_units": float(one.temperature[k] / unit) if unit else None,
        "own": float(one.own[k]),
        "own_error": float(one.own_error[k]),
        "mean": float(one.draws[:, k].mean()),
        "deviation": float(one.draws[:, k].std(ddof=1)) if one.n_draws > 1 else None,
        "n_below": one.n_below(k),
        "p_value": p_value if p_value == p_value else None,
        "in_equilibrium": bool(one.is_sure[k]),
    }
