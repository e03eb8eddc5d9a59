"""Closed annealers: the state against matrix exponentials, free fermions and Landau-Zener; reads against the
state; dephasing against Lindblad's equation.
"""

from __future__ import annotations

import numpy as np
import pytest
from chips import chi_squared
from conftest import ROOT
from qspin_backends.annealer.physics import schrodinger, states
from qspin_backends.annealer.physics.schrodinger import final_state
from scipy import sparse
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import expm_multiply

import qspin
from qspin.errors import CapacityError, InputError
from qspin.schedules import schedule_of
from qspin.theory import landau_zener, ring_kinks

LEAST_P_VALUE = 1e-4
RECORDED = ROOT.parent / "shared" / "data" / "dwave_schedules" / "Advantage2_system1.csv"
recorded = pytest.mark.skipif(not RECORDED.is_file(), reason=f"{RECORDED.name} is not beside this checkout")
SHORT = {"topology": "none", "physics": "schrodinger", "schedule": "linear", "annealing_time": 4e-4}


def annealer(**settings):
    return qspin.get_backend("annealer", **{**SHORT, **settings})


def glass(n, fields=0.5, seed=1):
    rng = np.random.default_rng([n, seed])
    upper = np.triu(rng.normal(size=(n, n)), 1) / np.sqrt(n)
    return qspin.IsingProblem(upper + upper.T, fields * rng.normal(size=n), offset=0.7)


def ring(n, coupling):
    return qspin.IsingProblem.from_edges(n, range(n), [*range(1, n), 0], [coupling] * n)


def all_spins(n):
    return 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)


def terms(problem):
    """Sum of sigma^x, and the energies without the offset."""
    n = problem.n_spins
    k = np.arange(2**n)
    x = sum(sparse.coo_array((np.ones(2**n), (k ^ (1 << q), k))) for q in range(n)).tocsr()
    return x, problem.energies(all_spins(n)) - problem.offset


def magnus(problem, schedule, time, n_steps):
    """Two exponentials a step, order 4 (Blanes, Moan 2006): dense matrices, no splitting."""
    x, energies = terms(problem)
    x, course = x.toarray(), schedule_of(schedule).course([(0, 0), (time, 1)])
    root, state = np.sqrt(3) / 6, np.full(len(energies), len(energies) ** -0.5, dtype=complex)
    for k in range(n_steps):
        fields = course.fields(time / n_steps * (k + np.array([0.5 - root, 0.5 + root])))
        for weights in ((0.25 + root, 0.25 - root), (0.25 - root, 0.25 + root)):
            transverse, strength = fields @ weights
            values, vectors = np.linalg.eigh(np.diag(strength * energies) - transverse * x)
            state = vectors @ (np.exp(-2j * np.pi * time / n_steps * values) * (vectors.T @ state))
    return state


class TestStates:
    @pytest.mark.parametrize(("n", "fields"), [(10, 0.0), (10, 0.5), (1, 1.0), (2, 0.0)])
    @pytest.mark.parametrize("start", [False, True])
    def test_a_pause_is_one_matrix_exponential(self, n, fields, start):
        problem, time = glass(n, fields), 1.3
        initial = np.where(np.arange(n) % 3, 1, -1) if start else None
        found = final_state(problem, "linear", [(0, 0.4), (time, 0.4)], initial=initial, tolerance=1e-9)
        x, energies = terms(problem)
        begin = np.full(2**n, 2 ** (-n / 2), dtype=complex)
        if start:
            begin = np.zeros(2**n, dtype=complex)
            begin[(all_spins(n) == initial).all(axis=1)] = 1
        generator = sparse.diags_array(0.4 * energies) - 0.6 * x
        expected = expm_multiply(-2j * np.pi * time * generator.tocsc(), begin)
        np.testing.assert_allclose(found, expected, atol=1e-8)

    @recorded
    @pytest.mark.parametrize("fields", [0.0, 0.5])
    def test_a_recorded_schedule_against_magnus(self, fields):
        problem = glass(4, fields)
        found = final_state(problem, str(RECORDED), 1.0, tolerance=1e-9)
        np.testing.assert_allclose(found, magnus(problem, RECORDED, 1.0, 2_000), atol=1e-8)

    @pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
    @pytest.mark.parametrize("time", [2.0, 15.0])
    def test_errors_stay_within_the_tolerance(self, tolerance, time):
        problem = glass(6, 0.5)
        exact = final_state(problem, "quadratic", time, tolerance=1e-10)
        found = final_state(problem, "quadratic", time, tolerance=tolerance)
        assert np.linalg.norm(found - exact) < tolerance

    def test_the_number_of_threads_does_not_show(self):
        one, two = (final_state(glass(14), "linear", 0.1, tolerance=1e-3, n_threads=n) for n in (1, 2))
        np.testing.assert_array_equal(one, two)

    @recorded
    @pytest.mark.parametrize(("n", "coupling"), [(8, -1.8), (9, 1.0), (11, -0.7), (12, -1.8)])
    def test_rings_are_free_fermions(self, n, coupling):
        found = np.abs(final_state(ring(n, coupling), str(RECORDED), 1.5, tolerance=1e-9)) ** 2
        spins = all_spins(n)
        kinks = (coupling * spins * np.roll(spins, 1, axis=1) > 0).sum(axis=1)
        expected = ring_kinks(n, str(RECORDED), 1.5, coupling).probability.values[0]
        np.testing.assert_allclose(np.bincount(kinks, found, minlength=n + 1), expected, atol=1e-8)

    def test_one_spin_with_a_field_passes_a_crossing(self, tmp_path):
        """Landau and Zener, from the crossing on: a constant gap, and B from 0 to where it is far."""
        gap, end, time = 1.0, 100.0, 20.0
        file = tmp_path / "crossing.csv"
        file.write_text(f"s,A (GHz),B (GHz)\n0,{gap},0\n1,{gap},{end}\n")
        found = final_state(qspin.IsingProblem([[0.0]], fields=[1.0]), str(file), time, tolerance=1e-7)
        _, states = np.linalg.eigh(0.5 * np.array([[end, -gap], [-gap, -end]]))
        expected = landau_zener(gap, end / time).excitation_from_crossing
        assert abs(states[:, 1] @ found) ** 2 == pytest.approx(float(expected[0]), abs=1e-6)

    def test_what_does_not_fit(self):
        with pytest.raises(
            CapacityError, match="state vectors of 60 connected qubits take .* GiB.*ring_kinks"
        ):
            final_state(ring(60, -1.0), "linear", 1.0)
        with pytest.raises(CapacityError, match="state vectors of 60 connected qubits take"):
            annealer().check(ring(60, -1.0))
        with pytest.raises(
            InputError, match="physics 'schrodinger' evolves in real time: give annealing_time"
        ):
            annealer(annealing_time=None)


class TestReads:
    @pytest.mark.parametrize("fields", [0.0, 0.5])
    def test_reads_follow_the_state(self, fields):
        problem = glass(5, fields)
        samples = annealer(n_reads=4_000, betas=[0.5, 1.0]).sample(problem, seed=1)
        for k, scale in enumerate((0.5, 1.0)):
            factor = samples.info["pipeline"]["scaling"]["factor"]
            exact = np.abs(final_state(problem.scaled(scale * factor), "linear", 0.4)) ** 2
            spins = samples.spins.values[k, :, 0]
            counts = np.bincount((spins < 0) @ (1 << np.arange(5)), minlength=32)
            assert chi_squared(counts, exact * len(spins)) > LEAST_P_VALUE

    def test_gauges_and_parts_that_are_alike_share_an_evolution(self, monkeypatch):
        evolved = []
        original = states.evolved

        def counted(*arguments, **more):
            evolved.append(1)
            return original(*arguments, **more)

        monkeypatch.setattr(states, "evolved", counted)
        annealer(n_reads=40, n_gauges=10).sample(glass(6), seed=1)
        assert len(evolved) == 1
        pairs = qspin.IsingProblem.from_edges(6, [0, 2, 4], [1, 3, 5], [0.5, -0.5, 0.5])
        samples = annealer(n_reads=400).sample(pairs, seed=1)
        assert len(evolved) == 2
        spins = samples.spins.values[0, :, 0].astype(int)
        means = (spins[:, [0, 2, 4]] * spins[:, [1, 3, 5]]).mean(axis=0)
        assert means[0] < 0 < means[1]
        assert abs((spins[:, 0] * spins[:, 2]).mean()) < 4 / 20

    def test_a_reverse_anneal_starts_from_its_configuration(self):
        problem, start = glass(5), [1, -1, -1, 1, 1]
        points = [(0, 1.0), (2e-4, 0.6), (4e-4, 1.0)]
        settings = {"annealing_time": None, "anneal_schedule": points, "initial_state": start}
        samples = annealer(n_reads=3_000, **settings).sample(problem, seed=2)
        factor = samples.info["pipeline"]["scaling"]["factor"]
        in_ns = [(1e3 * t, s) for t, s in points]
        exact = np.abs(final_state(problem.scaled(factor), "linear", in_ns, initial=start)) ** 2
        spins = samples.spins.values[0, :, 0]
        counts = np.bincount((spins < 0) @ (1 << np.arange(5)), minlength=32)
        assert chi_squared(counts, exact * len(spins)) > LEAST_P_VALUE
        following = annealer(n_reads=5, n_gauges=0, reinitialize_state=False, **settings)
        assert following.sample(problem, seed=2).spins.shape == (1, 5, 1, 5)

    def test_a_scaled_problem_is_another_one_and_said_to_be(self):
        samples = annealer(n_reads=2, n_gauges=2).sample(ring(4, -1.8), seed=1)
        assert samples.info["pipeline"]["scaling"]["factor"] == pytest.approx(1 / 1.8)
        assert "energies-multiplied" in [remark.code for remark in samples.remarks]


class TestDephasing:
    @pytest.mark.parametrize("fields", [0.0, 0.5])
    def test_against_lindblad(self, fields):
        problem, rate, time = glass(3, fields).scaled(0.8), 2.0, 0.4
        samples = annealer(n_reads=1_000, dephasing=rate, tolerance=1e-3).sample(problem, seed=3)
        assert samples.info["pipeline"]["scaling"]["factor"] == 1
        exact = lindblad(problem, rate, time)
        spins = samples.spins.values[0, :, 0]
        counts = np.bincount((spins < 0) @ (1 << np.arange(3)), minlength=8)
        assert chi_squared(counts, exact * len(spins)) > LEAST_P_VALUE
        closed = np.abs(final_state(problem, "linear", time)) ** 2
        assert np.abs(exact - closed).max() > 0.02  # it makes a difference here

    def test_flips_of_phase_are_those_of_the_equation(self):
        """One trajectory in its frame: the transverse field changes sign, and probabilities do not."""
        problem = glass(3, 0.5)
        (part,) = states.parts_of(problem)
        course = schedule_of("linear").course([(0, 0), (1.0, 1)])
        found = states.final(part, course, 1e-9, schrodinger._never, [(0.3, 1), (0.7, 0)]).probabilities
        x, energies = terms(problem)
        state = np.full(8, 8**-0.5, dtype=complex)
        for start, end, flipped in ((0.0, 0.3, 1), (0.3, 0.7, 0), (0.7, 1.0, None)):
            state = solve_ivp(
                lambda t, y: -2j * np.pi * (t * energies * y - (1 - t) * (x @ y)),
                (start, end), state, "DOP853", rtol=1e-11, atol=1e-12,
            ).y[:, -1]  # fmt: skip
            if flipped is not None:
                state = state * all_spins(3)[:, flipped]
        in_gauge = (all_spins(3) * part.gauge < 0) @ (1 << np.arange(3))
        np.testing.assert_allclose(found[in_gauge], np.abs(state) ** 2, atol=1e-8)


def lindblad(problem, rate, time):
    """Probabilities at the end of a linear schedule with dephasing."""
    x, energies = terms(problem)
    spins, size = all_spins(problem.n_spins), len(energies)
    apart = (spins[:, None] != spins[None]).sum(axis=-1)  # coherences decay by the spins that differ

    def slope(t, values):
        rho = values.reshape(size, size)
        s = t / time
        commutator = s * (energies[:, None] - energies[None]) * rho - (1 - s) * (x @ rho - (x @ rho.T).T)
        return (-2j * np.pi * commutator - rate * apart * rho).ravel()

    start = np.full(size * size, 1 / size, dtype=complex)
    end = solve_ivp(slope, (0, time), start, rtol=1e-8, atol=1e-10).y[:, -1]
    return end.reshape(size, size).diagonal().real
