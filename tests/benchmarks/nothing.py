"""Kinds that do next to nothing, so that what remains is what the engine costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import xarray as xr

from qspin import IsingProblem, SampleSet
from qspin.measure import Measure
from qspin.sampler import Seed, run_info
from qspin.source import NonNegativeInt, Prepared, Source
from qspin.study import Asked, Column, Conclusion, Plan, Results, Section, Study, Table, Wanted, settings


@settings
class Pair(Source):
    """Two spins; instances differ by their field."""

    seed: NonNegativeInt = 0

    def outline(self) -> IsingProblem:
        return self.build({})

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        return IsingProblem([[0.0, 1.0], [1.0, 0.0]], fields=[float(self.seed), 0.0])


@settings
class Up:
    """All spins up."""

    is_paid: ClassVar[bool] = False

    def sample(self, problem: IsingProblem, *, seed: Seed = None) -> SampleSet:
        spins = np.ones((1, 1, 1, problem.n_spins), np.int8)
        return SampleSet.from_spins(problem, spins, betas=[1.0], info=run_info(self, seed or 0))


@settings
class Zero(Measure):
    """Nothing."""

    def measure(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return xr.Dataset({"zero": ((), 0.0)})


@settings
class Count(Study):
    """How much there is."""

    def plan(self, asked: Asked) -> Plan:
        return Plan([Wanted("zero", problem.label, backend.label) for problem, backend in asked.cells()])

    def conclude(self, results: Results) -> Conclusion:
        rows = [{"cell": cell.problem, "n": len(cell.points)} for cell in results.cells("zero")]
        table = Table("count", "Count", [Column("cell"), Column("n")], rows)
        return Conclusion([Section("Count", "count", "How much is there?", tables=[table])])


KINDS = {
    "qspin.sources": {"pair": "Pair"},
    "qspin.backends": {"up": "Up"},
    "qspin.measures": {"zero": "Zero"},
    "qspin.studies": {"count": "Count"},
}
"""Group of entry points -> name -> class."""
