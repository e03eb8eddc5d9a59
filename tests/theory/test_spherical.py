"""The spherical p-spin glass against published digits, thermodynamics and numerical integrals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from qspin.errors import InputError
from qspin.theory import p_spin_spherical
from qspin.theory.spherical import index_share


class TestSpecialPoints:
    @pytest.mark.parametrize(
        ("name", "value", "digits"),
        [
            ("dynamic_temperature", 0.612372, 6),
            ("dynamic_overlap", 0.5, 12),
            ("static_temperature", 0.586054, 6),
            ("static_overlap", 0.64501, 5),
            ("threshold_energy", -1.154701, 6),
            ("ground_energy", -1.171675, 6),
        ],
    )
    def test_of_three_spins(self, name, value, digits):
        assert round(float(p_spin_spherical(3)[name]), digits) == value

    def test_of_four(self):
        assert round(float(p_spin_spherical(4).ground_energy), 6) == -1.268610

    def test_of_many_spins_are_those_of_random_energies_on_a_sphere(self):
        """Both temperatures fall and the ground state sinks, as those of ever more energies do."""
        points = [p_spin_spherical(p) for p in (3, 10, 100, 1000)]
        for name in ("static_temperature", "ground_energy"):
            assert (np.diff([float(point[name]) for point in points]) < 0).all(), name
        for point in points:
            assert point.static_temperature < point.dynamic_temperature
            assert point.ground_energy < point.threshold_energy


@pytest.mark.parametrize("p", [3, 4, 7])
class TestEquilibrium:
    def test_energy_is_the_slope_of_the_free_energy(self, p):
        """E = d(F/T)/d(1/T), on either side of the transition."""
        static = float(p_spin_spherical(p).static_temperature)
        for around in (0.3, 0.7, 1.3):
            temperature = around * static * np.array([1 - 1e-5, 1, 1 + 1e-5])
            found = p_spin_spherical(p, temperature=temperature)
            beta = 1 / temperature
            free = beta * found.energy.values - found.entropy_deficit.values
            slope = (free[2] - free[0]) / (beta[2] - beta[0])
            assert slope == pytest.approx(found.energy.values[1], rel=1e-7)

    def test_it_is_continuous_at_the_static_transition_but_for_the_overlap(self, p):
        static = float(p_spin_spherical(p).static_temperature)
        found = p_spin_spherical(p, temperature=static * np.array([1 - 1e-9, 1 + 1e-9]))
        for name in ("energy", "entropy_deficit", "breaking_point"):
            assert found[name].values[0] == pytest.approx(found[name].values[1], abs=1e-7)
        assert found.q_ea.values[0] == pytest.approx(float(found.static_overlap), abs=1e-7)
        assert found.q_ea.values[1] == 0

    def test_it_is_a_saddle_of_the_free_energy_with_one_step(self, p):
        """Crisanti and Sommers' free energy of (q, m), differentiated."""
        temperature = 0.6 * float(p_spin_spherical(p).static_temperature)
        found = p_spin_spherical(p, temperature=temperature)
        q, m, beta = found.q_ea.item(), found.breaking_point.item(), 1 / temperature

        def free(q, m):
            volume = (m - 1) / m * np.log(1 - q) + np.log(1 - q + m * q) / m
            return -beta / 4 * (1 - (1 - m) * q**p) - volume / (2 * beta)

        value = found.energy.item() - temperature * found.entropy_deficit.item()
        assert free(q, m) == pytest.approx(value, abs=1e-12)
        for dq, dm in ((1e-5, 0), (0, 1e-5)):
            assert (free(q + dq, m + dm) - free(q - dq, m - dm)) / 2e-5 == pytest.approx(0, abs=1e-7)

    def test_the_coldest_state_is_the_ground_state(self, p):
        found = p_spin_spherical(p, temperature=1e-5)
        assert found.energy.item() == pytest.approx(float(found.ground_energy), abs=2e-5)


@pytest.mark.parametrize("p", [3, 4, 7])
class TestCriticalPoints:
    def test_numbers_by_the_integral_over_a_semicircles_tail(self, p):
        """ln N = (ln(p-1) - (p-2)/(2(p-1)) u^2/...) - (k+1) I_1(u), u = sqrt(2) E."""
        glass = p_spin_spherical(p)
        threshold = float(glass.threshold_energy)
        edge = 2 * np.sqrt((p - 1) / p)
        for energy in (1.2 * threshold, 1.05 * threshold, threshold):
            u = np.sqrt(2) * energy
            tail = quad(lambda z: 2 / edge**2 * np.sqrt(max(z**2 - edge**2, 0.0)), edge, -u)[0]
            found = p_spin_spherical(p, critical_energy=energy)
            for k in range(4):
                expected = np.log(p - 1) / 2 - (p - 2) / (4 * (p - 1)) * u**2 - (k + 1) * tail
                assert found.complexity_of_index.values[k, 0] == pytest.approx(expected, abs=1e-7)
            assert found.complexity.values[0] == pytest.approx(found.complexity_of_index.values[0, 0])

    def test_minima_begin_at_the_ground_state_and_end_at_the_threshold(self, p):
        glass = p_spin_spherical(p)
        lowest = glass.lowest_energy.values
        assert lowest[0] == pytest.approx(float(glass.ground_energy), abs=1e-12)
        assert (np.diff(lowest) > 0).all()
        assert lowest[-1] < float(glass.threshold_energy)
        at = p_spin_spherical(
            p, critical_energy=[float(glass.threshold_energy), 0.99 * float(glass.threshold_energy)]
        )
        np.testing.assert_allclose(at.complexity_of_index.values[:, 0], np.log(p - 1) / 2 - (p - 2) / p)
        assert (at.complexity_of_index.values[:, 1] == -np.inf).all()

    def test_all_of_them_are_as_many_above_as_below(self, p):
        found = p_spin_spherical(p, critical_energy=[-1.6, -1.2, -0.4, 0.0, 0.4, 1.2, 1.6])
        np.testing.assert_allclose(found.complexity, found.complexity[::-1])
        assert found.complexity.values[3] == found.complexity.values.max() == pytest.approx(np.log(p - 1) / 2)

    def test_the_index_is_that_of_shifted_gaussian_matrices(self, p):
        """Semicircle of radius sqrt(2 p (p - 1)) about -p E."""
        radius = np.sqrt(2 * p * (p - 1))
        for energy in (-1.0, -0.3, 0.0, 0.8):
            share = quad(lambda x: 2 / np.pi * np.sqrt(1 - x**2), -1, np.clip(p * energy / radius, -1, 1))[0]
            assert index_share(energy, p)[0] == pytest.approx(share, abs=1e-8)


def test_source_range_and_error_are_told():
    attributes = p_spin_spherical(3).attrs
    assert attributes["p"] == 3
    assert all(attributes[name] for name in ("source", "valid", "error"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 2}, "p, the spins of an interaction, must be at least 3; got 2"),
        ({"p": 3.5}, "must be an integer; got 3.5"),
        ({"temperature": [0.5, 0.0]}, "temperature takes one or several finite values above 0"),
        ({"temperature": []}, "temperature takes one or several finite values"),
        ({"critical_energy": np.nan}, "critical_energy takes one or several finite numbers; got nan"),
        ({"critical_energy": "low"}, "critical_energy must be real numbers"),
        ({"n_indices": 0}, "n_indices must be at least 1"),
    ],
)
def test_what_has_no_theory(arguments, message):
    with pytest.raises(InputError, match=message):
        p_spin_spherical(**arguments)


def test_interactions_of_too_many_spins_are_refused():
    with pytest.raises(
        InputError, match=r"p takes 3 to 1000000; got 1000+: random_energy is the limit of many"
    ):
        p_spin_spherical(10**50)
