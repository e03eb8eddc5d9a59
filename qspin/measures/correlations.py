"""Correlations of pairs of spins: what a quench is judged by."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import xarray as xr
from pydantic import Field

from qspin import analysis
from qspin.measure import IsingProblem, SampleSet, settings
from qspin.measures.averaging import Rule
from qspin.measures.base import NamedMeasure

__all__ = ["PairCorrelations"]


@settings
class PairCorrelations(NamedMeasure):
    """c_ij = <s_i s_j> over ``beta`` and ``pair``, with errors over replicas, whole and by blocks of them
    (`qspin.analysis.pair_correlations`).

    Averages over instances are of each pair, whatever coupling it has there.

    Parameters
    ----------
    pairs : ``all``, or those with a coupling
    n_blocks : of replicas, from which errors are taken
    """

    name: ClassVar[str] = "pair_correlations"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "spins"})
    rules: ClassVar = {"first": Rule.FIRST, "second": Rule.FIRST}

    pairs: Literal["all", "couplings"] = "all"
    n_blocks: Annotated[int, Field(ge=2)] = 50

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return analysis.pair_correlations(samples, problem, pairs=self.pairs, n_blocks=self.n_blocks)
