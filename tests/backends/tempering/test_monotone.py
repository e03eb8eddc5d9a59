"""Roots, curves and quantiles against those of SciPy, in whose place they stand."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.tempering.monotone import interpolated, students_quantile, zero_of
from scipy.interpolate import PchipInterpolator
from scipy.special import stdtrit


@pytest.mark.parametrize("n", [3, 4, 33])
def test_curves_are_those_of_scipy(n):
    rng = np.random.default_rng(n)
    for _ in range(50):
        x, y = np.cumsum(rng.exponential(size=(2, n)) ** 3 + 1e-6, axis=1)
        at = np.linspace(x[0], x[-1], 57)
        at[-1] = x[-1]
        np.testing.assert_allclose(interpolated(at, x, y), PchipInterpolator(x, y)(at), rtol=1e-12)


def test_zeros_are_found():
    assert zero_of(lambda x: 2 - x**3, 0.0, 60.0, 1e-9) == pytest.approx(2 ** (1 / 3), abs=1e-9)
    assert zero_of(lambda x: 2 - x, 0.0, 60.0, 1e-3) >= 2.0
    assert zero_of(lambda x: 1.0, 0.0, 1.0, 1e-3) == 1.0


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 63, 1_000])
@pytest.mark.parametrize("tail", [0.4, 1e-2, 1e-4, 1e-7])
def test_quantiles_are_those_of_scipy(n, tail):
    assert students_quantile(n, tail) == pytest.approx(stdtrit(n, 1 - tail), rel=1e-7)
