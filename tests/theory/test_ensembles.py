"""Random graphs, layers, machines and quantum glasses: transitions, limits and identities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from qspin import IsingProblem, networks
from qspin.errors import CapacityError, InputError
from qspin.registry import get_source
from qspin.remarks import remarks_of
from qspin.theory import (
    cavity,
    cavity_transition,
    effective_rank,
    hidden_order,
    rbm_phase_diagram,
    rbm_phases,
    rbm_transitions,
    sk,
    square_lattice,
    tap_transition,
    transverse_glass,
    transverse_glass_transition,
)


def codes(found):
    return [remark.code for remark in remarks_of(found.attrs)]


class TestCavity:
    def test_transitions_of_three_neighbours(self):
        found = cavity_transition(3)
        assert np.tanh(1 / found.glass_temperature) ** 2 == pytest.approx(0.5)
        assert np.isnan(found.ferromagnetic_temperature)
        magnet = cavity_transition(3, couplings="ferromagnet")
        assert float(magnet.ferromagnetic_temperature) == pytest.approx(2 / np.log(3))
        poisson = cavity_transition(2.5, graph="erdos_renyi", couplings="gaussian")
        k = np.random.default_rng(0).normal(size=2_000_000)
        assert 2.5 * np.mean(np.tanh(k / float(poisson.glass_temperature)) ** 2) == pytest.approx(1, abs=2e-3)

    def test_many_neighbours_are_fully_connected(self):
        n = 400
        scaled = float(cavity_transition(n, couplings="gaussian").glass_temperature) / np.sqrt(n)
        assert scaled == pytest.approx(1.0, abs=5 / n)

    def test_the_sampled_transition_of_a_glass_of_three_neighbours(self):
        """q grows below it linearly, from below 0.001 above it."""
        t_c = float(cavity_transition(3).glass_temperature)
        temperatures = np.array([1.01, 0.99, 0.96, 0.92]) * t_c
        found = cavity(np.sort(1 / temperatures), 3, n_messages=20_000, n_sweeps=500, seed=1)
        q = found.q.values
        assert q[0] < 1e-3 < q[2] < q[3]
        slope = (q[3] - q[2]) / (temperatures[3] - temperatures[2])
        assert temperatures[2] - q[2] / slope == pytest.approx(t_c, rel=0.01)

    def test_a_paramagnet_has_the_energy_of_its_bonds(self):
        found = cavity(0.5, 4, n_messages=2_000, n_sweeps=120)
        assert float(found.energy[0]) == pytest.approx(-2 * np.tanh(0.5), abs=1e-9)
        free = -(np.log(2) + 2 * np.log(np.cosh(0.5))) / 0.5
        assert float(found.free_energy[0]) == pytest.approx(free, abs=1e-9)
        assert codes(found) == []

    def test_a_ferromagnet_follows_its_own_equation(self):
        beta = 1.0
        u = brentq(lambda v: v - np.arctanh(np.tanh(beta) * np.tanh(2 * v)), 0.1, 2)
        found = cavity(beta, 3, couplings="ferromagnet", n_messages=500, n_sweeps=200)
        assert float(found.magnetisation[0]) == pytest.approx(np.tanh(3 * u), abs=1e-9)

    def test_an_irregular_ferromagnet_in_a_field_has_the_slope_of_its_free_energy(self):
        betas = [0.48, 0.52]
        found = cavity(betas, 2.0, couplings="ferromagnet", graph="erdos_renyi", field=0.5)
        slope = (betas[1] * found.free_energy[1] - betas[0] * found.free_energy[0]) / 0.04
        assert float(found.magnetisation[0]) < 0
        error = np.hypot(*(found.free_energy_error.values * betas)) / 0.04 + found.energy_error.values.max()
        assert float(found.energy.mean()) == pytest.approx(float(slope), abs=4 * error + 1e-3)

    def test_cold_glasses_are_remarked(self):
        found = cavity(5.0, 3, n_messages=5_000, n_sweeps=200, seed=3)
        assert "replica-symmetry-broken" in codes(found)
        assert float(found.energy[0]) == pytest.approx(-1.2777, abs=0.006)  # Mezard, Parisi 2003: T = 0

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"degree": 2}, "three or more"),
            ({"degree": 3.5}, "three or more"),
            ({"degree": -1, "graph": "erdos_renyi"}, "must be positive"),
            ({"degree": 1e50}, "must be positive, up to 1e.06; got 1e.50"),
            ({"couplings": "cauchy"}, "ferromagnet, pm or gaussian"),
            ({"graph": "square"}, "regular or erdos_renyi"),
        ],
    )
    def test_bad_input(self, given, message):
        with pytest.raises(InputError, match=message):
            cavity_transition(**given)
        with pytest.raises(InputError, match=message):
            cavity(1.0, **given)

    def test_many_neighbours_of_many_are_refused(self):
        with pytest.raises(CapacityError, match="got 10000 times 10000: take fewer messages, or sk"):
            cavity(1.0, 10_000)


class TestLayers:
    @pytest.mark.parametrize("n_layers", [1, 2, 3])
    def test_random_ones_touch_at_the_closed_formula(self, n_layers):
        rng = np.random.default_rng(n_layers)
        n = 200  # the touching point lies up to 3 % high there, 1 or 2 % at 400
        weights = [rng.normal(size=(n, n)) / np.sqrt(n) for _ in range(n_layers)]
        problem = networks.twin_from_weights(weights, scale="none")
        found = tap_transition(problem)
        formula = networks.critical_temperature([n] * (n_layers + 1), [1 / n] * n_layers)
        assert float(found.critical_temperature) == pytest.approx(formula, rel=0.04)
        assert abs(float(found.largest_instability) - 1) < 0.04

    def test_of_many_spins_the_largest_eigenvalue_is_that_of_all(self):
        problem = get_source("sherrington_kirkpatrick", n_spins=120, seed=3).build({})
        found = tap_transition(problem)
        couplings = problem.toarray()
        for t in (0, 11, 23):
            beta = 1 / float(found.temperature[t])
            whole = -beta * couplings - np.diag(beta**2 * (couplings**2).sum(axis=1))
            assert float(found.instability[t]) == pytest.approx(np.linalg.eigvalsh(whole)[-1], abs=1e-10)

    def test_planted_order_crosses_and_is_followed(self):
        n, strength = 300, 3.0
        rng = np.random.default_rng(7)
        noise = np.triu(rng.normal(size=(n, n)) / np.sqrt(n), 1)
        pattern = rng.choice([-1.0, 1.0], n)
        couplings = noise + noise.T - strength * np.outer(pattern, pattern) / n
        np.fill_diagonal(couplings, 0)
        problem = IsingProblem(couplings)
        found = tap_transition(problem)
        assert bool(found.crosses)
        assert float(found.critical_temperature) == pytest.approx(
            strength, rel=0.05
        )  # 1/T - 1/T^2 + ... of SK
        order = hidden_order(problem, [0.3, 0.5, 0.8])
        assert order.converged.all()
        assert codes(order) == []
        overlap = np.abs(order.spin_mean.values @ pattern) / n
        assert overlap[0] < 1e-4 < 0.5 < overlap[1] < overlap[2]
        assert float(order.alignment[2]) > 0.9

    def test_bad_input(self):
        with pytest.raises(InputError, match="takes a problem with couplings"):
            tap_transition(IsingProblem(np.zeros((3, 3)), [1, 2, 3]))
        with pytest.raises(InputError, match="takes a problem with couplings"):
            hidden_order(IsingProblem(np.zeros((3, 3))), 1.0)


class TestMachines:
    def test_phases_follow_their_lines(self):
        lines = rbm_transitions(random=1.0, planted=1.5)
        assert (float(lines.glass_temperature), float(lines.ferromagnetic_temperature)) == (1.0, 1.5)
        for ratio in (0.25, 1.0, 4.0):
            magnet = rbm_phases([1.4, 1.6], 1.0, 1.5, ratio)
            assert magnet.phase.values.tolist() == ["ferromagnet", "paramagnet"]
            glass = rbm_phases([0.9, 1.1], 1.0, 0.5, ratio)
            assert glass.phase.values.tolist() == ["spin glass", "paramagnet"]
            assert "replica-symmetry-broken" in codes(glass)

    def test_without_noise_it_is_the_ferromagnet_of_two_layers(self):
        found = rbm_phases([0.5], 0.0, 1.0, 4.0)
        u, w = np.polynomial.hermite_e.hermegauss(100)
        w = w / w.sum()
        m_v, m_h = float(found.magnetisation_visible[0]), float(found.magnetisation_hidden[0])
        assert m_v == pytest.approx(w @ (u * np.tanh(2 * 2 * m_h * u)), abs=1e-4)
        assert m_h == pytest.approx(w @ (u * np.tanh(2 * m_v / 2 * u)), abs=1e-4)

    def test_layers_are_exchanged_with_their_ratio(self):
        one, other = rbm_phases([0.8], 0.7, 1.2, 3.0), rbm_phases([0.8], 0.7, 1.2, 1 / 3)
        assert float(one.q_visible[0]) == pytest.approx(float(other.q_hidden[0]), abs=1e-8)

    def test_the_diagram_has_its_corners(self):
        found = rbm_phase_diagram([0.5, 1.5], [0.5, 2.5])
        assert found.phase.values.tolist() == [["spin glass", "paramagnet"], ["ferromagnet", "ferromagnet"]]
        assert "replica-symmetry-broken" in codes(found)

    def test_effective_rank(self):
        rng = np.random.default_rng(0)
        assert effective_rank(np.outer(rng.normal(size=5), rng.normal(size=7))) == pytest.approx(1)
        assert effective_rank(np.linalg.qr(rng.normal(size=(6, 6)))[0]) == pytest.approx(6)
        with pytest.raises(InputError, match="finite matrix"):
            effective_rank(np.zeros((2, 2)))

    def test_bad_input(self):
        with pytest.raises(InputError, match="not negative"):
            rbm_transitions(-1.0, 1.0)
        with pytest.raises(InputError, match="temperature takes one or several finite values above 0"):
            rbm_phases([0.0], 1.0, 1.0)


class TestSquareLattice:
    def test_published_values(self):
        energies = {1.5: -1.951117, 2.0: -1.745565, 2.5: -1.106079, 3.0: -0.817310}
        np.testing.assert_allclose(square_lattice(list(energies)).energy, list(energies.values()), atol=5e-7)
        np.testing.assert_allclose(square_lattice([2.0, 2.3]).m_abs, [0.911319, 0], atol=5e-7)

    @pytest.mark.filterwarnings("error")
    def test_very_cold_and_very_hot_ones(self):
        found = square_lattice([1e-50, 1e-3, 1e4, 1e50])
        np.testing.assert_allclose(found.energy, [-2, -2, -2e-4, 0], rtol=1e-7)
        assert found.m_abs.values.tolist() == [1, 1, 0, 0]

    def test_bad_input(self):
        with pytest.raises(InputError, match="temperature takes one or several finite values above 0"):
            square_lattice([1.0, 0.0])


class TestTransverseGlass:
    def test_without_a_transverse_field_it_is_the_classical_glass(self):
        found = transverse_glass([0.0], 0.5)
        z, w = np.polynomial.hermite_e.hermegauss(120)
        w = w / w.sum()
        q = brentq(lambda v: v - w @ np.tanh(2 * np.sqrt(v) * z) ** 2, 0.1, 1)
        assert float(found.q[0]) == pytest.approx(q, abs=1e-6)
        assert float(found.self_overlap[0]) == pytest.approx(1)
        assert float(found.magnetisation_x[0]) == 0

    @pytest.mark.parametrize("t", [0.005, 0.1, 0.8])
    def test_cold_ones_are_resolved(self, t):
        """Without a transverse field, and next to none, q is that of the replica-symmetric glass and R = 1;
        spins of strong fields are alone in theirs."""
        found = transverse_glass([0.0, 1e-4, 40.0], t)
        assert np.abs(found.q[:2] - float(sk(t, steps=0).q_ea[0])).max() < 1e-7
        assert np.abs(found.self_overlap[:2] - 1).max() < 1e-7
        assert float(found.self_overlap[2]) == pytest.approx(t / 40, rel=0.01)
        assert found.residual.max() < 1e-11

    def test_its_transition_ends_at_one_and_at_two(self):
        found = transverse_glass_transition([0.05, 0.1, 0.5, 0.99])
        fields = found.critical_field.values
        assert (np.diff(fields) < 0).all()
        assert fields[-1] < 0.3
        assert fields[0] == pytest.approx(2.0, rel=0.05)
        edge = fields[2]
        order = transverse_glass([0.97 * edge, 1.03 * edge], 0.5)
        assert order.q[0] > 1e-3 > 1e-6 > order.q[1]

    def test_next_to_its_transition_it_comes_to_rest(self):
        """q grows as the distance from it."""
        edge = float(transverse_glass_transition(0.05).critical_field[0])
        found = transverse_glass(edge * np.array([0.998, 0.999, 1.001]), 0.05)
        assert found.residual.max() < 1e-11
        assert float(found.q[0] / found.q[1]) == pytest.approx(2, abs=0.01)
        assert float(found.q[2]) < 1e-8

    def test_a_strong_field_turns_spins_along_itself(self):
        found = transverse_glass([50.0], 0.5)
        assert float(found.magnetisation_x[0]) == pytest.approx(1.0, abs=1e-3)
        assert codes(found) == ["static-approximation"]

    def test_bad_input(self):
        with pytest.raises(InputError, match="0.005 or more"):
            transverse_glass([1.0], 0.001)
        with pytest.raises(InputError, match="below 1"):
            transverse_glass_transition([1.0])
        with pytest.raises(InputError, match="transverse_field takes .* values of 0 or more"):
            transverse_glass([-1.0], 0.5)
