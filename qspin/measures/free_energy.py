"""Free energies along a ladder."""

from __future__ import annotations

from typing import ClassVar

import xarray as xr

from qspin import analysis
from qspin.analysis.free_energy import FreeEnergyMethod
from qspin.measure import IsingProblem, SampleSet, settings
from qspin.measures.base import NamedMeasure

__all__ = ["FreeEnergyCurve"]


@settings
class FreeEnergyCurve(NamedMeasure):
    """ln Z, free energy and entropy over ``beta`` (`qspin.analysis.free_energy_curve`); the attribute
    ``remarks`` says where and why ln Z is not known.

    Parameters
    ----------
    method : ``mbar``, ``integration``, or ``population`` of population annealing
    anchor : (beta, ln Z) at one temperature of the ladder; default ln Z = N ln 2 at beta = 0
    """

    name: ClassVar[str] = "free_energy_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"thermostat"})

    method: FreeEnergyMethod = "mbar"
    anchor: tuple[float, float] | None = None

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.free_energy_curve(samples, problem, method=self.method, anchor=self.anchor)
