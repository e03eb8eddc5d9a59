"""Correlations of the state that reads are drawn from, beside those of the state itself."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.annealer.physics.schrodinger import final_state

import qspin
from qspin import IsingProblem, instances
from qspin.registry import get_measure
from qspin.schedules import schedule_of
from qspin.testing import assert_within_errors

CLOSED = {
    "topology": "none", "physics": "schrodinger", "schedule": "linear", "transverse_field": 3.0,
    "annealing_time": 0.0015, "n_reads": 600, "n_gauges": 3,
}  # fmt: skip


def of_state(problem, ns=1.5):
    """<s_i s_j> from all amplitudes."""
    n = problem.n_spins
    weights = np.abs(final_state(problem, schedule_of("linear", 3.0), ns)) ** 2
    spins = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    return (spins * weights[:, None]).T @ spins


def two_parts():
    """A glass with fields, a chain without any, and a spin alone."""
    rng = np.random.default_rng(2)
    glass = np.triu(rng.normal(size=(4, 4)), 1)
    couplings = np.zeros((8, 8))
    couplings[:4, :4] = glass + glass.T
    for a, b in ((4, 5), (5, 6)):
        couplings[a, b] = couplings[b, a] = 0.7
    fields = np.array([0.3, 0, -0.2, 0.1, 0, 0, 0, 0.4])
    order = rng.permutation(8)
    return IsingProblem(couplings[np.ix_(order, order)], fields[order], labels=list("abcdefgh"))


@pytest.mark.parametrize(
    "problem", [instances.edwards_anderson((2, 3), seed=1), two_parts(), IsingProblem([[0.0]], [0.5])]
)
def test_they_are_those_of_the_state_at_every_scale(problem):
    samples = qspin.get_backend("annealer", **CLOSED, betas=[0.5, 1.0]).sample(problem, seed=3)
    found = samples.dataset["exact_correlations"]
    assert found.dims == ("beta", "spin", "other_spin")
    factor = samples.info["pipeline"]["scaling"]["factor"]
    for row, scale in enumerate((0.5, 1.0)):
        np.testing.assert_allclose(found[row], of_state(problem.scaled(factor * scale)), atol=1e-5)


def test_reads_follow_them_in_all_gauges():
    problem = instances.diamond((1, 2, 2), couplings="seven_bit", seed=1)
    samples = qspin.get_backend("annealer", **{**CLOSED, "n_reads": 3000}).sample(problem, seed=4)
    upper = np.triu_indices(problem.n_spins, 1)
    found = get_measure("pair_correlations").measure(samples, problem)
    exact = samples.dataset["exact_correlations"].values[0][upper]
    np.testing.assert_array_equal(found["exact"][0], exact)
    assert_within_errors(found["correlation"][0], found["correlation_error"][0], exact, what="c_ij")


@pytest.mark.parametrize(
    "changes",
    [
        {"physics": "thermal"},
        {"dephasing": 0.1},
        {"j_noise": 0.05},
        {"readout_error": 0.01},
        {"topology": "zephyr", "size": 2, "annealing_time": 0.5, "transverse_field": 0.0},  # chains
    ],
    ids=str,
)
def test_elsewhere_nobody_knows_them(changes):
    problem = instances.sherrington_kirkpatrick(6, seed=1)
    samples = qspin.get_backend("annealer", **{**CLOSED, "n_reads": 4, **changes}).sample(problem, seed=1)
    assert "exact_correlations" not in samples.dataset
