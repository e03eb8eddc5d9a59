"""Rings in a transverse field: free fermions against matrices, and kinks against Kibble and Zurek."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import ROOT
from qspin_backends.annealer.physics import Path
from qspin_backends.annealer.physics.dynamics import Asked, Conditions
from qspin_backends.annealer.physics.monte_carlo import PathIntegral
from scipy import sparse
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import eigsh

from qspin import IsingProblem
from qspin.errors import CapacityError, InputError
from qspin.testing import assert_within_errors
from qspin.theory import kibble_zurek_kinks, landau_zener, ring_kinks, ring_quench, transverse_ring

RECORDED = ROOT.parent / "shared" / "data" / "dwave_schedules" / "Advantage2_system1.csv"
recorded = pytest.mark.skipif(not RECORDED.is_file(), reason=f"{RECORDED.name} is not beside this checkout")


def sector(n, parity):
    """Sum of sigma^x and the sum over bonds, a diagonal, among states that a flip of all spins multiplies by
    `parity`: (|s> + parity |-s>) / sqrt 2, the last spin up."""
    states = np.arange(2 ** (n - 1))
    spins = 1 - 2 * ((states[:, None] >> np.arange(n)) & 1)
    flipped = [states ^ (1 << k) for k in range(n - 1)] + [states[::-1]]  # the last spin, and then all
    signs = np.repeat([1.0] * (n - 1) + [float(parity)], len(states))
    x = sparse.csr_array((signs, (np.tile(states, n), np.concatenate(flipped))))
    return x, (spins * np.roll(spins, 1, axis=1)).sum(axis=1).astype(float)


class TestGroundStates:
    @pytest.mark.parametrize("n", [3, 4, 5, 8, 9, 11, 12])
    @pytest.mark.parametrize("coupling", [-1.0, 0.7])
    def test_against_diagonalisation(self, n, coupling):
        fields = [0.0, 0.3, 0.7, 1.0, 1.9]
        ring = transverse_ring(n, fields, coupling)
        for parity, name in ((1, "energy_even"), (-1, "energy_odd")):
            x, bonds = sector(n, parity)
            start = np.random.default_rng(n).normal(size=len(bonds))
            for k, field in enumerate(fields):
                matrix = sparse.csr_array(sparse.diags_array(coupling * bonds) - field * x)
                energies, states = eigsh(matrix, k=1, which="SA", v0=start)
                assert ring[name].values[k] == pytest.approx(energies[0], abs=1e-10)
                if parity > 0 and field > 0:
                    ground = states[:, 0]
                    along, correlation = ground @ (x @ ground) / n, ground @ (bonds * ground) / n
                    assert ring.magnetisation_x.values[k] == pytest.approx(along, abs=1e-10)
                    assert ring.bond_correlation.values[k] == pytest.approx(correlation, abs=1e-10)
        np.testing.assert_array_equal(ring.ground_energy, np.minimum(ring.energy_even, ring.energy_odd))

    def test_path_integrals_come_to_the_same_bonds(self):
        """An anneal by continuous-time path integrals that stops at Gamma = 0.6, |J| = 0.4, T = 0.06: thermal
        excitations are 2e-4 of the correlation, and there are no Trotter steps."""
        ring = IsingProblem.from_edges(8, np.arange(8), np.roll(np.arange(8), -1), np.full(8, -1.0))
        physics = PathIntegral(Conditions(100, 1.0, "linear"))
        path = Path(((0.0, 0.0), (1.0, 0.4), (3.0, 0.4)))
        reads = physics.reads(ring.to_bqm(), path, Asked(400, 3, 0.06, None, True, None, None))
        spins = reads.record.sample.astype(int)
        bonds = (spins * np.roll(spins, 1, axis=1)).mean(axis=1)
        expected = float(transverse_ring(8, 1.5).bond_correlation[0])
        assert_within_errors(bonds.mean(), bonds.std() / np.sqrt(400), expected, what="bond correlation")

    def test_large_rings_have_the_energy_of_infinite_ones(self):
        """At Gamma = |J| it is -4/pi a spin (Pfeuty 1970)."""
        ring = transverse_ring(2_000, [1.0, 0.5])
        assert ring.ground_energy.values[0] / 2_000 == pytest.approx(-4 / np.pi, abs=1e-6)
        np.testing.assert_allclose(ring.magnetisation_z, [0, 0.75**0.125])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((2, 1.0), "n, the number of spins, must be at least 3"),
            ((4, [-1.0]), "transverse_field takes one or several finite values of 0 or more"),
            ((4, 1.0, np.nan), "coupling must be finite"),
        ],
    )
    def test_what_is_no_ring(self, arguments, message):
        with pytest.raises(InputError, match=message):
            transverse_ring(*arguments)


class TestKinks:
    @recorded
    @pytest.mark.parametrize("time", [20.0, 40.0])
    def test_slow_quenches_follow_kibble_and_zurek(self, time):
        """Within five percent, at the coupling and on the schedule of D-Wave's own example."""
        kinks = ring_kinks(512 if time == 20 else 128, str(RECORDED), time, coupling=-1.8)
        law = kibble_zurek_kinks(str(RECORDED), time, coupling=-1.8)
        assert float(kinks.kink_density[0]) == pytest.approx(float(law.kink_density[0]), rel=0.05)
        np.testing.assert_allclose(kinks.probability.sum("n_kinks"), 1)
        assert not kinks.probability.values[0, 1::2].any()

    @recorded
    def test_the_law_has_its_published_values(self):
        law = kibble_zurek_kinks(str(RECORDED), [5, 10, 20, 40], coupling=-1.8)
        np.testing.assert_allclose(law.kink_density, [0.0610, 0.0432, 0.0305, 0.0216], rtol=0.005)
        assert law.in_range.all()

    def test_an_antiferromagnetic_ring_of_odd_length_keeps_a_kink(self):
        kinks = ring_kinks(9, "linear", 30.0, coupling=1.0)
        assert not kinks.probability.values[0, 0::2].any()
        assert 1 <= float(kinks.kinks[0]) < 1.2

    def test_an_antiferromagnet_of_even_length_is_a_ferromagnet_in_a_gauge(self):
        one, other = (ring_kinks(10, "quadratic", [0.5, 2.0], coupling=j) for j in (-0.8, 0.8))
        np.testing.assert_allclose(one.probability, other.probability, atol=1e-9)

    def test_a_quench_ends_where_its_kinks_are_counted(self):
        quench = ring_quench(12, "linear", [(0, 0), (2.0, 1)], n_times=3)
        kinks = ring_kinks(12, "linear", 2.0)
        np.testing.assert_allclose(quench.bond_correlation[-1], kinks.bond_correlation[0], atol=1e-9)
        assert float(quench.magnetisation_x[0]) == pytest.approx(1)
        assert float(kinks.kink_density[0]) == pytest.approx((1 - float(kinks.bond_correlation[0])) / 2)

    @pytest.mark.parametrize(("n", "coupling"), [(8, -1.0), (9, 0.7), (10, -0.8)])
    def test_a_course_with_a_pause_against_integration(self, n, coupling):
        points = [(0, 0), (0.6, 0.7), (0.8, 0.7), (1.2, 1.0)]
        found = ring_quench(n, "linear", points, coupling, n_times=5)
        x, bonds = sector(n, 1)

        def slope(time, state):
            s = np.interp(time, *zip(*points, strict=True))
            return -2j * np.pi * (s * coupling * bonds * state - (1 - s) * (x @ state))

        start = np.full(len(bonds), len(bonds) ** -0.5, dtype=complex)
        states = solve_ivp(slope, (0, 1.2), start, "DOP853", found.time.values, rtol=1e-12, atol=1e-13).y
        correlation = bonds @ np.abs(states) ** 2 / n
        along = np.einsum("st,st->t", states.conj(), x @ states).real / n
        np.testing.assert_allclose(found.bond_correlation, correlation, atol=1e-10)
        np.testing.assert_allclose(found.magnetisation_x, along, atol=1e-10)

    @recorded
    def test_means_do_not_depend_on_how_a_recorded_course_is_cut(self):
        ring = (64, str(RECORDED), [(0, 0), (20.0, 1)], -1.0)
        one, many = (ring_quench(*ring, n_times=n).isel(time=-1) for n in (2, 2_000))
        for name in ("bond_correlation", "magnetisation_x"):
            assert float(one[name]) == pytest.approx(float(many[name]), abs=1e-11)

    def test_what_has_no_transition(self):
        with pytest.raises(InputError, match="has no transition at coupling 0"):
            kibble_zurek_kinks("linear", 1.0, coupling=0.0)
        with pytest.raises(InputError, match=r"annealing_time_ns takes one .* above 0; got \[\]"):
            ring_kinks(8, "linear", [])
        with pytest.raises(CapacityError, match="free fermions of 1000000000 spins"):
            ring_kinks(10**9, "linear", [1.0])
        with pytest.raises(InputError, match="finite values above 0; got 0"):
            ring_kinks(8, "linear", 0)


class TestLandauZener:
    @pytest.mark.parametrize("speed", [0.5, 3.0, 20.0])
    def test_against_the_equation_itself(self, speed):
        """From far before the crossing, or from the crossing, to far behind it, among the states there."""
        gap, end = 0.8, 25 / np.sqrt(speed)
        found = landau_zener(gap, speed)
        for start, name in ((-end, "excitation"), (0.0, "excitation_from_crossing")):
            state = lower_and_upper(gap, speed * start)[0].astype(complex)
            solved = solve_ivp(
                lambda t, y: -2j * np.pi * (hamiltonian(gap, speed * t) @ y),
                (start, end), state, "DOP853", rtol=1e-10, atol=1e-12,
            )  # fmt: skip
            upper = abs(lower_and_upper(gap, speed * end)[1] @ solved.y[:, -1]) ** 2
            assert upper == pytest.approx(float(found[name][0]), abs=3e-5)

    def test_what_has_no_crossing(self):
        with pytest.raises(InputError, match="takes a positive gap; got 0"):
            landau_zener(0.0, 1)


def hamiltonian(gap, bias):
    return 0.5 * np.array([[bias, -gap], [-gap, -bias]])


def lower_and_upper(gap, bias):
    return np.linalg.eigh(hamiltonian(gap, bias))[1].T
