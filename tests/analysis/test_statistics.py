"""Jackknife, chains, thermodynamics and closed formulas."""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin import SampleSet, analysis, instances
from qspin.analysis.chains import effective_sample_size, r_hat
from qspin.analysis.nulls import random_overlap
from qspin.errors import InputError
from qspin.remarks import Level, Remark
from qspin.testing import assert_within_errors


class TestJackknife:
    def test_of_a_mean_is_the_standard_error(self):
        values = np.random.default_rng(0).normal(size=(20, 3))
        mean, error = analysis.jackknife(values)
        np.testing.assert_allclose(mean, values.mean(0))
        np.testing.assert_allclose(error, values.std(0, ddof=1) / np.sqrt(20))

    def test_of_a_function_follows_its_slope(self):
        values = np.random.default_rng(0).normal(5, 0.1, size=4_000)
        square, error = analysis.jackknife(values, np.square)
        assert square == pytest.approx(values.mean() ** 2)
        assert error == pytest.approx(2 * values.mean() * values.std(ddof=1) / np.sqrt(4_000), rel=1e-3)

    def test_corners(self):
        assert np.isnan(analysis.jackknife([3.0])[1])
        with pytest.raises(InputError, match="at least one sample"):
            analysis.jackknife([])

    def test_disorder_average(self):
        mean, error = analysis.disorder_average([[1.0, 2.0], [3.0, 2.0]])
        assert mean.tolist() == [2, 2]
        assert error.tolist() == [1, 0]


def autoregressive(rho, chains, draws, seed):
    rng = np.random.default_rng(seed)
    x = np.empty((chains, draws))
    x[:, 0] = rng.normal(size=chains)
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=chains)
    return x


class TestChains:
    @pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
    def test_ess_of_an_autoregressive_chain(self, rho):
        ess = float(effective_sample_size(autoregressive(rho, 8, 4_000, 1)))
        assert ess == pytest.approx(32_000 * (1 - rho) / (1 + rho), rel=0.15)

    def test_r_hat_finds_chains_that_disagree(self):
        chains = autoregressive(0.0, 4, 500, 2)
        assert float(r_hat(chains)) < 1.01
        chains[0] += 1
        assert float(r_hat(chains)) > 1.05

    def test_temperatures_are_never_mixed(self):
        chains = np.stack([autoregressive(0.0, 4, 500, seed) + 10 * seed for seed in range(3)])
        assert r_hat(chains).shape == (3,)
        assert r_hat(chains).max() < 1.02

    def test_frozen_chains(self):
        same, apart = np.ones((4, 50)), np.ones((4, 50)) * np.arange(4)[:, None]
        assert r_hat(np.stack([same, apart])).tolist() == [1.0, np.inf]

    def test_single_draws_are_independent_samples(self):
        assert effective_sample_size(np.zeros((2, 30, 1))).tolist() == [30, 30]
        assert np.isnan(r_hat(np.zeros((2, 30, 1)))).all()
        assert np.isnan(effective_sample_size(np.zeros((30, 3))))


def codes(samples):
    return [remark.code for remark in analysis.equilibrium_remarks(samples)]


class TestRemarks:
    def make(self, glass, spins, betas=(1.0,), **info):
        return SampleSet.from_spins(glass, spins, betas, info)

    def test_disagreeing_replicas(self, glass):
        spins = np.random.default_rng(0).choice([-1, 1], size=(2, 4, 100, 10))
        spins[1, 0] = spins[1, 0, :1]
        found = analysis.equilibrium_remarks(self.make(glass, spins, (0.5, 2.0)))
        assert (found[0].code, found[0].level) == ("r-hat-energy", Level.SERIOUS)
        assert "R-hat of the energy exceeds 1.05 at 1 of 2 temperatures" in found[0].text
        assert "at T = 0.5" in found[0].text

    def test_replicas_in_different_valleys_of_equal_depth(self):
        """Energies agree, configurations do not: of four replicas of a free system two are nearly frozen."""
        rng = np.random.default_rng(0)
        free = qspin.IsingProblem(np.zeros((40, 40)))
        spins = rng.choice([-1, 1], size=(1, 8, 400, 40))
        assert codes(SampleSet.from_spins(free, spins, [1.0])) == []
        spins[0, 1] = spins[0, 0]
        spins[0, 1, :, :4] *= -1
        assert codes(SampleSet.from_spins(free, spins, [1.0])) == ["r-hat-overlap"]

    @pytest.mark.parametrize(("n_replicas", "n_draws"), [(2, 4), (8, 4), (8, 10), (16, 24), (4, 60)])
    def test_independent_draws_raise_no_alarm(self, n_replicas, n_draws, monkeypatch):
        """Exact samples at eight temperatures, of few energies at the cold end: at most one set in twenty is
        warned of R-hat. One in four, as without a thought for sixteen tests a set, passes with 2 %.
        """
        monkeypatch.setattr("qspin.analysis.chains.effective_sample_size", lambda _: np.full(8, 100.0))
        problem = instances.sherrington_kirkpatrick(8, seed=1)
        n_sets, ladder = 60, np.geomspace(0.25, 4, 8)
        sampler = qspin.get_backend("exact", betas=list(ladder), n_replicas=n_sets * n_replicas * n_draws)
        spins = sampler.sample(problem, seed=n_draws).spins.values
        spins = spins.reshape(8, n_sets, n_replicas, n_draws, 8).swapaxes(0, 1)
        alarms = sum(
            not {"r-hat-energy", "r-hat-overlap"}.isdisjoint(codes(self.make(problem, one, ladder)))
            for one in spins
        )
        assert alarms <= n_sets * 0.05 + 3 * np.sqrt(n_sets * 0.05 * 0.95)

    def test_replicas_that_never_meet_raise_it_with_few_draws_too(self, glass):
        rng = np.random.default_rng(0)
        spins = np.repeat(rng.choice([-1, 1], size=(1, 8, 1, 10)), 6, axis=2)
        spins[..., 0] = rng.choice([-1, 1], size=(1, 8, 6))
        assert "r-hat-energy" in codes(self.make(glass, spins))

    def test_the_judge_knows_the_same_r_hat_as_arviz(self):
        from qspin.analysis.chains import _normal_scores, _split_r_hat

        values = np.random.default_rng(0).normal(size=(5, 9))
        halves = np.concatenate([values[:, :4], values[:, -4:]])
        pooled = np.stack([_normal_scores(v) for v in (halves, np.abs(halves - np.median(halves)))])
        assert _split_r_hat(pooled.reshape(2, 1, 10, 4))[0] == pytest.approx(float(r_hat(values)), rel=1e-6)

    def test_few_samples_and_an_unfinished_run(self, glass):
        spins = np.random.default_rng(0).choice([-1, 1], size=(1, 3, 8, 10))
        found = analysis.equilibrium_remarks(self.make(glass, spins, status="interrupted"))
        assert [found[0].code, found[-1].code] == ["interrupted", "few-effective-samples"]
        assert "the samples are interrupted" in found[0].text
        assert "fewer than 100 effective samples" in found[-1].text

    def test_no_thermostat_and_too_few_draws(self, glass):
        spins = np.random.default_rng(0).choice([-1, 1], size=(1, 200, 2, 10))
        unknown = self.make(glass, spins, None)
        (remark,) = analysis.equilibrium_remarks(unknown)
        assert (remark.code, remark.level) == ("no-temperature", Level.NOTE)
        assert "states no temperature" in remark.text
        first = analysis.equilibrium_remarks(self.make(glass, spins))[0]
        assert first.code == "few-draws"
        assert "cannot be tested with 2 draws" in first.text

    def test_the_samplers_own_remarks_come_first(self, glass):
        spins = np.random.default_rng(0).choice([-1, 1], size=(1, 50, 1, 10))
        own = Remark("own-code", "beware", Level.NOTE)
        found = analysis.equilibrium_remarks(self.make(glass, spins, remarks=[own.plain()]))
        assert found[0] == own
        assert len(found) > 1


def test_energy_and_heat_capacity_against_enumeration():
    problem = instances.sherrington_kirkpatrick(10, seed=1)
    sampler = qspin.get_backend("exact", betas=[0.2, 1.0, 3.0], n_replicas=5_000)
    spectrum = sampler.enumerate(problem)
    curve = analysis.energy_curve(sampler.sample(problem, seed=3))
    energies = [spectrum.mean_energy(b) / 10 for b in sampler.betas]
    capacities = [spectrum.heat_capacity(b) / 10 for b in sampler.betas]
    assert_within_errors(curve["energy"], curve["energy_error"], energies, what="energy")
    single = SampleSet(sampler.sample(problem, seed=3).dataset.isel(replica=slice(0, 1)))
    assert np.isnan(analysis.energy_curve(single)["energy_error"]).all()
    chains = qspin.get_backend("tempering", betas=[0.2, 1.0, 3.0], n_replicas=40, n_sweeps=5_000)
    curve = analysis.energy_curve(chains.sample(problem, seed=4))
    assert_within_errors(curve["energy"], curve["energy_error"], energies, what="energy")
    assert_within_errors(curve["heat_capacity"], curve["heat_capacity_error"], capacities, what="capacity")


def test_the_overlap_of_random_configurations():
    assert random_overlap(2_000) == pytest.approx(np.sqrt(2 / (np.pi * 2_000)), rel=1e-3)
