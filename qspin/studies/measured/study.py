"""What does one measure find? Any of them, by its name: its variables as figures, tables and a file."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import Field

from qspin.errors import InputError
from qspin.measure import Measure
from qspin.registry import get_measure
from qspin.settings import PlainValues
from qspin.studies.lines import beside_theory, lines_told, marks_told
from qspin.studies.matching import matched_temperatures, reference_of
from qspin.studies.measured.figures import figures_of
from qspin.studies.measured.tables import tables_of
from qspin.studies.series import Series, datasets_of, series_of, told
from qspin.studies.wording import some
from qspin.study import Asked, Cell, Conclusion, Finding, Plan, Results, Section, Study, Wanted, settings

__all__ = ["Measured"]

_FOUND = "found"
"""Label under which the measure is wanted: that of temperatures may be the same."""


@settings
class Measured(Study):
    """What one measure finds, wherever samples have what it needs.

    Parameters
    ----------
    measure : its name
    settings : of it
    reference : label of the backend that others are held against, for a measure that compares; default the
        first with a ladder of temperatures and stored spins
    theory : ``auto``: curves over temperature have the line of the theory that the kind of a problem names,
        their distance from it in standard errors, and marks at temperatures that it knows; ``none``
    """

    measure: str
    settings: PlainValues = Field(default_factory=dict)
    reference: str | None = None
    theory: Literal["auto", "none"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what is no measure, or none of its settings, when it is given."""
        self._made()

    def _made(self) -> Measure:
        return get_measure(self.measure, **self.settings)

    def plan(self, asked: Asked) -> Plan:
        """The measure on every cell that has what it needs.

        Raises
        ------
        InputError
            If none has: which need, which backend; or there is nothing to hold samples against.
        """
        measure = self._made()
        reference = self._reference(asked) if measure.against else None
        cells = [(p.label, b.label) for p, b in asked.cells() if b.label != reference]
        met = [cell for cell in cells if not asked.unmet(measure, *cell)]
        if not met:
            raise InputError(
                f"{self.measure} needs what no backend has here: {_lacking(asked, measure, cells)}"
            )
        wanted = [Wanted(self.measure, p, b, self.settings, reference, _FOUND) for p, b in met]
        return Plan(wanted if measure.against else [*wanted, *matched_temperatures(asked)])

    def _reference(self, asked: Asked) -> str:
        found = reference_of(asked) if self.reference is None else self.reference
        if found is None or found not in asked.backends or len(asked.backends) < 2:
            known = ", ".join(asked.backends)
            raise InputError(
                f"{self.measure} holds the samples of a backend against those of a reference, one that "
                "samples at temperatures which it sets and keeps configurations; there is none besides "
                f"others in {known}",
                key=() if self.reference is None else ("reference",),
            )
        return found

    def conclude(self, results: Results) -> Conclusion:
        """All variables of the measure."""
        cells = results.cells(_FOUND)
        series = series_of(results, [_FOUND])
        if not series:
            return Conclusion()
        if self.theory == "auto":
            series = beside_theory(results, series, _FOUND)
        title = self.measure.replace("_", " ")
        section = Section(
            title[0].upper() + title[1:],
            self._anchor(),
            _summary(self._made()),
            [*_findings(title, cells, series), *lines_told(series, _FOUND), *marks_told(series, _FOUND)],
            list(figures_of(series, _FOUND)),
            list(tables_of(series, _FOUND)),
            [f"Settings of the measure: {_spelled(self.settings)}."] if self.settings else [],
        )
        return Conclusion([section], datasets=datasets_of(series))

    def _anchor(self) -> str:
        """Of its own for other settings, since a config may ask for a measure twice."""
        name = self.measure.replace("_", "-").lower()
        if not self.settings:
            return name
        text = json.dumps(self.settings, sort_keys=True)
        return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _lacking(asked: Asked, measure: Measure, cells: Sequence[tuple[str, str]]) -> str:
    """Which need which backends do not meet, on the first problem."""
    first = cells[0][0]
    needs: dict[str, list[str]] = {}
    for problem, backend in cells:
        if problem == first:
            needs.setdefault(", ".join(asked.unmet(measure, problem, backend)), []).append(backend)
    return "; ".join(f"{', '.join(backends)} on {first}: {need}" for need, backends in needs.items())


def _summary(measure: Measure) -> str:
    """First paragraph of what the measure says of itself, without markup."""
    text = (inspect.getdoc(type(measure)) or "").split("\n\n")[0]
    return " ".join(text.replace("`", "").split())


def _spelled(given: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {told(value)}" for name, value in given.items())


def _findings(title: str, cells: Sequence[Cell], series: Sequence[Series]) -> Iterator[Finding]:
    """How much of it could be measured, and the numbers themselves where they are few."""
    missing = [f"{cell.problem} with {cell.backend}" for cell in cells if cell.n_missing]
    if missing:
        text = f"The {title} could not be measured everywhere: points of {some(missing)} are missing."
        yield Finding(text, 0.8)
    told_by = {str(s.results[_FOUND].attrs.get("reason", "")): s.label for s in reversed(series)}
    for reason, label in told_by.items():
        if reason:
            yield Finding(f"{label}: {reason}.", 0.4)
