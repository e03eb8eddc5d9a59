"""The lowest energy that a problem has, where that can be known."""

from __future__ import annotations

import functools
from typing import ClassVar

import xarray as xr
from pydantic import Field

from qspin import benchmark
from qspin.benchmark.ground import MOST_ENUMERATED
from qspin.measure import IsingProblem, SampleSet, settings
from qspin.measures.base import NamedMeasure

__all__ = ["GroundEnergy"]


@settings
class GroundEnergy(NamedMeasure):
    """What lowest energies are held against (`qspin.benchmark.ground_energy`); samples say nothing of it.

    Variable ``ground_energy``, less the offset of the problem, NaN where it is not known; attributes
    ``proof`` (``known`` by construction, ``enumerated``, or empty) and ``offset``.

    Parameters
    ----------
    most_spins : up to which problems are enumerated
    """

    name: ClassVar[str] = "ground_energy"

    most_spins: int = Field(default=MOST_ENUMERATED, ge=0)

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        value, proof = _ground_energy(problem, self.most_spins)
        return xr.Dataset({"ground_energy": ((), value)}, attrs={"proof": proof, "offset": problem.offset})


@functools.lru_cache(maxsize=4)
def _ground_energy(problem: IsingProblem, most_spins: int) -> benchmark.ground.GroundEnergy:
    """Once for all backends in a row that sampled one problem."""
    return benchmark.ground_energy(problem, most_spins=most_spins)
