"""How far samples of a small problem are from its exact distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from qspin import analysis
from qspin.measure import IsingProblem, PositiveInt, SampleSet, settings
from qspin.measures.base import NamedMeasure

__all__ = ["TotalVariation"]


@settings
class TotalVariation(NamedMeasure):
    """Distance of configurations to the enumerated Boltzmann distribution, over ``beta``
    (`qspin.analysis.total_variation`).

    ``total_variation`` and ``total_variation_noise``, that of an exact sample as large; NaN for problems that
    are too large to enumerate.

    Parameters
    ----------
    most : independent configurations of each temperature
    seed : of the exact sample
    """

    name: ClassVar[str] = "total_variation"
    needs: ClassVar[frozenset[str]] = frozenset({"thermostat", "spins"})

    most: PositiveInt = 2_000
    seed: int = Field(default=0, ge=0)

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        rng = np.random.default_rng(self.seed)
        rows = []
        for row, beta in enumerate(samples.betas):
            own = analysis.independent_configurations(samples, row, most=self.most)
            rows.append(analysis.total_variation(own.spins, problem, float(beta), rng))
        found = np.array(rows)
        return xr.Dataset(
            {"total_variation": ("beta", found[:, 0]), "total_variation_noise": ("beta", found[:, 1])}
        )
