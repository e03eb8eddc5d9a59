"""The contract of a measure, for measures of qspin and of third parties.

A third-party package tests its measure with::

    from qspin.testing import MeasureContract

    class TestMyMeasure(MeasureContract):
        name = "my_measure"
        settings = {"bins": 20}
"""

from __future__ import annotations

import copy
import functools
import io
import json
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from qspin.errors import InputError
from qspin.measure import NEEDS, Measure
from qspin.problem import IsingProblem
from qspin.registry import get_measure
from qspin.remarks import remarks_from
from qspin.samples import SampleSet
from qspin.settings import deciding_settings
from qspin.spectrum import enumerate_problem
from qspin.testing.statistics import assert_frozen, assert_refused

__all__ = ["MeasureContract", "contract_problem", "contract_samples"]

_BETAS = (0.1, 0.4, 1.0, 2.0)
_LENGTH = 3


@functools.cache
def contract_problem(instance: int = 0) -> IsingProblem:
    """A small glass, on a periodic lattice of 3 x 3 spins, of which everything is known that can be."""
    rng = np.random.default_rng(instance)
    numbers = np.arange(_LENGTH**2).reshape(_LENGTH, _LENGTH)
    ends = (
        np.stack([numbers, numbers]).reshape(-1),
        np.stack([np.roll(numbers, -1, k) for k in (0, 1)]).ravel(),
    )
    problem = IsingProblem.from_edges(numbers.size, *ends, rng.normal(size=2 * numbers.size), offset=0.5)
    spectrum = enumerate_problem(problem)
    return problem.with_known(
        ground_energy=spectrum.ground_energy,
        ground_states=spectrum.ground_states(),
        groups={"left": [0, 1, 2, 3], "right": [4, 5, 6, 7, 8]},
        patterns=rng.choice([-1, 1], size=(2, numbers.size)),
    )


@functools.cache
def contract_samples(
    problem: IsingProblem,
    seed: int = 0,
    betas: tuple[float, ...] = _BETAS,
    n_replicas: int = 5,
    n_draws: int = 12,
    *,
    is_thermal: bool = True,
    has_averages: bool = False,
) -> SampleSet:
    """Independent configurations of a small problem by enumeration.

    Parameters
    ----------
    is_thermal : whether the samples state their temperatures
    has_averages : whether they look as if averages had been taken while sampling
    """
    spectrum, rng = enumerate_problem(problem), np.random.default_rng(seed)
    shape = (n_replicas, n_draws, problem.n_spins)
    spins = np.stack([spectrum.sample(beta, n_replicas * n_draws, rng).reshape(shape) for beta in betas])
    averages = {"overlap_moments": (("beta", "replica", "moment"), np.zeros((len(betas), n_replicas, 3)))}
    info = {"backend": "enumeration", "seed": seed, "clocks": {"sample": 1.0}, "remarks": []}
    stated = betas if is_thermal else [np.nan] * len(betas)
    return SampleSet.from_spins(problem, spins, stated, info, extra=averages if has_averages else None)


_LACKING: dict[str, Callable[[IsingProblem], tuple[SampleSet, IsingProblem]]] = {
    "thermostat": lambda problem: (contract_samples(problem, is_thermal=False), problem),
    "ladder": lambda problem: (contract_samples(problem, betas=(1.0,)), problem),
    "replicas": lambda problem: (contract_samples(problem, n_replicas=1), problem),
    "draws": lambda problem: (contract_samples(problem, n_draws=1), problem),
    "spins": lambda problem: (contract_samples(problem, has_averages=True), problem),
    "problem:couplings": lambda problem: _of_free_spins(problem.n_spins),
}
"""What is needed -> samples and a problem that lack it; what else a problem may know, none knows of it."""


def _of_free_spins(n_spins: int) -> tuple[SampleSet, IsingProblem]:
    free = IsingProblem(np.zeros((n_spins, n_spins)))
    return contract_samples(free), free


def _without_known(problem: IsingProblem) -> tuple[SampleSet, IsingProblem]:
    bare = IsingProblem(problem.couplings, problem.fields, problem.offset, problem.labels)
    return contract_samples(problem), bare


class MeasureContract:
    """What every measure promises. Subclass it in a test module and name the measure.

    Attributes
    ----------
    name : registered name
    settings : without which it cannot be made, or that make it fast
    """

    name: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}

    def made(self, **changes: Any) -> Measure:
        return get_measure(self.name, **{**self.settings, **changes})

    def samples(self, problem: IsingProblem, seed: int = 0) -> SampleSet:
        """Samples that meet what the measure needs; to be overridden for needs of another kind."""
        return contract_samples(problem, seed)

    def taken(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        """What is measured, beside the reference that the measure may want."""
        measure: Any = self.made()
        if measure.against:
            return measure.measure(samples, problem, contract_samples(contract_problem(), 99))
        return measure.measure(samples, problem)

    def test_it_is_a_measure_that_declares_what_it_needs(self) -> None:
        measure = self.made()
        assert isinstance(measure, Measure)
        assert set(measure.needs) <= set(NEEDS)
        assert set(type(measure).needs) <= set(NEEDS)
        assert isinstance(measure.against, bool)
        assert isinstance(measure.version, int)
        assert measure.version >= 1

    def test_settings_are_frozen_and_plain(self) -> None:
        measure = self.made()
        json.dumps(deciding_settings(measure))
        assert_frozen(measure)

    def test_an_unknown_setting_is_refused_by_name(self) -> None:
        assert_refused(lambda: self.made(no_such_setting=1), "no_such_setting")

    def test_it_can_be_copied_and_pickled(self) -> None:
        measure = self.made()
        for twin in (copy.deepcopy(measure), pickle.loads(pickle.dumps(measure))):
            assert twin == measure
            assert twin.needs == measure.needs

    def test_results_survive_files(self) -> None:
        problem = contract_problem()
        result = self.taken(self.samples(problem), problem)
        assert result.data_vars, "nothing was measured"
        _assert_storable(result)

    def test_the_same_samples_give_the_same_numbers(self) -> None:
        problem = contract_problem()
        samples = self.samples(problem)
        first = self.taken(samples, problem)
        before = samples.spins.values.copy()
        xr.testing.assert_identical(self.taken(samples, problem), first)
        np.testing.assert_array_equal(samples.spins.values, before)

    def test_errors_are_not_negative_and_intervals_hold_their_value(self) -> None:
        problem = contract_problem()
        result = self.taken(self.samples(problem), problem)
        _assert_errors(result)

    def test_instances_average_to_the_same_variables(self) -> None:
        problems = [contract_problem(k) for k in range(3)]
        measure: Any = self.made()
        results = [
            measure.measure(
                self.samples(problem), problem, *([contract_samples(problem, 99)] if measure.against else [])
            )
            for problem in problems
        ]
        average = measure.average(results)
        assert set(results[0].data_vars) <= set(average.data_vars)
        assert set(results[0].dims) == set(average.dims)
        assert average.attrs["n_instances"] == 3
        _assert_storable(average)
        _assert_errors(average)

    def test_samples_of_another_problem_are_refused(self) -> None:
        assert_refused(lambda: self.taken(self.samples(contract_problem(1)), contract_problem()), "problem")

    def test_what_are_no_samples_is_refused(self) -> None:
        for given in (None, np.ones((2, 3))):
            assert_refused(lambda g=given: self.taken(g, contract_problem()), "SampleSet")

    def test_what_lacks_a_need_is_refused_by_name(self) -> None:
        for need in sorted(self.made().needs):
            lacking = _LACKING.get(need, _without_known)
            assert_refused(lambda made=lacking: self.taken(*made(contract_problem())), need)

    def test_samples_without_a_thermostat_are_measured_or_refused(self) -> None:
        problem = contract_problem()
        samples = contract_samples(problem, is_thermal=False)
        try:
            _assert_storable(self.taken(samples, problem))
        except InputError:
            return


def _assert_storable(result: xr.Dataset) -> None:
    """Fail unless a result comes back from NetCDF as it was."""
    assert isinstance(result, xr.Dataset)
    for dim in result.dims:
        assert dim in result.coords, f"dimension {dim!r} has no coordinate"
    for name, variable in result.variables.items():
        assert variable.dtype.kind in "fiuUO", f"{name} holds neither numbers nor text: {variable.dtype}"
    for name, fact in result.attrs.items():
        assert isinstance(fact, str | int | float | np.number), f"fact {name!r} is neither number nor text"
    if "remarks" in result.attrs:
        remarks_from(json.loads(result.attrs["remarks"]))
    stored = io.BytesIO()
    result.to_netcdf(stored, engine="h5netcdf")
    with xr.open_dataset(io.BytesIO(stored.getvalue()), engine="h5netcdf") as read:
        xr.testing.assert_equal(read.load(), result)


def _assert_errors(result: xr.Dataset) -> None:
    """Fail where a standard error is negative, or a value lies outside its own interval."""
    for name, values in result.data_vars.items():
        owner = str(name).removesuffix("_error")
        if owner != name and owner in result:
            assert not (values < 0).any(), f"{name} is negative"
        if f"{name}_low" in result:
            rounding = 1e-9 * np.abs(values)
            below, above = (
                result[f"{name}_low"] > values + rounding,
                result[f"{name}_high"] < values - rounding,
            )
            assert not (below | above).any(), f"{name} lies outside its interval"
