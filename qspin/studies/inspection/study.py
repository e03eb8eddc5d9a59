"""What is this network? Its numbers, and its overlaps against shuffles and re-initialisations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, PositiveFloat

from qspin.problem import IsingProblem
from qspin.studies.cells import wherever_met
from qspin.studies.control_lines import controls_among
from qspin.studies.inspection.draws import Against, Densities
from qspin.studies.inspection.figures import figures_of
from qspin.studies.inspection.found import (
    CHAINS,
    CURVE,
    DENSITY,
    by_place,
    comparisons,
    densities_of,
    sure_at,
)
from qspin.studies.inspection.numbers import Numbers, numbers_of
from qspin.studies.inspection.states import STATISTICS, Beside, beside_controls, state_findings, states_table
from qspin.studies.inspection.tables import tables_of
from qspin.studies.inspection.words import findings_of, notes_of, verdicts_of
from qspin.studies.landscape.figures import datasets_of as landscape_datasets
from qspin.studies.landscape.figures import landscape_figures
from qspin.studies.landscape.glass import MEASURES, Place, places_of
from qspin.studies.landscape.study import AS_A_WHOLE, Landscape, doubts_of
from qspin.studies.landscape.words import bottom_line, signs_table
from qspin.study import (
    INSTANCE,
    Asked,
    Conclusion,
    InputError,
    Plan,
    ProblemLine,
    Results,
    Section,
    Study,
    Table,
    Wanted,
    settings,
)

__all__ = ["Inspection"]

_MEASURES = (CURVE, DENSITY, CHAINS, "record")
_N_NULL, _OF_DRAWS = 99, 20  # sets of every null, of the model and of each draw of its controls


@settings
class Inspection(Study):
    """What a network or machine is: spectra, critical temperatures, overlaps against its controls.

    Parameters
    ----------
    problem : label of the model; default: the first problem that has its controls beside it
    temperature : its own, in units of energy over beta = 1 / T, at which P(q), states and the triangles of
        overlaps are compared and the question whether it is a glass is put; default: none, and P(q) is
        compared at the critical temperature of its architecture
    initial : name of a piece of its numbers (``couplings``, ``fields``, ``layer 0 - layer 1``) -> half-width
        of the uniform distribution that they were drawn from before they learned
    """

    problem: str | None = None
    temperature: PositiveFloat | None = None
    initial: dict[str, PositiveFloat] = Field(default_factory=dict)

    def plan(self, asked: Asked) -> Plan:
        """Overlaps and diagnostics of the model and its controls; at its own temperature, if it has one, its
        landscape, and states and triangles of its controls.

        Raises
        ------
        InputError
            If there is no such problem, it has no controls in the config, or no backend samples overlaps at
            temperatures.
        """
        line, controls = self._lines(asked)
        labels = {line.label, *(control.label for _, control in controls)}
        wanted = [one for one in wherever_met(asked, _MEASURES) if one.problem in labels]
        if not any(one.measure == CURVE for one in wanted):
            raise InputError("inspection needs a backend whose samples have two replicas or more")
        wanted += self._at_its_own(asked, [line.label], _N_NULL, MEASURES)
        wanted += self._at_its_own(asked, [one.label for _, one in controls], _OF_DRAWS, [*STATISTICS])
        return Plan(wanted, shares_ladders=True)

    def _at_its_own(
        self, asked: Asked, labels: Sequence[str], n_null: int, measures: Sequence[str]
    ) -> list[Wanted]:
        """Measures of a landscape at the temperature of the model."""
        if self.temperature is None:
            return []
        landscape = Landscape(temperatures=(self.temperature,), n_null=n_null).plan(asked)
        return [one for one in landscape.wanted if one.problem in labels and one.measure in measures]

    def _lines(self, asked: Asked) -> tuple[ProblemLine, list[tuple[str, ProblemLine]]]:
        lines = list(asked.problems.values())
        if self.problem is not None and self.problem not in asked.problems:
            raise InputError(f"inspection: no problem {self.problem!r}", key=("problem",))
        for line in lines:
            if self.problem in (None, line.label) and (found := controls_among(line, lines)):
                return line, found
        which = "no problem has" if self.problem is None else f"problem {self.problem!r} lacks"
        raise InputError(
            f"inspection holds a model against its controls, and {which} them beside it: add the same "
            "problem with shuffle: 0 and instances: 10"
        )

    def conclude(self, results: Results) -> Conclusion:
        """Numbers, comparisons and verdicts; nothing before the model was sampled."""
        line, controls = self._lines(results.asked)
        model = next(_problems(results, line), None)
        if model is None:
            return Conclusion()
        drawn = {
            role: [
                problem for own, control in controls if own == role for problem in _problems(results, control)
            ]
            for role in ("null", "before")
        }
        numbers = numbers_of(model, drawn["null"], drawn["before"], self.initial)
        found = list(comparisons(results, line, controls))
        at = self.temperature or numbers.unit
        densities = list(densities_of(results, line, controls, at, bool(numbers.problem.fields.any())))
        places = self._places(results, line)
        beside = (
            [] if self.temperature is None else beside_controls(results, line, controls, self.temperature)
        )
        section = Section(
            f"Inspection of {line.label}",
            "inspection",
            "What do its numbers tell, and how does it differ from its shuffles and re-initialisations?",
            [
                *findings_of(line.label, numbers, found, densities, places, self.temperature),
                *state_findings(places, beside),
            ],
            [*figures_of(line.label, numbers, found, densities), *landscape_figures(places)],
            [*tables_of(numbers, found), *_landscape_tables(places, beside)],
            notes_of(numbers, found),
        )
        answer = bottom_line(places) if places else None
        return Conclusion(
            [section],
            verdicts_of(line.label, found, numbers.unit),
            {"glass": answer} if answer else {},
            {**dict(_datasets(numbers, found, densities)), **landscape_datasets(places)},
        )

    def _places(self, results: Results, line: ProblemLine) -> list[Place]:
        """Landscapes of the model at its own temperature; replicas that disagree elsewhere alone are no doubt
        on them."""
        if self.temperature is None:
            return []
        chains, told, always = by_place(results, CHAINS), doubts_of(results), doubts_of(results, AS_A_WHOLE)
        doubts = {
            key: always.get(key, []) if sure_at([chains.get(key)], 1 / self.temperature)[0] else own
            for key, own in told.items()
            if key[0] == line.label
        }
        return places_of(results, doubts)


def _landscape_tables(places: Sequence[Place], beside: Sequence[Beside]) -> list[Table]:
    return [
        *([signs_table(places)] if places else []),
        *([states_table(beside)] if beside else []),
    ]


def _problems(results: Results, line: ProblemLine) -> Iterator[IsingProblem]:
    """Of all draws of a line that were measured, with whatever backend: others may lack their file."""
    seen: set[Any] = set()
    for cell in results.cells(CURVE):
        for point in cell.points if cell.problem == line.label else ():
            value = point.at.get(INSTANCE)
            if value not in seen:
                seen.add(value)
                yield results.problem(line.label, {} if value is None else {INSTANCE: value})


def _datasets(
    numbers: Numbers, found: Sequence[Against], densities: Sequence[Densities]
) -> Iterator[tuple[str, Any]]:
    yield "spectra", numbers.spectra()
    for one in found:
        yield f"{one.label}-{one.backend}", one.dataset()
    for density in densities:
        yield f"overlap-distribution-{density.label}", density.dataset()
