"""Energy, heat capacity and magnetisation at every temperature."""

from __future__ import annotations

from typing import ClassVar

import xarray as xr

from qspin import analysis
from qspin.measure import IsingProblem, Ladder, SampleSet, settings
from qspin.measures.base import NamedMeasure

__all__ = ["EnergyCurve", "MagnetisationCurve", "ReweightedCurve"]


@settings
class EnergyCurve(NamedMeasure):
    """Energy and heat capacity per spin over ``beta`` (`qspin.analysis.energy_curve`)."""

    name: ClassVar[str] = "energy_curve"

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.energy_curve(samples)


@settings
class MagnetisationCurve(NamedMeasure):
    """|m|, m^2 and susceptibility over ``beta`` (`qspin.analysis.magnetisation_curve`)."""

    name: ClassVar[str] = "magnetisation_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"spins"})

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.magnetisation_curve(samples)


@settings
class ReweightedCurve(NamedMeasure):
    """Energy and heat capacity per spin at temperatures between those sampled
    (`qspin.analysis.reweighted_curve`).

    Parameters
    ----------
    betas : where, within the ladder
    """

    name: ClassVar[str] = "reweighted_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"thermostat", "spins"})

    betas: Ladder

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.reweighted_curve(samples, self.betas)
