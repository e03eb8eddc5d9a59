"""Landscapes beside independent spins: of patterns, of one state and of free spins, where all is known."""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin.analysis import descended, landscape_nulls
from qspin.analysis.glassiness import STATISTICS
from qspin.errors import InputError

N = 80


def noisy(patterns, copies, flips, seed=0):
    """Copies of patterns with every spin flipped at random."""
    rng = np.random.default_rng(seed)
    spins = np.repeat(np.asarray(patterns, np.int8), copies, axis=0)
    return spins * np.where(rng.random(spins.shape) < flips, -1, 1).astype(np.int8)


@pytest.fixture(scope="module")
def patterns():
    """Four whose overlaps are zero: rows of a Hadamard matrix, seen by N = 80 spins twenty times."""
    hadamard = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    return np.concatenate([np.tile(hadamard, 2)] * (N // 8), axis=1)


def with_fields(n_spins=N):
    return qspin.IsingProblem(np.zeros((n_spins, n_spins)), np.full(n_spins, 1e-3))


class TestCentralWeight:
    def test_of_patterns_that_are_orthogonal(self, patterns):
        """Of 30 + 20 configurations, 600 of 1225 pairs belong to different patterns."""
        found = landscape_nulls(with_fields(), noisy(patterns[:2], [30, 20], 0.02))
        assert found.values["central_weight"] == pytest.approx(600 / 1225)
        assert found.nulls["central_weight"].max() < 0.2
        excess, deviation = found.excess()
        assert excess > 4 * deviation

    def test_of_one_state(self, patterns):
        found = landscape_nulls(with_fields(), noisy(patterns[:1], [50], 0.1))
        assert found.values["central_weight"] == 0
        assert found.excess() == (0, 0)

    def test_a_mirror_image_is_the_same(self, patterns):
        problem = qspin.instances.mattis(N, seed=1)
        states = problem.known.ground_states[:1] * np.array([[1], [-1]])
        found = landscape_nulls(problem, noisy(states, 25, 0.1))
        assert found.values["central_weight"] == 0
        assert found.values["n_valleys"] == 1
        assert found.nulls["n_valleys"].tolist() == [1.0] * 49
        assert found.values["edge_rigidity"] == pytest.approx(0.64, abs=0.02)

    def test_the_error_is_that_of_drawing_configurations_anew(self, patterns):
        """Over 100 sets of 60 configurations of two patterns, chosen with probability 1/2."""
        rng = np.random.default_rng(4)
        weights, errors = [], []
        for seed in range(100):
            first = int(rng.binomial(60, 0.5))
            spins = noisy(patterns[:2], [first, 60 - first], 0.05, seed)
            found = landscape_nulls(with_fields(), spins, n_null=2)
            weights.append(found.values["central_weight"])
            errors.append(found.central_error)
        assert np.mean(errors) == pytest.approx(np.std(weights), rel=0.5)
        assert np.mean(errors) >= 0.8 * np.std(weights)  # never too small

    def test_independent_spins_are_their_own_null(self):
        rng = np.random.default_rng(2)
        problem, outside = with_fields(60), 0
        for seed in range(20):
            spins = np.where(rng.random((40, 60)) < 0.7, 1, -1).astype(np.int8)
            found = landscape_nulls(problem, spins, n_null=19, seed=seed)
            nulls = found.nulls["central_weight"]
            outside += not nulls.min() <= found.values["central_weight"] <= nulls.max()
        assert outside <= 6  # 2 in 20 are expected, 7 or more in 1 % of cases


def test_valleys_are_counted_by_their_weights():
    """Of all 2^8 configurations, each weighs alike: one over the sum of squared shares of the basins."""
    problem = qspin.instances.sherrington_kirkpatrick(8, seed=4)
    spins = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(np.int8)
    minima = descended(problem, spins)
    basins = np.unique(minima * minima[:, :1], axis=0, return_counts=True)[1] / 256
    found = landscape_nulls(problem, spins, n_null=2)
    assert found.values["n_valleys"] == pytest.approx(1 / (basins**2).sum())


def test_densities_have_unit_area_and_nulls_are_distributions():
    problem = qspin.instances.sherrington_kirkpatrick(32, seed=1)
    spins = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), size=(60, 32))
    found = landscape_nulls(problem, spins, n_null=9)
    width = found.centres[1] - found.centres[0]
    assert found.density.sum() * width == pytest.approx(1)
    assert found.null_densities.sum(axis=1) * width == pytest.approx(1)
    for name in STATISTICS:
        assert found.nulls[name].shape == (9,)
        assert found.nulls[name].std() > 0


def test_too_few():
    with pytest.raises(InputError, match="at least three configurations; got 2"):
        landscape_nulls(with_fields(4), np.ones((2, 4), np.int8))
