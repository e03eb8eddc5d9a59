"""What studies conclude from: results of their measures by cell and point, samples and problems on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import xarray as xr

from qspin.engine.actions import built
from qspin.engine.storage.store import Store
from qspin.errors import InputError
from qspin.experiment.plan import CellPlan, PointPlan, RunPlan
from qspin.problem import IsingProblem
from qspin.registry import get_measure
from qspin.samples import SampleSet
from qspin.sampling import check_samples
from qspin.study import Asked, Cell, Point, PreparedFor

__all__ = ["StoredResults"]


@dataclass(frozen=True)
class StoredResults:
    """`qspin.study.Results` of one study, out of a store.

    Parameters
    ----------
    study : its label
    read : results that were read already, by key; studies of one run may share them
    """

    study: str
    asked: Asked
    plan: RunPlan
    store: Store
    read: dict[str, xr.Dataset | None] = field(default_factory=dict)

    def cells(self, label: str) -> list[Cell]:
        """As `qspin.study.Results.cells`; what is read once stays."""
        return self._cells.get(label, [])

    def all_cells(self) -> dict[str, list[Cell]]:
        """Everything that the study wanted, by label."""
        return self._cells

    @cached_property
    def _cells(self) -> dict[str, list[Cell]]:
        found: dict[str, list[Cell]] = {}
        for wanted, cell, keys in self.plan.wanted.get(self.study, ()):
            measured = [
                Point(point.at, result)
                for point, key in zip(cell.points, keys, strict=True)
                if (result := self._measured(key)) is not None
            ]
            measure = get_measure(wanted.measure, **wanted.settings)
            own = Cell(
                cell.problem, cell.backend, measure, cell.axes, tuple(measured), len(keys) - len(measured),
                wanted.reference,
            )  # fmt: skip
            found.setdefault(wanted.label or wanted.measure, []).append(own)
        return found

    def _measured(self, key: str) -> xr.Dataset | None:
        if key not in self.read:
            self.read[key] = self.store.measured(key)
        return self.read[key]

    def samples(self, problem: str, backend: str, at: Mapping[str, Any] | None = None) -> SampleSet | None:
        """As `qspin.study.Results.samples`.

        Raises
        ------
        InputError
            If there is no such point, or its file holds samples of another problem.
        """
        if (problem, backend) in self.plan.left_out:
            return None
        point = _point(self.plan.cells[problem, backend], at)
        try:
            samples = self.store.samples(point.sample)
        except InputError:
            return None
        check_samples(samples, built(point.problem, self.store), energies=False)
        return samples

    def problem(self, label: str, at: Mapping[str, Any] | None = None) -> IsingProblem:
        """As `qspin.study.Results.problem`."""
        cell = next(cell for (problem, _), cell in self.plan.cells.items() if problem == label)
        return built(_point(cell, at).problem, self.store)

    def prepared(self) -> list[PreparedFor]:
        """As `qspin.study.Results.prepared`; those that are not there are left out."""
        found = []
        for key, (title, problems) in self.plan.prepared.items():
            try:
                found.append(PreparedFor(title, self.store.prepared(key), tuple(problems)))
            except InputError:
                continue
        return found

    def failures(self) -> list[str]:
        """As `qspin.study.Results.failures`."""
        found = self.store.failures()
        return [found[key] for key in self.plan.tasks if key in found]


def _point(cell: CellPlan, at: Mapping[str, Any] | None) -> PointPlan:
    """The first point with these values."""
    wanted = {
        name: value for name, value in (at or {}).items() if any(axis.name == name for axis in cell.axes)
    }
    for point in cell.points:
        if all(point.at[name] == value for name, value in wanted.items()):
            return point
    raise InputError(f"{cell.problem} with {cell.backend} has no point at {wanted}")
