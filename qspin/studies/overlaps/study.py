"""How alike are independent replicas? Mean |q|, P(q) and energies against the temperature.

Source of the curve T -> mean |q_ab| as a descriptor of a network: Li, arXiv:2508.07397.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import Field, PositiveFloat

from qspin.analysis import half_temperature
from qspin.analysis.curves import STANDARD_ERRORS
from qspin.studies.cells import wherever_met
from qspin.studies.differences import differing_settings
from qspin.studies.lines import (
    DEVIATION,
    THEORY,
    beside_overlaps,
    beside_theory,
    line_columns,
    lines_told,
    marks_told,
    remarks_told,
)
from qspin.studies.matching import matched_temperatures
from qspin.studies.overlaps.controls import control_findings, control_table, controls_of
from qspin.studies.overlaps.devices import device_findings
from qspin.studies.overlaps.figures import overlap_figures, shown_betas
from qspin.studies.overlaps.pairs import findings_of, pair_dataset, pair_table, pairs_of
from qspin.studies.series import Series, datasets_of, series_of
from qspin.studies.tables import number, place_columns, place_of, table_of, value_columns
from qspin.studies.wording import some, with_error
from qspin.study import (
    Asked,
    Column,
    Conclusion,
    Finding,
    Plan,
    Results,
    Section,
    Study,
    Table,
    settings,
)

__all__ = ["Overlaps"]

_DENSITY = "overlap_distribution"
_CURVES = ("overlap_curve", _DENSITY, "energy_curve", "record")
_LINKS = "link_overlap_curve"
_DRAWN = ("overlap_curve", "energy_curve", _LINKS)
"""Measures beside which theory is drawn."""

_BOTTOM_WEIGHT = 0.2  # a study of the landscape says more
_NOTES = (
    f"A difference is called one beyond {STANDARD_ERRORS:g} standard errors, or where errors are over few "
    "instances beyond as many as Student's t has at that rarity; it is not corrected for the number of "
    "temperatures. A backend without a thermostat is put at the temperature at which the "
    "reference, reweighted, has its mean energy.",
)


@settings
class Overlaps(Study):
    """How alike are independent replicas, of each problem with each backend?

    Parameters
    ----------
    temperatures : where to show P(q), at the nearest of the ladder; default: coldest, middle, hottest
    links : mean link overlap beside the spin overlap
    theory : ``auto``: mean |q| and energies have the line of the theory that the kind of a problem names,
        curves marks at temperatures that it knows, and P(q) that of infinitely many spins; ``none``
    """

    is_standard: ClassVar[bool] = True

    temperatures: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, max_length=6)] | None = None
    links: bool = True
    theory: Literal["auto", "none"] = "auto"

    def plan(self, asked: Asked) -> Plan:
        """Curves wherever samples have them; energies and facts of all."""
        wanted = wherever_met(asked, (*_CURVES, *([_LINKS] if self.links else [])))
        return Plan([*wanted, *matched_temperatures(asked)])

    def conclude(self, results: Results) -> Conclusion:
        """Curves, P(q), and every difference of mean |q| that two curves show."""
        series = series_of(results, [*_CURVES, _LINKS])
        if not series:
            return Conclusion()
        found = [s.results[_DENSITY] for s in series if _DENSITY in s.results]
        betas = shown_betas(found, self.temperatures) if found else []
        if self.theory == "auto":
            series = beside_theory(results, series, *_DRAWN)
            series = beside_overlaps(results, series, _DENSITY, betas)
        controls = controls_of(results.asked, series)
        among_draws = {frozenset((c.learned, c.null)) for c in controls if len(c.draws) > 1}
        pairs = pairs_of(series, among_draws)
        findings = [*control_findings(controls), *findings_of(pairs), *device_findings(series)]
        if not findings:
            findings = [Finding("Nothing can be compared: no two curves share a temperature.", 0.1)]
        findings += lines_told(series, "energy_curve", ["energy"])  # |q| of few spins never is that of many
        findings += [*marks_told(series, *_DRAWN), *remarks_told(series, _DENSITY)]
        section = Section(
            "Overlaps of replicas",
            "overlaps",
            "How alike are independent copies of a problem at one temperature, and how does that differ "
            "between problems?",
            sorted(findings, key=lambda finding: -finding.weight),
            list(overlap_figures(series, betas)),
            [_table(series), *control_table(controls), *pair_table(pairs)],
            [*differing_settings(results.asked), *_NOTES],
        )
        bottom = _bottom_line(series)
        return Conclusion(
            [section],
            bottom_line={} if bottom is None else {"glass": bottom},
            datasets={**datasets_of(series), **pair_dataset(pairs)},
        )


def _bottom_line(series: Sequence[Series]) -> Finding | None:
    """Where mean |q| passes 1/2, of each problem with the first backend that shows it."""
    places: dict[str, str] = {}
    for s in series:
        curve = s.curve("q_abs")
        if curve is None or not np.isfinite(curve["beta"].values).any():
            continue
        if (half := half_temperature(curve)) is not None:
            places.setdefault(s.name("problem"), f"{with_error(*half)} ({s.name('problem')})")
    if not places:
        return None
    return Finding(
        f"On cooling, mean |q| rises through 1/2 at T = {some(places.values(), 4)}; whether replicas freeze "
        "into a glass there, mean overlaps alone do not tell.",
        _BOTTOM_WEIGHT,
    )


# -- the table -----------------------------------------------------------------------------------


def _table(series: Sequence[Series]) -> Table:
    """A row a series: its problem, and where its curves begin and end."""
    columns = [
        *place_columns(series),
        Column("n_spins", "N", ".4g"),
        Column("n_couplings", "couplings", ".4g"),
        Column("coupling_rms", "rms J", ".3g"),
        *value_columns("half", "T where mean |q| = ½"),
        Column("coldest", "coldest T", ".3g"),
        *value_columns("q_abs", "mean |q| there"),
        *line_columns("q_abs", "mean |q|"),
        *value_columns("q_link", "mean link overlap there"),
        *value_columns("energy", "E/N there"),
        *line_columns("energy", "E/N"),
        Column("best", "best E/N", ".4f"),
    ]
    rows = [_row(s) for s in series]
    return table_of("curves", "Curves", columns, rows, "half", "q_abs")


def _row(s: Series) -> dict[str, Any]:
    row = place_of(s)
    if (record := s.results.get("record")) is not None:
        row |= {name: number(record[name]) for name in ("n_spins", "n_couplings", "coupling_rms")}
        row["best"] = float(record["best_energy"]) / max(float(record["n_spins"]), 1)
    curve = s.curve("q_abs")
    row["half"], row["half_error"] = (None if curve is None else half_temperature(curve)) or (None, None)
    for name in ("q_abs", "q_link", "energy"):
        if (found := s.curve(name)) is not None:
            k, row["coldest"] = _coldest(found)
            row |= {part: float(found[part][k]) for part in (name, f"{name}_error")}
            lines = (f"{THEORY}{name}", f"{DEVIATION}{name}")
            row |= {
                part: float(found[part][k]) for part in lines if part in found and np.isfinite(found[part][k])
            }
    return row


def _coldest(curve: xr.Dataset) -> tuple[int, float | None]:
    """Row and temperature of the coldest; the first row and None where no temperature is known."""
    temperatures = curve["temperature"].values
    if not np.isfinite(temperatures).any():
        return 0, None
    k = int(np.nanargmin(temperatures))
    return k, float(temperatures[k])
