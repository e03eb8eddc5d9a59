"""The test of equilibrium of a run: silent where walkers start in equilibrium, however slow; else not.

Exact draws are the starts, so that a run of any length is in equilibrium from its first sweep on.
"""

from __future__ import annotations

import pytest
from scipy import stats

import qspin
from qspin import instances

BETAS, REPLICAS, RUNS, LEVEL = [0.2, 1.0, 2.5, 4.0], 8, 60, 0.01


@pytest.fixture(scope="module")
def glass():
    return instances.edwards_anderson((4, 4), seed=5)


def drifts(problem, n_sweeps, starts=None, runs=RUNS):
    """In how many of so many runs mean energies are found to drift; starts (run, beta, replica, spin)."""
    found = 0
    for seed in range(runs):
        sampler = qspin.get_backend(
            "tempering",
            betas=BETAS,
            n_replicas=REPLICAS,
            n_burn_in=0,
            n_sweeps=n_sweeps,
            n_draws=1,
            n_threads=1,
        )
        initial = None if starts is None else starts[seed]
        samples = sampler.sample(problem, seed=seed, initial=initial)
        assert "equilibration" in samples.info
        found += "energy-drift" in [remark.code for remark in samples.remarks]
    return found


@pytest.mark.parametrize("n_sweeps", [31, 127, 1_023])
def test_in_equilibrium_it_speaks_no_more_often_than_it_says(glass, n_sweeps):
    """Few sweeps at few betas: energies of the cold ones hardly change from bin to bin."""
    exact = qspin.get_backend("exact", betas=BETAS, n_replicas=REPLICAS * RUNS).sample(glass, seed=1)
    spins = exact.spins.values[:, :, 0]
    starts = spins.reshape(len(BETAS), RUNS, REPLICAS, -1).swapaxes(0, 1)
    assert drifts(glass, n_sweeps, starts) <= stats.binom.isf(1e-3, RUNS, LEVEL)


def test_walkers_that_come_down_are_noticed():
    """A large glass from random spins, in a few sweeps: every run drifts."""
    large = instances.edwards_anderson((20, 20), seed=2)
    assert drifts(large, 63, runs=5) == 5


def test_it_takes_replicas():
    sampler = qspin.get_backend("tempering", betas=BETAS, n_replicas=1, n_burn_in=0, n_sweeps=200)
    assert "equilibration" not in sampler.sample(instances.edwards_anderson((4, 4), seed=5), seed=1).info
