"""The spherical glass's energies, slopes and critical points against differences, averages and theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qspin.errors import CapacityError, InputError, RunError
from qspin.networks.loss_landscapes import (
    SphericalGlass,
    anneal,
    critical_points,
    descend,
    relu_losses,
    spherical_glass,
)
from qspin.networks.loss_landscapes.spherical import on_sphere, tangents
from qspin.significance import STANDARD_ERRORS
from qspin.testing import assert_within_errors
from qspin.theory import p_spin_spherical


class TestGlass:
    @pytest.mark.parametrize("p", [3, 4])
    def test_energies_are_the_sum_over_all_interactions(self, p):
        glass = spherical_glass(5, p, seed=1)
        spins = glass.random_spins(3, seed=2)
        for s, energy in zip(spins, glass.energies(spins), strict=True):
            total = glass._tensor
            for _ in range(p):
                total = total @ s
            assert energy == pytest.approx(-total / 5)

    @pytest.mark.parametrize("p", [3, 4])
    def test_gradients_and_hessians_by_differences_along_the_sphere(self, p):
        glass = spherical_glass(6, p, seed=1)
        s = glass.random_spins(1, seed=2)
        basis, step = tangents(s)[0], 1e-4
        np.testing.assert_allclose(basis.T @ np.column_stack([basis, s[0]]), np.eye(5, 6), atol=1e-14)

        def energy(v):
            """On the great circle along v, of E itself."""
            length = max(np.linalg.norm(v), 1e-300)
            circle = math.cos(length / 6**0.5) * s[0] + 6**0.5 * math.sin(length / 6**0.5) * v / length
            return 6 * glass.energies(circle[None])[0]

        slope = [(energy(step * e) - energy(-step * e)) / (2 * step) for e in basis.T]
        np.testing.assert_allclose(basis.T @ glass.gradients(s)[0], slope, atol=1e-6)
        assert glass.gradients(s)[0] @ s[0] == pytest.approx(0, abs=1e-12)
        hessian = np.empty((5, 5))
        for i, a in enumerate(step * basis.T):
            for j, b in enumerate(step * basis.T):
                corners = (
                    energy(1.5 * a + b) - energy(1.5 * a - b) - energy(b - 1.5 * a) + energy(-1.5 * a - b)
                )
                hessian[i, j] = corners / (6 * step**2)
        np.testing.assert_allclose(glass.hessians(s)[0], hessian, atol=1e-5)

    @pytest.mark.parametrize("p", [3, 4])
    def test_energies_have_the_covariance_of_the_model(self, p):
        """N q^p / 2 at any N, over instances."""
        s, n = on_sphere(np.array([[1.0, 1, 1, 1, 1], [1, 1, 1, 1, -2]])), 5
        overlap = s[0] @ s[1] / n
        energies = n * np.array([spherical_glass(n, p, seed=k).energies(s) for k in range(600)])
        for product, expected in (
            (energies[:, 0] ** 2, n / 2),
            (energies[:, 0] * energies[:, 1], n * overlap**p / 2),
        ):
            error = product.std() / np.sqrt(len(product))
            assert product.mean() == pytest.approx(expected, abs=STANDARD_ERRORS * error)

    def test_couplings_of_different_spins_have_the_variance_of_the_model(self):
        """p! / (2 N^(p-1)), a coupling being the sum over the orders of its spins."""
        glass = spherical_glass(30, seed=4)
        i, j, k = np.ogrid[:30, :30, :30]
        couplings = 6 * glass._tensor[(i < j) & (j < k)]
        expected = 6 / (2 * 30**2)
        error = expected * np.sqrt(2 / len(couplings))
        assert (couplings**2).mean() == pytest.approx(expected, abs=STANDARD_ERRORS * error)


class TestDescent:
    def test_it_ends_in_minima(self):
        found = descend(spherical_glass(40, seed=1), 8, seed=2)
        assert found.converged.all()
        assert (found["index"] == 0).all()
        assert (found.residual < 1e-4).all()
        ground = float(p_spin_spherical(3).ground_energy)
        np.testing.assert_allclose(found.depth, found.energy / ground)

    def test_they_lie_at_the_threshold_as_systems_grow(self):
        """Energies of N = 16 and 48, extrapolated in N^(-2/3), the distance between eigenvalues at the edge
        of a spectrum."""
        means, errors = [], []
        for n, n_instances in ((16, 48), (48, 12)):
            reached = [
                descend(spherical_glass(n, seed=k), 4, tolerance=5e-3, seed=k).energy.mean().item()
                for k in range(n_instances)
            ]
            means.append(np.mean(reached))
            errors.append(np.std(reached, ddof=1) / np.sqrt(n_instances))
        weights = np.linalg.inv([[1, 16 ** (-2 / 3)], [1, 48 ** (-2 / 3)]])[0]
        error = np.hypot(*(weights * errors))
        assert error < 0.03
        threshold = float(p_spin_spherical(3).threshold_energy)
        assert weights @ means == pytest.approx(threshold, abs=STANDARD_ERRORS * error)

    def test_it_does_not_move_a_minimum(self):
        glass = spherical_glass(20, seed=1)
        first = descend(glass, 2, seed=2)
        again = descend(glass, spins=first.spins.values)
        np.testing.assert_array_equal(again.spins, first.spins)
        assert (again.n_steps == 0).all()

    def test_what_is_not_finished_is_told(self):
        found = descend(spherical_glass(20, seed=1), 2, max_steps=3, seed=2)
        assert not found.converged.any()
        assert (found.n_steps == 3).all()


class TestAnneal:
    def test_hot_walkers_are_in_equilibrium(self):
        """-1/(2T) above the transition, over instances."""
        temperatures = np.array([1.5, 1.0])
        energies = np.array([
            anneal(spherical_glass(40, seed=k), temperatures, 8, n_steps=400, tolerance=0.1, seed=k)
            .energy_mean.mean("start")
            .values
            for k in range(8)
        ])  # fmt: skip
        errors = energies.std(axis=0, ddof=1) / np.sqrt(len(energies))
        assert_within_errors(energies.mean(axis=0), errors, -1 / (2 * temperatures))

    def test_slow_cooling_ends_below_descent(self):
        glass = spherical_glass(40, seed=1)
        cooled = anneal(glass, np.linspace(0.8, 0.05, 12), 12, n_steps=200, seed=3)
        assert cooled.converged.all()
        assert (cooled["index"] == 0).all()
        assert cooled.energy.mean() < descend(glass, 12, seed=3).energy.mean()
        assert (np.diff(cooled.energy_mean.mean("start")) < 0).all()


@pytest.fixture(scope="module")
def saddles():
    return critical_points(spherical_glass(40, seed=1), 40, seed=2)


class TestCriticalPoints:
    def test_their_gradient_vanishes(self, saddles):
        assert saddles.converged.mean() > 0.5
        glass = spherical_glass(40, seed=1)
        reached = saddles.where(saddles.converged, drop=True)
        assert np.abs(glass.gradients(reached.spins.values)).max() < 1e-6
        np.testing.assert_array_equal(glass.indices(reached.spins.values), reached["index"])

    def test_their_index_grows_with_energy_as_theory_says(self, saddles):
        reached = saddles.where(saddles.converged, drop=True)
        assert reached.energy.max() - reached.energy.min() > 0.6
        difference = (reached.index_share - reached.index_share_expected).values
        assert np.abs(difference).mean() < 0.02
        assert np.abs(difference).max() < 0.06


class TestNetworks:
    def test_losses_are_put_on_the_axis_of_the_glass(self):
        found = relu_losses([2, 16], 3, epochs=5, learning_rate=0.01, seed=1)
        assert found.loss_train.shape == (2, 3)
        assert found.n_weights.values.tolist() == [13 * 2 + 3 * 3, 13 * 16 + 17 * 3]
        for name in ("train", "test"):
            assert found[f"depth_{name}"].values.max() == 1
            order = np.argsort(found[f"loss_{name}"].values, axis=None)
            assert (np.diff(found[f"depth_{name}"].values.ravel()[order]) <= 0).all()
        assert found.depth_train.mean("draw")[1] > found.depth_train.mean("draw")[0]
        assert found.spread_train[1] < found.spread_train[0]


SMALL = spherical_glass(4, seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spherical_glass(10, 2, seed=1), "must be at least 3; got 2"),
        (lambda: spherical_glass(1, seed=1), "n_spins must be at least 2; got 1"),
        (lambda: SphericalGlass(np.zeros((2, 2, 3))), r"3 or more equal axes of 2 or more; got \(2, 2, 3\)"),
        (lambda: SphericalGlass(np.arange(27.0).reshape(3, 3, 3)), "must be finite and symmetric"),
        (lambda: SphericalGlass(np.full((2, 2, 2), np.nan)), "must be finite and symmetric"),
        (lambda: SMALL.energies(np.ones((1, 3))), r"spins must have shape \(n, 4\); got \(1, 3\)"),
        (lambda: SMALL.energies(np.full((1, 4), 2.0)), r"lie on the sphere \|s\|\^2 = 4"),
        (lambda: descend(SMALL, 0), "must be at least 1; got 0"),
        (lambda: descend(SMALL, tolerance=0.0), "tolerance must be positive"),
        (lambda: descend(SMALL, spins="up"), "spins must be real numbers; got a str"),
        (lambda: descend(SMALL, spins=np.ones(4)), r"spins must have shape \(n, 4\)"),
        (lambda: anneal(SMALL, [], seed=1), "temperatures must be positive, and at least one"),
        (lambda: anneal(SMALL, [1.0, -1.0], seed=1), "temperatures must be positive"),
        (lambda: anneal(SMALL, [1.0], time_step=0.0, seed=1), "time_step must be positive"),
        (lambda: critical_points(SMALL, 0, seed=1), "n_points must be at least 1"),
        (lambda: critical_points(SMALL, tolerance=np.nan, seed=1), "tolerance must be finite"),
        (lambda: relu_losses([], seed=1), "widths must be distinct, and at least one"),
        (lambda: relu_losses([4, 4], seed=1), "widths must be distinct"),
        (lambda: relu_losses("wide"), "a width must be an integer; got 'w'"),
        (lambda: relu_losses([4], 1), "n_draws must be at least 2"),
        (lambda: relu_losses([4], dataset="digit"), "no data set 'digit'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_what_does_not_fit_in_memory_is_refused():
    with pytest.raises(CapacityError, match="couplings of 100000 spins in groups of 3 take"):
        spherical_glass(100_000, seed=1)


def test_steps_that_are_too_long_are_told():
    with pytest.raises(RunError, match="take a time_step below"):
        anneal(SMALL, [1.0], time_step=1e308, seed=1)
