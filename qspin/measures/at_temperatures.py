"""What the measures of single configurations share: at some temperatures, of independent configurations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from qspin.analysis import independent_configurations
from qspin.measure import InputError, IsingProblem, PositiveInt, SampleSet
from qspin.measures.averaging import averaged
from qspin.measures.base import MEASURED_RULES, NamedMeasure, places_of

__all__ = ["AtTemperatures", "Temperatures", "chosen_rows"]

Temperatures = PositiveInt | Annotated[tuple[float, ...], Field(min_length=1)] | None
"""Temperatures, of which the nearest rows are taken; a number for so many of the coldest; None for one."""


class AtTemperatures(NamedMeasure):
    """Base of measures of independent configurations at some temperatures, over ``beta``.

    Settings ``temperatures`` (the rows nearest to them; or a number, so many of the coldest rows, which
    without temperatures are those of lowest mean energy; default one) and ``most``, configurations of each.
    ``n_configurations`` says how many there were, ``reason`` why nothing could be told of them, in which case
    numbers are NaN. Averages are over the instances of which something could be told.

    Attributes
    ----------
    scalars : variables that have one value a temperature
    """

    needs: ClassVar[frozenset[str]] = frozenset({"spins"})
    scalars: ClassVar[tuple[str, ...]] = ()

    temperatures: Temperatures
    most: int

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        rows = chosen_rows(samples, self.temperatures)
        found = [self._row(samples, problem, row) for row in rows]
        width = {str(dim): max(one.sizes.get(dim, 0) for one in found) for one in found for dim in one.sizes}
        places = places_of(samples).isel(beta=rows)
        joined: xr.Dataset = xr.concat(  # rows of which nothing can be told lack dimensions of the others
            [_widened(one, width) for one in found],
            dim="beta",
            data_vars="all",
            coords="minimal",
            compat="override",
            join="outer",
        )
        return joined.assign(places.data_vars).assign_coords(places.coords)

    def _row(self, samples: SampleSet, problem: IsingProblem, row: int) -> xr.Dataset:
        spins = independent_configurations(samples, row, most=self.most).spins
        try:
            found, reason = self.at(problem, spins), ""
        except InputError as error:
            found, reason = xr.Dataset({name: ((), np.nan) for name in self.scalars}), str(error)
        return found.assign(n_configurations=((), len(spins)), reason=((), np.str_(reason)))

    def at(self, problem: IsingProblem, spins: np.ndarray) -> xr.Dataset:
        """What configurations (n, n_spins) at one temperature say. Raises InputError where they do not."""
        raise NotImplementedError

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        return averaged(results, {**MEASURED_RULES, **self.rules}, skip_unknown=True)


def chosen_rows(samples: SampleSet, temperatures: Sequence[float] | int | None) -> list[int]:
    """Rows nearest to temperatures, or so many of the coldest, None for one.

    Raises
    ------
    InputError
        If temperatures are named and the samples have none.
    """
    own = places_of(samples)["temperature"].values
    if temperatures is None or isinstance(temperatures, int):
        is_set = np.isfinite(samples.betas).all()
        heat = -samples.betas if is_set else samples.energies.values.mean(axis=(1, 2))
        return sorted(int(row) for row in np.argsort(heat, kind="stable")[: temperatures or 1])
    if not np.isfinite(own).any():
        raise InputError(
            "these samples have no temperatures, so none of them can be chosen by it: leave temperatures out"
        )
    distance = np.where(np.isfinite(own), np.abs(own[None] - np.asarray(temperatures)[:, None]), np.inf)
    return sorted({int(row) for row in distance.argmin(axis=1)})


def _widened(result: xr.Dataset, width: dict[str, int]) -> xr.Dataset:
    """The same with every dimension as wide as that of the widest row; numbers beyond are NaN, spins 0."""
    fill = {str(name): 0 if values.dtype.kind == "i" else np.nan for name, values in result.data_vars.items()}
    own = {dim: (0, size - result.sizes[dim]) for dim, size in width.items() if dim in result.sizes}
    return result.pad(own, constant_values=fill) if any(after for _, after in own.values()) else result
