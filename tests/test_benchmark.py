"""Success probabilities, time to solution, metrics and scaling, against known numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import qspin
from qspin.benchmark import (
    approximation_ratio,
    best_length,
    diversity,
    energy_distribution,
    fit_scaling,
    performance_profile,
    residual_energy,
    runs_of,
    seconds_of,
    success_probability,
    time_to_solution,
    time_to_target,
)
from qspin.errors import InputError
from qspin.testing import STANDARD_ERRORS

TRIANGLE = qspin.IsingProblem([[0, 1, 1], [1, 0, 1], [1, 1, 0]])


def reads(spins, betas=None, clocks=None):
    info = {"clocks": clocks or {}}
    return qspin.SampleSet.from_spins(TRIANGLE, np.asarray(spins, np.int8), betas, info)


class TestSuccess:
    @pytest.mark.parametrize("interval", ["jeffreys", "clopper_pearson"])
    def test_intervals_cover(self, interval):
        """Binomial counts of random probabilities: 95 % on average, or more."""
        rng = np.random.default_rng(1)
        p = rng.uniform(0.02, 0.98, 4_000)
        found = [success_probability(k, 60, interval=interval) for k in range(61)]  # of each possible count
        covered = 0
        for value in p:
            own = found[int(rng.binomial(60, value))]
            covered += own.low <= value <= own.high
        error = math.sqrt(0.95 * 0.05 / 4_000)
        share = covered / 4_000
        assert share > 0.95 - STANDARD_ERRORS * error
        if interval == "jeffreys":
            assert share < 0.95 + STANDARD_ERRORS * error

    def test_nothing_and_everything(self):
        none, every = success_probability(0, 20), success_probability(20, 20)
        assert (none.low, every.high) == (0, 1)
        assert none.high == pytest.approx(stats.beta.ppf(0.975, 0.5, 20.5))
        assert every.low == pytest.approx(1 - none.high)

    @pytest.mark.parametrize(("successes", "runs"), [(0, 0), (3, 2), (-1, 5)])
    def test_impossible_counts(self, successes, runs):
        with pytest.raises(InputError, match=f"got {successes} of {runs}"):
            success_probability(successes, runs)


class TestTimeToSolution:
    def test_the_formula(self):
        found = time_to_solution(30, 100, 2.0, target=0.99)
        assert found.seconds == pytest.approx(2 * math.log(0.01) / math.log(0.7))
        assert found.low < found.seconds < found.high

    def test_intervals_cover_the_truth_of_a_synthetic_backend(self):
        """Of known success probability: the 95 % interval holds the true TTS in 93 to 97 % of cases."""
        rng = np.random.default_rng(2)
        p = rng.uniform(0.02, 0.9, 5_000)
        found = [time_to_solution(k, 100, 1.0) for k in range(101)]  # of each possible count
        inside = 0
        for value in p:
            own = found[int(rng.binomial(100, value))]
            truth = max(1.0, math.log(0.01) / math.log(1 - value))
            inside += own.low <= truth <= own.high
        print(f"coverage {inside / 5_000:.3f}")
        assert 0.93 < inside / 5_000 < 0.97

    def test_without_a_success_there_is_a_lower_bound(self):
        found = time_to_solution(0, 50, 1.0)
        assert found.is_bound
        assert math.isnan(found.seconds)
        assert found.high == math.inf
        assert found.low > 50
        assert str(found).startswith("> ")

    def test_a_run_that_always_succeeds_takes_one_run(self):
        assert time_to_solution(40, 40, 3.0).seconds == 3.0

    def test_the_best_length_lies_between_tried_ones(self):
        found = {n: time_to_solution(s, 100, n / 100) for n, s in {10: 1, 100: 30, 1000: 60}.items()}
        best = best_length(found)
        assert (best.length, best.is_inside) == (100, True)
        shortest = best_length({10: found[100], 20: found[1000]})
        assert not shortest.is_inside
        failed = best_length({n: time_to_solution(0, 10, n) for n in (1.0, 2.0)})
        assert math.isnan(failed.length)
        assert failed.best.is_bound

    @pytest.mark.parametrize("cap", [50, 400, 10**6])
    def test_runs_that_stop_cover_the_truth_of_a_memoryless_backend(self, cap):
        """First passages at rate 1/100: wherever they are cut, the time is the same."""
        rng, inside, n_trials = np.random.default_rng(2), 0, 200
        truth = math.log(0.01) / math.log(0.99)
        for _ in range(n_trials):
            needed = rng.geometric(0.01, 40)
            found = time_to_target(np.minimum(needed, cap), needed <= cap, 1.0)
            inside += found.low <= truth <= found.high
        assert inside / n_trials > 0.95 - 4 * math.sqrt(0.05 * 0.95 / n_trials)

    def test_runs_that_stop_may_be_cut_short(self):
        """Half of the runs succeed early or hardly ever: repeating short ones is the thing to do."""
        sweeps, reached = [10, 10, 1_000, 1_000] * 25, [True, True, False, False] * 25
        found = time_to_target(sweeps, reached, 0.5)
        assert found.seconds_a_run < 10
        assert found.seconds == pytest.approx(found.seconds_a_run * math.log(0.01) / math.log(0.5))
        assert time_to_target([100] * 8, [True] * 8, 1e-3).seconds == pytest.approx(0.1)

    def test_few_runs_that_stop_are_taken_as_they_are(self):
        assert time_to_target([10, 1_000], [True, False], 1.0).seconds_a_run == 1_000
        assert time_to_target([5, 1_000] * 3, [False] * 6, 1.0).is_bound
        assert time_to_target([0, 0], [True, True], 1.0).seconds == 1.0
        with pytest.raises(InputError, match="expected sweeps of each run and whether it succeeded"):
            time_to_target([1, 2], [True], 1.0)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [((1, 2, 0.0), "positive time; got 0.0"), ((1, 2, math.inf), "positive time; got inf")],
    )
    def test_wrong_input(self, arguments, message):
        with pytest.raises(InputError, match=message):
            time_to_solution(*arguments)
        with pytest.raises(InputError, match="no run length was measured"):
            best_length({})


class TestRuns:
    def test_every_read_of_a_device_is_a_run(self):
        samples = reads([[[[1, 1, 1]], [[1, 1, -1]]], [[[1, -1, 1]], [[1, 1, 1]]]], [np.nan, np.nan])
        runs = runs_of(samples, -1.0)
        assert (len(runs.lowest), runs.successes) == (4, 2)

    def test_a_replica_with_its_ladder_is_a_run(self):
        samples = reads([[[[1, 1, 1]], [[1, 1, -1]]], [[[1, -1, 1]], [[1, 1, 1]]]], [0.5, 1.0])
        runs = runs_of(samples, -1.0)
        assert (len(runs.lowest), runs.successes) == (2, 2)

    def test_clocks_are_kept_apart(self):
        clocks = {"sample": 4.0, "compile": 2.0, "device": 1.0}
        samples = reads([[[[1, 1, 1]], [[1, 1, -1]]]], [np.nan], clocks)
        assert seconds_of(samples) == 2.0
        assert seconds_of(samples, "device") == 0.5
        assert seconds_of(samples, "wall") == 3.5
        with pytest.raises(InputError, match="no clock 'device'; there are: sample"):
            seconds_of(reads([[[[1, 1, 1]]]], [np.nan], {"sample": 1.0}), "device")

    def test_energies(self):
        samples = reads([[[[1, 1, 1]], [[1, 1, -1]], [[1, 1, -1]], [[-1, 1, 1]]]], [np.nan])
        assert residual_energy(samples, -1.0)[0] == pytest.approx(1 / 3)
        assert approximation_ratio([-1, -1, 3], -1, 3) == pytest.approx(2 / 3)
        np.testing.assert_allclose(energy_distribution(samples)["cumulative"], [0.25, 0.5, 0.75, 1])
        assert diversity(samples, -1.0) == 2
        assert diversity(samples, -1.0, distance=0.9) == 1
        assert diversity(samples, -2.0) == 0
        with pytest.raises(InputError, match="must lie below the highest"):
            approximation_ratio([0.0], 1.0, 1.0)


class TestScaling:
    def test_a_law_that_was_put_in(self):
        sizes = np.array([10, 20, 30, 40, 50])
        noise = np.exp(0.05 * np.random.default_rng(0).normal(size=5))
        found = fit_scaling(sizes, 0.1 * np.exp(0.2 * sizes) * noise)
        assert found["exponential"].low < 0.2 < found["exponential"].high
        assert found["exponential"].residual < found["power"].residual
        power = fit_scaling(sizes, 3.0 * sizes**2.5)["power"]
        assert power.exponent == pytest.approx(2.5)
        assert power.prefactor == pytest.approx(3.0)
        assert str(power).startswith("N^2.5")

    def test_wrong_input(self):
        with pytest.raises(InputError, match="at least three sizes"):
            fit_scaling([1, 2], [1, 2])
        with pytest.raises(InputError, match="leave out what is a lower bound"):
            fit_scaling([1, 2, 3], [1, 2, np.nan])


def test_a_performance_profile():
    found = performance_profile({"a": [1.0, 2.0, np.nan], "b": [2.0, 1.0, 5.0]})
    np.testing.assert_allclose(found["factor"], [1, 2])
    np.testing.assert_allclose(found["share"].sel(solver="a"), [1 / 3, 2 / 3])
    np.testing.assert_allclose(found["share"].sel(solver="b"), [2 / 3, 1])
    with pytest.raises(InputError, match="each of the same instances"):
        performance_profile({"a": [1.0], "b": [1.0, 2.0]})
