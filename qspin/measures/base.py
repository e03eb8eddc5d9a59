"""What the measures of qspin share: needs that are held against the samples, coordinates, and averages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from qspin.analysis import at_measured_temperatures, has_measured_temperatures
from qspin.analysis.resampling import require_problem
from qspin.arguments import checked_problem, checked_samples
from qspin.measure import InputError, Measure, is_thermal, require_needs
from qspin.measures.averaging import Rule, averaged
from qspin.problem import IsingProblem
from qspin.remarks import Remark, stored
from qspin.samples import SampleSet

__all__ = [
    "MEASURED_RULES",
    "NamedMeasure",
    "checked",
    "known_ground_energy",
    "placed",
    "places_of",
    "storable",
    "told",
    "without_need",
]

MEASURED_RULES = {"coupling_scale": Rule.FIRST}
"""Of what `places_of` adds: all instances are sampled at the same scales."""


class NamedMeasure(Measure):
    """A measure of one sample set: `measured` computes it, the rest is done here.

    Attributes
    ----------
    name : that it is registered by, for messages
    rules : of averages over instances, by variable; those not named are means
    """

    name: ClassVar[str]
    rules: ClassVar[Mapping[str, Rule]] = {}

    def measure(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        checked(self, self.name, samples, problem)
        return storable(placed(self.measured(samples, problem), samples), samples)

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        """What is measured, of samples that have what it needs.

        Returns
        -------
        dataset over the ``beta`` of the samples, or over some of them, or over other dimensions alone
        """
        raise NotImplementedError

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        return averaged(results, {**MEASURED_RULES, **self.rules})


def checked(measure: Measure, name: str, samples: SampleSet, problem: IsingProblem) -> None:
    """Refuse what are no samples of the problem, or lack what the measure needs."""
    require_problem(checked_samples(samples), checked_problem(problem))
    require_needs(measure.needs, samples, problem, name)


def without_need(measure: Measure, need: str) -> None:
    """Take a need off one measure, which a setting of it meets."""
    object.__setattr__(measure, "needs", measure.needs - {need})  # its settings are frozen


def placed(result: xr.Dataset, samples: SampleSet) -> xr.Dataset:
    """A result over the rows of samples at their temperatures (`places_of`); others stay as they are."""
    betas = result["beta"].values if "beta" in result.coords else samples.betas
    if "beta" not in result.dims or not np.array_equal(betas, samples.betas, equal_nan=True):
        return result
    places = places_of(samples)
    return result.assign(places.data_vars).assign_coords(places.coords)


def storable(result: xr.Dataset, samples: SampleSet) -> xr.Dataset:
    """The result as files hold it: every dimension with a coordinate, truths as 0 and 1, the number of spins
    told.
    """
    missing = {dim: np.arange(size) for dim, size in result.sizes.items() if dim not in result.coords}
    truths = {name: values.astype(np.int8) for name, values in result.items() if values.dtype.kind == "b"}
    return result.assign(truths).assign_coords(missing).assign_attrs(n_spins=samples.n_spins)


def places_of(samples: SampleSet) -> xr.Dataset:
    """Coordinates ``beta`` and ``temperature``; where the sampler measured temperatures, those that it
    measured, with ``temperature_error`` and what belongs to them (`at_measured_temperatures`); NaN where
    configurations were chosen by their energy (`qspin.measure.is_thermal`).
    """
    known = 1.0 if is_thermal(samples) else np.nan
    coordinates = {"beta": known * samples.betas, "temperature": ("beta", known * samples.temperatures)}
    places = xr.Dataset(coords=coordinates)
    return at_measured_temperatures(places, samples) if has_measured_temperatures(samples) else places


def known_ground_energy(problem: IsingProblem) -> float:
    """Lowest energy of a problem of which it is known. Raises InputError for others."""
    if problem.known is None or problem.known.ground_energy is None:
        raise InputError("the lowest energy of this problem is not known; give it as ground_energy")
    return problem.known.ground_energy


def told(remarks: Iterable[Remark]) -> dict[str, Any]:
    """Remarks as an attribute."""
    return {"remarks": stored(remarks)}
