"""States, ultrametricity, valleys, rigidity, each on landscapes that are known."""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin.analysis import (
    descended,
    find_states,
    overlap_matrix,
    rigidity,
    states_by_energy,
    ultrametricity,
    valleys,
)
from qspin.errors import InputError
from qspin.spectrum import flip_tolerances


def noisy(patterns, copies, flips, seed=0):
    """Copies of patterns with every spin flipped at random."""
    rng = np.random.default_rng(seed)
    spins = np.repeat(np.asarray(patterns, np.int8), copies, axis=0)
    return spins * np.where(rng.random(spins.shape) < flips, -1, 1).astype(np.int8)


def tree(n_spins, seed=0):
    """Two families of two clusters each: overlaps of an ultrametric tree of depth two."""
    rng = np.random.default_rng(seed)
    roots = []
    for family in rng.choice([-1, 1], size=(3, n_spins)):
        for _ in range(3):
            roots.append(family * np.where(rng.random(n_spins) < 0.2, -1, 1))
    return noisy(roots, 20, 0.05, seed)


def thermal(problem, betas, *rows):
    """Configurations at so many temperatures of one ladder, of 64 replicas with two draws each."""
    sampler = qspin.get_backend(
        "tempering", betas=betas, n_replicas=64, n_burn_in=500, n_sweeps=1_000, n_draws=2
    )
    spins = sampler.sample(problem, seed=1).spins.values
    return [spins[row].reshape(-1, problem.n_spins) for row in rows]


class TestStates:
    def test_planted_clusters_are_found(self):
        patterns = np.random.default_rng(1).choice([-1, 1], size=(3, 100))
        spins = noisy(patterns, [30, 20, 10], 0.1)
        states = find_states(spins)
        assert states.n_states == 3
        np.testing.assert_allclose(states.weights, [0.5, 1 / 3, 1 / 6])
        np.testing.assert_array_equal(states.labels, np.repeat([0, 1, 2], [30, 20, 10]))
        np.testing.assert_allclose(np.diag(states.overlaps), 0.64, atol=0.05)
        assert states.is_significant
        assert states.participation == pytest.approx(1 / (0.25 + 1 / 9 + 1 / 36))
        assert sorted(states.order) == list(range(60))
        assert (np.diff(states.labels[states.order]) != 0).sum() == 2  # clusters lie together

    def test_a_mirror_image_is_the_same_state(self):
        pattern = np.random.default_rng(1).choice([-1, 1], size=100)
        spins = noisy([pattern, -pattern], 30, 0.1)
        assert find_states(spins).n_states == 2
        folded = find_states(spins, symmetric=True)
        assert not folded.is_significant

    def test_a_paramagnet_has_no_states(self):
        spins = np.random.default_rng(2).choice(np.array([-1, 1], np.int8), size=(60, 200))
        assert not find_states(spins).is_significant

    def test_too_few(self):
        with pytest.raises(InputError, match="at least three configurations; got 2"):
            find_states(np.ones((2, 5), np.int8))


class TestUltrametricity:
    def test_a_tree_is_ultrametric(self):
        found = ultrametricity(tree(400))
        assert found.is_detected
        assert found.effect > 0.2

    def test_it_is_seen_in_a_spin_glass_and_not_in_its_paramagnet(self):
        problem = qspin.instances.sherrington_kirkpatrick(256, seed=2)
        betas = {"geometric": [0.4, 2.5, 14]}
        cold, hot = thermal(problem, betas, -1, 0)
        assert ultrametricity(cold, symmetric=True).is_detected
        assert not ultrametricity(hot, symmetric=True).is_detected

    @pytest.mark.parametrize("kind", ["square", "mattis"])
    def test_a_ferromagnet_is_no_glass(self, kind):
        if kind == "square":
            problem, betas = qspin.instances.lattice_ferromagnet((16, 16)), [0.35, 0.44, 0.5, 0.6]
        else:
            problem, betas = qspin.instances.mattis(256, seed=1), [0.8, 1.0, 1.2, 1.5]
        for spins in thermal(problem, betas, -1, -2):
            assert not ultrametricity(spins, symmetric=True).is_detected

    def test_what_has_no_triangles(self):
        with pytest.raises(InputError, match="at least four configurations; got 3"):
            ultrametricity(np.ones((3, 5), np.int8))
        with pytest.raises(InputError, match="all overlaps are equal"):
            ultrametricity(np.ones((9, 5), np.int8))


class TestValleys:
    def test_minima_by_enumeration(self):
        problem = qspin.instances.sherrington_kirkpatrick(10, seed=4)
        spins = 1 - 2 * ((np.arange(1024)[:, None] >> np.arange(10)) & 1).astype(np.int8)
        energies = problem.energies(spins)
        flipped = np.stack([energies[np.arange(1024) ^ (1 << q)] for q in range(10)])
        expected = np.flatnonzero((flipped > energies).all(axis=0))
        minima = np.unique(descended(problem, spins), axis=0)
        assert {tuple(row) for row in minima} == {tuple(spins[k]) for k in expected}
        found = valleys(problem, spins)
        assert found.attrs["n_found"] == len(expected)
        np.testing.assert_allclose(found["energy"], np.sort(energies[expected]))
        assert float(found["weight"].sum()) == pytest.approx(1)
        assert states_by_energy(problem, spins)["n_states"].sum() == len(expected)

    def test_barriers_are_above_the_true_ones_and_make_a_tree(self):
        """True barriers by flooding all 2^10 configurations in the order of their energies."""
        problem = qspin.instances.sherrington_kirkpatrick(10, seed=4)
        spins = 1 - 2 * ((np.arange(1024)[:, None] >> np.arange(10)) & 1).astype(np.int8)
        found = valleys(problem, spins)
        energies = problem.energies(spins)
        places = ((1 - found["spins"].values.astype(int)) // 2) @ (1 << np.arange(10))
        true = flooded(energies, places)
        barrier = found["barrier"].values
        assert (barrier >= true - 1e-9).all()
        assert np.median(barrier - true) < 0.3
        for k in range(len(barrier)):  # ultrametric: no way around is lower
            assert (barrier <= np.maximum(barrier[:, k : k + 1], barrier[k : k + 1]) + 1e-9).all()

    @pytest.mark.parametrize("scale", [1.0, 2.0**-40, 2.0**40])
    @pytest.mark.parametrize(
        "problem",
        [
            qspin.instances.sherrington_kirkpatrick(64, seed=1),
            qspin.instances.edwards_anderson((4, 4, 4), seed=2),  # gains are often equal
            qspin.instances.lattice_ferromagnet((8, 8)),
            qspin.IsingProblem(np.zeros((5, 5)), [1.0, -1.0, 0.0, 0.5, 0.0]),
            qspin.IsingProblem(np.zeros((1, 1))),
        ],
        ids=["dense", "lattice", "ferromagnet", "fields", "one spin"],
    )
    def test_every_step_flips_the_first_of_the_largest_gains(self, problem, scale):
        problem = problem.scaled(scale)
        spins = np.random.default_rng(5).choice(np.array([-1, 1], np.int8), size=(100, problem.n_spins))
        before = spins.copy()
        np.testing.assert_array_equal(descended(problem, spins), descended_by_definition(problem, spins))
        np.testing.assert_array_equal(spins, before)

    def test_a_ferromagnet_has_two(self):
        problem = qspin.instances.mattis(12, seed=3)
        spins = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), size=(200, 12))
        assert valleys(problem, spins).attrs["n_found"] == 2


def descended_by_definition(problem, spins):
    """All gains anew at every step."""
    states, tolerances = spins.copy(), flip_tolerances(problem)
    for state in states:
        while True:
            gains = 2 * state * (problem.fields + problem.toarray() @ state.astype(float))
            gains[gains <= tolerances] = 0.0
            best = int(np.argmax(gains >= gains.max() - tolerances.max()))
            if gains[best] == 0:
                break
            state[best] *= -1
    return states


def flooded(energies, places):
    """Lowest highest energy on any path of single flips between places."""
    n = len(energies)
    parent, barrier = np.arange(n), np.full((len(places), len(places)), np.nan)

    def root(k):
        while parent[k] != k:
            k = parent[k]
        return k

    wet = np.zeros(n, bool)
    for k in np.argsort(energies):
        wet[k] = True
        for q in range(10):
            if wet[k ^ (1 << q)]:
                parent[root(k)] = root(k ^ (1 << q))
        roots = [root(p) if wet[p] else -1 - p for p in places]
        joined = np.equal.outer(roots, roots)
        barrier[joined & np.isnan(barrier)] = energies[k]
    return barrier


class TestRigidity:
    def test_frozen_and_free_bonds(self):
        problem = qspin.IsingProblem.from_edges(4, [0, 1, 2], [1, 2, 3], [-1.0, -1.0, 0.0])
        rng = np.random.default_rng(0)
        spins = np.ones((400, 4), np.int8)
        spins[:, 3] = rng.choice([-1, 1], 400)
        found = rigidity(problem, spins)
        np.testing.assert_allclose(found["bond"][:2], 1)
        assert float(found["bond"][2]) < 0.2
        assert found.attrs["rigid_share"] == pytest.approx(2 / 3)
        assert found.attrs["null"] == pytest.approx(np.sqrt(2 / np.pi / 400))

    def test_the_null_is_what_independent_spins_have(self):
        problem = qspin.instances.sherrington_kirkpatrick(40, seed=1)
        spins = np.random.default_rng(3).choice(np.array([-1, 1], np.int8), size=(500, 40))
        found = rigidity(problem, spins)
        assert found.attrs["edge_rigidity"] == pytest.approx(found.attrs["null"], rel=0.05)


def test_overlap_matrix():
    spins = np.array([[1, 1], [1, -1], [-1, -1]], np.int8)
    np.testing.assert_allclose(overlap_matrix(spins), [[1, 0, -1], [0, 1, 0], [-1, 0, 1]])
