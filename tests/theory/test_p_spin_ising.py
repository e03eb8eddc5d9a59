"""Ising spins with couplings of many spins, by one step of replica symmetry breaking and in their limit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from qspin.errors import InputError
from qspin.remarks import remarks_of
from qspin.theory import p_spin_ising, p_spin_ising_transitions, random_energy


def free_energy(t, p, q, m):
    """Of one step, by a sum over z."""
    z = np.linspace(-14, 14, 60_001)
    weights = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    variance = p / 2 * q ** (p - 1)
    size = np.abs(z) * np.sqrt(variance) / t
    inner = np.log(weights @ np.exp(m * (size + np.log1p(np.exp(-2 * size))))) / m
    theta = (p - 1) / 2 * q**p
    return -t * inner - (p / 2 - variance - (p - 1) / 2 + theta - m * theta) / (2 * t)


class TestThreeSpins:
    def test_transitions(self):
        """0.682, 0.651 and 0.240 (Montanari, Ricci-Tersenghi 2003); 0.6815 and 0.6513 are these, cut off."""
        found = p_spin_ising_transitions(3)
        assert float(found.dynamic_temperature) == pytest.approx(0.68160, abs=1e-5)
        assert float(found.static_temperature) == pytest.approx(0.65139, abs=1e-5)
        assert float(found.gardner_temperature) == pytest.approx(0.24026, abs=1e-5)

    @pytest.mark.parametrize("t", [0.2, 0.45, 0.64])
    def test_one_step_is_stationary(self, t):
        found = p_spin_ising(t)
        q, m = float(found.q_ea[0]), float(found.breaking_point[0])
        assert free_energy(t, 3, q, m) == pytest.approx(float(found.free_energy[0]), abs=1e-8)
        step = 1e-4
        by_q = free_energy(t, 3, q + step, m) - free_energy(t, 3, q - step, m)
        by_m = free_energy(t, 3, q, m + step) - free_energy(t, 3, q, m - step)
        assert abs(by_q) / (2 * step) < 1e-6
        assert abs(by_m) / (2 * step) < 1e-6

    def test_the_energy_is_a_derivative(self):
        step = 1e-4
        for t in (0.3, 0.655, 0.9):
            low, here, high = (p_spin_ising(t + d) for d in (-step, 0, step))
            slope = float(high.free_energy[0] - low.free_energy[0]) / (2 * step)
            assert float(here.entropy[0]) == pytest.approx(-slope, abs=1e-5)

    def test_states_below_the_dynamic_transition(self):
        found = p_spin_ising([0.5, 0.655, 0.68, 0.6817])
        assert_allclose(found.breaking_point[1:], 1)
        assert_allclose(found.complexity[[0, 3]], 0)
        assert 0 < float(found.complexity[1]) < float(found.complexity[2])
        assert float(found.q_ea[3]) == 0 < float(found.q_ea[2]) < float(found.q_ea[1])
        dynamic = p_spin_ising_transitions(3)
        just_below = p_spin_ising(float(dynamic.dynamic_temperature) - 1e-9)
        assert float(just_below.stability[0]) == pytest.approx(0, abs=1e-3)  # marginal states
        assert_allclose(just_below.q_ea[0], dynamic.dynamic_overlap, atol=1e-3)

    def test_where_states_break_up(self):
        (remark,) = remarks_of(p_spin_ising([0.0, 0.2, 0.3]).attrs)
        assert remark.code == "replica-symmetry-broken"
        assert remark.text.startswith("below T_G = 0.2403, at 2 of 3 temperatures")
        assert remarks_of(p_spin_ising([0.3, 0.7]).attrs) == []


class TestManySpins:
    def test_the_limit(self):
        many, limit = (f([0.1, 0.4, 0.7, 2.0]) for f in (lambda t: p_spin_ising(t, p=12), random_energy))
        for name in ("energy", "free_energy", "entropy", "q_abs", "breaking_point"):
            assert_allclose(many[name], limit[name], atol=1e-3, err_msg=name)
        assert_allclose(limit.energy, [-np.sqrt(np.log(2))] * 2 + [-1 / 1.4, -0.25])

    def test_random_energies(self):
        """A sum over 2^20 of them: at low temperature the lowest, with the correction ln(4 pi N ln 2) / (4 N
        sqrt(ln 2)) of their number."""
        n, rng = 20, np.random.default_rng(5)
        levels = rng.normal(0, np.sqrt(n / 2), size=2**n)
        correction = np.log(4 * np.pi * n * np.log(2)) / (4 * n * np.sqrt(np.log(2)))
        for t, missing in ((0.05, correction), (1.2, 0.0)):
            sampled = -t / n * np.logaddexp.reduce(-levels / t)
            assert sampled - missing == pytest.approx(float(random_energy(t).free_energy[0]), abs=0.04)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: p_spin_ising(0.5, p=2), "p, the spins of a coupling, must be at least 3; got 2"),
        (lambda: p_spin_ising(0.5, p=13), "p takes 3 to 12; got 13: random_energy is the limit of many"),
        (lambda: p_spin_ising(0.001), "temperature takes 0, or 0.01 and more; got 0.001"),
        (lambda: p_spin_ising_transitions(2.5), "must be an integer"),
        (lambda: random_energy([1.0, -1.0]), "finite values of 0 or more"),
    ],
)
def test_what_is_no_model(call, message):
    with pytest.raises(InputError, match=message):
        call()
