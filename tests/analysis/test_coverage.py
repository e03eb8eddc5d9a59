"""Do 95 % intervals hold the truth in 95 % of cases? Of few independent samples, against enumeration."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import qspin
from qspin import IsingProblem, SampleSet, analysis, instances
from qspin.analysis.resampling import variance_over_replicas
from qspin.analysis.reweighting import Reweighting, reweighted_curve
from qspin.testing import STANDARD_ERRORS, assert_within_errors

TRIALS = 2_000
SK = instances.sherrington_kirkpatrick(10, seed=4)
LATTICE = instances.edwards_anderson((3, 4), seed=1)
CASES = [(SK, 0.2), (SK, 0.6), (SK, 1.0), (LATTICE, 0.2), (LATTICE, 0.6)]
LOW, HIGH = 0.92, 0.97
NOISE = np.sqrt(0.95 * 0.05 / TRIALS)


def trials(problem: IsingProblem, beta: float, n_replicas: int, n_draws: int = 1, seed: int = 0):
    """Sample sets of independent configurations, one in each row, and the spectrum."""
    spectrum = qspin.get_backend("exact").enumerate(problem)
    spins = spectrum.sample(beta, TRIALS * n_replicas * n_draws, np.random.default_rng(seed))
    shape = (TRIALS, n_replicas, n_draws, problem.n_spins)
    return SampleSet.from_spins(problem, spins.reshape(shape), np.full(TRIALS, beta)), spectrum


def share(low, high, truth: float) -> float:
    return float(((np.asarray(low) <= truth) & (truth <= np.asarray(high))).mean())


@pytest.mark.parametrize("n_replicas", [4, 8, 20])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_heat_capacities_of_few_replicas_of_one_draw(case, n_replicas):
    """Without bias, and covered by the interval, by +-1.96 errors and by +-t errors."""
    problem, beta = CASES[case]
    samples, spectrum = trials(problem, beta, n_replicas, seed=10 * case + n_replicas)
    truth = spectrum.heat_capacity(beta) / problem.n_spins
    curve = analysis.energy_curve(samples)
    values, errors = curve["heat_capacity"].values, curve["heat_capacity_error"].values
    spread = values.std(ddof=1) / np.sqrt(TRIALS)
    assert_within_errors(values.mean(), spread, truth, what="mean heat capacity")
    inside = {"low to high": share(curve["heat_capacity_low"], curve["heat_capacity_high"], truth)}
    for name, factor in (("1.96", 1.96), ("t", analysis.confidence_factor(n_replicas))):
        inside[name] = share(values - factor * errors, values + factor * errors, truth)
    print(f"{n_replicas} replicas, beta {beta}: {inside}")
    assert LOW <= inside["low to high"] <= HIGH + (STANDARD_ERRORS * NOISE if n_replicas == 4 else 0)
    assert min(inside.values()) >= LOW
    assert max(inside.values()) <= HIGH + STANDARD_ERRORS * NOISE


@pytest.mark.parametrize(("n_replicas", "n_draws"), [(4, 3), (8, 3), (8, 40)])
def test_heat_capacities_of_several_draws(n_replicas, n_draws):
    samples, spectrum = trials(SK, 0.6, n_replicas, n_draws, seed=3)
    truth = spectrum.heat_capacity(0.6) / 10
    curve = analysis.energy_curve(samples)
    values = curve["heat_capacity"].values
    assert_within_errors(values.mean(), values.std(ddof=1) / np.sqrt(TRIALS), truth, what="mean")
    inside = share(curve["heat_capacity_low"], curve["heat_capacity_high"], truth)
    assert LOW <= inside <= HIGH + STANDARD_ERRORS * NOISE


def test_correlated_draws_bias_no_variance():
    """Chains whose neighbours are correlated by 0.9, of variance 1: along a chain of 20 draws it is 0.4."""
    rng = np.random.default_rng(1)
    x = np.empty((4_000, 6, 20))
    x[..., 0] = rng.normal(size=x.shape[:2])
    for d in range(1, 20):
        x[..., d] = 0.9 * x[..., d - 1] + np.sqrt(1 - 0.81) * rng.normal(size=x.shape[:2])
    assert x.var(axis=2).mean() < 0.6
    found = [variance_over_replicas(row.mean(axis=1), row.var(axis=1), 20) for row in x]
    values = np.array([variance.value for variance in found])
    assert_within_errors(values.mean(), values.std(ddof=1) / np.sqrt(len(x)), 1.0, what="variance")
    inside = np.mean([variance.low <= 1 <= variance.high for variance in found])
    assert LOW <= inside <= HIGH


@pytest.mark.parametrize("n_replicas", [4, 8, 20])
def test_energies_and_susceptibilities(n_replicas):
    """Means by Student's t, the susceptibility by its own interval."""
    problem = instances.sherrington_kirkpatrick(14, seed=9)  # enough values of |m|
    samples, spectrum = trials(problem, 0.5, n_replicas, seed=n_replicas)
    p = spectrum.probabilities(0.5)
    m = np.abs(spectrum.configurations(np.arange(2**14)).mean(axis=1))
    energies, response = analysis.energy_curve(samples), analysis.magnetisation_curve(samples)
    factor = analysis.confidence_factor(n_replicas)
    for curve, name, truth in (
        (energies, "energy", spectrum.mean_energy(0.5) / 14),
        (response, "m_abs", m @ p),  # m2 is as skewed as m^2: 0.85 at four replicas, 0.90 at eight
    ):
        value, error = curve[name].values, factor * curve[f"{name}_error"].values
        assert 0.9 <= share(value - error, value + error, truth) <= HIGH, name
    truth = 0.5 * 14 * (m**2 @ p - (m @ p) ** 2)
    values = response["susceptibility"].values
    assert_within_errors(values.mean(), values.std(ddof=1) / np.sqrt(TRIALS), truth, what="susceptibility")
    inside = share(response["susceptibility_low"], response["susceptibility_high"], truth)
    print(f"{n_replicas} replicas: susceptibility {inside}")
    least = 0.9 if n_replicas == 4 else LOW  # four of the eight values of |m| are often nearly the same
    assert least <= inside <= HIGH + STANDARD_ERRORS * NOISE


def test_reweighted_heat_capacities():
    """100 ladders of 8 replicas with 10 draws, at a temperature between two of theirs."""
    betas, beta, n = [0.3, 0.6, 1.0], 0.45, 100
    spectrum = qspin.get_backend("exact").enumerate(SK)
    rng = np.random.default_rng(5)
    found = []
    for _ in range(n):
        spins = np.stack([spectrum.sample(b, 80, rng).reshape(8, 10, 10) for b in betas])
        curve = reweighted_curve(SampleSet.from_spins(SK, spins, betas), [beta])
        found.append([float(curve[f"heat_capacity{part}"][0]) for part in ("", "_low", "_high")])
    values, low, high = np.array(found).T
    truth = spectrum.heat_capacity(beta) / 10
    assert_within_errors(values.mean(), values.std(ddof=1) / np.sqrt(n), truth, what="heat capacity")
    assert abs(share(low, high, truth) - 0.95) < STANDARD_ERRORS * np.sqrt(0.95 * 0.05 / n)


def test_what_too_few_samples_cannot_tell():
    def capacity(spins):
        problem = IsingProblem(np.array([[0, -1.0], [-1.0, 0]]) / 3, offset=0.1)
        curve = analysis.energy_curve(SampleSet.from_spins(problem, np.array(spins, np.int8), [1.0]))
        return [float(curve[f"heat_capacity{part}"][0]) for part in ("", "_error", "_low", "_high")]

    up, mixed = [1, 1], [1, -1]
    assert np.isnan(capacity([[[up]]])).all()  # one energy
    np.testing.assert_allclose(capacity([[[up, mixed]]])[0], 1 / 18)  # one replica
    assert capacity([[[up], [up], [[-1, -1]]]])[::2] == [0, 0]  # equal energies
    assert np.isnan(capacity([[[up], [up], [[-1, -1]]]])[1])
    one_excited = capacity([[[up], [up], [up], [mixed]]])
    assert np.isnan(one_excited[1])
    assert one_excited[2:] == [0, np.inf]
    alike = capacity([[[up, mixed], [up, mixed], [mixed, mixed]]])
    assert 0 < alike[0] < alike[3]
    hot = SampleSet.from_spins(SK, np.ones((1, 4, 1, 10), np.int8), [0.0])
    assert float(analysis.energy_curve(hot)["heat_capacity_error"][0]) == 0
    frozen = Reweighting(np.random.default_rng(0).normal(size=(2, 1, 100)), [0.0, 0.1])
    assert np.isnan(frozen.variance(frozen.energies, 0.05).error)


def test_bootstrap_errors_of_few_instances():
    """Of four instances the error of a mean is that of the sample variance, not 0.87 of it."""
    values = np.random.default_rng(2).normal(size=(4, 2_000))
    _, error, _ = analysis.bootstrap(values, lambda sample: sample.mean(axis=0), n_resamples=4_000)
    expected = values.std(axis=0, ddof=1) / 2
    assert np.mean(error / expected) == pytest.approx(1, abs=STANDARD_ERRORS / np.sqrt(2 * 4_000))


@functools.cache
def overlap_moments(beta: float, problem: IsingProblem) -> dict[str, float]:
    """Exact moments of the overlap and the link overlap of two replicas."""
    spectrum = qspin.get_backend("exact").enumerate(problem)
    p = spectrum.probabilities(beta)
    spins = spectrum.configurations(np.arange(len(p))).astype(np.float32)
    links = spins[:, problem.edges[0]] * spins[:, problem.edges[1]]
    q = (spins @ spins.T / problem.n_spins).astype(np.float64)
    found = {"q_abs": p @ np.abs(q) @ p, "q2": p @ q**2 @ p, "q4": p @ q**4 @ p}
    found["q_link"] = p @ (links @ links.T / problem.n_couplings).astype(np.float64) @ p
    return {**found, "binder": (3 - found["q4"] / found["q2"] ** 2) / 2}


@pytest.mark.parametrize("n_draws", [1, 3])
@pytest.mark.parametrize("n_replicas", [4, 8, 20])
@pytest.mark.parametrize(("problem", "beta"), [(SK, 0.2), (SK, 1.0), (LATTICE, 0.6), (LATTICE, 1.5)])
def test_moments_of_overlaps(problem, beta, n_replicas, n_draws):
    """Moments without bias; their intervals cover, and too often where pairs are uncorrelated (hot).

    The jackknife is up to 1.7 times too wide there, so that there is no upper bound. One draw of eight at low
    temperature shows too little of overlaps away from 1 and -1: 0.91, of the Binder ratio 0.89. Of four, q^4
    and the Binder ratio are known roughly: 0.87 and 0.85. Each less 3 standard errors of 2000 trials.
    """
    samples, _ = trials(problem, beta, n_replicas, n_draws, seed=n_replicas + n_draws)
    curve = analysis.overlap_curve(samples)
    links = analysis.link_overlap_curve(samples, problem)
    exact = overlap_moments(beta, problem)
    inside = {
        name: share(curve[f"{name}_low"], curve[f"{name}_high"], exact[name])
        for name in ("q_abs", "q2", "q4", "binder")
    }
    error = analysis.confidence_factor(n_replicas) * links["q_link_error"].values
    inside["q_link"] = share(links["q_link"] - error, links["q_link"] + error, exact["q_link"])
    for name, found in (("q_abs", curve), ("q2", curve), ("q4", curve), ("q_link", links)):
        values = found[name].values
        assert_within_errors(values.mean(), values.std(ddof=1) / np.sqrt(TRIALS), exact[name], what=name)
    print(f"{n_replicas} replicas of {n_draws}, beta {beta}: {inside}")
    for name, covered in inside.items():
        few = n_replicas == 4 or (n_replicas == 8 and n_draws == 1 and beta == 1.5)
        least = (0.82 if name == "binder" else 0.85) if few else 0.9 if name == "binder" else LOW
        assert covered >= least, name
    if n_replicas >= 8:
        biases = curve["binder"].values - exact["binder"]
        assert abs(biases.mean()) < biases.std()


def test_overlaps_that_do_not_tell():
    def interval(spins, name):
        curve = analysis.overlap_curve(SampleSet.from_spins(SK, np.array(spins, np.int8)[None], [1.0]))
        return [float(curve[f"{name}{part}"][0]) for part in ("_low", "_high")]

    up, half = [1] * 10, [1] * 5 + [-1] * 5
    quarter = [1, -1] * 5
    assert interval([[up], [up], [up]], "q_abs") == [0, 1]  # all on the bound
    assert interval([[up], [up]], "q2") == [0, 1]
    assert interval([[up], [up], [up]], "binder") == [-np.inf, 1]
    spins = np.array([[[half], [up], [half]]], np.int8)
    curve = analysis.overlap_curve(SampleSet.from_spins(SK, spins, [1.0]))
    assert np.isnan(float(curve["binder_error"][0]))  # without one replica q is 0: no ratio of roundings
    low, high = interval([[up, up], [half, up], [quarter, half], [up, quarter]], "q2")
    assert 0 < low < high < 1
