"""Instances of one disorder become one result: means over them, ratios of means, the worst, and remarks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import analysis, registry
from qspin.analysis.disorder import bootstrap, on_one_ladder
from qspin.errors import InputError
from qspin.measures.averaging import Rule, averaged, counted
from qspin.remarks import Level, Remark, remarks_from
from qspin.spectrum import enumerate_problem
from qspin.testing import STANDARD_ERRORS, assert_within_errors
from qspin.testing.measure import contract_problem, contract_samples

PROBLEMS = [qspin.instances.sherrington_kirkpatrick(8, seed=seed) for seed in range(6)]
OWN_LADDERS = [(0.2, 0.5, 1.0, 1.6, 2.2), (0.3, 0.6, 1.1, 1.7, 2.5), (0.25, 0.55, 1.2, 2.0)]


def results(name, problems=PROBLEMS, betas=None, **settings):
    measure = registry.get_measure(name, **settings)
    ladders = betas or [(0.3, 0.7, 1.2, 2.0)] * len(problems)
    return measure, [
        measure.measure(contract_samples(problem, 1, own, n_replicas=12), problem)
        for problem, own in zip(problems, ladders, strict=True)
    ]


class TestMeans:
    def test_errors_are_over_instances(self):
        measure, single = results("energy_curve")
        average = measure.average(single)
        values = np.stack([one["energy"].values for one in single])
        np.testing.assert_allclose(average["energy"], values.mean(axis=0))
        np.testing.assert_allclose(average["energy_error"], values.std(axis=0, ddof=1) / np.sqrt(6))
        assert average.attrs["n_instances"] == 6

    def test_they_are_what_a_bootstrap_finds(self):
        measure, single = results("link_overlap_curve")
        values = np.stack([one["q_link"].values for one in single])
        _, error, _ = bootstrap(values, lambda sample: sample.mean(axis=0), n_resamples=4_000)
        np.testing.assert_allclose(measure.average(single)["q_link_error"], error, rtol=0.05)

    def test_intervals_of_heat_capacities_hold_the_mean(self):
        measure, single = results("energy_curve")
        average = measure.average(single)
        assert (average["heat_capacity_low"] < average["heat_capacity"]).all()
        assert (average["heat_capacity_low"] > 0).all()
        assert (average["heat_capacity_high"] > average["heat_capacity"]).all()

    def test_one_instance_is_no_average(self):
        measure, single = results("energy_curve")
        with pytest.raises(InputError, match="at least two instances; got 1"):
            measure.average(single[:1])

    def test_what_one_instance_does_not_know_nobody_knows(self):
        measure, single = results("energy_curve")
        single[0] = single[0].assign(energy=single[0]["energy"].where(single[0]["beta"] < 1))
        average = measure.average(single)["energy"]
        assert np.isfinite(average.values[:2]).all()
        assert np.isnan(average.values[2:]).all()


class TestOverlaps:
    def test_ratios_of_averages(self):
        measure, single = results("overlap_curve")
        average = measure.average(single)
        expected = analysis.disorder_curve(single, 8)
        for name in expected.data_vars:
            np.testing.assert_array_equal(average[name], expected[name])
        moments = [np.mean([one[name].values for one in single], axis=0) for name in ("q2", "q4")]
        np.testing.assert_allclose(average["binder"], (3 - moments[1] / moments[0] ** 2) / 2)
        assert not np.allclose(average["binder"], np.mean([one["binder"].values for one in single], axis=0))

    def test_intervals_of_averages_cover_the_average_over_all_disorder(self):
        """Sets of six instances against the mean over 300 of them: 95 % intervals hold it in nine of ten."""
        rng = np.random.default_rng(7)
        every = rng.beta(2, 3, size=(300, 1, 1)) * np.ones((1, 3, 1))
        curves = [
            xr.Dataset(
                {name: ("beta", moments[k] ** (k + 1)) for k, name in enumerate(("q_abs", "q2", "q4"))},
                coords={"beta": [1.0], "temperature": ("beta", [1.0])},
            )
            for moments in every
        ]
        truth = {name: np.mean([float(c[name][0]) for c in curves]) for name in ("q_abs", "q2", "q4")}
        held = dict.fromkeys(truth, 0)
        n_sets = 60
        for _ in range(n_sets):
            chosen = [curves[k] for k in rng.integers(0, 300, 6)]
            average = analysis.disorder_curve(chosen, 8)
            for name, value in truth.items():
                held[name] += bool(average[f"{name}_low"][0] <= value <= average[f"{name}_high"][0])
        least = 0.95 * n_sets - STANDARD_ERRORS * np.sqrt(0.95 * 0.05 * n_sets)
        assert min(held.values()) > least

    def test_groups_have_ratios_of_their_own(self):
        problems = [contract_problem(k) for k in range(4)]
        measure, single = results("group_overlap_curve", problems)
        average = measure.average(single)
        assert average["q2"].dims == single[0]["q2"].dims
        for k, size in enumerate((4, 5)):
            alone = [one.isel(group=k) for one in single]
            expected = analysis.disorder_curve(alone, size)
            for name in ("binder", "chi_sg", "q_abs_low"):
                np.testing.assert_array_equal(average[name].isel(group=k), expected[name])

    def test_densities_stay_normalised(self):
        measure, single = results("overlap_distribution")
        average = measure.average(single)
        np.testing.assert_allclose((average["density"] * average["width"]).sum("q"), 1)
        expected = analysis.disorder_distribution(single)
        np.testing.assert_allclose(average["density"], expected["density"])
        assert "width_error" not in average


class TestLaddersOfTheirOwn:
    def test_results_are_interpolated_where_ladders_overlap(self):
        measure, single = results("energy_curve", PROBLEMS[:3], OWN_LADDERS)
        common = on_one_ladder(single)
        temperatures = common[0]["temperature"].values
        assert temperatures.max() == 1 / 0.3
        assert temperatures.min() == 1 / 2.0
        assert len(temperatures) == 5
        for problem, one in zip(PROBLEMS, common, strict=False):
            spectrum = enumerate_problem(problem)
            exact = [spectrum.mean_energy(beta) / 8 for beta in one["beta"].values]
            assert_within_errors(one["energy"], one["energy_error"], exact, what="interpolated energy")
        average = measure.average(single)
        expected = np.mean([one["energy"].values for one in common], axis=0)
        np.testing.assert_allclose(average["energy"], expected)

    def test_densities_are_interpolated_too(self):
        measure, single = results("overlap_distribution", PROBLEMS[:3], OWN_LADDERS)
        average = measure.average(single)
        assert average["density"].dims == ("beta", "q")
        np.testing.assert_allclose((average["density"] * average["width"]).sum("q"), 1, rtol=1e-9)

    def test_what_is_not_averaged_is_that_of_the_nearest_temperature(self):
        measure, single = results("chain_diagnostics", PROBLEMS[:3], OWN_LADDERS)
        average = measure.average(single)
        every = np.concatenate([one["r_hat"].values for one in single])
        assert set(average["r_hat"].values) <= set(every)

    def test_infinite_temperature_has_no_logarithm(self):
        ladders = [(0.0, *own) for own in OWN_LADDERS]
        measure, single = results("energy_curve", PROBLEMS[:3], ladders)
        assert np.isfinite(measure.average(single)["energy"]).all()

    def test_ladders_that_do_not_overlap_have_no_average(self):
        apart = [
            xr.Dataset(
                {"a": ("beta", [0.1, 0.2])}, coords={"beta": b, "temperature": ("beta", 1 / np.array(b))}
            )
            for b in ([1.0, 2.0], [3.0, 4.0])
        ]
        with pytest.raises(InputError, match="no range of temperatures in common"):
            averaged(apart)
        rows = [one.isel(beta=[0]) for one in apart]
        with pytest.raises(InputError, match="sampled at different temperatures"):
            averaged(rows)

    def test_rows_without_temperatures_belong_together(self):
        rows = [
            xr.Dataset(
                {"a": ("beta", [float(k), 2.0 * k])},
                coords={"beta": [np.nan] * 2, "temperature": ("beta", [np.nan] * 2)},
            )
            for k in (1, 3)
        ]
        np.testing.assert_array_equal(averaged(rows)["a"], [2, 4])


class TestRules:
    def test_the_worst_of_diagnostics(self):
        measure, single = results("chain_diagnostics")
        average = measure.average(single)
        for name, worst in (("ess", np.min), ("r_hat", np.max), ("ess_overlap", np.min)):
            np.testing.assert_array_equal(average[name], worst([one[name].values for one in single], axis=0))

    def test_unknown_ones_do_not_count(self):
        rows = [
            xr.Dataset({"a": ("x", values)}, coords={"x": [0, 1]}) for values in ([1, np.nan], [2, np.nan])
        ]
        np.testing.assert_array_equal(averaged(rows, {"a": Rule.LEAST})["a"], [1, np.nan])
        np.testing.assert_array_equal(averaged(rows, {"a": Rule.MOST})["a"], [2, np.nan])

    def test_places_that_some_do_not_have(self):
        rows = [
            xr.Dataset({"c": ("distance", [1.0, 4.0])}, coords={"distance": [1, 2]}),
            xr.Dataset({"c": ("distance", [3.0])}, coords={"distance": [1]}),
            xr.Dataset({"c": ("distance", [5.0])}, coords={"distance": [1]}),
        ]
        average = averaged(rows)
        np.testing.assert_array_equal(average["c"], [3, 4])
        np.testing.assert_allclose(average["c_error"], [2 / np.sqrt(3), np.nan])

    def test_distributions_of_lowest_energies(self):
        measure, single = results("energy_distribution")
        average = measure.average(single)
        grid = average["energy"].values
        expected = np.mean([[(one["energy"].values <= e).mean() for e in grid] for one in single], axis=0)
        np.testing.assert_allclose(average["cumulative"], expected)

    def test_runs_in_order(self):
        measure, single = results("lowest_energies")
        average = measure.average(single)
        np.testing.assert_allclose(
            average["energy"], np.mean([np.sort(one["energy"].values) for one in single], axis=0)
        )
        assert set(json.loads(average.attrs["seconds"])) == {"sample", "wall"}

    def test_records(self):
        measure, single = results("record")
        average = measure.average(single)
        assert float(average["best_energy"]) == pytest.approx(
            np.mean([float(one["best_energy"]) for one in single])
        )
        assert int(average["n_replicas"]) == 12
        assert average.attrs["seed"] == "6 instances"
        assert json.loads(average.attrs["info"])["seed"] == "6 instances"


class TestRemarks:
    def test_each_code_once_with_the_number_of_instances(self):
        late = Remark("few-draws", "two draws")
        worse = Remark("few-draws", "one draw", Level.SERIOUS)
        always = Remark("no-temperature", "none is stated", Level.NOTE)
        found = counted([[late, always], [worse, always], [always]])
        assert [(remark.code, remark.level) for remark in found] == [
            ("few-draws", Level.SERIOUS),
            ("no-temperature", Level.NOTE),
        ]
        assert found[0].text == "2 of 3 instances; the first: two draws"
        assert found[1].text == "none is stated"

    def test_those_of_diagnostics(self):
        measure, single = results("chain_diagnostics", problems=PROBLEMS[:2], betas=[(0.5,), (0.5,)])
        told = [remarks_from(json.loads(one.attrs["remarks"])) for one in single]
        found = remarks_from(json.loads(measure.average(single).attrs["remarks"]))
        assert {remark.code for remark in found} == {remark.code for one in told for remark in one}
