"""Mean of every spin: where fields or frozen states point."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import xarray as xr

from qspin.measure import IsingProblem, SampleSet, settings
from qspin.measures.base import NamedMeasure

__all__ = ["SpinMean"]


@settings
class SpinMean(NamedMeasure):
    """<s_i> over ``beta`` and ``spin``, with the standard error over replicas.

    Without fields it vanishes in equilibrium, whatever the couplings: a mean that does not is a sampler stuck
    in one half of the configurations.
    """

    name: ClassVar[str] = "spin_mean"
    needs: ClassVar[frozenset[str]] = frozenset({"replicas", "spins"})

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        means = samples.spins.values.mean(axis=2, dtype=np.float64)  # of each replica: (beta, replica, spin)
        error = means.std(axis=1, ddof=1) / np.sqrt(means.shape[1])
        dims = ("beta", "spin")
        return xr.Dataset(
            {"spin_mean": (dims, means.mean(axis=1)), "spin_mean_error": (dims, error)},
            coords={"beta": samples.betas, "spin": samples.dataset["spin"].values},
        )
