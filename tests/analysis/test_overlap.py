"""Overlap statistics against loops, exact distributions and known coverage."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import qspin
from qspin import SampleSet, analysis, instances
from qspin.analysis.overlap import binder_ratio
from qspin.errors import InputError
from qspin.testing import assert_within_errors


@pytest.fixture
def samples(glass):
    spins = np.random.default_rng(1).choice([-1, 1], size=(2, 5, 7, 10))
    return SampleSet.from_spins(glass, spins, [0.5, 1.0])


def looped(samples):
    """q[beta][pair][draw] by the definition."""
    spins = samples.spins.values.astype(float)
    return np.array(
        [[[(a[d] * b[d]).mean() for d in range(7)] for a, b in itertools.combinations(at, 2)] for at in spins]
    )


def test_replica_overlaps(samples):
    np.testing.assert_allclose(analysis.replica_overlaps(samples.spins.values), looped(samples))


def test_moments(samples):
    q = looped(samples)
    curve = analysis.overlap_curve(samples)
    np.testing.assert_allclose(curve["q_abs"], np.abs(q).mean(axis=(1, 2)))
    np.testing.assert_allclose(curve["q2"], (q**2).mean(axis=(1, 2)))
    np.testing.assert_allclose(curve["q4"], (q**4).mean(axis=(1, 2)))
    np.testing.assert_allclose(curve["binder"], (3 - (q**4).mean((1, 2)) / (q**2).mean((1, 2)) ** 2) / 2)
    np.testing.assert_array_equal(curve["temperature"], [2, 1])


def test_errors_leave_out_one_replica_at_a_time(samples):
    spins = samples.spins.values.astype(float)
    left_out = []
    for out in range(5):
        kept = np.delete(spins, out, axis=1)
        left_out.append(np.abs(analysis.replica_overlaps(kept)).mean(axis=(1, 2)))
    expected = np.sqrt(4 / 5 * ((left_out - np.mean(left_out, axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(analysis.overlap_curve(samples)["q_abs_error"], expected)


def test_blocks_of_draws_change_nothing(samples, glass, monkeypatch):
    whole = analysis.overlap_curve(samples), analysis.overlap_distribution(samples)
    monkeypatch.setattr("qspin.analysis.overlap._CHUNK_ELEMENTS", 100)
    for before, after in zip(
        whole, (analysis.overlap_curve(samples), analysis.overlap_distribution(samples)), strict=True
    ):
        for name in before:
            np.testing.assert_allclose(after[name], before[name], atol=1e-14)


def test_link_overlap(samples, glass):
    i, j, _ = glass.edges
    bonds = samples.spins.values[..., i].astype(float) * samples.spins.values[..., j]
    expected = [np.mean([(a * b).mean() for a, b in itertools.combinations(at, 2)]) for at in bonds]
    curve = analysis.link_overlap_curve(samples, glass)
    np.testing.assert_allclose(curve["q_link"], expected)
    np.testing.assert_allclose(analysis.link_overlaps(samples.spins.values, i, j).mean(axis=(1, 2)), expected)


@pytest.mark.parametrize("n_spins", [1, 7, 10, 106, 333])
@pytest.mark.parametrize("bins", [None, 20])
def test_distribution_is_normalised_and_bins_are_fair(n_spins, bins):
    problem = qspin.IsingProblem.from_edges(n_spins, [], [], [])
    spins = np.random.default_rng(0).choice([-1, 1], size=(1, 20, 30, n_spins))
    samples = SampleSet.from_spins(problem, spins, [1.0])
    p = analysis.overlap_distribution(samples, bins=bins)
    assert float((p["density"] * p["width"]).sum()) == pytest.approx(1)
    points = np.rint(p["width"].values * n_spins / 2)
    assert points.sum() == n_spins + 1
    assert len(set(points[1:-1])) <= 1
    second_moment = float((p["density"] * p["width"] * p["q"] ** 2).sum())
    exact = (analysis.replica_overlaps(spins) ** 2).mean()
    assert second_moment == pytest.approx(exact, abs=(p["width"].values.max()) ** 2)


def test_distribution_against_enumeration(glass):
    exact = qspin.get_backend("exact", betas=[0.8, 2.0], n_replicas=1_000)
    measured = analysis.overlap_distribution(exact.sample(glass, seed=2))
    for b, beta in enumerate(exact.betas):
        q, probability = exact.enumerate(glass).overlap_distribution(beta)
        np.testing.assert_allclose(measured["q"], q)
        width = measured["width"].values
        assert_within_errors(
            measured["density"][b].values * width, measured["density_error"][b].values * width, probability
        )


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_error_bars_cover(beta):
    """Of 300 runs about 68 % must lie within one error bar: at least that where pairs are uncorrelated."""
    problem = instances.mattis(12, seed=0)
    spectrum = qspin.get_backend("exact").enumerate(problem)
    q, probability = spectrum.overlap_distribution(beta)
    exact = probability @ np.abs(q)
    rng = np.random.default_rng(8)
    within = 0
    for _ in range(300):
        spins = spectrum.sample(beta, 16 * 5, rng).reshape(1, 16, 5, 12)
        curve = analysis.overlap_curve(SampleSet.from_spins(problem, spins, [beta]))
        within += abs(float(curve["q_abs"][0]) - exact) < float(curve["q_abs_error"][0])
    assert within / 300 > 0.68 - 4 * np.sqrt(0.68 * 0.32 / 300)
    if beta:
        assert within / 300 < 0.68 + 4 * np.sqrt(0.68 * 0.32 / 300)


def test_frozen_replicas_have_no_error(glass):
    samples = SampleSet.from_spins(glass, np.ones((1, 4, 3, 10)), [9.0])
    curve = analysis.overlap_curve(samples)
    assert float(curve["q_abs"][0]) == 1.0
    assert float(curve["q_abs_error"][0]) == 0.0
    assert float(curve["binder"][0]) == 1.0


def test_two_replicas_have_no_error_bar(glass):
    samples = SampleSet.from_spins(glass, np.ones((1, 2, 3, 10)), [1.0])
    assert np.isnan(analysis.overlap_curve(samples)["q_abs_error"]).all()


def test_binder_ratio_of_known_distributions():
    assert binder_ratio(1.0, 3.0) == 0  # Gaussian
    assert binder_ratio(0.25, 0.0625) == 1  # one value of |q|
    assert np.isnan(binder_ratio(0.0, 0.0))


@pytest.mark.parametrize(
    "function",
    [
        analysis.overlap_curve,
        analysis.overlap_distribution,
        lambda s: analysis.replica_overlaps(s.spins.values),
    ],
)
def test_one_replica_is_refused(glass, function):
    samples = SampleSet.from_spins(glass, np.ones((1, 1, 5, 10)), [1.0])
    with pytest.raises(InputError, match="at least two; got 1. Set n_replicas"):
        function(samples)


def test_link_overlap_of_another_problem_is_refused(samples):
    with pytest.raises(InputError, match="digests differ"):
        analysis.link_overlap_curve(samples, instances.mattis(10, seed=0))
    free = qspin.IsingProblem(np.zeros((10, 10)))
    with pytest.raises(InputError, match="no links"):
        analysis.link_overlap_curve(SampleSet.from_spins(free, np.ones((1, 2, 1, 10))), free)


def test_distribution_of_link_overlaps():
    """By hand on a ring of four, and its mean is the mean link overlap."""
    ring = qspin.IsingProblem.from_edges(4, range(4), [1, 2, 3, 0], [-1.0] * 4)
    samples = qspin.get_backend("exact", betas=[0.4, 1.0], n_replicas=30).sample(ring, seed=1)
    found = analysis.link_overlap_distribution(samples, ring)
    np.testing.assert_allclose((found["density"] * found["width"]).sum("q"), 1)
    mean = (found["density"] * found["width"] * found["q"]).sum("q")
    np.testing.assert_allclose(mean, analysis.link_overlap_curve(samples, ring)["q_link"])
    i, j, _ = ring.edges
    q = analysis.link_overlaps(samples.spins.values, i, j)[1]
    shares = [np.isclose(q, value).mean() for value in found["q"]]
    np.testing.assert_allclose((found["density"] * found["width"]).isel(beta=1), shares, atol=1e-12)
