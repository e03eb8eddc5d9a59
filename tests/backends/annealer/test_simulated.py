"""The simulated annealer: what it samples, held against enumeration, and its imperfections one by one."""

from __future__ import annotations

import time
from types import SimpleNamespace

import dimod
import numpy as np
import pytest
from chips import chi_squared
from qspin_backends.annealer.control import FLUX_A_FIELD
from qspin_backends.annealer.physics import Path, Substitute
from qspin_backends.annealer.physics.monte_carlo import LONGEST_WORLDLINE, PathIntegral, annealing_fractions

import qspin
from qspin.errors import InputError
from qspin.progress import listening
from qspin.testing import STANDARD_ERRORS, assert_boltzmann, assert_within_errors

LEAST_P_VALUE = 1e-4
TRIANGLE = qspin.IsingProblem([[0, 1, 1], [1, 0, 1], [1, 1, 0]], labels=["a", "b", "c"])


def annealer(**settings):
    return qspin.get_backend("annealer", **settings)


def thermal(**settings):
    return annealer(**{"topology": "none", "physics": "thermal", "n_sweeps": 1_000, **settings})


def dense(n_spins, seed):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n_spins, n_spins)), 1) / np.sqrt(n_spins)
    return qspin.IsingProblem(upper + upper.T, fields=0.3 * rng.normal(size=n_spins))


class TestThermal:
    def test_beta_effective_is_the_true_one(self):
        """At least nine of ten within two standard errors, as for a sound error bar."""
        deviations = []
        for seed in range(10):
            samples = thermal(betas=[0.7], n_reads=1_000).sample(dense(6 + seed % 7, seed), seed=seed)
            dataset = samples.dataset
            deviations.append(
                float((dataset.beta_effective.values[0] - 0.7) / dataset.beta_effective_error.values[0])
            )
        assert (np.abs(deviations) < 2).sum() >= 9, deviations

    def test_overlaps_are_those_of_exact_enumeration(self):
        for seed in range(10):
            problem = dense(6 + seed % 7, seed)
            samples = thermal(betas=[0.7], n_reads=1_000).sample(problem, seed=seed)
            _, exact = qspin.get_backend("exact").enumerate(problem).overlap_distribution(0.7)
            spins = samples.spins.values[0, :, 0].astype(int)
            overlaps = (spins[0::2] * spins[1::2]).sum(axis=1)  # independent pairs
            counts = np.bincount((overlaps + problem.n_spins) // 2, minlength=problem.n_spins + 1)
            assert chi_squared(counts, exact * len(overlaps)) > LEAST_P_VALUE

    def test_reads_follow_the_boltzmann_distribution(self):
        problem = dense(6, 3)
        samples = thermal(betas=[0.4, 1.0], n_reads=4_000).sample(problem, seed=1)
        dataset = samples.dataset.assign_coords(beta=[0.4, 1.0])
        assert_boltzmann(qspin.SampleSet(dataset), problem)

    def test_a_fixed_temperature_is_in_units_of_the_couplings_of_the_device(self):
        problem = dense(8, 1).scaled(3.0)  # out of range: energies shrink, the temperature does not
        samples = thermal(betas=[0.5], n_reads=2_000, temperature=0.8).sample(problem, seed=2)
        factor = samples.info["pipeline"]["scaling"]["factor"]
        assert factor < 1
        assert_within_errors(
            samples.dataset.beta_effective,
            samples.dataset.beta_effective_error,
            0.5 * factor / 0.8,
            what="beta_effective",
        )
        assert samples.remarks[0].code == "energies-multiplied"

    def test_the_energy_estimate_agrees(self):
        dataset = thermal(betas=[0.5, 1.0], n_reads=2_000).sample(dense(9, 5), seed=1).dataset
        spread = np.hypot(dataset.beta_effective_error, dataset.beta_matched_error)
        assert_within_errors(dataset.beta_effective, spread, dataset.beta_matched, what="beta")


class TestChains:
    def chains(self):
        """Two qubits for a, of which one touches b and the other c, and one each for b and c, in Zephyr."""
        from dwave.graphs import zephyr_graph

        graph = zephyr_graph(2)
        return next(
            {"a": [u, v], "b": [b], "c": [c]}
            for u, v in graph.edges
            for b in set(graph[u]) - {v}
            for c in set(graph[v]) & set(graph[b]) - {u}
            if not graph.has_edge(v, b) and not graph.has_edge(u, c)
        )

    @pytest.mark.parametrize("unembedding", ["majority_vote", "minimize_energy", "discard"])
    def test_six_ground_states_of_a_triangle_come_out_evenly(self, unembedding):
        settings = {"topology": "zephyr", "size": 2, "embedding": self.chains(), "unembedding": unembedding}
        samples = annealer(
            betas=[2.0], n_reads=3_000, n_gauges=30, chain_strength=4.0, physics="thermal", **settings
        ).sample(TRIANGLE, seed=4)
        assert samples.info["pipeline"]["embedding"]["longest_chain"] == 2
        ground = samples.energies.values[0, :, 0] == -1
        spins = samples.spins.values[0, ground, 0]
        counts = np.bincount((spins > 0) @ [4, 2, 1], minlength=8)
        assert counts[[0, 7]].sum() == 0
        assert chi_squared(counts[1:7], np.full(6, counts.sum() / 6)) > LEAST_P_VALUE

    def test_an_embedded_problem_is_sampled_as_the_problem_itself(self):
        problem = dense(8, 2)
        samples = annealer(
            betas=[0.6],
            n_reads=3_000,
            n_sweeps=3_000,
            physics="thermal",
            size=2,
            n_gauges=20,
            chain_strength=3.5,
        ).sample(problem, seed=1)
        assert samples.info["pipeline"]["embedding"]["longest_chain"] >= 2
        dataset = samples.dataset
        assert float(dataset.chain_break_fraction.mean()) < 0.01
        assert_within_errors(dataset.beta_effective, dataset.beta_effective_error, 0.6, what="beta_effective")

    def test_weak_chains_break_and_the_temperature_is_not_made_up(self):
        samples = annealer(betas=[0.5], physics="thermal", size=2, chain_strength=0.1).sample(
            dense(8, 2), seed=1
        )
        assert float(samples.dataset.chain_break_fraction.mean()) > 0.2
        assert np.isnan(samples.dataset.beta_effective.values).all()
        assert samples.remarks[0].code == "no-effective-temperature"
        assert "of the chains are broken" in samples.remarks[0].text


class TestPhysics:
    @pytest.mark.parametrize("physics", ["path_integral", "rotor", "thermal"])
    def test_slow_cold_anneals_find_the_ground_state(self, physics):
        problem = dense(10, 7)
        samples = annealer(betas=[6.0], physics=physics, n_sweeps=500, topology="none", n_reads=50).sample(
            problem, seed=1
        )
        assert samples.best.energy == pytest.approx(
            qspin.get_backend("exact").enumerate(problem).ground_energy
        )

    def test_a_slow_path_integral_anneal_ends_in_equilibrium(self):
        dataset = annealer(betas=[0.5], topology="none", n_reads=1_000, n_sweeps=500).sample(
            dense(8, 3), seed=1
        )
        dataset = dataset.dataset
        assert_within_errors(dataset.beta_effective, dataset.beta_effective_error, 0.5, what="beta_effective")

    def test_a_reverse_anneal_that_hardly_leaves_its_state_returns_to_it(self):
        problem = dense(10, 7)
        state = np.where(np.random.default_rng(1).random(10) < 0.5, 1, -1)
        start = annealer(betas=[8.0], topology="none", n_reads=20).sample(problem, seed=1).best.spins
        samples = annealer(
            betas=[8.0],
            topology="none",
            n_reads=20,
            anneal_schedule=[(0, 1.0), (5, 0.9), (10, 1.0)],
            initial_state=start.tolist(),
        ).sample(problem, seed=2)
        assert (samples.spins.values == start).all(axis=-1).mean() > 0.9
        assert not (samples.spins.values == state).all(axis=-1).any()

    @pytest.mark.parametrize("physics", ["path_integral", "rotor"])
    def test_initial_is_where_a_reverse_anneal_starts(self, physics):
        """The setting initial_state in another place; a turn back at s near 1 leaves nothing else."""
        problem = dense(10, 7)
        settings = {
            "betas": [8.0],
            "topology": "none",
            "n_reads": 20,
            "physics": physics,
            "n_sweeps": 20,
            "anneal_schedule": [(0, 1.0), (5, 0.95), (10, 1.0)],
        }
        low = qspin.get_backend("exact").enumerate(problem).ground_states(1)[0]
        by_label = dict(zip(problem.labels, low.tolist(), strict=True))
        given = annealer(**settings, initial_state=low.tolist()).sample(problem, seed=2)
        for initial in (low, by_label):
            samples = annealer(**settings).sample(problem, seed=2, initial=initial)
            np.testing.assert_array_equal(samples.spins.values, given.spins.values)
            assert samples.info["initial"] == given.info["initial"] is not None
            assert "reinitialize_state" not in samples.info["ignored"]
        assert (samples.spins.values == low).mean() > 0.9
        other = annealer(**settings).sample(problem, seed=2, initial=-low)
        assert (other.spins.values == low).mean() < (samples.spins.values == low).mean() - 0.1

    @pytest.mark.parametrize(
        ("settings", "initial", "message"),
        [
            (
                {},
                [1] * 10,
                "initial is what a reverse anneal starts from: it needs an anneal_schedule that starts",
            ),
            (
                {"physics": "thermal"},
                [1] * 10,
                "'annealer' takes no initial: physics 'thermal' has no reverse",
            ),
            ({"anneal_schedule": [(0, 1), (1, 1)]}, [1] * 9, r"initial: spins must have shape \(..., 10\)"),
            ({"anneal_schedule": [(0, 1), (1, 1)]}, [[1] * 10] * 3, "expected one configuration of 10 spins"),
            (
                {"anneal_schedule": [(0, 1), (1, 1)], "initial_state": [1] * 10},
                [1] * 10,
                "initial and the setting initial_state are both given",
            ),
        ],
    )
    def test_what_cannot_start_an_anneal(self, settings, initial, message):
        with pytest.raises(InputError, match=message):
            annealer(topology="none", **settings).sample(dense(10, 7), seed=1, initial=initial)

    def test_reads_of_a_reverse_anneal_may_follow_each_other(self):
        settings = {
            "betas": [1.0],
            "topology": "none",
            "n_gauges": 0,
            "n_reads": 8,
            "anneal_schedule": [(0, 1.0), (5, 0.3), (10, 1.0)],
            "initial_state": {str(k): 1 for k in range(10)},
        }
        samples = annealer(reinitialize_state=False, **settings).sample(dense(10, 7), seed=2)
        assert len(np.unique(samples.spins.values[0, :, 0], axis=0)) > 1

    def test_schedules_are_linear_between_their_points(self):
        np.testing.assert_allclose(
            annealing_fractions([(0, 0), (1, 0.5), (2, 0.5), (4, 1)], 4), [0.5, 0.5, 0.75, 1]
        )

    def test_physics_without_a_schedule_refuses_one(self):
        with pytest.raises(InputError, match="'thermal' has no transverse field"):
            annealer(physics="thermal", anneal_schedule=[(0, 0), (1, 1)])


class TestCost:
    """Of path integrals: bounded, told before, and the same in all units."""

    def course(self, monkeypatch, problem, **settings):
        """What the path integral was told to follow: transverse and problem fields, in temperatures."""
        seen = []

        def spy(self, bqm, **arguments):
            seen.append((arguments["Hd_field"], arguments["Hp_field"]))
            return dimod.SampleSet.from_samples(np.ones((arguments["num_reads"], len(bqm)), int), "SPIN", 0)

        monkeypatch.setattr(PathIntegral, "_anneal", spy)
        samples = annealer(topology="none", n_reads=4, n_gauges=1, **settings).sample(problem, seed=1)
        return (*seen[0], samples.remarks)

    @pytest.mark.parametrize("exponent", [-40, 0, 10, 17, 40])
    def test_breaks_are_bounded_at_all_couplings(self, monkeypatch, exponent):
        transverse, _, _ = self.course(monkeypatch, dense(10, 7).scaled(2.0**exponent))
        assert transverse.max() <= LONGEST_WORLDLINE

    @pytest.mark.parametrize("settings", [{"transverse_field": 1e5}, {"temperature": 1e-5}, {"betas": [1e5]}])
    def test_breaks_are_bounded_whatever_makes_it_cold(self, monkeypatch, settings):
        transverse, problem, remarks = self.course(monkeypatch, dense(10, 7), **settings)
        assert transverse.max() <= LONGEST_WORLDLINE
        assert transverse[-1] == 0
        ratio = settings.get("transverse_field", 1.0)
        s = annealing_fractions([(0, 0), (1, 1)], 200)
        np.testing.assert_allclose(transverse * s, ratio * (1 - s) ** 2 * problem)  # A to B as ever
        assert remarks[0].code == "warmer-than-asked"
        assert "path integrals follow up to 16: until sweep" in remarks[0].text

    def test_ordinary_anneals_are_as_they_were(self, monkeypatch):
        transverse, problem, remarks = self.course(monkeypatch, dense(10, 7), betas=[6.0])
        s = annealing_fractions([(0, 0), (1, 1)], 200)
        temperature = 1 / problem[-1]
        np.testing.assert_array_equal(problem, s / temperature)
        np.testing.assert_array_equal(transverse, (1 - s) ** 2 / temperature)
        assert "warmer-than-asked" not in [remark.code for remark in remarks]

    def test_the_coldest_anneal_still_ends_at_its_temperature(self, monkeypatch):
        _, problem, _ = self.course(monkeypatch, dense(10, 7), temperature=1e-5)
        assert problem[-1] == pytest.approx(1e5)

    def test_a_factor_on_all_energies_changes_units_and_nothing_else(self):
        problem = dense(10, 7).scaled(4.0)
        here = annealer(topology="none", n_reads=20, betas=[0.5, 1.0]).sample(problem, seed=3)
        there = annealer(topology="none", n_reads=20, betas=[0.5 * 2**20, 2.0**20]).sample(
            problem.scaled(2.0**-20), seed=3
        )
        np.testing.assert_array_equal(here.spins, there.spins)

    def test_hot_scales_are_sampled_beside_the_coldest(self):
        """One device anneals all scales: the bound, which the coldest needs, leaves the others their beta."""
        samples = annealer(topology="none", n_reads=200, betas=[0.5, 1e3]).sample(dense(8, 3), seed=1)
        dataset = samples.dataset.isel(beta=slice(1))
        assert_within_errors(dataset.beta_effective, dataset.beta_effective_error, 0.5, what="beta_effective")

    def test_cold_anneals_find_ground_states(self):
        problem = dense(12, 5)
        samples = annealer(betas=[1e5], topology="none", n_reads=30).sample(problem, seed=1)
        lowest = qspin.get_backend("exact").enumerate(problem).ground_energy
        assert samples.best.energy == pytest.approx(lowest)

    def test_computing_is_estimated(self):
        """Within a factor of ten on any machine: for users who would wait for hours."""
        bqm = dense(40, 1).to_bqm()
        program = SimpleNamespace(qubits=range(40), couplers=range(bqm.num_interactions), n_reads=20)
        substitute = Substitute("path_integral", 200, 1.0)
        start = time.process_time()
        substitute.sample(bqm, num_reads=20, seed=1, temperature=0.1)
        taken = time.process_time() - start
        estimate = substitute.dynamics.seconds([program], Path(), 0.1, 1)
        assert taken / 10 < estimate < 10 * taken

    def test_long_computing_is_told_before(self, monkeypatch):
        told = []
        with listening(lambda progress: told.append(progress.remark)):
            annealer(topology="none", n_reads=1, n_gauges=1).sample(dense(10, 1), seed=1)
            assert not any("computing expected" in remark for remark in told)
            monkeypatch.setattr("qspin_backends.annealer.sampler._TOLD_SECONDS", 0.0)
            annealer(topology="none", n_reads=1, n_gauges=1).sample(dense(10, 1), seed=1)
        assert any("s of computing expected" in remark for remark in told)

    def test_only_path_integrals_are_dear(self):
        used = {"qubits": range(300), "couplers": range(44_850), "parameters": {}, "n_reads": 100}
        request = SimpleNamespace(programs=[SimpleNamespace(**used)] * 8, factor=0.05)
        assert annealer(topology="none")._simulated().computing_seconds(request) > 60
        assert annealer(topology="none", physics="thermal")._simulated().computing_seconds(request) is None


class TestImperfections:
    """Each is off by default, and shows when it is switched on."""

    def test_readout_errors_flip_that_many_spins(self):
        field = qspin.IsingProblem(np.zeros((50, 50)), fields=np.full(50, 4.0))
        samples = thermal(betas=[5.0], n_reads=200, readout_error=0.1).sample(field, seed=1)
        flipped = (samples.spins.values > 0).mean()
        assert abs(flipped - 0.1) < STANDARD_ERRORS * np.sqrt(0.09 / 10_000)

    @pytest.mark.parametrize("name", ["h_noise", "j_noise"])
    def test_control_errors_make_programmings_differ(self, name):
        problem = (
            qspin.instances.edwards_anderson((6,), seed=1)
            if name == "j_noise"
            else qspin.IsingProblem(np.zeros((4, 4)), fields=[0.01] * 4)
        )
        clean, noisy = (
            thermal(betas=[1.0], n_reads=2_000, n_gauges=10, **{name: noise}).sample(problem, seed=1)
            for noise in (0.0, 0.6)
        )
        assert _scatter(noisy, problem) > 3 * _scatter(clean, problem)

    def test_a_chip_errs_alike_in_all_programmings(self):
        """Reads of free spins in several programmings show one field each, the same for the same seed."""
        free = qspin.IsingProblem(np.zeros((4, 4)))
        settings = {"betas": [1.0], "n_reads": 4_000, "n_gauges": 0, "h_noise": 0.6, "temperature": 1.0}
        chip, again, other = (
            thermal(**settings, noise_seed=chip).sample(free, seed=seed).spins.values[0, :, 0].mean(axis=0)
            for seed, chip in ((1, 5), (2, 5), (1, 6))
        )
        assert np.abs(chip - again).max() < STANDARD_ERRORS * np.sqrt(2 / 4_000)
        assert np.abs(chip - other).max() > 0.2

    def test_flux_biases_act_as_fields(self):
        """One of -1 field on a spin by itself: tanh(1), and nothing on the others."""
        free = qspin.IsingProblem(np.zeros((3, 3)))
        settings = {"betas": [1.0], "n_reads": 4_000, "n_gauges": 0, "temperature": 1.0}
        samples = thermal(**settings, flux_biases="test_simulated:push_the_first").sample(free, seed=1)
        means = samples.spins.values[0, :, 0].mean(axis=0)
        assert np.abs(means - [np.tanh(1), 0, 0]).max() < STANDARD_ERRORS / np.sqrt(4_000)

    def test_errors_of_beta_cover_control_errors(self):
        problem = dense(10, 4)
        clean, noisy = (
            thermal(betas=[0.7], n_reads=2_000, n_gauges=10, j_noise=noise, h_noise=noise).sample(
                problem, seed=1
            )
            for noise in (0.0, 0.3)
        )
        assert noisy.dataset.beta_effective_error > 1.5 * clean.dataset.beta_effective_error

    def test_a_device_with_defects(self):
        whole, defect = (
            annealer(size=2, working=working, n_reads=10).sample(dense(6, 1), seed=1)
            for working in (1.0, 0.8)
        )
        assert defect.info["device"]["n_qubits"] == round(0.8 * whole.info["device"]["n_qubits"])
        assert defect.info["device"]["digest"] != whole.info["device"]["digest"]

    def test_samples_do_not_depend_on_the_number_of_threads(self, monkeypatch):
        sampler = annealer(size=2, n_reads=40, n_sweeps=50)
        several = sampler.sample(dense(6, 1), seed=1)
        monkeypatch.setattr("os.cpu_count", lambda: 1)
        np.testing.assert_array_equal(sampler.sample(dense(6, 1), seed=1).spins, several.spins)


def push_the_first(properties, qubits):
    return {qubits[0]: FLUX_A_FIELD}


def _scatter(samples, problem):
    """Of a mean that control errors change, over gauges."""
    spins, gauges = samples.spins.values[0, :, 0].astype(float), samples.dataset["gauge"].values[0]
    value = spins.mean(axis=1) if problem.fields.any() else samples.energies.values[0, :, 0]
    return np.std([value[gauges == g].mean() for g in np.unique(gauges)])
