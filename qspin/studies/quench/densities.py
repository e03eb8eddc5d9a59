"""P(q) of overlaps of independent reads after the longest quench."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from qspin.measure import mean_over_instances
from qspin.studies.quench.errors import Error, lines_of
from qspin.studies.quench.states import State

__all__ = ["densities_of"]


def densities_of(errors: Sequence[Error]) -> dict[str, dict[str, xr.Dataset]]:
    """Problem -> backend -> density over ``q`` with its standard error, averaged over instances, at the last
    time of the reference; of a sampler with several settings, that of the best of them there.
    """
    found: dict[str, dict[str, xr.Dataset]] = {}
    for (problem, backend), line in lines_of(errors).items():
        density = _averaged(line[-1].state)
        if density is not None:
            found.setdefault(problem, {})[backend] = density.assign_attrs(time=float(line[-1].time))
    return found


def _averaged(state: State) -> xr.Dataset | None:
    every = [own.isel(beta=0)[["density", "density_error"]] for own in state.densities.values()]
    if not every:
        return None
    if len(every) == 1:
        return every[0].drop_attrs()
    return mean_over_instances([own.drop_vars("density_error") for own in every]).drop_attrs()
