"""Measures say what the functions say that they are named after, and enumeration confirms some of it."""

from __future__ import annotations

import gc
import inspect
import json

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import analysis, benchmark, registry
from qspin.errors import InputError
from qspin.measure import offered_by, unmet
from qspin.measures import against
from qspin.remarks import remarks_from
from qspin.samples import SampleSet
from qspin.spectrum import enumerate_problem
from qspin.testing import assert_within_errors
from qspin.testing.measure import contract_problem, contract_samples

PROBLEM = contract_problem()
SAMPLES = contract_samples(PROBLEM)
REFERENCE = contract_samples(PROBLEM, 99)
WITHOUT = contract_samples(PROBLEM, 3, is_thermal=False)
SPECTRUM = enumerate_problem(PROBLEM)


def measured(name, samples=SAMPLES, problem=PROBLEM, reference=None, **settings):
    measure = registry.get_measure(name, **settings)
    return measure.measure(samples, problem, *([reference] if reference is not None else []))


SAME = {
    "correlation_length": lambda: analysis.correlation_length(
        SAMPLES, np.indices((3, 3)).reshape(2, -1).T, 3
    ),
    "dissimilarity_curve": lambda: analysis.dissimilarity_curve(SAMPLES, problem=PROBLEM),
    "distance_overlaps": lambda: analysis.distance_overlaps(SAMPLES, PROBLEM),
    "energy_curve": lambda: analysis.energy_curve(SAMPLES),
    "energy_distribution": lambda: benchmark.energy_distribution(SAMPLES),
    "free_energy_curve": lambda: analysis.free_energy_curve(SAMPLES, PROBLEM),
    "group_overlap_curve": lambda: analysis.group_overlap_curve(SAMPLES, PROBLEM.known.groups),
    "link_overlap_curve": lambda: analysis.link_overlap_curve(SAMPLES, PROBLEM),
    "link_overlap_distribution": lambda: analysis.link_overlap_distribution(SAMPLES, PROBLEM),
    "magnetisation_curve": lambda: analysis.magnetisation_curve(SAMPLES),
    "overlap_curve": lambda: analysis.overlap_curve(SAMPLES),
    "overlap_distribution": lambda: analysis.overlap_distribution(SAMPLES),
    "pattern_overlap_curve": lambda: analysis.pattern_overlap_curve(SAMPLES, PROBLEM.known.patterns),
    "site_overlaps": lambda: analysis.site_overlaps(SAMPLES),
    "chain_diagnostics": lambda: analysis.chain_diagnostics(SAMPLES),
}


class TestNumbers:
    @pytest.mark.parametrize("name", SAME)
    def test_they_are_those_of_the_function(self, name):
        found, expected = measured(name), SAME[name]()
        for variable in expected.data_vars:
            np.testing.assert_array_equal(found[variable], expected[variable], err_msg=variable)
        if "beta" in expected.dims:
            np.testing.assert_array_equal(found["temperature"], SAMPLES.temperatures)

    def test_settings_reach_the_function(self):
        for found, expected in (
            (measured("overlap_distribution", bins=4), analysis.overlap_distribution(SAMPLES, bins=4)),
            (measured("reweighted_curve", betas=[0.3, 0.7]), analysis.reweighted_curve(SAMPLES, [0.3, 0.7])),
            (
                measured("free_energy_curve", method="integration"),
                analysis.free_energy_curve(SAMPLES, PROBLEM, method="integration"),
            ),
            (
                measured("dissimilarity_curve", width=1, bins=5, divergence="total_variation"),
                analysis.dissimilarity_curve(
                    SAMPLES, width=1, bins=5, measure="total_variation", problem=PROBLEM
                ),
            ),
        ):
            for variable in expected.data_vars:
                np.testing.assert_array_equal(found[variable], expected[variable], err_msg=variable)

    def test_as_many_betas_as_were_sampled_stay_what_they_are(self):
        betas = [0.2, 0.3, 0.5, 0.7]
        np.testing.assert_array_equal(measured("reweighted_curve", betas=betas)["beta"], betas)

    def test_ground_states_by_what_is_known(self):
        runs = benchmark.runs_of(SAMPLES, SPECTRUM.ground_energy, problem=PROBLEM)
        found = measured("success_probability")
        assert int(found["successes"]) == runs.successes
        assert float(found["probability"]) == runs.successes / 5
        assert float(measured("residual_energy")["residual_energy"]) == pytest.approx(
            (runs.lowest.mean() - SPECTRUM.ground_energy) / 9
        )
        assert int(measured("diversity")["diversity"]) == benchmark.diversity(
            SAMPLES, SPECTRUM.ground_energy, problem=PROBLEM
        )
        told = measured("success_probability", ground_energy=SPECTRUM.ground_energy - 1)
        assert int(told["successes"]) == 0

    def test_approximation_ratio(self):
        found = measured("approximation_ratio")
        energies = SAMPLES.energies.values.mean(axis=(1, 2))
        expected = (0.5 - energies) / (0.5 - SPECTRUM.ground_energy)
        np.testing.assert_allclose(found["approximation_ratio"], expected)

    def test_lowest_energies_and_seconds_a_run(self):
        found = measured("lowest_energies")
        np.testing.assert_array_equal(found["energy"], benchmark.lowest_without_offset(SAMPLES, PROBLEM))
        assert found.attrs["offset"] == 0.5
        seconds = {clock: benchmark.seconds_of(SAMPLES, clock) for clock in ("sample", "wall")}
        assert json.loads(found.attrs["seconds"]) == seconds

    def test_lowest_energies_of_runs_that_stop(self):
        """Those that did not get there took all sweeps that they had."""
        target = SPECTRUM.ground_energy
        sampler = qspin.get_backend(
            "tempering", betas=[0.5, 1.0], n_replicas=30, n_burn_in=1, n_sweeps=3, target_energy=target
        )
        samples = sampler.sample(PROBLEM, seed=1)
        found = registry.get_measure("lowest_energies").measure(samples, PROBLEM)
        needed = samples.dataset["sweeps_to_target"].values
        assert 0 < np.isnan(needed).sum() < 30
        np.testing.assert_array_equal(found["sweeps"], np.where(np.isnan(needed), 4, needed))
        assert found.attrs["target"] == target - PROBLEM.offset
        average = registry.get_measure("lowest_energies").average([found, found])
        assert "sweeps" not in average

    def test_record(self):
        found = measured("record")
        assert {name: int(found[name]) for name in ("n_spins", "n_couplings", "n_replicas", "n_draws")} == {
            "n_spins": 9, "n_couplings": 18, "n_replicas": 5, "n_draws": 12,
        }  # fmt: skip
        assert float(found["best_energy"]) == SAMPLES.best.energy
        assert float(found["coupling_rms"]) == pytest.approx(
            np.sqrt(np.mean(PROBLEM.edges.couplings**2)), rel=1e-12
        )
        assert float(found["seconds_sample"]) == 1.0
        assert found.attrs["backend"] == "enumeration"
        assert found.attrs["seed"] == "0"
        assert json.loads(found.attrs["info"]) == SAMPLES.info

    def test_remarks_of_diagnostics(self):
        found = measured("chain_diagnostics")
        assert remarks_from(json.loads(found.attrs["remarks"])) == analysis.equilibrium_remarks(SAMPLES)
        alone = measured("chain_diagnostics", contract_samples(PROBLEM, n_replicas=1))
        assert "one-replica" in [remark.code for remark in remarks_from(json.loads(alone.attrs["remarks"]))]


class TestEnumeration:
    """Against all 2^9 configurations, with errors over replicas."""

    MANY = contract_samples(PROBLEM, 5, n_replicas=40, n_draws=25)

    def test_overlaps(self):
        found = measured("overlap_curve", self.MANY)
        exact = []
        for beta in self.MANY.betas:
            q, density = SPECTRUM.overlap_distribution(beta)
            exact.append([density @ np.abs(q), density @ q**2, density @ q**4])
        for k, name in enumerate(("q_abs", "q2", "q4")):
            assert_within_errors(found[name], found[f"{name}_error"], np.array(exact)[:, k], what=name)

    def test_free_energies(self):
        found = measured("free_energy_curve", self.MANY)
        exact = [SPECTRUM.log_partition(beta) for beta in self.MANY.betas]
        assert_within_errors(found["log_partition"], found["log_partition_error"], exact, what="ln Z")

    def test_pattern_overlaps(self):
        found = measured("pattern_overlap_curve", self.MANY)
        every = SPECTRUM.configurations(np.arange(2**9))
        size = np.abs(analysis.pattern_overlaps(every, PROBLEM.known.patterns))
        exact = np.stack([SPECTRUM.probabilities(beta) @ size for beta in self.MANY.betas])
        assert_within_errors(found["m_abs"], found["m_abs_error"], exact, what="pattern overlaps")

    def test_total_variation_is_that_of_an_exact_sample(self):
        found = measured("total_variation", self.MANY)
        ratio = found["total_variation"] / found["total_variation_noise"]
        assert (ratio > 0.7).all()
        assert (ratio < 1.4).all()

    def test_reweighted_energies(self):
        found = measured("reweighted_curve", self.MANY, betas=[0.25, 0.7, 1.5])
        exact = [SPECTRUM.mean_energy(beta) / 9 for beta in (0.25, 0.7, 1.5)]
        assert_within_errors(found["energy"], found["energy_error"], exact, what="energy")


class TestTemperaturesThatWereMeasured:
    @pytest.fixture
    def device(self):
        spins = contract_samples(PROBLEM, 4, betas=(0.4, 1.0), n_replicas=24, n_draws=1).spins.values
        extra = {
            "beta_effective": ("beta", [0.4, 1.0]),
            "beta_effective_error": ("beta", [0.01, 0.02]),
            "coupling_scale": ("beta", [0.5, 1.0]),
            "chain_break_fraction": (("beta", "replica"), np.full((2, 24), 0.25)),
        }
        return SampleSet.from_spins(PROBLEM, spins, [np.nan] * 2, {"backend": "device"}, extra)

    @pytest.mark.parametrize("name", ["energy_curve", "overlap_curve", "chain_diagnostics", "site_overlaps"])
    def test_curves_are_put_there(self, name, device):
        found = measured(name, device)
        np.testing.assert_allclose(found["temperature"], [2.5, 1.0])
        np.testing.assert_allclose(found["temperature_error"], [0.01 / 0.16, 0.02])
        np.testing.assert_array_equal(found["coupling_scale"], [0.5, 1.0])
        np.testing.assert_array_equal(found["chain_break_fraction"], [0.25, 0.25])

    def test_rows_are_chosen_by_them(self, device):
        assert measured("rigidity", device, temperatures=[2.0])["temperature"].values == [2.5]

    def test_matched_ones_stand_in_their_place(self, device):
        found = measured("effective_temperature", device, reference=REFERENCE)
        np.testing.assert_allclose(found["temperature"], 1 / found["beta_matched"])
        assert "beta_effective" not in found

    def test_instances_average_them(self, device):
        results = [measured("energy_curve", device) for _ in range(2)]
        results[1] = results[1].assign_coords(temperature=("beta", [2.7, 1.2]))
        average = registry.get_measure("energy_curve").average(results)
        np.testing.assert_allclose(average["temperature"], [2.6, 1.1])
        np.testing.assert_allclose(average["temperature_error"], [0.1, 0.1])


class TestAgainst:
    def test_comparisons_are_those_of_the_function(self):
        found = measured("compare", reference=REFERENCE, permutations=99)
        np.testing.assert_array_equal(found["row"], [0, 2, 3])
        for k, row in enumerate((0, 2, 3)):
            expected = analysis.compare(REFERENCE, SAMPLES, PROBLEM, row=row, n_permutations=99, most=1_000)
            assert float(found["p_value"][k]) == expected.test.p_value
            assert str(found["telling"].values[k]) == expected.test.telling
            for name in ("wasserstein", "correlation_error", "correlation_noise", "overlap_distance"):
                assert float(found[name][k]) == getattr(expected, name)
            coverage = analysis.valley_coverage(PROBLEM, expected.first.spins, expected.second.spins)
            assert float(found["n_valleys"][k]) == coverage.n_valleys
        np.testing.assert_allclose(found["temperature"], SAMPLES.temperatures[[0, 2, 3]])
        assert (found["is_fitted"] == 0).all()

    def test_rows_without_a_temperature_are_fitted(self):
        found = measured("compare", WITHOUT, reference=REFERENCE, permutations=99)
        fits = measured("effective_temperature", WITHOUT, reference=REFERENCE)
        known = found["reason"].values == ""
        assert known.sum() >= 2
        np.testing.assert_array_equal(found["beta"].values[known], fits["beta_matched"].values[known])
        assert (found["is_fitted"].values[known] == 1).all()
        assert np.isnan(found["p_value"].values[~known]).all()
        assert all("no temperature to compare at" in text for text in found["reason"].values[~known])

    def test_rows_without_a_temperature_are_compared_where_that_is_asked(self):
        """The others, which have one, stay there."""
        found = measured("compare", WITHOUT, reference=REFERENCE, permutations=99, beta=0.8)
        assert set(found["beta"].values) == {0.8}
        assert (found["beta_error"] == 0).all()
        assert (found["is_fitted"] == 0).all()
        expected = analysis.compare(
            REFERENCE, WITHOUT, PROBLEM, row=1, beta=0.8, n_permutations=99, most=1_000
        )
        assert float(found["p_value"][1]) == expected.test.p_value
        beyond = measured("compare", WITHOUT, reference=REFERENCE, permutations=99, beta=900.0)
        assert all("lies outside the ladder" in text for text in beyond["reason"].values)
        own = measured("compare", reference=REFERENCE, permutations=99, beta=0.8)
        np.testing.assert_allclose(own["temperature"], SAMPLES.temperatures[[0, 2, 3]])

    def test_fits_cover_what_was_sampled(self):
        found = measured("effective_temperature", WITHOUT, reference=REFERENCE)
        known = np.isfinite(found["beta_matched"].values)
        assert_within_errors(
            found["beta_matched"].values[known],
            found["beta_matched_error"].values[known],
            SAMPLES.betas[known],
            what="fitted beta",
        )

    def test_the_pair_is_the_one_that_was_compared(self):
        found = measured("cross_overlaps", reference=REFERENCE)
        compared = measured("compare", reference=REFERENCE, permutations=99)
        assert int(found["row"]) == 3
        assert float(found["temperature"]) == float(compared["temperature"][-1])
        expected = analysis.compare(REFERENCE, SAMPLES, PROBLEM, row=3, n_permutations=9, most=1_000).overlaps
        for name in ("first", "second", "cross"):
            np.testing.assert_array_equal(found[name], expected[name])
        assert sorted(found["order"].values) == list(range(found.sizes["configuration"]))
        sides = found["side"].values[found["order"].values]
        assert (np.diff(sides) >= 0).all(), "the reference comes first"

    def test_one_draw_against_itself_says_so(self):
        found = measured("compare", REFERENCE, reference=REFERENCE, permutations=99)
        assert "one draw" in found["reason"].values[-1]
        pair = measured("cross_overlaps", REFERENCE, reference=REFERENCE, rows=1)
        assert not pair.data_vars or int(pair["row"]) == 0

    def test_a_reference_is_reweighted_once_as_long_as_it_lives(self, monkeypatch):
        made = []
        monkeypatch.setattr(
            against.Reweighting, "of", lambda samples: made.append(1) or against.Reweighting(
                samples.energies.values, samples.betas
            )
        )  # fmt: skip
        reference = SampleSet(contract_samples(PROBLEM, 98).dataset)
        for _ in range(2):
            measured("effective_temperature", WITHOUT, reference=reference)
            measured("compare", WITHOUT, reference=reference, permutations=9)
        assert len(made) == 1
        kept = len(against._reweightings)
        del reference
        gc.collect()
        assert len(against._reweightings) == kept - 1

    def test_a_reference_without_temperatures_is_refused(self):
        with pytest.raises(InputError, match="the reference of compare needs thermostat"):
            measured("compare", reference=WITHOUT)
        with pytest.raises(InputError, match="reference: expected a SampleSet"):
            measured("compare", reference=PROBLEM)

    def test_p_values_of_instances_are_taken_together(self):
        results = [measured("compare", reference=REFERENCE, permutations=99, rows=1) for _ in range(2)]
        results = [r.assign(p_value=("row", [p])) for r, p in zip(results, (0.05, np.nan), strict=True)]
        average = registry.get_measure("compare").average(results)
        assert float(average["p_value"][0]) == pytest.approx(0.05)
        assert int(average["n_compared"][0]) == 1


class TestLandscape:
    def test_the_coldest_row_is_the_default(self):
        for samples, beta in ((SAMPLES, 2.0), (WITHOUT, np.nan)):
            found = measured("valleys", samples)
            np.testing.assert_array_equal(found["beta"], [beta])
        energies = WITHOUT.energies.values.mean(axis=(1, 2))
        own = analysis.independent_configurations(WITHOUT, int(energies.argmin()), most=1_000)
        expected = analysis.valleys(PROBLEM, own.spins)
        np.testing.assert_array_equal(measured("valleys", WITHOUT)["energy"][0], expected["energy"])

    @pytest.mark.parametrize("temperatures", [[0.5], [1.1, 0.45]])
    def test_rows_nearest_to_temperatures(self, temperatures):
        found = measured("find_states", temperatures=temperatures, n_null=3)
        assert sorted(found["temperature"].values) == sorted({0.5, *([1.0] if len(temperatures) > 1 else [])})
        for k, temperature in enumerate(found["temperature"].values):
            row = int(np.flatnonzero(SAMPLES.temperatures == temperature)[0])
            own = analysis.independent_configurations(SAMPLES, row, most=200).spins
            expected = analysis.find_states(own, symmetric=True, n_null=3)
            here = found.isel(beta=k)
            assert float(here["n_states"]) == expected.n_states
            assert float(here["separation"]) == expected.separation
            np.testing.assert_array_equal(here["nulls"], expected.nulls)
            assert float(here["null_separation"]) == np.mean(expected.nulls)
            known = np.isfinite(here["weights"].values)
            np.testing.assert_array_equal(here["weights"].values[known], expected.weights)
            n = int(here["n_configurations"])
            np.testing.assert_array_equal(here["matrix"].values[:n, :n], np.abs(analysis.overlap_matrix(own)))

    def test_temperatures_of_samples_without_any_are_refused(self):
        with pytest.raises(InputError, match="have no temperatures, so none of them can be chosen"):
            measured("find_states", WITHOUT, temperatures=[1.0])

    def test_triangles_are_those_of_the_function(self):
        found = measured("ultrametricity", n_triples=400, n_null=9)
        own = analysis.independent_configurations(SAMPLES, 3, most=1_000).spins
        expected = analysis.ultrametricity(own, symmetric=True, n_triples=400, n_null=9)
        for name in ("k_mean", "null_mean", "p_value", "spread", "effect"):
            assert float(found[name][0]) == getattr(expected, name)
        np.testing.assert_array_equal(found["nulls"][0], expected.nulls)
        density = found["density"][0]
        assert float(density.sum()) * 0.1 == pytest.approx(1)

    def test_what_cannot_be_told_says_why(self):
        frozen = SampleSet.from_spins(PROBLEM, np.ones((1, 4, 3, 9)), [2.0])
        found = measured("ultrametricity", frozen, n_null=3)
        assert "all overlaps are equal" in str(found["reason"].values[0])
        assert np.isnan(found["k_mean"].values).all()
        whole = measured("ultrametricity", n_triples=400, n_null=3)
        average = registry.get_measure("ultrametricity").average([whole, whole])
        np.testing.assert_allclose(average["k_mean"], whole["k_mean"])

    def test_rows_of_which_less_can_be_told_are_beside_others(self):
        spins = np.ones((2, 5, 12, 9))
        spins[0] = SAMPLES.spins.values[1]
        mixed = SampleSet.from_spins(PROBLEM, spins, [0.4, 2.0])
        settings = {"n_triples": 400, "n_null": 3}
        found = measured("ultrametricity", mixed, temperatures=[0.5, 2.5], **settings)
        assert [bool(reason) for reason in found["reason"].values] == [False, True]
        assert np.isfinite(found["nulls"].values).tolist() == [[True] * 3, [False] * 3]
        frozen = measured("ultrametricity", mixed, temperatures=[0.5], **settings)
        whole = measured("ultrametricity", mixed, temperatures=[2.5], **settings)
        for order in ([frozen, whole], [whole, frozen]):
            alone = registry.get_measure("ultrametricity").average(order)
            assert float(alone["k_mean"][0]) == float(whole["k_mean"][0])
            assert alone.attrs["n_instances"] == 1

    @pytest.mark.parametrize("frozen", range(3))
    def test_so_many_of_the_coldest_rows_of_which_one_tells_nothing(self, frozen):
        spins = SAMPLES.spins.values[[1, 1, 1]]
        spins[frozen] = 1
        mixed = SampleSet.from_spins(PROBLEM, spins, [0.4, 1.0, 2.0])
        found = measured("ultrametricity", mixed, temperatures=3, n_triples=400, n_null=3)
        assert found["beta"].values.tolist() == [0.4, 1.0, 2.0]
        assert [bool(reason) for reason in found["reason"].values] == [k == frozen for k in range(3)]
        assert np.isfinite(found["density"].values).all(axis=1).tolist() == [k != frozen for k in range(3)]
        assert measured("ultrametricity", mixed, temperatures=2, n_null=3)["beta"].values.tolist() == [
            1.0,
            2.0,
        ]

    def test_rigid_bonds_and_levels(self):
        own = analysis.independent_configurations(SAMPLES, 3, most=1_000).spins
        found, expected = measured("rigidity"), analysis.rigidity(PROBLEM, own)
        np.testing.assert_array_equal(found["bond"][0], expected["bond"])
        assert float(found["edge_rigidity"][0]) == expected.attrs["edge_rigidity"]
        np.testing.assert_array_equal(found["i"], PROBLEM.edges.i)
        levels = analysis.states_by_energy(PROBLEM, own)
        np.testing.assert_array_equal(measured("states_by_energy")["n_states"][0], levels["n_states"])
        np.testing.assert_array_equal(measured("states_by_energy")["energy"][0], levels["energy"])

    def test_known_ground_states_count_where_they_are_missed(self):
        ground = SPECTRUM.ground_states()
        assert len(ground) == 2
        spins = np.broadcast_to(ground[0], (2, 20, 1, 9))
        samples = SampleSet.from_spins(PROBLEM, spins, [1.0, 2.0])
        found = measured("fair_sampling", samples)
        assert sorted(found["count"].values[0]) == [0, 20]
        assert int(found["n_found"][0]) == 1
        assert float(found["p_value"][0]) < 1e-4
        nowhere = measured(
            "fair_sampling", contract_samples(PROBLEM, betas=(0.001,), n_replicas=2, n_draws=2)
        )
        assert "no ground state was found" in str(nowhere["reason"].values[0])

    def test_fair_samples_are_fair(self):
        ground = SPECTRUM.ground_states()
        spins = np.random.default_rng(3).permutation(np.repeat(ground, 100, axis=0)).reshape(1, 20, 10, 9)
        found = measured("fair_sampling", SampleSet.from_spins(PROBLEM, spins, [2.0]))
        assert float(found["p_value"][0]) == pytest.approx(1)


class TestLattices:
    def test_the_lattice_is_that_of_the_couplings(self):
        glass = qspin.instances.edwards_anderson((4, 4), seed=1)
        samples = contract_samples(glass)
        found = measured("correlation_length", samples, glass)
        told = measured("correlation_length", samples, glass, shape=[4, 4])
        xr.testing.assert_identical(found, told)
        places = np.indices((4, 4)).reshape(2, -1).T.tolist()
        xr.testing.assert_identical(
            measured("correlation_length", samples, glass, positions=places, size=4), told
        )

    def test_a_ring_is_a_lattice(self):
        ring = qspin.instances.edwards_anderson((7,), seed=2)
        assert "xi_over_l" in measured("correlation_length", contract_samples(ring), ring)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"size": 3}, "positions and size belong together"),
            ({"shape": [3, 4]}, "equal lengths; got \\[3, 4\\]"),
            ({"shape": [2, 2]}, "has 4 spins; the samples have 9"),
            ({"shape": [3, 3], "positions": [[0]], "size": 3}, "not both"),
        ],
    )
    def test_other_lattices_are_refused(self, settings, message):
        with pytest.raises(InputError, match=message):
            measured("correlation_length", **settings)

    def test_what_is_no_lattice_asks_for_one(self):
        glass = qspin.instances.sherrington_kirkpatrick(9, seed=1)
        with pytest.raises(InputError, match="are not the bonds of a periodic lattice"):
            measured("correlation_length", contract_samples(glass), glass)


class TestNeeds:
    def test_a_setting_meets_a_need(self):
        problem = qspin.instances.sherrington_kirkpatrick(6, seed=1)
        samples = contract_samples(problem)
        for name, settings, need in (
            ("group_overlap_curve", {"groups": {"a": [0, 1], "b": [2]}}, "problem:groups"),
            ("success_probability", {"ground_energy": -3.0}, "problem:ground_energy"),
            ("fair_sampling", {"ground_energy": samples.best.energy}, "problem:ground_energy"),
        ):
            with pytest.raises(InputError, match=need):
                measured(name, samples, problem)
            measure = registry.get_measure(name, **settings)
            assert need not in measure.needs
            assert need in type(measure).needs
            assert unmet(measure, offered_by(samples, problem)) == []
            measure.measure(samples, problem)

    def test_what_is_offered(self):
        assert offered_by(SAMPLES, PROBLEM) == {
            "thermostat", "ladder", "replicas", "draws", "spins", "problem:couplings", "problem:patterns",
            "problem:groups", "problem:ground_energy",
        }  # fmt: skip
        poor = contract_samples(PROBLEM, n_replicas=1, n_draws=1, is_thermal=False)
        assert {need for need in offered_by(poor, PROBLEM) if ":" not in need} == {"spins"}
        averages = contract_samples(PROBLEM, has_averages=True)
        assert "spins" not in offered_by(averages, PROBLEM)
        measured = poor.dataset.assign(beta_effective=("beta", np.ones(poor.energies.shape[0])))
        assert "thermometer" in offered_by(SampleSet(measured), PROBLEM)


class TestNames:
    def test_measures_and_studies_share_no_name(self):
        assert not set(registry.names(registry.MEASURE)) & set(registry.names(registry.STUDY))

    def test_classes_know_the_names_that_they_are_found_by(self):
        for name in registry.MEASURE.builtin:
            assert registry.class_of(registry.MEASURE, name).name == name

    def test_a_measure_with_the_name_of_a_function_refers_to_it(self):
        for room in (analysis, benchmark):
            for name in set(room.__all__) & set(registry.MEASURE.builtin):
                assert f"{room.__name__}.{name}" in registry.class_of(registry.MEASURE, name).__doc__, name

    @pytest.mark.parametrize("room", [analysis, benchmark])
    def test_what_reads_samples_is_a_measure_or_says_why_not(self, room):
        reads = ("SampleSet", "NDArray[np.int8]")
        for name in room.__all__:
            function = getattr(room, name)
            if not inspect.isfunction(function) or name in registry.MEASURE.builtin:
                continue
            parameters = inspect.signature(function).parameters.values()
            if any(str(p.annotation) in reads or p.name == "spins" for p in parameters):
                assert "Not a measure of its own:" in (function.__doc__ or ""), name
