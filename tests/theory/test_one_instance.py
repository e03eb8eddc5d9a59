"""Approximations of one problem against enumeration, derivatives and closed formulas."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import qspin
from qspin import IsingProblem
from qspin.errors import InputError
from qspin.remarks import Level, remarks_of
from qspin.theory import (
    belief_propagation,
    hidden_order,
    mean_field,
    tap,
    tap_solutions,
    tap_transition,
)
from qspin.theory.one_instance.mean_field import Magnetisations


def enumerated(problem, beta):
    """Energy, entropy, free energy per spin, means and correlations of couplings."""
    n = problem.n_spins
    spins = 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1
    energies = problem.energies(spins)
    weights = np.exp(-beta * (energies - energies.min()))
    z = weights.sum()
    p = weights / z
    free = energies.min() - np.log(z) / beta
    edges = problem.edges
    return {
        "energy": p @ energies / n,
        "free_energy": free / n,
        "entropy": beta * (p @ energies - free) / n,
        "spin_mean": p @ spins,
        "correlation": p @ (spins[:, edges.i] * spins[:, edges.j]),
    }


def tree(seed, n=12):
    rng = np.random.default_rng(seed)
    graph = nx.random_labeled_tree(n, seed=seed)
    i, j = np.array(graph.edges).T
    return IsingProblem.from_edges(n, i, j, rng.normal(size=n - 1), rng.normal(size=n), offset=0.7)


def glass(n=200, field=0.0, seed=1):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)) / np.sqrt(n), 1)
    return IsingProblem(upper + upper.T, np.full(n, -field))


class TestBeliefs:
    @pytest.mark.parametrize("seed", range(5))
    def test_they_are_exact_on_trees(self, seed):
        problem, betas = tree(seed), [0.2, 1.0, 4.0]
        found = belief_propagation(problem, betas, exact=True)
        assert found.converged.all()
        assert not remarks_of(found.attrs)
        for k, beta in enumerate(betas):
            for name, value in enumerated(problem, beta).items():
                np.testing.assert_allclose(found[name].values[k], value, atol=1e-12, err_msg=name)

    def test_forests_and_lone_spins_too(self):
        problem = IsingProblem.from_edges(5, [0, 1], [1, 2], [1.0, -0.5], [0.1, 0, 0, 0, -0.4])
        found = belief_propagation(problem, 0.8, exact=True)
        for name, value in enumerated(problem, 0.8).items():
            np.testing.assert_allclose(found[name].values[0], value, atol=1e-12)

    def test_cold_ones_do_not_overflow(self):
        problem = tree(3)
        found = belief_propagation(problem, 1e4, exact=True)
        lowest = enumerated(problem, 200.0)["energy"]
        assert float(found.energy[0]) == pytest.approx(lowest, abs=1e-9)

    def test_a_ring_is_near_and_said_to_have_a_loop(self):
        ring = IsingProblem.from_edges(
            9, np.arange(9), np.roll(np.arange(9), -1), np.full(9, -1.0), np.full(9, -0.2)
        )
        found, truth = belief_propagation(ring, 0.4), enumerated(ring, 0.4)
        assert [remark.code for remark in remarks_of(found.attrs)] == ["loops"]
        assert found.attrs["n_loops"] == 1
        assert 1e-9 < abs(float(found.free_energy[0]) - truth["free_energy"]) < 1e-3
        with pytest.raises(InputError, match="exact on trees; this graph has 1 independent loops"):
            belief_propagation(ring, 0.4, exact=True)

    def test_energy_is_the_slope_of_the_free_energy(self):
        problem = qspin.IsingProblem.from_networkx(
            nx.random_regular_graph(3, 20, seed=2), weight="none", field="none"
        ).with_known()
        beta, step = 0.5, 1e-5
        low, high = (beta - step, beta + step)
        found = belief_propagation(problem, [low, beta, high])
        slope = (high * found.free_energy[2] - low * found.free_energy[0]) / (2 * step)
        assert float(found.energy[1]) == pytest.approx(float(slope), abs=1e-8)

    def test_without_rest_it_says_so(self):
        found = belief_propagation(glass(60), 5.0, max_steps=300)
        assert not found.converged.any()
        assert [remark.code for remark in remarks_of(found.attrs)] == ["no-convergence", "loops"]


class TestMagnetisations:
    def test_two_spins_by_hand(self):
        pair = IsingProblem([[0, -1], [-1, 0]], [-0.1, -0.1])
        m = float(tap(pair, 0.5).spin_mean[0, 0])
        assert m == pytest.approx(np.tanh(0.5 * (m + 0.1 - 0.5 * m * (1 - m**2))), abs=1e-10)
        m = float(mean_field(pair, 0.5).spin_mean[0, 0])
        assert m == pytest.approx(np.tanh(0.5 * (m + 0.1)), abs=1e-10)

    def test_mean_field_is_exact_for_a_pattern_of_many_spins(self):
        n, beta = 1_000, 1.3
        found = mean_field(IsingProblem((np.eye(n) - 1) / n), beta, initial=np.full(n, 0.5))
        from scipy.optimize import brentq

        m = brentq(lambda x: x - np.tanh(beta * x), 0.1, 1.0)
        assert float(found.spin_mean.mean()) == pytest.approx(m, abs=3 / n)

    def test_naive_free_energy_bounds_the_true_one(self):
        problem = glass(12, 0.3)
        for beta in (0.3, 1.0):
            assert float(mean_field(problem, beta).free_energy[0]) > enumerated(problem, beta)["free_energy"]

    @pytest.mark.parametrize("approximation", [mean_field, tap, belief_propagation])
    def test_energy_is_the_slope_of_the_free_energy(self, approximation):
        problem = glass(50, 0.4)
        beta, step = 0.6, 1e-5
        found = approximation(problem, [beta - step, beta, beta + step], tolerance=1e-13)
        free = found.free_energy.values
        slope = ((beta + step) * free[2] - (beta - step) * free[0]) / (2 * step)
        assert float(found.energy[1]) == pytest.approx(slope, abs=1e-7)
        np.testing.assert_allclose(found.entropy, found.beta * (found.energy - found.free_energy), atol=1e-12)

    def test_sparse_and_dense_agree(self):
        dense = glass(80, 0.5)
        edges = dense.edges
        sparse = IsingProblem.from_edges(80, edges.i, edges.j, edges.couplings, dense.fields)
        for name, value in tap(dense, [0.3, 0.8]).items():
            np.testing.assert_allclose(tap(sparse, [0.3, 0.8])[name].values, value.values, atol=1e-9)

    def test_the_paramagnet_of_a_glass_is_stable_above_its_transition_only(self):
        problem = glass(400)
        hot = tap(problem, [1 / 1.4, 1 / 1.2])
        assert (hot.stability > 0).all()
        assert (np.abs(hot.spin_mean) < 1e-8).all()
        np.testing.assert_allclose(hot.free_energy, -np.log(2) / hot.beta - hot.beta / 4, rtol=0.01)

    def test_it_says_when_nothing_comes_to_rest(self):
        cold = tap(glass(100), 4.0, max_steps=200)
        (remark,) = (remark for remark in remarks_of(cold.attrs) if remark.code == "no-convergence")
        assert "within 200 steps" in remark.text
        assert not cold.converged.any()

    def test_against_sampled_magnetisations_in_a_field(self):
        """SK, N = 200, T = 0.5, h = 1: the line of de Almeida and Thouless is at T = 0.32.

        What TAP leaves out is of order 1/N in the mean square; nearer to the line it is many times that.
        """
        problem, beta = glass(200, 1.0, seed=4), 2.0
        sampler = qspin.get_backend("tempering", betas=[0.5, 1.0, 1.5, beta], n_replicas=8, n_sweeps=4_000)
        samples = sampler.sample(problem, seed=3)
        means = samples.spins.values[-1].astype(float).mean(axis=1)
        error = means.std(axis=0, ddof=1) / np.sqrt(len(means))
        found = tap(problem, beta)
        assert found.converged.all()
        assert float(found.stability[0]) > 0
        difference = found.spin_mean.values[0] - means.mean(axis=0)
        assert np.mean(difference**2) < np.mean(error**2) + 1 / 200


class TestSolutions:
    def test_each_is_a_stationary_point_and_comes_with_its_mirror_image(self):
        problem, beta = glass(50, seed=5), 2.0
        found = tap_solutions(problem, beta, seed=1, n_starts=100)
        assert found.sizes["solution"] >= 2
        assert found.hits.sum() + found.attrs["n_failed"] == 100
        assert (np.diff(found.physical.astype(int)) <= 0).all()
        for kind in (True, False):
            assert (np.diff(found.free_energy[found.physical == kind]) >= 0).all()
        lowest = found.spin_mean.values[0]
        assert np.abs(found.spin_mean.values + lowest).max(axis=1).min() < 1e-5
        for m in found.spin_mean.values:
            squares = problem.toarray() ** 2
            argument = -problem.toarray() @ m - beta * m * (squares @ (1 - m**2))
            np.testing.assert_allclose(m, np.tanh(beta * argument), atol=1e-7)

    def test_hot_there_is_one(self):
        found = tap_solutions(glass(20, seed=5), 0.4, n_starts=20)
        assert found.sizes["solution"] == 1
        assert float(found.q[0]) < 1e-8
        assert found.physical.all()
        assert float(found.weight[0]) == pytest.approx(1.0)

    @pytest.mark.parametrize(("n", "seed"), [(50, 4), (50, 7), (50, 13), (200, 1)])
    def test_what_low_configurations_lead_to_is_found(self, n, seed):
        """Minima to which the iteration of `tap` comes from sampled configurations."""
        problem, beta = qspin.instances.sherrington_kirkpatrick(n, seed=seed), 5.0
        sampler = qspin.get_backend(
            "tempering", betas={"geometric": [0.3, 5, 12]}, n_replicas=8, n_sweeps=300, n_draws=2
        )
        spins = sampler.sample(problem, seed=0).spins.values[-1].reshape(-1, n).astype(float)
        found = tap_solutions(problem, beta)
        minima = found.isel(solution=found.physical.values & (found.stability.values > 0))
        reached = 0
        for configuration in spins:
            led = tap(problem, beta, initial=0.5 * configuration, max_steps=2_000)
            if led.converged and led.stability > 0 and led.plefka > 0:
                reached += 1
                distance = np.abs(minima.spin_mean.values - led.spin_mean.values).max(axis=1)
                assert distance.min() < 1e-6
        assert reached

    def test_only_physical_minima_have_weight(self):
        problem, beta = qspin.instances.sherrington_kirkpatrick(200, seed=1), 5.0
        found = tap_solutions(problem, beta)
        plefka = 1 - beta**2 * ((1 - found.spin_mean**2) ** 2).mean("spin")
        np.testing.assert_allclose(found.plefka, plefka, rtol=0.02, atol=0.1)
        weighed = found.weight.values > 0
        assert weighed.any()
        assert float(found.weight.sum()) == pytest.approx(1.0)
        assert (plefka.values[weighed] > 0).all()
        assert (found.entropy.values[weighed] > 0).all()
        paramagnet = int(found.q.values.argmin())
        assert float(found.q[paramagnet]) < 1e-8
        assert found.stability[paramagnet] > 0
        assert not found.physical[paramagnet]
        assert found.weight[paramagnet] == 0

    def test_where_none_is_physical_there_are_no_weights(self):
        found = tap_solutions(qspin.instances.sherrington_kirkpatrick(50, seed=1), 2.5, n_starts=40)
        assert not found.physical.any()
        assert np.isnan(found.weight).all()
        (remark,) = (each for each in remarks_of(found.attrs) if each.code == "unphysical-solution")
        assert remark.level is Level.SERIOUS
        assert "Plefka's condition does not hold" in remark.text

    def test_in_a_field_there_are_no_mirror_images(self):
        found = tap_solutions(glass(50, 1.0, seed=5), 1.0, n_starts=20)
        assert found.sizes["solution"] == 1
        assert int(found.hits[0]) == 20 - found.attrs["n_failed"]


class TestStates:
    """Fixed points that are no states of the problem are told."""

    @pytest.mark.parametrize("temperature", [0.5, 0.9, 1.1, 2.0])
    def test_plefkas_condition_of_equal_squares(self, temperature):
        """Of J_ij^2 = 1/N off the diagonal it is beta^2 (1 - 1/N) <(1 - m^2)^2> < 1."""
        n, rng = 300, np.random.default_rng(3)
        upper = np.triu(rng.choice([-1.0, 1.0], (n, n)), 1) / np.sqrt(n)
        magnetisations = Magnetisations(IsingProblem(upper + upper.T), 1 / temperature)
        paramagnet = 1 - (1 - 1 / n) / temperature**2
        assert magnetisations.plefka(np.zeros(n)) == pytest.approx(paramagnet, abs=1e-12)
        m = rng.uniform(-1, 1, n)
        closed = 1 - (1 - 1 / n) * np.mean((1 - m**2) ** 2) / temperature**2
        assert magnetisations.plefka(m) == pytest.approx(closed, abs=1e-12)

    @pytest.mark.parametrize("n", [60, 2_500])
    def test_plefkas_condition_of_a_ring(self, n):
        """Two neighbours each: 1 - 2 beta^2 J^2 (1 - m^2)^2, sparse or not."""
        ring = IsingProblem.from_edges(n, np.arange(n), np.roll(np.arange(n), -1), np.full(n, -0.7))
        found = Magnetisations(ring, 0.8).plefka(np.full(n, 0.3))
        assert found == pytest.approx(1 - 2 * (0.8 * 0.7 * (1 - 0.09)) ** 2, abs=1e-12)

    def test_the_cold_paramagnet_of_a_glass_is_told(self):
        found = tap(qspin.instances.sherrington_kirkpatrick(200, seed=1), [0.5, 2.0], n_starts=5)
        assert found.converged.all()
        assert float(found.stability[1]) > 0
        assert found.plefka[0] > 0 > found.plefka[1]
        (remark,) = remarks_of(found.attrs)
        assert (remark.code, remark.level) == ("unphysical-solution", Level.SERIOUS)
        assert remark.text.startswith("the fixed point at beta = 2 is no state")

    def test_physical_starts_are_taken_before_lower_ones(self):
        problem, beta = qspin.instances.sherrington_kirkpatrick(200, seed=1), 5.0
        state = tap_solutions(problem, beta).spin_mean.values[0]
        found = tap(problem, beta, initial=[np.zeros(200), state])
        assert float(found.start_free_energy[0, 0]) < float(found.start_free_energy[0, 1])
        np.testing.assert_allclose(found.spin_mean.values[0], state, atol=1e-6)
        assert not remarks_of(found.attrs)

    def test_mean_field_and_beliefs_have_no_such_condition(self):
        for approximation in (mean_field, belief_propagation):
            assert np.isnan(approximation(glass(20), 0.5).plefka).all()

    def test_a_negative_entropy_of_beliefs_is_told(self):
        """Antiferromagnet of six spins, all coupled: Bethe's paramagnet counts each of 15 loops' bonds."""
        frustrated = IsingProblem(np.ones((6, 6)) - np.eye(6))
        found = belief_propagation(frustrated, [0.1, 2.0], initial=np.zeros(6))
        assert found.converged.all()
        np.testing.assert_allclose(
            found.free_energy, -(np.log(2) + 2.5 * np.log(np.cosh(found.beta))) / found.beta, atol=1e-12
        )
        told = [each for each in remarks_of(found.attrs) if each.code == "unphysical-solution"]
        assert len(told) == 1
        assert "at beta = 2 is no state: the entropy is negative" in told[0].text

    def test_hidden_order_tells_it_too(self):
        found = hidden_order(qspin.instances.sherrington_kirkpatrick(60, seed=1), [0.5, 2.0])
        wrong = found.converged.values & (found.plefka.values < 0)
        codes = [each.code for each in remarks_of(found.attrs)]
        assert wrong.any() == ("unphysical-solution" in codes)
        assert wrong.any()


class TestBadInput:
    @pytest.mark.parametrize("approximation", [mean_field, tap, belief_propagation])
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"beta": 0.0}, "beta is a positive inverse temperature"),
            ({"beta": [1.0, 0.5]}, "ascending list"),
            ({"beta": 1.0, "damping": 1.0}, "0 to below 1, or auto"),
            ({"beta": 1.0, "tolerance": 0.0}, "tolerance is the residual"),
            ({"beta": 1.0, "max_steps": 0}, "max_steps must be at least 1"),
            ({"beta": 1.0, "initial": np.zeros(3)}, r"got shape \(1, 3\)"),
            ({"beta": 1.0, "n_starts": 0}, "n_starts must be at least 1"),
            ({"beta": 1.0, "dampin": 0.5}, "no keyword 'dampin': did you mean 'damping'"),
        ],
    )
    def test_settings(self, approximation, given, message):
        with pytest.raises(InputError, match=message):
            approximation(glass(10), **given)

    @pytest.mark.parametrize(
        "approximation",
        [mean_field, tap, belief_propagation, tap_solutions, hidden_order, lambda p, _: tap_transition(p)],
    )
    def test_what_is_no_problem(self, approximation):
        with pytest.raises(InputError, match="problem: expected an IsingProblem; got list: IsingProblem"):
            approximation([[0, 1], [1, 0]], 1.0)

    def test_problems(self):
        with pytest.raises(InputError, match="without spins"):
            tap(IsingProblem([]), 1.0)
        with pytest.raises(InputError, match="up to 500 spins"):
            tap_solutions(glass(501), 1.0)
        with pytest.raises(InputError, match="takes one beta"):
            tap_solutions(glass(10), [1.0, 2.0])
