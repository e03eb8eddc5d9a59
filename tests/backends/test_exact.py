"""Enumeration against brute force with other means."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

import qspin
from qspin import IsingProblem, instances
from qspin.errors import CapacityError
from qspin.testing import assert_within_errors

BETAS = [0.0, 0.7, 3.0]


@pytest.fixture
def brute(glass):
    """(configurations, energies) by itertools."""
    spins = np.array(list(itertools.product([-1, 1], repeat=10)))
    return spins, glass.energies(spins)


@pytest.fixture
def spectrum(glass):
    return qspin.get_backend("exact").enumerate(glass)


def test_every_energy(glass, spectrum):
    spins = spectrum.configurations(np.arange(2**10))
    np.testing.assert_allclose(spectrum.energies, glass.energies(spins), atol=1e-12)
    assert len(np.unique(spins, axis=0)) == 2**10


def test_more_spins_than_a_block():
    problem = instances.sherrington_kirkpatrick(15, seed=2)
    spectrum = qspin.get_backend("exact").enumerate(problem)
    states = np.random.default_rng(0).integers(2**15, size=500)
    np.testing.assert_allclose(
        spectrum.energies[states], problem.energies(spectrum.configurations(states)), atol=1e-12
    )


@pytest.mark.parametrize("beta", BETAS)
def test_averages(brute, spectrum, beta):
    spins, energies = brute
    weights = np.exp(-beta * (energies - energies.min()))
    p = weights / weights.sum()
    mean = p @ energies
    assert spectrum.mean_energy(beta) == pytest.approx(mean)
    assert spectrum.heat_capacity(beta) == pytest.approx(beta**2 * (p @ energies**2 - mean**2), abs=1e-12)
    assert spectrum.log_partition(beta) == pytest.approx(np.log(weights.sum()) - beta * energies.min())
    np.testing.assert_allclose(spectrum.magnetisations(beta), p @ spins, atol=1e-13)
    np.testing.assert_allclose(
        spectrum.correlations(beta), np.einsum("k,ki,kj->ij", p, spins, spins), atol=1e-13
    )


@pytest.mark.parametrize("beta", BETAS)
def test_overlap_distribution(brute, spectrum, beta):
    spins, energies = brute
    p = np.exp(-beta * (energies - energies.min()))
    p /= p.sum()
    pairs = np.rint((spins @ spins.T + 10) / 2).astype(int)
    expected = np.bincount(pairs.ravel(), weights=np.outer(p, p).ravel(), minlength=11)
    q, probability = spectrum.overlap_distribution(beta)
    np.testing.assert_allclose(q, np.linspace(-1, 1, 11))
    np.testing.assert_allclose(probability, expected, atol=1e-13)


def test_ground_states_of_the_frustrated_triangle():
    triangle = IsingProblem(np.ones((3, 3)) - np.eye(3))
    spectrum = qspin.get_backend("exact").enumerate(triangle)
    assert (spectrum.ground_energy, spectrum.ground_degeneracy) == (-1.0, 6)
    assert {tuple(s) for s in spectrum.ground_states()} == set(itertools.product([-1, 1], repeat=3)) - {
        (1, 1, 1),
        (-1, -1, -1),
    }
    energies, counts = spectrum.levels()
    assert (energies.tolist(), counts.tolist()) == ([-1, 3], [6, 2])


def test_degeneracy_survives_rounding():
    tenths = IsingProblem(0.1 * (np.ones((14, 14)) - np.eye(14)), offset=1e6)
    spectrum = qspin.get_backend("exact").enumerate(tenths)
    assert spectrum.ground_degeneracy == 3432  # 14 choose 7
    assert spectrum.levels()[1].sum() == 2**14


def test_samples_follow_the_distribution(glass, spectrum):
    samples = qspin.get_backend("exact", betas=[0.5], n_replicas=20_000).sample(glass, seed=1)
    assert samples.info["ground_energy"] == pytest.approx(spectrum.ground_energy)
    bits = (samples.spins.values[0, :, 0] > 0) @ (1 << np.arange(10))
    counts = np.bincount(bits, minlength=2**10)
    expected = 20_000 * spectrum.probabilities(0.5)
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    assert stats.chisquare(observed, np.append(expected[common], expected[~common].sum())).pvalue > 1e-4


def test_temperatures_do_not_share_randomness(glass):
    samples = qspin.get_backend("exact", betas=[0.0, 1e-9], n_replicas=1000).sample(glass, seed=1)
    overlap = (samples.spins.values[0] * samples.spins.values[1].astype(int)).mean()
    assert_within_errors(overlap, 1 / np.sqrt(10_000), 0.0)


def test_too_many_spins_says_what_it_would_need():
    problem = instances.lattice_ferromagnet((5, 6))
    for call in ("sample", "check", "enumerate"):
        with pytest.raises(CapacityError, match=r"30 spins would need 16 GiB .* 2\^4 times .*tempering"):
            getattr(qspin.get_backend("exact"), call)(problem)
    with pytest.raises(CapacityError, match="5000 spins would need"):
        qspin.get_backend("exact").check(IsingProblem.from_edges(5000, [], [], []))


def test_samples_beyond_memory_are_refused_by_the_check():
    problem = qspin.instances.sherrington_kirkpatrick(6, seed=1)
    with pytest.raises(CapacityError, match="replicas"):
        qspin.get_backend("exact", n_replicas=10**13).check(problem)
