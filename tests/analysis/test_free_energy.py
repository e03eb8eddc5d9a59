"""ln Z of ladders that reach beta = 0, that do not, and that have gaps: right, covered, or refused."""

from __future__ import annotations

import functools
import json
import re

import numpy as np
import pytest

import qspin
from qspin import SampleSet, analysis, instances
from qspin.analysis.reweighting import Reweighting, reweighted_curve, row_overlaps
from qspin.errors import InputError
from qspin.remarks import remarks_from
from qspin.testing import STANDARD_ERRORS

FERROMAGNET = instances.lattice_ferromagnet((4, 4))
SK = instances.sherrington_kirkpatrick(12, seed=2)
FROZEN = [2.0, 3.0, 4.0]


@functools.cache
def spectrum(problem):
    return qspin.get_backend("exact").enumerate(problem)


def sampled(problem, betas, seed=0, n_replicas=8, n_draws=120):
    """Independent configurations at every beta."""
    levels, rng = spectrum(problem), np.random.default_rng(seed)
    shape = (n_replicas, n_draws, problem.n_spins)
    spins = [levels.sample(beta, n_replicas * n_draws, rng).reshape(shape) for beta in betas]
    return SampleSet.from_spins(problem, np.stack(spins), betas)


def told(curve):
    return remarks_from(json.loads(curve.attrs["remarks"]))


def truth(problem, betas):
    levels = spectrum(problem)
    return np.array([levels.log_partition(beta) for beta in betas])


class TestColdLadders:
    def test_what_does_not_reach_is_refused_with_betas_to_add(self):
        """4 x 4 ferromagnet at beta = 2, 3, 4: all samples are ground states; ln Z(2) is 64.69."""
        samples = sampled(FERROMAGNET, FROZEN)
        with pytest.raises(InputError, match="begins at beta = 2, too far from beta = 0.*anchor") as refused:
            analysis.free_energy_curve(samples, FERROMAGNET)
        added = re.search(r"such as ([\d., e-]+), or give", str(refused.value))
        ladder = [float(beta) for beta in added[1].split(", ")] + FROZEN
        curve = analysis.free_energy_curve(sampled(FERROMAGNET, ladder), FERROMAGNET)
        deviation = curve["log_partition"].values - truth(FERROMAGNET, ladder)
        allowed = analysis.confidence_factor(8, 0.9999) * curve["log_partition_error"].values
        assert (np.abs(deviation) < allowed).all()
        assert told(curve) == []

    def test_a_known_value_is_an_anchor(self):
        exact = truth(FERROMAGNET, FROZEN)
        samples = sampled(FERROMAGNET, FROZEN)
        for method in ("mbar", "integration"):
            for k in (0, 2):
                curve = analysis.free_energy_curve(
                    samples, FERROMAGNET, method=method, anchor=(FROZEN[k], exact[k])
                )
                np.testing.assert_allclose(curve["log_partition"], exact, atol=1e-4)
        for wrong in ((2.5, 1.0), (2.0, np.nan)):
            with pytest.raises(InputError, match=r"anchor must be \(beta, ln Z\) at a temperature of the"):
                analysis.free_energy_curve(samples, FERROMAGNET, anchor=wrong)
        with pytest.raises(InputError, match="takes no anchor"):
            analysis.free_energy_curve(samples, FERROMAGNET, method="population", anchor=(2.0, 1.0))

    @pytest.mark.parametrize("betas", [FROZEN, [0.5, 1.0, 2.0], [0.8, 1.2, 2.0], [0.1, 3.0, 4.0]])
    @pytest.mark.parametrize("problem", [FERROMAGNET, SK], ids=["ferromagnet", "SK"])
    def test_integration_has_an_error_that_covers(self, problem, betas):
        curve = analysis.free_energy_curve(sampled(problem, betas), problem, method="integration")
        deviation = np.abs(curve["log_partition"].values - truth(problem, betas))
        assert (deviation < 2 * curve["log_partition_error"].values + 0.01).all()
        wide = problem is FERROMAGNET or betas[0] == 2 or betas[1] == 3
        assert [remark.code for remark in told(curve)] == ["coarse-betas"] * wide

    def test_populations_that_lose_their_families_are_refused(self):
        sampler = qspin.get_backend(
            "tempering", method="population", betas=FROZEN, n_replicas=4, n_population=500, n_sweeps=50
        )
        with pytest.raises(InputError, match=r"too far from beta = 0.*of a population \d+ families are left"):
            analysis.free_energy_curve(sampler.sample(FERROMAGNET, seed=1), FERROMAGNET, method="population")

    @pytest.mark.parametrize(
        ("betas", "is_answered"),
        [([0.2, 0.5, 1.0, 2.0], True), ([0.6, 1.2, 2.0], True), ([2.0, 3.0, 4.0], False)],
    )
    def test_mean_field_glasses_are_covered_or_refused(self, betas, is_answered):
        """Deviations of 12 seeds in units of their errors."""
        exact, deviations = truth(SK, betas), []
        for seed in range(12 if is_answered else 2):
            samples = sampled(SK, betas, seed, n_draws=60)
            if not is_answered:
                with pytest.raises(InputError, match="too far from beta = 0"):
                    analysis.free_energy_curve(samples, SK)
                continue
            curve = analysis.free_energy_curve(samples, SK)
            deviations.append((curve["log_partition"].values - exact) / curve["log_partition_error"].values)
        if is_answered:
            allowed = analysis.confidence_factor(8, 0.9999)
            assert np.abs(deviations).max() < allowed
            assert np.abs(np.mean(deviations, axis=0)).max() < STANDARD_ERRORS * np.sqrt(7 / 5 / 12)


class TestGaps:
    BETAS = (0.05, 0.15, 3.0, 4.0)

    def test_beyond_a_gap_nothing_is_known(self):
        curve = analysis.free_energy_curve(sampled(FERROMAGNET, self.BETAS), FERROMAGNET)
        exact = truth(FERROMAGNET, self.BETAS)
        deviation = np.abs(curve["log_partition"].values - exact)[:2]
        allowed = analysis.confidence_factor(8, 0.9999) * curve["log_partition_error"].values[:2]
        assert (deviation < allowed).all()
        for name in ("log_partition", "log_partition_error", "free_energy", "entropy", "entropy_error"):
            assert np.isnan(curve[name].values[2:]).all()
        (remark,) = told(curve)
        assert "at beta = 0.15 and 3 do not overlap" in remark.text
        assert "beyond" in remark.text
        from_below = analysis.free_energy_curve(
            sampled(FERROMAGNET, self.BETAS), FERROMAGNET, anchor=(4.0, exact[3])
        )
        assert np.isnan(from_below["log_partition"].values[:2]).all()
        np.testing.assert_allclose(from_below["log_partition"].values[2:], exact[2:], atol=1e-4)
        assert "before" in told(from_below)[0].text

    def test_nothing_is_reweighted_into_a_gap(self):
        reweighting = Reweighting.of(sampled(FERROMAGNET, self.BETAS))
        assert np.isnan(reweighting.mean(reweighting.energies, 1.0)).all()
        assert np.isfinite(reweighting.mean(reweighting.energies, 0.1)).all()
        assert np.isfinite(reweighting.mean(reweighting.energies, 3.0)).all()

    def test_frozen_samples_say_nothing_of_hotter_ones(self):
        """Equal energies have equal weights at every beta, as if all of them counted."""
        curve = reweighted_curve(sampled(FERROMAGNET, FROZEN), [0.1, 2.5, 5.0])
        assert np.isnan(curve["energy"].values[[0, 2]]).all()
        assert curve["energy"].values[1] == pytest.approx(-2)

    def test_overlaps_of_rows(self):
        energies = np.random.default_rng(0).normal(size=(3, 4_000))
        np.testing.assert_allclose(row_overlaps(energies, np.array([1.0, 1.0, 1.0])), 0.5)
        shifted = energies[:2] - np.array([[0.0], [9.0]])  # of normal energies, a step of 9 shifts by 9
        assert row_overlaps(shifted, np.array([0.0, 9.0]))[0] < 1e-4
        assert row_overlaps(np.full((2, 10), -32.0), np.array([3.0, 4.0]))[0] == pytest.approx(0.5)


def test_an_offset_and_beta_zero():
    """A ladder from beta = 0 itself; the offset moves ln Z by -beta offset."""
    shifted = qspin.IsingProblem(SK.couplings, SK.fields, offset=50.0)
    betas = [0.0, 0.3, 0.8]
    curve = analysis.free_energy_curve(sampled(shifted, betas), shifted)
    assert curve["log_partition"].values[0] == pytest.approx(12 * np.log(2))
    allowed = analysis.confidence_factor(8, 0.9999) * curve["log_partition_error"].values[1:]
    assert (np.abs(curve["log_partition"].values - truth(shifted, betas))[1:] < allowed).all()
