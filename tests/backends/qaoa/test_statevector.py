"""The state vector against matrices, its gradients against differences, light cones against the whole."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from qspin_backends.common.amplitudes import BLOCK_QUBITS
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts
from qspin_backends.qaoa.lightcone import LightCones, largest_cone
from qspin_backends.qaoa.objective import CVaR, Expectation, Gibbs
from qspin_backends.qaoa.statevector import StateVector
from scipy.linalg import expm

import qspin
from qspin.errors import CapacityError

X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
OBJECTIVES = {"expectation": Expectation(), "cvar": CVaR(0.3), "gibbs": Gibbs(0.7)}


def all_spins(n):
    return 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)


def by_matrices(problem, angles, tilts=None):
    """Probabilities of all configurations, one gate after the other."""
    n, terms = problem.n_spins, Terms.of(problem)
    spins = all_spins(n)
    signs = [spins[:, i] * (spins[:, j] if j >= 0 else 1) for i, j in zip(terms.i, terms.j, strict=True)]
    lean = np.full(n, np.pi / 2) if tilts is None else tilts.tilts
    state = np.ones(1)
    for tilt in lean:
        state = np.kron([np.cos(tilt / 2), np.sin(tilt / 2)], state)
    each = angles.multi(len(terms), n)
    for gamma, beta in zip(each.gamma, each.beta, strict=True):
        for sign, weight, angle in zip(signs, terms.weights, gamma, strict=True):
            state = state * np.exp(-1j * angle * weight * sign)
        for q, (tilt, angle) in enumerate(zip(lean, beta, strict=True)):
            gate = expm(1j * angle * (np.sin(tilt) * X + np.cos(tilt) * Z))
            state = np.einsum("ab,ibj->iaj", gate, state.reshape(2 ** (n - q - 1), 2, 2**q)).ravel()
    return np.abs(state) ** 2


def case(n, fields, warm, multi, seed=0, depth=3):
    rng = np.random.default_rng([seed, n, fields, warm, multi])
    upper = np.triu(rng.normal(size=(n, n)), 1)
    problem = qspin.IsingProblem(upper + upper.T, fields * rng.normal(size=n), offset=1.3)
    terms = len(Terms.of(problem))
    gamma = rng.normal(size=(depth, terms) if multi else depth)
    beta = rng.normal(size=(depth, n) if multi else depth)
    return problem, Angles(gamma, beta), Tilts(rng.uniform(0.3, 2.8, size=n)) if warm else None


CASES = [(n, f, w, m) for n in (1, 2, 3, 5, 7) for f in (0, 1) for w in (0, 1) for m in (0, 1)]


@pytest.mark.parametrize(("n", "fields", "warm", "multi"), CASES)
class TestAgainstMatrices:
    def test_probabilities(self, n, fields, warm, multi):
        problem, angles, tilts = case(n, fields, warm, multi)
        with StateVector(problem, tilts) as vector:
            np.testing.assert_allclose(
                vector.probabilities(angles), by_matrices(problem, angles, tilts), atol=1e-13
            )

    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_objectives(self, n, fields, warm, multi, name):
        problem, angles, tilts = case(n, fields, warm, multi)
        weights, energies = by_matrices(problem, angles, tilts), problem.energies(all_spins(n))
        order = np.argsort(energies)
        before = np.cumsum(weights[order]) - weights[order]
        expected = {
            "expectation": weights @ energies,
            "cvar": np.clip(0.3 - before, 0, weights[order]) @ energies[order] / 0.3,
            "gibbs": -np.log(weights @ np.exp(-0.7 * energies)) / 0.7,
        }
        with StateVector(problem, tilts) as vector:
            assert vector.value(angles, OBJECTIVES[name]) == pytest.approx(expected[name], abs=1e-9)

    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_gradients(self, n, fields, warm, multi, name):
        problem, angles, tilts = case(n, fields, warm, multi)
        objective, step = OBJECTIVES[name], 1e-5
        with StateVector(problem, tilts) as vector:
            value, gradient = vector.value_and_gradient(angles, objective)
            assert value == pytest.approx(vector.value(angles, objective), abs=1e-12)
            for k, slope in enumerate(gradient.vector):
                shift = step * (np.arange(len(angles.vector)) == k)
                above, below = (
                    vector.value(angles.moved_to(angles.vector + sign * shift), objective) for sign in (1, -1)
                )
                assert slope == pytest.approx((above - below) / (2 * step), abs=1e-5)


class TestLargeStates:
    """More qubits than a block holds: qubits of all kinds, and several threads."""

    @pytest.mark.parametrize("n", [BLOCK_QUBITS + k for k in range(1, 5)])
    @pytest.mark.parametrize("fields", [0, 1])
    def test_against_matrices(self, n, fields):
        problem, angles, _ = case(n, fields, 0, 0, depth=2)
        with StateVector(problem) as vector:
            weights = by_matrices(problem, angles)
            np.testing.assert_allclose(vector.probabilities(angles), weights, atol=1e-15)
            value, gradient = vector.value_and_gradient(angles, Expectation())
            assert value == pytest.approx(weights @ problem.energies(all_spins(n)), abs=1e-9)
            step = 1e-5
            for k, slope in enumerate(gradient.vector):
                shift = step * (np.arange(4) == k)
                above, below = (
                    vector.value(angles.moved_to(angles.vector + s * shift), Expectation()) for s in (1, -1)
                )
                assert slope == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-6)

    def test_the_number_of_threads_does_not_show(self):
        problem, angles, _ = case(16, 1, 0, 1, depth=2)
        results = []
        for n_threads in (1, 2, 3):
            with StateVector(problem, n_threads=n_threads) as vector:
                results.append(vector.value_and_gradient(angles, Expectation()))
        for value, gradient in results[1:]:
            assert value == results[0][0]
            np.testing.assert_array_equal(gradient.vector, results[0][1].vector)

    def test_without_fields_half_of_the_amplitudes_are_stored(self):
        problem = qspin.instances.sherrington_kirkpatrick(9, seed=1)
        assert StateVector(problem).size == 2**8
        assert StateVector(problem, Tilts(np.full(9, 1.0))).size == 2**9

    def test_more_spins_than_memory(self):
        with pytest.raises(CapacityError, match=r"state vectors of 60 spins.*GiB.*transfer"):
            StateVector(qspin.instances.sherrington_kirkpatrick(60, seed=1))


class TestLightCones:
    @pytest.mark.parametrize("depth", [1, 2])
    @pytest.mark.parametrize("fields", [0, 1])
    @pytest.mark.parametrize("warm", [0, 1])
    def test_against_the_whole(self, depth, fields, warm):
        rng = np.random.default_rng(5)
        graph = nx.random_regular_graph(3, 14, seed=2)
        sparse = qspin.IsingProblem.from_networkx(graph)
        problem = qspin.IsingProblem(sparse.couplings, fields * rng.normal(size=14), 0.5)
        tilts = Tilts(rng.uniform(0.5, 2.5, size=14)) if warm else None
        angles = Angles.of(rng.normal(size=depth), rng.normal(size=depth))
        cones = LightCones(problem, depth, tilts)
        with StateVector(problem, tilts) as vector:
            value, gradient = vector.value_and_gradient(angles, Expectation())
        own_value, own_gradient = cones.value_and_gradient(angles, Expectation())
        assert own_value == pytest.approx(value, abs=1e-10)
        np.testing.assert_allclose(own_gradient.vector, gradient.vector, atol=1e-10)
        assert cones.value(angles, Expectation()) == pytest.approx(value, abs=1e-10)

    def test_a_long_ring_has_the_energy_of_a_short_one(self):
        """At p = 1 three quarters of a ring are cut: energy -1/2 a coupling (Farhi et al. 2014)."""
        best = Angles.of([np.pi / 8], [np.pi / 8])
        for n in (12, 600):
            ring = qspin.IsingProblem.from_edges(n, range(n), [*range(1, n), 0], [1.0] * n)
            assert LightCones(ring, 1).value(best, Expectation()) == pytest.approx(-n / 2, rel=1e-12)

    def test_cones_that_are_too_large(self):
        problem = qspin.instances.sherrington_kirkpatrick(30, seed=1)
        assert largest_cone(problem, 1) > 20
        with pytest.raises(CapacityError, match="a term of the energy sees 30 spins.*lower depth"):
            LightCones(problem, 1)
