"""Searches for stationary points against equations whose solutions are known."""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin.theory.one_instance import stationary
from qspin.theory.one_instance.mean_field import Magnetisations
from qspin.theory.one_instance.stationary import searched


class Circle:
    """x^2 + y^2 = 4, x y = 1; from x = -y there is no way to a solution."""

    def slopes(self, x):
        return np.stack([(x**2).sum(axis=1) - 4, x.prod(axis=1) - 1], axis=1)

    def curvature(self, x):
        return np.stack([2 * x, x[:, ::-1]], axis=1)


def test_starts_come_to_solutions_or_tell_what_is_left():
    found = searched(Circle(), np.array([[2.0, 0.3], [0.1, 3.0], [-1.0, -2.5], [1.0, -1.0]]))
    large, small = np.sqrt(2 + np.sqrt(3)), np.sqrt(2 - np.sqrt(3))
    np.testing.assert_allclose(found.x[:3], [[large, small], [small, large], [-small, -large]], atol=1e-12)
    assert found.residual[:3].max() < 1e-12
    assert found.residual[3] == pytest.approx(2.4, abs=1e-4)  # squares are least at x^2 = 1.4 there
    assert (found.steps < 50).all()


def test_starts_do_not_know_of_each_other(monkeypatch):
    glass = qspin.instances.sherrington_kirkpatrick(30, seed=2)
    equations = Magnetisations(glass, 1.5)
    starts = np.random.default_rng(4).normal(size=(12, 30))
    together = searched(equations, starts)
    monkeypatch.setattr(stationary, "_LARGEST_BATCH", 2 * 30**2)
    for one, x in zip(starts, together.x, strict=True):
        np.testing.assert_allclose(searched(equations, one[None]).x[0], x, atol=1e-9)
    np.testing.assert_allclose(searched(equations, starts).x, together.x, atol=1e-9)


def test_jacobians_are_derivatives_of_the_equations():
    glass = qspin.instances.sherrington_kirkpatrick(8, seed=3)
    for reacts in (True, False):
        equations = Magnetisations(glass, 1.2, reacts)
        x, step = np.random.default_rng(5).normal(size=(3, 8)), 1e-5
        for k, move in enumerate(step * np.eye(8)):
            slope = (equations.slopes(x + move) - equations.slopes(x - move)) / (2 * step)
            np.testing.assert_allclose(equations.curvature(x)[..., k], slope, atol=1e-8)
