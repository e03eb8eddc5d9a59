"""Overlaps of replicas, of all spins and of links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import xarray as xr

from qspin import analysis
from qspin.measure import IsingProblem, PositiveInt, SampleSet, settings
from qspin.measures.averaging import Rule, common_ladder
from qspin.measures.base import NamedMeasure

__all__ = [
    "LinkOverlapCurve",
    "LinkOverlapDistribution",
    "OverlapCurve",
    "OverlapDistribution",
    "with_disorder_ratios",
]


@settings
class OverlapCurve(NamedMeasure):
    """Moments of the overlap and the Binder ratio over ``beta`` (`qspin.analysis.overlap_curve`).

    Averages over instances have the ratios of averages, with ``chi_sg``, ``self_averaging`` and ``guerra``
    (`qspin.analysis.disorder_curve`).
    """

    name: ClassVar[str] = "overlap_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas"})

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.overlap_curve(samples)

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        n_spins = int(results[0].attrs["n_spins"])
        return with_disorder_ratios(super().average(results), common_ladder(results, self.rules), n_spins)


def with_disorder_ratios(average: xr.Dataset, results: Sequence[xr.Dataset], n_spins: int) -> xr.Dataset:
    """Means with the ratios of averages in the place of averages of ratios.

    Parameters
    ----------
    average : over `results`
    results : overlap curves on one ladder
    n_spins : whose overlaps they are
    """
    ratios = analysis.disorder_curve(results, n_spins)
    return average.assign({name: (values.dims, values.values) for name, values in ratios.data_vars.items()})


@settings
class OverlapDistribution(NamedMeasure):
    """P(q) over ``beta`` and ``q`` (`qspin.analysis.overlap_distribution`).

    Parameters
    ----------
    bins : about how many; default 50, or one a lattice point of few spins
    """

    name: ClassVar[str] = "overlap_distribution"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas"})
    rules: ClassVar = {"width": Rule.FIRST}

    bins: PositiveInt | None = None

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.overlap_distribution(samples, bins=self.bins)


@settings
class LinkOverlapCurve(NamedMeasure):
    """Mean link overlap over ``beta`` (`qspin.analysis.link_overlap_curve`)."""

    name: ClassVar[str] = "link_overlap_curve"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "problem:couplings"})

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.link_overlap_curve(samples, problem)


@settings
class LinkOverlapDistribution(NamedMeasure):
    """P(q_l) of the link overlap over ``beta`` and ``q`` (`qspin.analysis.link_overlap_distribution`).

    Parameters
    ----------
    bins : about how many; default 50, or one a lattice point of few links
    """

    name: ClassVar[str] = "link_overlap_distribution"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "spins", "problem:couplings"})
    rules: ClassVar = {"width": Rule.FIRST}

    bins: PositiveInt | None = None

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.link_overlap_distribution(samples, problem, bins=self.bins)
