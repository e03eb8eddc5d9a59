"""How does the landscape of a network change while it learns? Along an axis ``epoch`` of the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qspin.analysis import half_temperature
from qspin.plot import style_of
from qspin.studies.series import Series, series_of
from qspin.studies.wording import with_error
from qspin.study import (
    Asked,
    Column,
    Conclusion,
    Figure,
    Finding,
    InputError,
    Plan,
    Results,
    Section,
    Study,
    Table,
    Wanted,
    settings,
)

__all__ = ["Epochs"]

_AXIS = "epoch"
_CURVE = "overlap_curve"


@settings
class Epochs(Study):
    """The temperature at which mean |q| falls through 1/2, over the epochs of a training."""

    def plan(self, asked: Asked) -> Plan:
        """Raises InputError if no problem has an axis ``epoch``."""
        learning = [p for p in asked.problems.values() if any(axis.name == _AXIS for axis in p.axes)]
        if not learning:
            raise InputError(
                f"epochs looks along an axis {_AXIS!r}, and no problem has one: give one to the sweep, such "
                "as sweep: {problems.LABEL.epoch: [0, 1, 10, 100]}"
            )
        cells = [(p.label, b.label) for p, b in asked.cells() if p in learning]
        return Plan([Wanted(_CURVE, problem, backend) for problem, backend in cells], shares_ladders=True)

    def conclude(self, results: Results) -> Conclusion:
        rows = [row for s in series_of(results, [_CURVE]) if (row := _row(s)) is not None]
        if not rows:
            return Conclusion()
        lines = _lines(rows)
        section = Section(
            "While it learns",
            "epochs",
            "At which temperature do replicas become alike, epoch by epoch?",
            [Finding(_told(label, own)) for label, own in lines.items()],
            [
                Figure(
                    "half_temperature",
                    "Temperature at which mean |q| falls through 1/2, by epoch; epoch 0 is the untrained "
                    "network. Bars are one standard error.",
                    [lambda ax: _draw(ax, lines)],
                )
            ],
            [Table("half_temperatures", "Temperatures where mean |q| = 1/2", _COLUMNS, rows)],
        )
        return Conclusion([section])


_COLUMNS = [
    Column("problem", is_text=True),
    Column("backend", is_text=True),
    Column("others", "at", is_text=True),
    Column("epoch", form=".0f"),
    Column("half", "T where mean |q| = ½", lambda row: with_error(row["half"], row["half_error"])),
    Column("half_error", is_shown=False),
]


def _row(s: Series) -> dict[str, Any] | None:
    """None where mean |q| does not fall through 1/2 within the ladder."""
    if (half := half_temperature(s.results[_CURVE])) is None:
        return None
    others = ", ".join(f"{name} = {value}" for name, value in s.at.items() if name != _AXIS)
    return {
        "problem": s.problem, "backend": s.backend, "others": others or None, "epoch": s.at.get(_AXIS, 0),
        "half": half[0], "half_error": half[1],
    }  # fmt: skip


def _lines(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows that differ in their epoch alone, by what they share."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        label = " · ".join(filter(None, (row["problem"], row["backend"], row["others"])))
        lines.setdefault(label, []).append(row)
    return lines


def _told(label: str, rows: Sequence[dict[str, Any]]) -> str:
    ends = (choose(rows, key=lambda row: row["epoch"]) for choose in (min, max))
    told = (f"T = {with_error(end['half'], end['half_error'])} at epoch {end['epoch']}" for end in ends)
    return f"{label}: mean |q| falls through 1/2 at {' and at '.join(told)}."


def _draw(ax: Any, lines: dict[str, list[dict[str, Any]]]) -> None:
    for k, (label, rows) in enumerate(lines.items()):
        epoch, half, error = (
            np.array([row[name] for row in rows]) for name in ("epoch", "half", "half_error")
        )
        ax.errorbar(epoch, half, error, label=label, **style_of(k))
    ax.set(xlabel="epoch", ylabel="T where mean |q| = 1/2")
    ax.legend(fontsize="small")
