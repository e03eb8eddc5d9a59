"""A landscape beside that of independent spins of the same magnetisations."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from qspin import analysis
from qspin.analysis.glassiness import STATISTICS
from qspin.measure import IsingProblem, PositiveInt, settings
from qspin.measures.at_temperatures import AtTemperatures, Temperatures

__all__ = ["LandscapeNulls"]


@settings
class LandscapeNulls(AtTemperatures):
    """P(0), valleys and rigidity, each with its null as a distribution (`qspin.analysis.landscape_nulls`).

    Over ``beta``: ``central_weight`` (share of pairs with \\|q\\| at most 0.2), the effective number of
    valleys ``n_valleys``, ``edge_rigidity`` and ``bulk_rigidity``; of each ``..._null``, the mean of its
    null, ``..._deviation`` and, over ``null``, ``..._nulls``. ``central_excess`` is P(0) less its null and
    ``central_error`` the standard error of P(0) over configurations. Over ``q`` the ``density``
    of \\|q\\|, and of the null ``lower_null`` to ``upper_null``, which hold 95 % of it.

    Parameters
    ----------
    temperatures : nearest rows are taken, or so many of the coldest; default the coldest
    most : configurations of each
    n_null : sets of configurations whose spins were dealt anew
    seed : of the null
    """

    name: ClassVar[str] = "landscape_nulls"
    scalars: ClassVar = (
        *(f"{name}{part}" for name in STATISTICS for part in ("", "_null", "_deviation")),
        "central_excess",
        "central_error",
    )

    temperatures: Temperatures = None
    most: PositiveInt = 200
    n_null: int = Field(default=49, ge=2)
    seed: int = Field(default=0, ge=0)

    def at(self, problem: IsingProblem, spins: np.ndarray) -> xr.Dataset:
        found = analysis.landscape_nulls(problem, spins, n_null=self.n_null, seed=self.seed)
        result = xr.Dataset(coords={"q": found.centres})
        for name in STATISTICS:
            nulls = found.nulls[name]
            result[name] = ((), found.values[name])
            result[f"{name}_null"] = ((), float(nulls.mean()))
            result[f"{name}_deviation"] = ((), float(nulls.std(ddof=1)))
            result[f"{name}_nulls"] = ("null", nulls)
        low, high = np.quantile(found.null_densities, [0.025, 0.975], axis=0)
        return result.assign(
            central_excess=((), found.excess()[0]),
            central_error=((), found.central_error),
            density=("q", found.density),
            lower_null=("q", low),
            upper_null=("q", high),
        )
