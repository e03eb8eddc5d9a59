"""Two sets of samples: bits, reweighting, tests of "the same ensemble", effective temperatures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import qspin
from qspin import SampleSet
from qspin.analysis.counting import agreement_counts, packed
from qspin.analysis.distance import (
    compare,
    correlation_error,
    cross_overlaps,
    fair_sampling,
    overlap_distance,
    total_variation,
)
from qspin.analysis.effective import effective_temperature
from qspin.analysis.ensembles import VIEWS, _real, _Views, same_ensemble
from qspin.analysis.independent import independent_configurations, spacing
from qspin.analysis.reweighting import Reweighting, reweighted_curve
from qspin.errors import InputError
from qspin.testing import STANDARD_ERRORS, assert_within_errors

LIKELY = 2 * stats.norm.sf(STANDARD_ERRORS)
SK10 = qspin.instances.sherrington_kirkpatrick(10, seed=4)
LADDER = [0.2, 0.5, 0.9, 1.4, 2.0]


@pytest.fixture(scope="module")
def ladder():
    return qspin.get_backend("exact", betas=LADDER, n_replicas=2_000).sample(SK10, seed=1)


@pytest.fixture(scope="module")
def levels():
    return qspin.get_backend("exact").enumerate(SK10)


def exact(beta, n, seed, problem=SK10):
    return qspin.get_backend("exact", betas=[beta], n_replicas=n).sample(problem, seed=seed)


class TestBits:
    @pytest.mark.parametrize("n_spins", [1, 7, 63, 64, 65, 130])
    def test_agreements_are_counted(self, n_spins):
        rng = np.random.default_rng(n_spins)
        spins = rng.choice(np.array([-1, 1], np.int8), size=(3, 4, n_spins))  # draw, replica, spin
        counts = np.zeros((4, n_spins + 1), dtype=np.int64)
        agreement_counts(packed(spins), n_spins, counts)
        expected = np.zeros_like(counts)
        for draw in spins:
            for a in range(4):
                for b in range(4):
                    if a != b:
                        expected[a, (draw[a] == draw[b]).sum()] += 1
        np.testing.assert_array_equal(counts, expected)


class TestReweighting:
    def test_any_temperature_of_the_ladder(self, ladder, levels):
        betas = [0.2, 0.3, 0.7, 1.1, 1.9]
        curve = reweighted_curve(ladder, betas)
        energy = [levels.mean_energy(beta) / 10 for beta in betas]
        capacity = [levels.heat_capacity(beta) / 10 for beta in betas]
        assert_within_errors(curve["energy"], curve["energy_error"], energy, what="energy")
        assert_within_errors(curve["heat_capacity"], curve["heat_capacity_error"], capacity, what="capacity")

    def test_beyond_the_ladder_there_is_nothing(self):
        energies = np.random.default_rng(0).normal(scale=10, size=(1, 4, 100))
        reweighting = Reweighting(energies, [1.0])
        assert np.isfinite(reweighting.mean(energies, 1.0)).all()
        assert np.isnan(reweighting.mean(energies, 3.0)).all()

    def test_a_chosen_sample_follows_its_temperature(self, ladder, levels):
        reweighting, beta = Reweighting.of(ladder), 0.7
        kept = reweighting.chosen(beta, np.random.default_rng(3))
        energies = reweighting.energies[kept]
        assert len(energies) > 500
        error = energies.std() / np.sqrt(len(energies))
        assert_within_errors(energies.mean(), error, levels.mean_energy(beta), what="energy")
        spins = ladder.spins.values[kept]
        positions = ((1 + spins.astype(int)) // 2) @ (1 << np.arange(10))
        expected = levels.probabilities(beta) * len(spins)
        often = expected > 5
        observed = np.bincount(positions, minlength=1024)
        pooled = [*observed[often], observed[~often].sum()], [*expected[often], expected[~often].sum()]
        assert stats.chisquare(*pooled).pvalue > LIKELY

    def test_what_cannot_be_reweighted(self, ladder):
        qaoa = qspin.get_backend("qaoa", n_shots=10).sample(SK10, seed=1)
        with pytest.raises(InputError, match="states no temperature"):
            Reweighting.of(qaoa)
        energies = ladder.energies.values.copy()
        energies[0, 3] = np.nan
        with pytest.raises(InputError, match="1 energies are not a number"):
            Reweighting(energies, LADDER)
        averages = qspin.get_backend("tempering", betas=LADDER, store="statistics", n_sweeps=20).sample(SK10)
        with pytest.raises(InputError, match="needs stored energies"):
            Reweighting.of(averages)


class TestGapsOfTheReference:
    """A ladder with a gap, and a reference of few samples, say what is missing where a temperature falls."""

    def test_a_temperature_in_the_gap(self):
        reference = qspin.get_backend("exact", betas=[0.02, 6.0], n_replicas=100).sample(SK10, seed=1)
        found = effective_temperature(exact(1.2, 300, 2), reference)
        assert np.isnan(found.beta)
        assert "a gap of the reference between beta = 0.02 and 6, whose" in found.reason
        with pytest.raises(InputError, match="no temperature to compare at: .*add betas there"):
            compare(reference, with_no_beta(exact(1.2, 300, 2)), SK10)

    def test_ground_states_are_not_told_to_extend_the_ladder(self):
        """However cold the reference is, it has a few excited states, and no ladder would reach them."""
        reference = qspin.get_backend("exact", betas=[0.5, 1.0, 1.5], n_replicas=200).sample(SK10, seed=1)
        found = effective_temperature(with_no_beta(exact(60.0, 100, 2)), reference)
        assert np.isnan(found.beta)
        assert "all samples have the lowest energy" in found.reason

    def test_few_samples_are_not_told_to_extend_the_ladder(self):
        reference = qspin.get_backend("exact", betas=[0.5, 1.0], n_replicas=5).sample(SK10, seed=1)
        found = effective_temperature(exact(0.8, 300, 2), reference)
        assert "sample it longer" in found.reason
        assert "extend" not in found.reason

    def test_a_descending_ladder_is_the_same_reference(self, ladder):
        turned = SampleSet(ladder.dataset.isel(beta=slice(None, None, -1)))
        other = exact(0.8, 400, 2)
        one, two = (effective_temperature(other, reference) for reference in (ladder, turned))
        assert one.beta == pytest.approx(two.beta, rel=1e-6)
        compare(turned, exact(0.9, 400, 3), SK10, n_permutations=19)


def with_no_beta(samples):
    return SampleSet(samples.dataset.assign_coords(beta=[np.nan]))


class TestSameEnsemble:
    def test_the_bound_holds_and_settles_what_is_far_apart(self):
        """Never below the share of many deals; far below what 99 deals can tell where samples differ much."""
        one, two = (
            independent_configurations(exact(1.0, 100, 8), 0),
            independent_configurations(exact(0.5, 100, 9), 0),
        )
        data = one.spins, two.spins, one.energies, two.energies
        many = same_ensemble(*data, n_permutations=20_000)
        views = _Views(np.concatenate(data[:2]), np.concatenate(data[2:]), np.random.default_rng(0))
        bound = views.bound(views.distances(_real(100, 100))[0], 100, 100)
        assert bound >= many.p_value
        up, down = np.ones((400, 10), dtype=np.int8), exact(0.0, 400, 9).spins.values.reshape(-1, 10)
        far = same_ensemble(up, down, SK10.energies(up), SK10.energies(down), n_permutations=99)
        assert far.p_value < 1e-9

    def test_p_values_are_as_fine_as_a_correction_needs(self):
        samples = exact(1.0, 300, 8), exact(0.6, 300, 9)
        one, two = (independent_configurations(s, 0) for s in samples)
        data = one.spins, two.spins, one.energies, two.energies
        assert same_ensemble(*data, n_permutations=99).p_value >= 0.01
        finer = same_ensemble(*data, n_permutations=99, finest=1e-3)
        assert finer.p_value <= 1e-3
        assert finer.n_permutations == 999

    def test_p_values_are_uniform_on_one_ensemble(self):
        """200 pairs of exact samples: Kolmogorov-Smirnov of each view and of all together."""
        found = []
        for k in range(200):
            one, other = (independent_configurations(exact(1.0, 60, s), 0) for s in (2 * k, 2 * k + 1))
            test = same_ensemble(
                one.spins, other.spins, one.energies, other.energies, n_permutations=99, seed=k
            )
            found.append([test.p_value, *(test.p_values[view] for view in VIEWS)])
        for name, values in zip(("all", *VIEWS), np.transpose(found), strict=True):
            grid = np.asarray(values) - np.random.default_rng(0).uniform(0, 1 / 100, 200)  # ties of the grid
            assert stats.kstest(grid, "uniform").pvalue > LIKELY, name

    @pytest.mark.parametrize(
        ("other", "view"), [(exact(1.15, 1_000, 9), "energy"), (exact(-0.0, 1_000, 9), "correlations")]
    )
    def test_another_temperature_is_rejected(self, other, view):
        one, two = independent_configurations(exact(1.0, 1_000, 8), 0), independent_configurations(other, 0)
        test = same_ensemble(one.spins, two.spins, one.energies, two.energies)
        assert test.rejects()
        assert test.p_values[view] <= 0.01
        assert 0 < test.p_value <= 1

    def test_a_bias_is_seen_by_the_magnetisations(self):
        biased = qspin.IsingProblem(SK10.couplings, np.full(10, -0.15))
        one, two = (independent_configurations(exact(1.0, 1_000, 8, p), 0) for p in (SK10, biased))
        energies = SK10.energies(two.spins)
        test = same_ensemble(one.spins, two.spins, one.energies, energies)
        assert test.telling == "magnetisations"

    def test_too_few(self):
        one = independent_configurations(exact(1.0, 1, 1), 0)
        with pytest.raises(InputError, match=r"two or more configurations.*\(1, 10\)"):
            same_ensemble(one.spins, one.spins, one.energies, one.energies)

    def test_chains_are_thinned_by_their_correlations(self):
        """Draws of every sweep at low temperature are far from independent; shots are."""
        glass = qspin.instances.edwards_anderson((6, 6), seed=1)
        chain = qspin.get_backend("tempering", betas=[2.0], n_replicas=8, n_sweeps=400, n_draws=400)
        assert spacing(chain.sample(glass, seed=1), 0) > 3
        assert spacing(exact(1.0, 20, 1), 0) == 1


class TestEffectiveTemperature:
    def test_exact_samples_are_put_where_they_were_drawn(self, ladder):
        deviations = []
        for k in range(60):
            fit = effective_temperature(exact(1.1, 300, 100 + k), ladder)
            deviations.append((fit.beta - 1.1) / fit.error)
            assert fit.temperature == pytest.approx(1 / fit.beta)
        within = int((np.abs(deviations) < 2).sum())
        assert stats.binom.sf(within, 60, 0.9545) < 1 - LIKELY
        assert within >= 50

    def test_goodness_tells_a_thermal_sample_from_another(self, ladder):
        assert effective_temperature(exact(1.1, 1_000, 5), ladder).goodness > 0.01
        two = np.concatenate([exact(b, 500, 6).spins.values for b in (0.1, 3.0)], axis=1)
        mixture = qspin.SampleSet.from_spins(SK10, two)
        assert effective_temperature(mixture, ladder).goodness < 1e-6

    def test_ground_states_alone_tell_no_temperature(self):
        """100 reads, all in ground states, against a ladder down to beta = 20 whose coldest rows are too."""
        signs = np.sign(qspin.instances.sherrington_kirkpatrick(10, seed=7).toarray()) / np.sqrt(10)
        for problem in (SK10, qspin.IsingProblem(signs, offset=3.0)):
            reference = qspin.get_backend("exact", betas=np.geomspace(0.1, 20, 12), n_replicas=200)
            cold = reference.sample(problem, seed=1)
            ground = qspin.get_backend("exact").enumerate(problem).ground_states()
            reads = ground[np.arange(100) % len(ground)]
            for betas in ([20.0], [np.nan]):
                frozen = qspin.SampleSet.from_spins(problem, reads[None, :, None], betas)
                fit = effective_temperature(frozen, cold)
                assert np.isnan([fit.beta, fit.error, fit.goodness]).all()
                assert "every low enough temperature" in fit.reason
            with pytest.raises(InputError, match="no temperature to compare at: all samples have the lowest"):
                compare(cold, frozen, problem)  # the last one, without a thermostat

    def test_few_excitations_have_a_temperature(self):
        """Reads of which most are ground states, against the same ladder."""
        cold = qspin.get_backend("exact", betas=np.geomspace(0.1, 20, 12), n_replicas=400).sample(
            SK10, seed=1
        )
        spectrum = qspin.get_backend("exact").enumerate(SK10)
        rng = np.random.default_rng(4)
        beta = 3.0
        reads = qspin.SampleSet.from_spins(SK10, spectrum.sample(beta, 400, rng)[None, :, None])
        fit = effective_temperature(reads, cold)
        assert abs(fit.beta - beta) < STANDARD_ERRORS * fit.error
        one = qspin.SampleSet.from_spins(SK10, spectrum.sample(beta, 1, rng)[None, :, None])
        assert "two samples or more; got 1" in effective_temperature(one, cold).reason

    def test_a_gap_of_the_reference_is_a_reason(self):
        problem = qspin.instances.lattice_ferromagnet((4, 4))
        reference = qspin.get_backend("exact", betas=[0.05, 3.0], n_replicas=400).sample(problem, seed=1)
        fit = effective_temperature(exact(0.4, 300, 2, problem), reference)
        assert np.isnan(fit.beta)
        assert "falls into a gap of the reference between beta = 0.05 and 3" in fit.reason

    def test_colder_than_the_ladder(self, ladder):
        ground = qspin.get_backend("exact").enumerate(SK10).ground_states()[:1]
        frozen = qspin.SampleSet.from_spins(SK10, np.repeat(ground, 50, axis=0)[None, :, None])
        fit = effective_temperature(frozen, ladder)
        assert np.isnan(fit.beta)
        assert "lies below those of the reference" in fit.reason
        with pytest.raises(InputError, match="no temperature to compare at"):
            compare(ladder, frozen, SK10)


class TestCompare:
    def test_the_same_ensemble_at_a_temperature_between_two_of_the_ladder(self, ladder):
        found = compare(ladder, exact(1.1, 800, 7), SK10)
        assert found.beta == 1.1
        assert found.test.p_value > 0.01
        assert found.temperature is None
        assert found.correlation_error < 2 * found.correlation_noise
        assert found.magnetisation_error < 2 * found.magnetisation_noise
        assert abs(found.total_variation - found.total_variation_noise) < 0.05
        assert "chosen from its ladder" in found.remarks[0]
        for name in ("first", "second", "cross"):
            assert float(found.overlaps[name].sum()) == pytest.approx(1)

    def test_without_a_temperature_one_is_fitted(self, ladder):
        qaoa = qspin.get_backend("qaoa", depth=1).sample(SK10, seed=3)
        found = compare(ladder, qaoa, SK10)
        assert found.beta == found.temperature.beta
        assert any("test of energies is lenient" in remark for remark in found.remarks)

    def test_a_dimod_sample_set_from_elsewhere(self, ladder):
        import dimod

        bqm = SK10.to_bqm()
        spins = exact(1.1, 300, 3).spins.values[0, :, 0]
        theirs = dimod.SampleSet.from_samples_bqm((spins, list(range(10))), bqm)
        found = compare(ladder, qspin.SampleSet.from_dimod(theirs, SK10), SK10)
        assert abs(found.beta - 1.1) < 4 * found.beta_error

    def test_what_cannot_be_compared(self, ladder):
        other = qspin.instances.sherrington_kirkpatrick(10, seed=5)
        foreign = exact(1.0, 10, 1, other)
        with pytest.raises(InputError, match="of another problem than the one given"):
            compare(ladder, foreign, SK10)
        with pytest.raises(InputError, match="of different problems: digests"):
            effective_temperature(foreign, ladder)
        with pytest.raises(InputError, match="lies outside the ladder of the reference"):
            compare(ladder, exact(1.0, 10, 1), SK10, beta=9.0)
        with pytest.raises(InputError, match="two or more configurations"):
            compare(ladder, exact(0.9, 1, 1), SK10)

    def test_one_draw_under_two_names(self, ladder):
        one = exact(0.9, 200, 2)
        with pytest.raises(InputError, match="same 200 configurations in the same order: one draw"):
            compare(one, exact(0.9, 200, 2), SK10)
        assert compare(one, exact(0.9, 200, 3), SK10).test.p_value > 0.01

    def test_two_draws_that_must_be_alike(self):
        frozen = qspin.IsingProblem(np.zeros((3, 3)), fields=[9.0, 9.0, 9.0])
        found = compare(exact(5.0, 100, 1, frozen), exact(5.0, 100, 2, frozen), frozen)
        assert found.test.p_value == 1


class TestDistances:
    def test_correlation_error(self):
        up = np.ones((4, 3), np.int8)
        assert correlation_error(up, up) == 0
        assert correlation_error(up, np.array([[1, 1, 1], [1, 1, -1]] * 2, np.int8)) == pytest.approx(
            np.sqrt(2 / 3)
        )

    def test_cross_overlaps(self):
        up, down = np.ones((3, 4), np.int8), -np.ones((2, 4), np.int8)
        found = cross_overlaps(up, down)
        np.testing.assert_allclose(found["cross"], [1, 0, 0, 0, 0])
        np.testing.assert_allclose(found["first"], [0, 0, 0, 0, 1])
        np.testing.assert_allclose(found["q"], [-1, -0.5, 0, 0.5, 1])

    def test_overlap_distance_is_that_of_cumulative_distributions(self):
        """Two of three overlaps of the first are -1, one is 1; all of the second are 1."""
        split = np.ones((3, 4), np.int8) * np.array([[1], [1], [-1]], np.int8)
        up, rng = np.ones((5, 4), np.int8), np.random.default_rng(0)
        assert overlap_distance(split, up, rng=rng)[0] == pytest.approx(2 / 3)
        assert overlap_distance(split, up, symmetric=True, rng=rng) == (0, 0)
        assert np.isnan(overlap_distance(up[:1], up, rng=rng)).all()

    def test_overlap_distance_of_one_ensemble_is_noise(self):
        """Below three times the median of the noise in nearly all cases; of another ensemble it is not."""
        found = []
        for k in range(20):
            one, two = (exact(0.9, 80, 2 * k + side).spins.values[0, :, 0] for side in (0, 1))
            found.append(overlap_distance(one, two, symmetric=True, rng=np.random.default_rng(k)))
        ratios = np.array([distance / noise for distance, noise in found])
        assert abs(np.median(ratios) - 1) < 0.5
        assert (ratios < 3).mean() >= 0.9
        other = exact(0.2, 80, 99).spins.values[0, :, 0]
        distance, noise = overlap_distance(one, other, symmetric=True, rng=np.random.default_rng(0))
        assert distance > 3 * noise

    def test_total_variation_of_exact_samples_is_noise(self):
        spins = exact(1.0, 5_000, 1).spins.values[0, :, 0]
        rng = np.random.default_rng(1)
        found, noise = total_variation(spins, SK10, 1.0, rng)
        assert abs(found - noise) < 0.02
        assert total_variation(spins, SK10, 0.1, rng)[0] > found + 0.3
        assert np.isnan(total_variation(spins, SK10, float("nan"), rng)).all()

    def test_ground_states_that_are_equally_likely(self):
        triangle = qspin.IsingProblem([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
        fair = fair_sampling(exact(2.0, 3_000, 1, triangle))
        assert fair.attrs["n_found"] == 6
        assert fair.attrs["p_value"] > LIKELY
        states = fair["spins"].values.astype(np.int8)
        unfair = np.repeat(states, [100, 300, 100, 100, 100, 100], axis=0)
        samples = qspin.SampleSet.from_spins(triangle, unfair[None, :, None])
        assert fair_sampling(samples).attrs["p_value"] < 1e-6
        with pytest.raises(InputError, match="no ground state was found: the lowest energy is -1, not -2"):
            fair_sampling(samples, ground_energy=-2.0)
