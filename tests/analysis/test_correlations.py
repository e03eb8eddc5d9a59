"""Correlations of pairs, and their distance to a reference, against exact distributions many times over."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import qspin
from qspin import IsingProblem, SampleSet, analysis, instances
from qspin.analysis.correlations import Reads, correlation_distance, kink_density, pair_correlations
from qspin.errors import InputError
from qspin.spectrum import enumerate_problem
from qspin.testing import assert_within_errors

GLASS = instances.edwards_anderson((3, 3), seed=4)
N = GLASS.n_spins
PAIRS = np.triu_indices(N, 1)
SPECTRUM = enumerate_problem(GLASS)


def exact(beta):
    """c_ij of all pairs by enumeration."""
    spins = 1 - 2 * ((np.arange(2**N)[:, None] >> np.arange(N)) & 1)
    weights = np.exp(-beta * (GLASS.energies(spins) - SPECTRUM.ground_energy))
    return ((spins * (weights / weights.sum())[:, None]).T @ spins)[PAIRS]


def read(beta, n_reads, seed, n_blocks=25):
    """Reads of the Boltzmann distribution at a beta."""
    spins = SPECTRUM.sample(beta, n_reads, np.random.default_rng(seed))
    samples = SampleSet.from_spins(GLASS, spins[None, :, None], [np.nan], {"problem": GLASS.digest})
    return pair_correlations(samples, GLASS, n_blocks=n_blocks)


def with_exact(found, beta):
    return found.assign(exact=(("beta", "pair"), exact(beta)[None]))


def test_correlations_are_those_of_the_distribution():
    found = read(0.7, 4000, 1)
    assert_within_errors(found["correlation"][0], found["correlation_error"][0], exact(0.7), what="c_ij")
    np.testing.assert_array_equal(found["first"], PAIRS[0])
    np.testing.assert_array_equal(found["coupling"], GLASS.toarray()[PAIRS])
    np.testing.assert_allclose(found["block_correlation"].mean("block"), found["correlation"])


def test_coupled_pairs_are_some_of_all():
    samples = qspin.get_backend("exact", betas=[0.5, 1.0], n_replicas=40).sample(GLASS, seed=3)
    every, coupled = (pair_correlations(samples, GLASS, pairs=p, n_blocks=8) for p in ("all", "couplings"))
    own = every["coupling"].values != 0
    for name in ("correlation", "block_correlation", "coupling"):
        np.testing.assert_allclose(np.sort(every[name].values[..., own]), np.sort(coupled[name].values))
    assert float(coupled["n_reads"]) == 40


def test_draws_of_a_replica_are_one_sample():
    """Blocks are of whole replicas, and correlated draws are no independent reads."""
    spins = np.ones((1, 4, 3, 2), np.int8)
    spins[0, 1, :, 0] = -1
    pair = IsingProblem([[0, 1], [1, 0]])
    found = pair_correlations(SampleSet.from_spins(pair, spins, [1.0], {}), pair)
    assert found["block_correlation"].values.ravel().tolist() == [1, -1, 1, 1]
    assert np.isnan(found["n_reads"])
    assert float(found["correlation_error"][0, 0]) == pytest.approx(1 / 2)


REPEATS = 120
READS = 250


@pytest.fixture(scope="module")
def repeated():
    """Distances of reads at one beta to exact correlations at another, and at the same."""
    reference = Reads.of(with_exact(read(0.8, 2000, 999), 0.8))
    return {
        beta: [correlation_distance(Reads.of(read(beta, READS, k)), reference) for k in range(REPEATS)]
        for beta in (0.8, 0.5)
    }


@pytest.mark.parametrize("beta", [0.8, 0.5])
def test_the_square_has_no_bias_and_its_error_covers(repeated, beta):
    true = float(((exact(beta) - exact(0.8)) ** 2).sum() / (exact(0.8) ** 2).sum())
    squared = np.array([one.squared for one in repeated[beta]])
    spread = squared.std(ddof=1)
    assert_within_errors(squared.mean(), spread / np.sqrt(REPEATS), true, what="eps^2")
    errors = np.array([one.error for one in repeated[beta]])
    ratio = np.sqrt((errors**2).mean()) / spread
    assert 0.85 < ratio < (1.7 if beta == 0.8 else 1.2), "sqrt(2) too large where there is no distance"
    covered = np.mean([one.low**2 <= true <= one.high**2 for one in repeated[beta]])
    assert covered > 0.91


def test_the_distance_as_it_is_has_the_bias_that_is_stated(repeated):
    raw = np.array([one.raw**2 for one in repeated[0.8]])
    assert_within_errors(raw.mean(), raw.std(ddof=1) / np.sqrt(REPEATS), repeated[0.8][0].null ** 2)


def test_p_values_of_exact_reads_are_uniform_and_of_others_small(repeated):
    null = [one.p_value for one in repeated[0.8]]
    assert stats.kstest(null, "uniform").pvalue > 0.001
    beyond = np.mean([one.raw > one.null_high for one in repeated[0.8]])
    assert abs(beyond - 0.05) < 4 * np.sqrt(0.05 * 0.95 / REPEATS) + 0.02
    assert np.mean([one.p_value < 0.05 for one in repeated[0.5]]) > 0.9


def test_a_reference_of_reads_takes_its_own_noise_off():
    true = float(((exact(0.5) - exact(0.8)) ** 2).sum() / (exact(0.8) ** 2).sum())
    found = [
        correlation_distance(Reads.of(read(0.5, READS, k)), Reads.of(read(0.8, READS, 5000 + k)))
        for k in range(REPEATS)
    ]
    squared = np.array([one.squared for one in found])
    spread = squared.std(ddof=1)
    assert_within_errors(squared.mean(), spread / np.sqrt(REPEATS), true, what="eps^2")
    assert 0.85 < np.sqrt(np.mean([one.error**2 for one in found])) / spread < 1.25


def test_of_the_same_distribution_the_error_of_the_usual_formula_is_above():
    """`analysis.correlation_error`, of spins, is the uncorrected one."""
    spins = (
        SPECTRUM.sample(0.8, 500, np.random.default_rng(1)),
        SPECTRUM.sample(0.8, 500, np.random.default_rng(2)),
    )
    found = [pair_correlations(SampleSet.from_spins(GLASS, s[None, :, None], None, {}), GLASS) for s in spins]
    distance = correlation_distance(*(Reads.of(f) for f in found[::-1]))
    usual = analysis.correlation_error(*spins)
    assert distance.squared < usual**2 / 4


class TestKinks:
    def test_of_a_ring_that_is_cut_in_two_places(self):
        ring = instances.lattice_ferromagnet((6,))
        spins = np.array([[1, 1, 1, -1, -1, -1], [1] * 6], np.int8)
        found = pair_correlations(SampleSet.from_spins(ring, spins[None, :, None], None, {}), ring)
        value, error = kink_density(found)
        assert value == pytest.approx(1 / 6)
        assert error == pytest.approx(1 / 6)

    def test_what_is_satisfied_does_not_depend_on_signs(self):
        chain = IsingProblem.from_edges(3, [0, 1], [1, 2], [1.0, -0.5])
        spins = np.array([[1, -1, -1]] * 3, np.int8)
        found = pair_correlations(SampleSet.from_spins(chain, spins[None, :, None], None, {}), chain)
        assert kink_density(found) == (0.0, 0.0)

    def test_free_spins_have_none(self):
        free = IsingProblem(np.zeros((3, 3)))
        spins = np.ones((1, 2, 1, 3), np.int8)
        with pytest.raises(InputError, match="without couplings has no kinks"):
            kink_density(pair_correlations(SampleSet.from_spins(free, spins, None, {}), free))


class TestRefusals:
    def test_one_replica(self):
        pair = IsingProblem([[0, 1], [1, 0]])
        samples = SampleSet.from_spins(pair, np.ones((1, 1, 5, 2), np.int8), [1.0], {})
        with pytest.raises(InputError, match="configurations of two replicas or more; sample with n_reads"):
            pair_correlations(samples, pair)

    def test_other_pairs(self):
        with pytest.raises(InputError, match="of 36 pairs cannot be held against those of 3"):
            correlation_distance(Reads.of(read(0.5, 20, 1)), Reads(np.zeros((4, 3))))

    def test_a_reference_without_correlations(self):
        nothing = Reads(np.zeros((4, 3)), 8.0, np.zeros(3))
        with pytest.raises(InputError, match="no correlations beyond its noise: take more reads"):
            correlation_distance(Reads(np.ones((4, 3))), nothing)
