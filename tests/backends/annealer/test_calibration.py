"""What is learned of a device, by itself: symmetry of couplers, steps of shims, wrong readings, drift."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qspin_backends.annealer.calibration.drift import FEWEST, drifts, trend
from qspin_backends.annealer.calibration.readout import Flips, flips_of, of_chains, unfolded
from qspin_backends.annealer.calibration.shims import Shims, measured, stepped
from qspin_backends.annealer.calibration.symmetry import MOST_SPINS, MOST_VERTICES, coupler_orbits
from qspin_backends.annealer.control import FLUX_A_FIELD, ControlErrors
from qspin_backends.annealer.device import Program
from scipy import stats

import qspin
from qspin.testing import STANDARD_ERRORS

LEAST_P_VALUE = 1e-4


def ring(couplings, fields=None):
    n = len(couplings)
    return qspin.IsingProblem.from_edges(n, range(n), [*range(1, n), 0], couplings, fields)


def sizes(orbits):
    return sorted(np.bincount(orbits)[np.bincount(orbits) > 0].tolist())


class TestOrbits:
    @pytest.mark.parametrize(
        ("problem", "expected"),
        [
            (ring([-1.0] * 6), [6]),
            (ring([-1.0] * 5 + [1.0]), [6]),  # frustrated; turning spins round moves the positive coupling
            (ring([-1.0] * 5 + [2.0]), [1, 1, 2, 2]),
            (ring([-1.0] * 6, [0.5, 0, 0, 0, 0, 0]), [2, 2, 2]),
            (ring([-1.0] * 6, [0.5, 0, 0, -0.5, 0, 0]), [2, 4]),
            (ring([-1.0, -0.5] * 3), [3, 3]),
            (qspin.IsingProblem.from_edges(4, [0, 2], [1, 3], [-1.0, 1.0]), [2]),  # two parts
            (qspin.IsingProblem.from_edges(3, [0, 0], [1, 2], [0.1 + 0.2, -0.3]), [2]),  # but for rounding
            (qspin.instances.sherrington_kirkpatrick(6, seed=1), [1] * 15),
            (qspin.IsingProblem(np.zeros((3, 3))), []),
        ],
    )
    def test_they_are_those_of_hand(self, problem, expected):
        assert sizes(coupler_orbits(problem)) == expected

    def test_they_are_those_of_all_automorphisms(self):
        """All 2^n n! ways to rename and turn round five spins."""
        rng = np.random.default_rng(3)
        for _ in range(10):
            upper = np.triu(rng.choice([-1.0, 0.0, 1.0], size=(5, 5)), 1)
            problem = qspin.IsingProblem(upper + upper.T, fields=rng.choice([0.0, 0.0, 1.0, -1.0], size=5))
            assert_same_partition(coupler_orbits(problem), orbits_by_hand(problem))

    def test_correlations_in_an_orbit_are_equal_but_for_the_sign_of_the_coupling(self):
        upper = np.triu(np.random.default_rng(0).choice([-1.0, 0, 1.0], size=(6, 6)), 1)
        lattice = qspin.IsingProblem(upper + upper.T)
        states = np.array(list(itertools.product([-1, 1], repeat=6)))
        weights = np.exp(-0.7 * lattice.energies(states))
        edges = lattice.edges
        products = states[:, edges.i] * states[:, edges.j]
        obeyed = -np.sign(edges.couplings) * (weights @ products) / weights.sum()
        orbits = coupler_orbits(lattice)
        assert sizes(orbits) == [1, 1, 1, 1, 1, 1, 2, 2]
        for orbit in np.unique(orbits):
            assert np.ptp(obeyed[orbits == orbit]) < 1e-12

    def test_large_graphs_are_not_searched(self):
        assert coupler_orbits(ring([-1.0] * (MOST_VERTICES // 3 + 1))) is None
        assert coupler_orbits(ring([-1.0] * (MOST_SPINS + 1))) is None

    def test_large_graphs_without_symmetry_need_no_search(self):
        signs = qspin.instances.edwards_anderson((15, 15), seed=1, couplings="bimodal")
        assert max(sizes(coupler_orbits(signs))) == 1
        assert max(sizes(coupler_orbits(qspin.instances.sherrington_kirkpatrick(90, seed=1)))) == 1


def orbits_by_hand(problem):
    n, edges = problem.n_spins, problem.edges
    couplings = problem.toarray()
    position = {(i, j): k for k, (i, j) in enumerate(zip(edges.i.tolist(), edges.j.tolist(), strict=True))}
    orbits = np.arange(len(edges.i))
    for order in itertools.permutations(range(n)):
        for signs in itertools.product([1, -1], repeat=n):
            order, turn = np.array(order), np.array(signs)
            moved = couplings[np.ix_(order, order)] * np.outer(turn, turn)
            if (moved == couplings).all() and (problem.fields[order] * turn == problem.fields).all():
                for (i, j), k in position.items():
                    image = position[tuple(sorted((int(order[i]), int(order[j]))))]
                    orbits[orbits == orbits[image]] = orbits[k]
    return orbits


def assert_same_partition(ours, theirs):
    pairs = set(zip(ours.tolist(), theirs.tolist(), strict=True))
    assert len(pairs) == len(np.unique(ours)) == len(np.unique(theirs))


class TestControlErrors:
    def program(self, qubits, couplers, **parameters):
        n = len(qubits)
        return Program(
            np.array(qubits), np.zeros(n), np.array(couplers), np.zeros(len(couplers)), 1, parameters, 0, {}
        )

    def test_a_chip_errs_alike_in_every_program(self):
        chip = ControlErrors(0.1, 0.2, noise_seed=5)
        some = self.program([3, 7, 9], [[0, 1], [1, 2]])
        others = self.program([7, 9, 11], [[1, 0]])
        rng = np.random.default_rng(0)
        first, second = chip.disturbed(some, rng), chip.disturbed(others, rng)
        assert first.fields[1:].tolist() == second.fields[:2].tolist()
        assert first.couplings[1] == second.couplings[0]
        another = ControlErrors(0.1, 0.2, noise_seed=6).disturbed(some, rng)
        assert (another.fields != first.fields).all()
        assert (another.couplings != first.couplings).all()

    def test_errors_are_normal_and_independent(self):
        n = 4_000
        wide = self.program(range(n), [[k, k + 1] for k in range(n - 1)])
        done = ControlErrors(1.0, 1.0, noise_seed=1).disturbed(wide, np.random.default_rng(0))
        for values in (done.fields, done.couplings):
            assert stats.kstest(values, "norm").pvalue > LEAST_P_VALUE
            assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < STANDARD_ERRORS / np.sqrt(n)
        assert abs(np.corrcoef(done.fields[:-1], done.couplings)[0, 1]) < STANDARD_ERRORS / np.sqrt(n)

    def test_a_flux_bias_is_a_field_of_the_other_sign(self):
        from dwave.system.temperatures import h_to_fluxbias

        assert h_to_fluxbias(1.0) == pytest.approx(-FLUX_A_FIELD, rel=1e-3)
        biased = self.program([0, 2], np.zeros((0, 2), int), flux_biases=[FLUX_A_FIELD, 9.0, 0.0])
        done = ControlErrors().disturbed(biased, np.random.default_rng(0))
        assert done.fields.tolist() == [-1.0, 0.0]


def exact_reads(problem, beta, n_reads, rng):
    """Independent reads of a Boltzmann distribution, by enumeration."""
    states = np.array(list(itertools.product([-1, 1], repeat=problem.n_spins)), dtype=np.int8)
    weights = np.exp(-beta * (problem.energies(states) - problem.energies(states).min()))
    return states[rng.choice(len(states), size=n_reads, p=weights / weights.sum())]


class TestShims:
    """A device that is a Boltzmann sampler with planted errors, in gauges, by enumeration."""

    BETA = 2.0

    def shimmed(self, problem, fields, couplings, n_rounds, n_reads=2_000, seed=0):
        rng = np.random.default_rng(seed)
        orbits = coupler_orbits(problem)
        shims = Shims.none(problem)
        curves = []
        edges = problem.edges
        for number in range(n_rounds):
            gauge = rng.choice(np.array([-1, 1], np.int8), size=problem.n_spins)
            gauges = [gauge, -gauge] if problem.fields.any() else [gauge]
            reads = []
            for sign in gauges:
                real = qspin.IsingProblem.from_edges(
                    problem.n_spins,
                    edges.i,
                    edges.j,
                    edges.couplings * sign[edges.i] * sign[edges.j] + couplings + shims.couplings,
                    problem.fields * sign + fields + shims.fields,
                )
                reads.append(exact_reads(real, self.BETA, n_reads, rng))
            seen = measured(problem, reads, gauges, orbits)
            curves.append(seen.curves)
            shims = stepped(shims, seen, orbits, self.BETA, number, 1.0)
        return shims, curves

    @pytest.mark.parametrize("strength", [0.0, 0.2, 0.5])
    @pytest.mark.parametrize("field", [0.0, 0.1])
    def test_planted_fields_are_taken_back(self, strength, field):
        """Of free spins, and of spins that move together."""
        problem = ring([-strength or -1e-9] * 8, [field] * 8)
        planted = 0.2 * np.random.default_rng(1).normal(size=8)
        shims, curves = self.shimmed(problem, planted, np.zeros(8), 12)
        rest = planted + shims.fields
        assert np.abs(rest).max() < 0.03
        assert curves[-1]["magnetisation_std"] < 0.25 * curves[0]["magnetisation_std"]
        if strength < 0.5:  # beyond, each gauge shows another direction, and twelve do not show all of them
            ratios = [curve["magnetisation_std"] / curve["magnetisation_noise"] for curve in curves[-4:]]
            assert np.mean(ratios) < 2

    def test_planted_errors_of_couplers_are_taken_back_up_to_their_mean(self):
        problem = ring([-0.5] * 7 + [0.5])
        planted = 0.05 * np.random.default_rng(2).normal(size=8)
        shims, curves = self.shimmed(problem, np.zeros(8), planted, 24, n_reads=8_000)
        rest = planted + shims.couplings
        assert np.std(rest) < 0.15 * np.std(planted)
        assert curves[-1]["correlation_spread"] < 2.5 * curves[-1]["correlation_noise"]
        assert curves[0]["correlation_spread"] > 2 * curves[-1]["correlation_spread"]

    def test_without_errors_noise_does_not_grow(self):
        problem = ring([-0.5] * 8)
        shims, curves = self.shimmed(problem, np.zeros(8), np.zeros(8), 20, n_reads=500)
        assert np.abs(shims.fields).max() < 0.1
        ratios = [curve["magnetisation_std"] / curve["magnetisation_noise"] for curve in curves]
        assert np.mean(ratios[10:]) < 1.6

    def test_a_coupler_alone_in_its_orbit_stays(self):
        problem = ring([-0.5] * 7 + [0.9])
        shims, _ = self.shimmed(problem, np.zeros(8), np.full(8, 0.1), 3)
        position = int(np.argmax(problem.edges.couplings))
        assert shims.couplings[position] == 0

    def test_corrections_are_bounded(self):
        problem = ring([-0.5] * 8)
        seen = measured(problem, [np.ones((50, 8), np.int8)], [np.ones(8, np.int8)], coupler_orbits(problem))
        shims = stepped(Shims.none(problem), seen, coupler_orbits(problem), self.BETA, 0, 0.01)
        assert np.abs(shims.fields).max() <= 1 / self.BETA
        assert np.abs(shims.couplings).max() <= 0.01

    @pytest.mark.parametrize("size", [0.0, 0.3])
    def test_errors_of_curves_are_those_of_repetitions(self, size):
        """Of spins that move together; where there is noise alone they may be too large, by 1.4 at most."""
        n, n_reads, rng = 400, 300, np.random.default_rng(4)
        problem, gauge = ring([-0.4] * 6), np.ones(6, np.int8)
        edges, orbits = problem.edges, coupler_orbits(problem)
        planted = size * np.array([0.5, -0.3, 0.2, 0.1, -0.4, 0.3])
        real = qspin.IsingProblem.from_edges(6, edges.i, edges.j, edges.couplings + planted, planted[::-1])
        reads = exact_reads(real, self.BETA, n * n_reads, rng).reshape(n, n_reads, 6)
        found = [measured(problem, [one], [gauge], orbits).curves for one in reads]
        for name in ("magnetisation_std", "correlation_spread"):
            spread = np.std([curve[name] for curve in found])
            ratio = np.mean([curve[f"{name}_error"] for curve in found]) / spread
            margin = STANDARD_ERRORS / np.sqrt(2 * n)
            assert 1 - margin < ratio < (1 + margin) * (1.0 if size else np.sqrt(2)), name

    @pytest.mark.parametrize("n_reads", [3, 30])
    def test_steps_are_the_same_in_either_space(self, n_reads):
        from qspin_backends.annealer.calibration.shims import DAMPING, _damped

        rng = np.random.default_rng(0)
        deviations, asked = rng.normal(size=(n_reads, 8)), rng.normal(size=8)
        expected = np.linalg.solve(deviations.T @ deviations / n_reads + DAMPING * np.eye(8), asked)
        np.testing.assert_allclose(_damped(deviations, asked), expected)


class TestReadout:
    def test_rates_are_counted_from_both_directions(self):
        held = np.array([1, -1], dtype=np.int8)
        up = np.tile(held, (100, 1))
        down = -up
        up[:7, 0], down[:3, 1] = -1, -1  # qubit 0 read down 7 times, qubit 1, which was up, 3 times
        down[:2, 0] = 1
        flips = flips_of(held, [up, down])
        assert flips.down.tolist() == [0.07, 0.03]
        assert flips.up.tolist() == [0.02, 0.0]

    def test_chains_vote(self):
        from qspin_backends.annealer.embeddings.embedding import Embedding
        from qspin_backends.annealer.embeddings.layout import lay_out
        from qspin_backends.annealer.simulated import Imperfections, Simulated

        device = Simulated("zephyr", (2, 4), 1.0, 0, "thermal", 10, 1.0, Imperfections()).hardware
        u, v = map(int, device.couplers[0])
        w = next(q for q in device.graph[v] if q != u)
        free = qspin.IsingProblem(np.zeros((2, 2)))
        layout = lay_out(free, Embedding(((u, v), (w,)), "given"), device)
        rates = np.full(3, 0.1)
        found = of_chains(Flips(rates, 2 * rates, 100), layout, 2)
        np.testing.assert_allclose(found.down, [0.1**2 + 0.5 * 2 * 0.1 * 0.9, 0.1])
        np.testing.assert_allclose(found.up, [0.2**2 + 0.5 * 2 * 0.2 * 0.8, 0.2])

    def wrongly_read(self, spins, down, up, rng):
        wrong = rng.random(spins.shape) < np.where(spins > 0, down, up)
        return np.where(wrong, -spins, spins).astype(np.int8)

    def test_means_are_those_without_wrong_readings(self):
        """At least nineteen of twenty deviations within two errors, as for a sound error bar."""
        problem = qspin.IsingProblem.from_edges(
            6,
            [0, 1, 2, 3, 4],
            [1, 2, 3, 4, 5],
            [-0.7, 0.5, -0.4, 0.6, -0.3],
            [0.4, 0, -0.3, 0.2, 0, 0.5],
            1.0,
        )
        states = np.array(list(itertools.product([-1, 1], repeat=6)), dtype=np.int8)
        weights = np.exp(-problem.energies(states))
        weights /= weights.sum()
        edges = problem.edges
        truth = [weights @ states, weights @ (states[:, edges.i] * states[:, edges.j])]
        truth.append(np.array([weights @ problem.energies(states)]))
        down, up = np.array([0.1, 0.02, 0.05, 0.2, 0.0, 0.1]), np.array([0.03, 0.1, 0.05, 0.0, 0.15, 0.2])
        deviations, raw = [], []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            gauges = rng.choice(np.array([-1, 1], np.int8), size=(4, 6))
            gauge = np.arange(800) % 4
            spins = exact_reads(problem, 1.0, 800, rng)
            read = self.wrongly_read(spins * gauges[gauge], down, up, rng) * gauges[gauge]
            measured_rates = Flips(rng.binomial(400, down) / 400, rng.binomial(400, up) / 400, 400)
            found = unfolded(problem, read, gauge, gauges, np.zeros(800, int), [measured_rates], rng)
            for (value, error), true in zip(
                (found.magnetisation, found.correlation, found.energy.reshape(2, 1)), truth, strict=True
            ):
                deviations += ((value - true) / error).tolist()
            raw.append((problem.energies(read).mean() - truth[2][0]) / found.energy[1])
        within = np.mean(np.abs(deviations) < 2)
        assert within > 0.95 - STANDARD_ERRORS * np.sqrt(0.95 * 0.05 / (60 * 4))
        assert np.abs(np.mean(deviations)) < 0.2
        assert np.mean(raw) > 3  # what was read is hotter

    def test_spins_that_are_read_at_random_are_unknown(self):
        problem = ring([-1.0] * 4)
        flips = Flips(np.array([0.5, 0, 0, 0]), np.array([0.5, 0, 0, 0]), 100)
        spins = np.ones((20, 4), np.int8)
        one, rng = np.zeros(20, int), np.random.default_rng(0)
        found = unfolded(problem, spins, one, np.ones((1, 4), np.int8), one, [flips], rng)
        assert np.isnan(found.magnetisation[:, 0]).all()
        assert np.isfinite(found.magnetisation[:, 1:]).all()
        assert np.isnan(found.energy).all()

    @pytest.mark.parametrize("n_reads", [4, 50, 200])
    def test_no_mean_is_without_an_error(self, n_reads):
        """Also where rates happen to look as if readings told something."""
        problem, one = ring([-1.0] * 40), np.zeros(20, int)
        rng = np.random.default_rng(n_reads)
        rates = (rng.binomial(n_reads, np.linspace(0.0, 0.5, 40)) / n_reads for _ in range(2))
        flips = Flips(*rates, n_reads)
        assert flips.tells[:5].all() or n_reads == 4
        assert not flips.tells[-5:].any()
        spins = rng.choice(np.array([-1, 1], np.int8), size=(20, 40))
        found = unfolded(problem, spins, one, np.ones((1, 40), np.int8), one, [flips], rng)
        for value, error in (found.magnetisation, found.correlation):
            np.testing.assert_array_equal(np.isnan(value), np.isnan(error))
            assert np.abs(value[np.isfinite(value)]).max() < 20


class TestDrift:
    def test_p_values_of_runs_without_drift_are_uniform(self):
        """Programmings that scatter more than their reads, with unequal numbers of reads."""
        rng = np.random.default_rng(0)
        weights = np.array([10.0, 10, 10, 11, 11, 11, 11, 10])
        found = [trend(rng.normal(size=8), weights).p_value for _ in range(2_000)]
        assert stats.kstest(found, "uniform").pvalue > LEAST_P_VALUE

    def test_a_planted_change_is_measured_within_its_error(self):
        rng = np.random.default_rng(1)
        times = np.linspace(0, 1, 10)
        deviations = []
        for _ in range(400):
            found = trend(2.0 * times + 0.3 * rng.normal(size=10), np.ones(10))
            deviations.append((found.change - 2.0) / found.error)
        assert stats.kstest(deviations, stats.t(8).cdf).pvalue > LEAST_P_VALUE

    def test_too_few_programmings_tell_nothing(self):
        assert trend(np.arange(FEWEST - 1.0), np.ones(FEWEST - 1)) is None
        assert trend(np.array([1.0, np.nan, 2.0, np.nan, 0.0]), np.ones(5)) is None

    def reads(self, betas, seed=0):
        problem = qspin.instances.sherrington_kirkpatrick(8, seed=2)
        rng = np.random.default_rng(seed)
        gauges = rng.choice(np.array([-1, 1], np.int8), size=(len(betas), 8))
        spins = np.concatenate([exact_reads(problem, beta, 100, rng) for beta in betas])
        programming = np.repeat(np.arange(len(betas)), 100)
        return problem, spins[None], programming[None], gauges[programming][None], ["at scale 1"]

    def test_a_device_that_warms_up_is_remarked_on(self):
        rows, remarks = drifts(*self.reads(np.linspace(1.2, 0.4, 12)))
        assert {remark.code for remark in remarks} == {"drift"}
        assert any("at scale 1 energy per spin changed by" in remark.text for remark in remarks)
        assert rows[0]["beta_effective"]["change"] == pytest.approx(
            -0.8, abs=4 * rows[0]["beta_effective"]["error"]
        )
        assert rows[0]["magnetisation"]["p_value"] > 1e-3

    def test_a_steady_device_is_not(self):
        for seed in range(20):
            assert drifts(*self.reads([0.8] * 6, seed))[1] == []
