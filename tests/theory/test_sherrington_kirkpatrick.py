"""The Sherrington-Kirkpatrick model against its known values and the derivatives of its free energy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import root
from scipy.stats import norm

from qspin.errors import InputError
from qspin.remarks import remarks_of
from qspin.theory import almeida_thouless, almeida_thouless_field, parisi, sk, sk_energy
from qspin.theory._equations import damped_newton, tanh_means
from qspin.theory._parisi import Covariance, _Grid
from qspin.theory._steps import averaged, spread


class TestMeans:
    @pytest.mark.parametrize("width", [1e-7, 0.01, 0.3, 1.0, 8.0, 500.0])
    @pytest.mark.parametrize("mean", [0.0, 0.4, -3.0, 60.0])
    def test_against_a_fine_sum(self, mean, width):
        z = np.linspace(-10, 10, 400_001)
        weights = np.exp(-(z**2) / 2)
        weights /= weights.sum()
        y = mean + width * z
        falling = np.exp(-2 * np.abs(y))
        found = tanh_means(mean, width)
        assert float(found.tanh) == pytest.approx(weights @ np.tanh(y), abs=1e-9)
        assert float(found.sech2) == pytest.approx(weights @ (1 - np.tanh(y) ** 2), abs=1e-9)
        assert float(found.sech4) == pytest.approx(weights @ (1 - np.tanh(y) ** 2) ** 2, abs=1e-9)
        assert float(found.log2cosh) == pytest.approx(weights @ (np.abs(y) + np.log1p(falling)), rel=1e-9)

    @pytest.mark.parametrize("far", [5.0, 9.5, 15.0, 30.0])
    def test_far_from_the_step(self, far):
        """The density at 0 times int (1 - tanh^2) dy = 2, and 4/3 of the square; small, but not 0."""
        found = tanh_means(far * 1e4, 1e4)
        assert float(found.sech2) == pytest.approx(2e-4 * norm.pdf(far), rel=1e-6)
        assert float(found.sech4) == pytest.approx(4e-4 / 3 * norm.pdf(far), rel=1e-6)


class TestEnergies:
    @pytest.mark.parametrize(
        ("steps", "energy", "within"), [(0, -0.797885, 6e-7), (1, -0.765259, 6e-7), (10, -0.76317, 2e-5)]
    )
    def test_ground_state(self, steps, energy, within):
        """The last is the full solution, -0.763167 (Crisanti, Rizzo 2002; Oppermann, Schmidt 2008)."""
        found = sk_energy(0.0, steps=steps)
        assert float(found.energy[0]) == pytest.approx(energy, abs=within)
        assert float(found.free_energy[0]) == float(found.energy[0])

    @pytest.mark.parametrize("h", [0.0, 0.3])
    def test_one_step_against_its_own_free_energy(self, h):
        """Parisi's free energy of one step by sums over z, where it is stationary at T = 0.5; there the
        entropy is its derivative with all else held."""
        z, w = np.polynomial.hermite_e.hermegauss(80)
        w = w / w.sum()

        def free_energy(x, t=0.5):
            q0, q1, m = x
            y = h + np.sqrt(q0) * z[:, None] + np.sqrt(max(q1 - q0, 0)) * z
            inner = np.log((2 * np.cosh(y / t)) ** m @ w) / m
            return -t * w @ inner - ((1 - q1) ** 2 - m * (q1**2 - q0**2)) / (4 * t)

        def slopes(x):
            return [(free_energy(x + d) - free_energy(x - d)) / 2e-5 for d in 1e-5 * np.eye(3)]

        solved = root(slopes, [0.25 + h / 2, 0.63, 0.3], tol=1e-10).x
        found = sk([0.5], h, steps=1).isel(beta=0)
        assert_allclose([*found.overlap_level, *found.breaking_point], solved, atol=1e-6)
        value = free_energy(solved)
        entropy = (free_energy(solved, 0.5 - 1e-4) - free_energy(solved, 0.5 + 1e-4)) / 2e-4
        expected = [value, entropy, value + 0.5 * entropy]
        assert h or value > free_energy([1e-12, 0.6, 0.35])  # without a field q0 = 0 is worse
        assert_allclose([found[name] for name in ("free_energy", "entropy", "energy")], expected, atol=1e-7)
        opposite = sk([0.5], -h, steps=1).isel(beta=0)
        assert_allclose(opposite.overlap_level, found.overlap_level, atol=1e-12)
        assert float(opposite.energy) == pytest.approx(float(found.energy), abs=1e-12)

    def test_more_steps_raise_the_free_energy(self):
        """Guerra's bound: every ladder lies below the truth, and the best of more steps is higher."""
        found = [float(sk(0.0, steps=steps).energy[0]) for steps in (0, 1, 2, 4)]
        assert (np.diff(found) > 0).all()
        assert found[-1] < -0.763167

    def test_high_temperature_is_annealed(self):
        found = sk([1.0, 1.5, 4.0], steps=3)
        t = found.temperature.values
        assert_allclose(found.energy, -1 / (2 * t), atol=1e-12)
        assert_allclose(found.entropy, np.log(2) - 1 / (4 * t**2), atol=1e-12)
        assert_allclose(found.susceptibility, 1 / t, atol=1e-12)
        assert_allclose(found.stability, 1 - 1 / t**2, atol=1e-12)
        assert remarks_of(found.attrs) == []
        assert not found.q_abs.any()
        assert not found.energy_error.any()

    @pytest.mark.parametrize(
        ("t", "h", "steps"), [(0.6, 0.0, 0), (0.6, 0.0, 3), (0.4, 0.3, 2), (1.3, 0.4, 0)]
    )
    def test_derivatives_of_the_free_energy(self, t, h, steps):
        """u = d(beta f)/d beta, m = df/dh in this project's sign, s = -df/dT."""
        step = 1e-4
        found = sk(t, h, steps)
        hotter, colder = (float(sk(t + d, h, steps).free_energy[0]) for d in (step, -step))
        assert float(found.entropy[0]) == pytest.approx((colder - hotter) / (2 * step), abs=1e-5)
        beta_f = (hotter / (t + step) - colder / (t - step)) / (1 / (t + step) - 1 / (t - step))
        assert float(found.energy[0]) == pytest.approx(beta_f, abs=1e-5)
        if h:
            up, down = (float(sk(t, h + d, steps).free_energy[0]) for d in (step, -step))
            assert float(found.magnetisation[0]) == pytest.approx((up - down) / (2 * step), abs=1e-5)
            assert float(found.magnetisation[0]) < 0
            opposite = sk(t, -h, steps)
            assert float(opposite.magnetisation[0]) == pytest.approx(-float(found.magnetisation[0]))

    def test_the_spin_glass_has_unit_susceptibility(self):
        """Parisi's solution: dm/dh = 1 below T_c; a ladder is short of it by 1 / steps^2 or so."""
        found = sk([0.0, 0.3, 0.7], steps=4)
        assert_allclose(found.susceptibility, 1, atol=0.01)
        assert (sk([0.3, 0.7], steps=1).susceptibility.values < found.susceptibility.values[1:]).all()

    @pytest.mark.parametrize(
        ("t", "h", "steps"),
        [
            (0.0, 0.02, 10), (0.0, 0.05, 10), (0.02, 0.0, 5), (0.79, 0.02, 3), (0.01, 1.0, 12), (0.0, 2.0, 7),
        ],
    )  # fmt: skip
    def test_weak_fields_and_cold_ones_converge(self, t, h, steps):
        """Where levels crowd at q = 1 and the first lies between 0 and q(0), or all lie close to 1."""
        found, fewer = sk(t, h, steps), sk(t, h, 2)
        assert float(fewer.free_energy[0]) < float(found.free_energy[0])
        assert 0 < float(found.energy_error[0]) < 5e-5
        assert (np.diff(found.overlap_level[0]) > 0).all()

    @pytest.mark.parametrize("a", [3.0, 150.0])
    def test_steps_of_any_size_are_numbers(self, a):
        """Of |y|, whose step is a closed formula, with exponents a |y| up to 1800; and the distribution
        behind it from its definition, by logarithms.
        """
        spacing, sigma = 0.005, 0.02
        grid = _Grid(0.0, Covariance(), 0.0, spacing, 2_400, 1)
        y = grid.fields
        closed = grid.first_at_zero(a, sigma**2)
        value, slope, by_breaking = averaged(np.abs(y), np.sign(y), a, sigma, spacing, 1)
        far = np.abs(y) > 10 * sigma + a * sigma**2  # |y| has a bend, which sums take to their spacing
        assert_allclose(value[far], closed.value[far], rtol=1e-12)
        assert_allclose(slope[far], np.sign(y[far]))
        assert_allclose(by_breaking[far], closed.by_breaking[far], rtol=1e-8)
        fields = np.exp(-(y**2) / 2)
        apart = y[:, None] - y[None, ::40]
        logs = -(apart**2) / (2 * sigma**2) + a * (np.abs(y)[:, None] - value[::40])
        direct = np.exp(logs) @ fields[::40]
        found = spread(
            np.where(np.arange(len(y)) % 40 == 0, fields, 0), value, np.abs(y), a, sigma, spacing, 1
        )
        assert_allclose(found, direct / direct.sum(), atol=1e-12)

    def test_cold_ones_have_the_entropy_of_their_free_energy(self):
        below, at, above = sk([0.0195, 0.02, 0.0205], 0.3, steps=2).free_energy.values
        entropy = float(sk(0.02, 0.3, steps=2).entropy[0])
        assert entropy == pytest.approx((below - above) / 1e-3, abs=1e-6)
        assert (below > at) == (entropy > 0)

    def test_the_coldest_have_no_entropy_of_their_residuals(self):
        """The full solution has 0.7 T^2 without a field and less with one; a ladder has less than it."""
        assert -5e-4 < float(sk(0.01, 0.3, steps=5).entropy[0]) < 0.7e-4

    def test_equations_are_not_asked_beyond_where_they_hold(self):
        """Levels that touch have no variance between them, and derivatives are taken to the other side."""

        def equations(x):
            assert (x <= 1).all()
            return x - 1 + 1e-3 * (x - 1) ** 2

        found = damped_newton(
            equations, np.array([0.999_999]), np.ones(1), lambda x: bool((x <= 1).all()), "x",
            tolerance=1e-8, enough=1e-7,
        )  # fmt: skip
        assert abs(found.values[0] - 1) < 1e-6

    def test_the_symmetric_solution_has_the_entropy_of_zero_temperature_near_it(self):
        found = sk([0.0, 1e-6], steps=0)
        assert_allclose(found.entropy, -1 / (2 * np.pi), atol=1e-5)

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("steps", [0, 1, 5])
    @pytest.mark.parametrize("h", [7.0, 9.0, 30.0, -40.0, 1e6])
    def test_strong_fields_hold_every_spin(self, h, steps):
        """At T = 0, E = -|h| erf(|h| / sqrt 2) - 2 phi(h), which is -|h| to 1e-10 from 7 on."""
        found = sk([0.0, 0.3], h, steps=steps)
        assert_allclose(found.energy, -abs(h), rtol=1e-8)
        assert_allclose(found.magnetisation, -np.sign(h), rtol=1e-8)
        assert_allclose(found.q_ea, 1, rtol=1e-8)
        assert not steps or (found.energy_error < 1e-8).all()
        codes = {remark.code for remark in remarks_of(found.attrs)}
        expected = {"levels-unresolved"} if steps else set()
        assert codes == (expected if steps > 1 else expected | {"replica-symmetry-broken"})

    @pytest.mark.parametrize(("t", "h"), [(0.0, 2.4), (0.0, 3.0), (0.534, 0.5)])
    def test_where_levels_crowd_the_symmetric_solution_is_as_good_as_told(self, t, h, monkeypatch):
        """Against ladders of levels that lie closer."""
        found = sk(t, h, steps=3)
        (remark,) = remarks_of(found.attrs)
        assert remark.code == "levels-unresolved"
        assert np.isnan(found.breaking_point).all()
        monkeypatch.setattr("qspin.theory.sherrington_kirkpatrick._UNRESOLVED", 1e-6)
        resolved = sk(t, h, steps=3)
        assert remarks_of(resolved.attrs) == []
        off = float(resolved.energy[0] - found.energy[0])
        assert 0 < off < float(found.energy_error[0])
        assert_allclose(resolved.overlap_level, found.overlap_level, atol=2e-3)

    def test_columns_of_a_curve(self):
        found = sk([0.5, 1.2], steps=2)
        assert found.energy.dims == ("beta",)
        assert_allclose(found.beta, [2, 1 / 1.2])
        assert_allclose(found.weight.sum("level"), 1)
        assert_allclose((found.weight * found.overlap_level**2).sum("level"), found.q2)
        assert_allclose(found.energy[0], -(1 - found.q2[0]) / 1.0, atol=1e-9)


class TestStability:
    def test_the_line(self):
        found = almeida_thouless([0.1, 0.2, 0.5, 1.0])
        assert_allclose(found.temperature, [0.81885, 0.72504, 0.53510, 0.32118], atol=6e-6)
        back = almeida_thouless_field(found.temperature)
        assert_allclose(back.field, found.field, atol=1e-9)
        assert_allclose(back.overlap, found.overlap, atol=1e-9)

    def test_its_ends(self):
        assert almeida_thouless([0.0]).temperature.values.tolist() == [1.0]
        assert almeida_thouless_field([1.0, 3.0]).field.values.tolist() == [0.0, 0.0]
        near = almeida_thouless_field(1 - 2e-3)  # h^2 = (4/3) (1 - T)^3 there
        assert float(near.field[0]) == pytest.approx(np.sqrt(4 / 3 * 8e-9), rel=0.005)
        assert float(almeida_thouless(6.0).temperature[0]) == pytest.approx(
            4 / (3 * np.sqrt(2 * np.pi)) * np.exp(-18), rel=0.01
        )

    def test_strong_fields(self):
        """T = 4/3 of the density of fields at 0, of a normal distribution about h: E (1 - tanh^2)^2 / T^2 of
        a distribution that is flat over T. Computed and taken as known meet at h = 8."""
        h = np.array([7.0, 7.9, 8.1, 9.0, 20.0, 37.0])
        expected = 4 / 3 * norm.pdf(h)
        assert_allclose(almeida_thouless(h).temperature, expected, rtol=1e-9)
        back = almeida_thouless_field(expected[:4])
        assert_allclose(back.field, h[:4], rtol=1e-9)
        assert almeida_thouless(-37.0).overlap.values.tolist() == [1.0]

    def test_replica_symmetry_is_remarked_upon_below_it(self):
        (remark,) = remarks_of(sk([0.3, 0.6, 0.9], 0.5, steps=0).attrs)
        assert remark.code == "replica-symmetry-broken"
        assert "below T = 0.53510 in a field of 0.5, at 1 of 3 temperatures" in remark.text
        assert remarks_of(sk(0.6, 0.5, steps=0).attrs) == []
        assert np.isnan(sk(0.3, steps=0).energy_error.values).all()

    def test_ladders_hold_where_the_replica_symmetric_solution_does_not(self):
        found = [float(sk(0.4, 0.2, steps).stability[0]) for steps in (0, 1, 3)]
        assert found[0] < found[1] < found[2] < 0


class TestOverlaps:
    def test_distribution(self):
        found = parisi([0.3, 0.9], steps=5, bins=40)
        assert_allclose((found.density * found.width).sum("q"), 1)
        assert_allclose(found.density, found.density[:, ::-1])
        assert_allclose(np.trapezoid(found.overlap, found.x), [0.7, 0.1], atol=1e-3)  # 1 - T: dm/dh = 1
        energies = sk_energy([0.3, 0.9], steps=5).energy.values
        squares = 1 + 2 * found.temperature.values * energies
        assert_allclose(np.trapezoid(found.overlap**2, found.x), squares, atol=2e-3)
        assert_allclose(found.q_ea, [0.859, 0.1091], atol=2e-3)
        assert float(found.q_min.max()) == 0

    def test_slope_at_the_origin(self):
        """dq/d(x/T) at T -> 0 rises from 0.743 at x = 0 (Crisanti, Rizzo 2002); towards T_c, q(x) is
        (1 + 3 (1 - T)) x / 2 and terms of (1 - T)^2."""
        for t, steps, low, high in (
            (0.05, 7, 0.743, 0.79), (0.8, 4, 0.8, 0.82), (0.8, 8, 0.8, 0.82),
            (0.9, 4, 0.645, 0.656), (0.9, 8, 0.645, 0.656), (0.95, 8, 0.572, 0.578),
        ):  # fmt: skip
            found = parisi(t, steps=steps)
            slope = float((found.overlap / found.x)[0, 1])
            assert low < slope * (t if t < 0.5 else 1) < high

    @pytest.mark.parametrize("tau", [1e-2, 1e-3, 1e-6, 2.0**-53])
    def test_just_below_the_transition(self, tau):
        """q(1) = tau + tau^2 - tau^3, x(1) = 2 tau - 4 tau^2, and int q dx = tau, which is dm/dh = 1."""
        found = parisi(1 - tau).isel(beta=0)
        tau = 1 - (1 - tau)  # as it is rounded
        assert float(found.q_ea) == pytest.approx(tau + tau**2 - tau**3, rel=1e-10 + 3 * tau**3)
        assert 1 - float(found.weight) == pytest.approx(2 * tau - 4 * tau**2, rel=7 * tau**2, abs=1e-15)
        assert float(found.q_min) == 0
        assert float(found.overlap.integrate("x")) == pytest.approx(tau, rel=0.003)  # 201 points
        assert float((found.density * found.width).sum()) == pytest.approx(1)

    def test_near_the_transition_in_a_field_is_remarked_upon(self):
        for settings, words in (((0.9999, 1e-7), "stands in for"), ((0.99, 1e-4), "rounding decides")):
            (remark,) = remarks_of(parisi(*settings, steps=3).attrs)
            assert remark.code == "levels-unresolved"
            assert words in remark.text
        assert remarks_of(parisi(0.95, 0.01, steps=3).attrs) == []

    def test_a_field_leaves_no_small_overlaps(self):
        found = parisi(0.3, 0.2, steps=4)
        assert float(found.q_min[0]) > 0.3
        assert not found.density.where(found.q < 0.3, 0).any()
        paramagnet = parisi(1.5, 0.2, steps=2)
        assert float(paramagnet.weight[0]) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sk(-0.1), r"temperature takes one or several finite values of 0 or more; got -0.1"),
        (lambda: sk(0.005), r"takes 0, or 0.01 and more with steps .* got 0.005"),
        (lambda: sk(0.5, steps=13), r"steps takes 0 to 12; got 13"),
        (lambda: sk(0.5, field=np.inf), r"field must be finite"),
        (lambda: almeida_thouless(38.0), "field takes one or several finite values from -37 to 37; got 38"),
        (lambda: almeida_thouless(np.nan), "finite values from -37 to 37; got nan"),
        (lambda: sk(1e300), r"finite values of 0 or more, up to 1e\+50; got 1e\+300"),
        (lambda: sk([0.0, 1e-300], steps=0), "temperature is too small to reckon with; got 1e-300: take 0"),
        (lambda: almeida_thouless_field(1e-300), "got 1e-300: take values of 1e-50 or more"),
        (lambda: almeida_thouless_field(0.0), r"finite values above 0; got 0"),
        (lambda: parisi(0.5, steps=1), r"steps must be at least 2"),
        (lambda: parisi(0.0), r"finite values above 0; got 0"),
    ],
)
def test_what_is_no_model(call, message):
    with pytest.raises(InputError, match=message):
        call()
