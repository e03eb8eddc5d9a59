"""Comparison of backends: the study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from qspin.analysis import at_matched_temperatures
from qspin.analysis.correction import LEVEL
from qspin.registry import get_measure
from qspin.remarks import remarks_of
from qspin.studies.cells import by_place, is_beside, wherever_met
from qspin.studies.comparison.figures import datasets_of, energies_of, energy_figures, pair_figures, pairs_of
from qspin.studies.comparison.verdicts import Row, judged, rows_of, shares_table, verdict_table
from qspin.studies.comparison.words import bottom_line, matrix, sentences
from qspin.studies.matching import reference_of, require_named
from qspin.study import (
    INSTANCE,
    Asked,
    BackendLine,
    Cell,
    Conclusion,
    Finding,
    InputError,
    Plan,
    Point,
    PositiveInt,
    ProblemLine,
    Results,
    Section,
    Study,
    Wanted,
    settings,
)

__all__ = ["Comparison"]

_DOUBTS = frozenset({"r-hat-energy", "r-hat-overlap", "few-effective-samples"})
"""Codes of remarks that make a comparison doubtful: they are told with its verdict."""

_METHOD = (
    "The reference is the first backend with a ladder of temperatures, unless the study names another. A "
    "backend without a thermostat is put at the temperature at which the reference, reweighted, has its mean "
    "energy, with one standard error, and held against configurations of the reference at exactly that "
    "temperature. p is that of a permutation test over energies, single spins, pairs of spins and whole "
    "configurations together."
)


@settings
class Comparison(Study):
    """Verdicts on every other backend against a reference, corrected for their number.

    Parameters
    ----------
    reference : label of a backend; default the first that has a thermostat, a ladder and spins
    rows : temperatures of a ladder that are compared: hot, middle and cold ones
    permutations : of each test, before a finer one is needed
    level : corrected p-value at or below which "the same ensemble" is rejected
    """

    is_standard = True

    reference: str | None = None
    rows: PositiveInt = 3
    permutations: PositiveInt = 499
    level: Annotated[float, Field(gt=0, lt=1)] = LEVEL

    def plan(self, asked: Asked) -> Plan:
        """Nothing where there is one backend.

        Raises
        ------
        InputError
            If the reference that is named is not there, or does not have what a reference needs.
        """
        if self.reference is not None:
            self._require_reference(asked)
        if len(asked.backends) < 2:
            return Plan()
        wanted = [Wanted("energy_distribution", p.label, b.label) for p, b in asked.cells()]
        reference = self._reference(asked)
        if reference is None:
            return Plan(wanted)
        wanted += wherever_met(asked, ("chain_diagnostics", "overlap_curve"))
        return Plan([*wanted, *self._compared(asked, reference)])

    def _reference(self, asked: Asked) -> str | None:
        return self.reference or reference_of(asked)

    def _require_reference(self, asked: Asked) -> None:
        require_named(asked, self.reference)
        line = asked.backends[str(self.reference)]
        if line.offers is not None and (lacking := {"thermostat", "spins"} - line.offers):
            raise InputError(
                f"reference {self.reference!r} offers no {' and no '.join(sorted(lacking))}: name a backend "
                "that samples at temperatures it sets and keeps configurations",
                key=("reference",),
            )

    def _compared(self, asked: Asked, reference: str) -> list[Wanted]:
        cells = [
            (problem, backend)
            for problem, backend in asked.cells()
            if backend.label != reference
            and not asked.unmet(get_measure("compare"), problem.label, backend.label)
        ]
        n_rows = self.rows * sum(_n_points(*cell) for cell in cells)
        finest = self.level / 2 ** math.ceil(math.log2(max(n_rows, 1)))
        tests = {"rows": self.rows, "permutations": self.permutations, "finest": finest}
        return [
            Wanted(name, problem.label, backend.label, chosen, reference=reference)
            for problem, backend in cells
            for name, chosen in (("compare", tests), ("cross_overlaps", {}))
        ]

    def conclude(self, results: Results) -> Conclusion:
        """The verdicts, and figures of every pair."""
        if len(results.asked.backends) < 2:
            return Conclusion()
        rows = judged(_rows(results), self.level)
        energies, pairs = energies_of(results), pairs_of(results)
        reference = self._reference(results.asked)
        found = sentences(rows, _mean_overlaps(results, reference), self.level)
        tables = [verdict_table(rows, self.level), shares_table(rows)] if rows else []
        section = Section(
            "Comparison of backends",
            "comparison",
            "Do the backends see the same landscape?",
            findings=[*found, *_not_compared(results, reference, rows)],
            figures=[*pair_figures(pairs, _clearest(rows)), *energy_figures(energies)],
            tables=[table for table in tables if table is not None],
            notes=[_METHOD] if rows else [],
        )
        answer = bottom_line(rows)
        return Conclusion(
            [section] if energies or rows else [],
            matrix(rows),
            {"ensemble": answer} if answer else {},
            datasets_of(energies, pairs),
        )


def _n_points(problem: ProblemLine, backend: BackendLine) -> int:
    return math.prod(
        len(values) for values in {a.name: a.values for a in (*problem.axes, *backend.axes)}.values()
    )


# -- from cells ----------------------------------------------------------------------------------


def _rows(results: Results) -> list[Row]:
    """Every comparison, not yet judged; and one row for what could not be measured in a cell."""
    doubts = by_place(results, "chain_diagnostics")
    rows: list[Row] = []
    for cell in results.cells("compare"):
        for point in cell.points:
            own = [
                text
                for label in (str(cell.reference), cell.backend)
                for text in _doubts(label, doubts.get((cell.problem, label)), point)
            ]
            rows += rows_of(cell, point, own)
        if cell.n_missing:
            n = cell.n_missing + len(cell.points)
            which = "it" if n == 1 else f"{cell.n_missing} of {n} points"
            row = Row(cell.problem, str(cell.reference), cell.backend, {}, "")
            rows.append(row._replace(verdict=f"not compared: {which} could not be sampled or measured"))
    return rows


def _doubts(label: str, cell: Cell | None, at: Point) -> list[str]:
    """What remarks say against the samples of a backend at a point."""
    result = None if cell is None else _beside(cell, at)
    if result is None:
        return []
    told = remarks_of(result.attrs)
    return [f"{label} warns: {remark.text}" for remark in told if remark.code in _DOUBTS]


def _beside(cell: Cell, at: Point) -> xr.Dataset | None:
    """The result of a cell at the place of a point of another one; of axes that this lacks, at the first."""
    return next((point.result for point in cell.points if is_beside(point, at)), None)


def _mean_overlaps(results: Results, reference: str | None) -> dict[tuple[str, str, str], xr.Dataset]:
    """Mean |q| at the places of all comparisons that are no family, of both sides, see `sentences`."""
    cells = by_place(results, "overlap_curve")
    found: dict[tuple[str, str, str], xr.Dataset] = {}
    for cell in results.cells("compare"):
        for point in cell.points:
            if INSTANCE in point.at:
                continue
            for label in (cell.backend, str(reference)):
                key = (cell.problem, label)
                if key in cells and (curve := _beside(cells[key], point)) is not None:
                    is_own = label == cell.backend
                    place = cell.problem, label, repr(dict(point.at))
                    found[place] = _placed(curve, point.result, str(reference)) if is_own else curve
    return found


def _placed(curve: xr.Dataset, compared: xr.Dataset, reference: str) -> xr.Dataset:
    """A curve of samples without a thermostat at the temperatures at which they were compared."""
    if np.isfinite(curve["beta"].values).any() or curve.sizes["beta"] != compared.sizes["row"]:
        return curve
    return at_matched_temperatures(curve, compared["beta"], compared["beta_error"], reference)


def _clearest(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Problems and backends that are not the same ensemble, those of the smallest p-values first."""
    others = sorted((row for row in rows if row.is_other), key=lambda row: row.p_value)
    return list(dict.fromkeys((row.problem, row.backend) for row in others))


def _not_compared(results: Results, reference: str | None, rows: Sequence[Row]) -> list[Finding]:
    """Backends that no verdict speaks of, and why."""
    asked = results.asked
    if reference is None:
        return [
            Finding(
                "No backend samples at temperatures that it sets and keeps configurations, so there is "
                "nothing to hold the others against; their lowest energies are shown side by side.",
                0.5,
            )
        ]
    found = []
    for label in asked.backends:
        lacking = {text for p in asked.problems for text in asked.unmet(get_measure("compare"), p, label)}
        if label != reference and lacking and not any(row.backend == label for row in rows):
            needs = " and ".join(sorted(lacking))
            found.append(Finding(f"{label} was not compared, which needs {needs}.", 0.3))
    return found
