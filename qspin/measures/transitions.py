"""Where neighbouring rows of a sample set differ most."""

from __future__ import annotations

from typing import ClassVar, Literal

import xarray as xr
from pydantic import Field

from qspin import analysis
from qspin.measure import IsingProblem, PositiveInt, SampleSet, settings
from qspin.measures.base import NamedMeasure

__all__ = ["DissimilarityCurve"]


@settings
class DissimilarityCurve(NamedMeasure):
    """Dissimilarity of the energies of neighbouring rows, over ``point`` between two of them, with
    ``temperature`` (`qspin.analysis.dissimilarity_curve`).

    It needs one sample set alone: the rows of its ladder, or of its coupling scales. Of two points of a
    sweep, such as epochs, it is no measure.

    Parameters
    ----------
    width : rows on each side that are put together
    bins : of the energy
    divergence : what is called ``measure`` there
    """

    name: ClassVar[str] = "dissimilarity_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"spins"})

    width: PositiveInt = 3
    bins: int = Field(default=30, ge=2)
    divergence: Literal["jensen_shannon", "total_variation", "linear"] = "linear"

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.dissimilarity_curve(
            samples, width=self.width, bins=self.bins, measure=self.divergence, problem=problem
        )
