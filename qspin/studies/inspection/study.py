"""What is this network? Its numbers, and its overlaps against shuffles and re-initialisations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PositiveFloat

from qspin.analysis.curves import Curve
from qspin.problem import IsingProblem
from qspin.studies.cells import wherever_met
from qspin.studies.control_lines import controls_among
from qspin.studies.inspection.draws import Against, Densities, agreeing
from qspin.studies.inspection.figures import figures_of
from qspin.studies.inspection.numbers import Numbers, numbers_of
from qspin.studies.inspection.tables import tables_of
from qspin.studies.inspection.words import findings_of, notes_of, verdicts_of
from qspin.studies.landscape.glass import MEASURES, Place, places_of
from qspin.studies.landscape.study import Landscape, doubts_of
from qspin.studies.landscape.words import bottom_line
from qspin.study import (
    INSTANCE,
    Asked,
    Cell,
    Conclusion,
    InputError,
    Plan,
    ProblemLine,
    Results,
    Section,
    Study,
    settings,
)

__all__ = ["Inspection"]

_CURVE, _DENSITY, _CHAINS = "overlap_curve", "overlap_distribution", "chain_diagnostics"
_MEASURES = (_CURVE, _DENSITY, _CHAINS, "record")


@settings
class Inspection(Study):
    """What a network or machine is: spectra, critical temperatures, overlaps against its controls.

    Parameters
    ----------
    problem : label of the model; default: the first problem that has its controls beside it
    temperature : its own, in units of energy over beta = 1 / T, at which P(q) is compared and the question
        whether it is a glass is put; default: none, and P(q) is compared at the critical temperature of its
        architecture
    initial : name of a piece of its numbers (``couplings``, ``fields``, ``layer 0 - layer 1``) -> half-width
        of the uniform distribution that they were drawn from before they learned
    """

    problem: str | None = None
    temperature: PositiveFloat | None = None
    initial: dict[str, PositiveFloat] = Field(default_factory=dict)

    def plan(self, asked: Asked) -> Plan:
        """Overlaps and diagnostics of the model and its controls; its landscape at its own temperature.

        Raises
        ------
        InputError
            If there is no such problem, it has no controls in the config, or no backend samples overlaps at
            temperatures.
        """
        line, controls = self._lines(asked)
        labels = {line.label, *(control.label for _, control in controls)}
        wanted = [one for one in wherever_met(asked, _MEASURES) if one.problem in labels]
        if not any(one.measure == _CURVE for one in wanted):
            raise InputError("inspection needs a backend whose samples have two replicas or more")
        if self.temperature is not None:
            landscape = Landscape(temperatures=(self.temperature,)).plan(asked)
            own = (one for one in landscape.wanted if one.problem == line.label)
            wanted += [one for one in own if one.measure in MEASURES]
        return Plan(wanted, shares_ladders=True)

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
        found = list(_comparisons(results, line, controls))
        at = self.temperature or numbers.unit
        densities = list(_densities(results, line, controls, at, bool(numbers.problem.fields.any())))
        places = self._places(results, line)
        section = Section(
            f"Inspection of {line.label}",
            "inspection",
            "What do its numbers tell, and how does it differ from its shuffles and re-initialisations?",
            findings_of(line.label, numbers, found, densities, places, self.temperature),
            list(figures_of(line.label, numbers, found, densities)),
            tables_of(numbers, found),
            notes_of(numbers, found),
        )
        answer = bottom_line(places) if places else None
        return Conclusion(
            [section],
            verdicts_of(line.label, found, numbers.unit),
            {"glass": answer} if answer else {},
            dict(_datasets(numbers, found, densities)),
        )

    def _places(self, results: Results, line: ProblemLine) -> list[Place]:
        if self.temperature is None:
            return []
        doubts = {key: told for key, told in doubts_of(results).items() if key[0] == line.label}
        return places_of(results, doubts)


def _problems(results: Results, line: ProblemLine) -> Iterator[IsingProblem]:
    """Of all draws of a line that were measured, with whatever backend: others may lack their file."""
    seen: set[Any] = set()
    for cell in results.cells(_CURVE):
        for point in cell.points if cell.problem == line.label else ():
            value = point.at.get(INSTANCE)
            if value not in seen:
                seen.add(value)
                yield results.problem(line.label, {} if value is None else {INSTANCE: value})


def _by_place(results: Results, label: str) -> dict[tuple[str, str], Cell]:
    return {(cell.problem, cell.backend): cell for cell in results.cells(label)}


def _comparisons(
    results: Results, line: ProblemLine, controls: Sequence[tuple[str, ProblemLine]]
) -> Iterator[Against]:
    curves, chains = _by_place(results, _CURVE), _by_place(results, _CHAINS)
    for backend in results.asked.backends:
        own = curves.get((line.label, backend))
        if own is None or not own.points:
            continue
        model = own.points[0].result
        for role, control in controls:
            draws = curves.get((control.label, backend))
            if draws is None or not draws.points:
                continue
            doubts = [chains.get((label, backend)) for label in (line.label, control.label)]
            yield _against(role, control.label, backend, model, draws, doubts)


def _against(
    role: str, label: str, backend: str, model: xr.Dataset, draws: Cell, chains: Sequence[Cell | None]
) -> Against:
    curve = Curve(model)
    temperature = curve.ladder[np.isfinite(curve.ladder)]
    own, own_error, _ = curve.at(temperature)
    values = [Curve(point.result).at(temperature) for point in draws.points]
    is_sure = _sure(chains, 1 / temperature)
    return Against(
        label, role, backend, temperature, own, own_error,
        np.array([one[0] for one in values]), np.array([one[1] for one in values]), is_sure,
    )  # fmt: skip


def _sure(chains: Sequence[Cell | None], betas: ArrayLike) -> NDArray[np.bool_]:
    """At which inverse temperatures the replicas of all that was sampled agree."""
    at = np.atleast_1d(np.asarray(betas, dtype=np.float64))
    diagnostics = [point.result for cell in chains if cell is not None for point in cell.points]
    return np.all([agreeing(one, at) for one in [None, *diagnostics]], axis=0)


def _densities(
    results: Results,
    line: ProblemLine,
    controls: Sequence[tuple[str, ProblemLine]],
    temperature: float,
    has_fields: bool,
) -> Iterator[Densities]:
    """With the first backend that has them."""
    cells, chains = _by_place(results, _DENSITY), _by_place(results, _CHAINS)
    backend = next((b for b in results.asked.backends if (line.label, b) in cells), None)
    if backend is None or not cells[line.label, backend].points:
        return
    model = _nearest(cells[line.label, backend].points[0].result, temperature)
    for _, control in controls:
        cell = cells.get((control.label, backend))
        if cell is not None and len(cell.points) > 1:
            draws = [_nearest(point.result, temperature)["density"].values for point in cell.points]
            sure = _sure([chains.get((own, backend)) for own in (line.label, control.label)], model["beta"])
            yield Densities(
                control.label, float(model["temperature"]), model["q"].values, model["width"].values,
                model["density"].values, model["density_error"].values, np.array(draws),
                has_fields, bool(sure[0]),
            )  # fmt: skip


def _nearest(found: xr.Dataset, temperature: float) -> xr.Dataset:
    distance = np.abs(np.log(found["temperature"].values / temperature))
    return found.isel(beta=int(np.nanargmin(distance)))


def _datasets(
    numbers: Numbers, found: Sequence[Against], densities: Sequence[Densities]
) -> Iterator[tuple[str, Any]]:
    yield "spectra", numbers.spectra()
    for one in found:
        yield f"{one.label}-{one.backend}", one.dataset()
    for density in densities:
        yield f"overlap-distribution-{density.label}", density.dataset()
