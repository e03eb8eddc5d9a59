"""Curves held against each other: at common temperatures, interpolated where ladders differ."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from qspin.analysis import compare_curves, half_temperature

T = np.array([4.0, 2.0, 1.0, 0.5])


def curve(q, error=0.01, temperatures=T):
    beta = 1 / np.asarray(temperatures, float)
    q = np.asarray(q, float)
    return xr.Dataset(
        {"q_abs": ("beta", q), "q_abs_error": ("beta", np.full(q.shape, error))},
        coords={"beta": beta, "temperature": ("beta", 1 / beta)},
    )


def smooth(temperatures, shift=1.0, error=0.004):
    """A curve that falls from 1 to 0 in ln T, halfway at T = `shift`."""
    t = np.asarray(temperatures, float)
    return curve(1 / (1 + (t / shift) ** 3), error=error, temperatures=t)


def test_only_shared_temperatures_are_compared():
    comparison = compare_curves(curve([1, 2, 3, 4]), curve([5, 6], temperatures=[1.0, 0.25]))
    assert comparison.temperature.tolist() == [1.0]
    assert comparison.difference.tolist() == [-2.0]
    assert compare_curves(curve([1] * 4), curve([1], temperatures=[7.0])) is None
    assert compare_curves(curve([1] * 4), curve([1] * 4), "q_link") is None


def test_differences_have_a_side():
    comparison = compare_curves(curve([0.1, 0.2, 0.5, 0.9]), curve([0.3, 0.21, 0.2, 0.5]))
    assert comparison.significant.tolist() == [True, True, False, True]
    assert comparison.temperature[comparison.largest] == 0.5


class TestLaddersOfTheirOwn:
    """Ladders as ``betas: auto`` finds them: they overlap, and share no temperature."""

    one, other = np.geomspace(0.3, 4, 20)[::-1], np.geomspace(0.4, 6, 17)[::-1]

    def test_interpolation_finds_no_difference_where_there_is_none(self):
        comparison = compare_curves(smooth(self.one), smooth(self.other))
        assert comparison.is_interpolated
        assert comparison.temperature.min() >= 0.4
        assert comparison.temperature.max() <= 4
        assert len(comparison.temperature) >= 14
        assert (np.abs(comparison.difference) < comparison.error).all(), (
            "interpolation is covered by its error"
        )

    def test_a_coarse_ladder_says_how_coarse_it_is(self):
        exact = smooth([4.0, 0.7, 0.3], error=1e-4)
        comparison = compare_curves(exact, smooth(np.geomspace(0.31, 3.9, 60)[::-1], error=1e-4), "q_abs")
        assert len(comparison.temperature) == 1, "the sparser ladder says where"
        values = compare_curves(smooth(self.one, error=1e-4), exact, at=[2.0, 0.4])
        assert (np.abs(values.difference) < values.error).all()
        assert (values.error > 0.02).all()

    def test_one_shared_temperature_is_not_all_that_is_compared(self):
        comparison = compare_curves(smooth(self.one), smooth([*self.other[:-3], self.one[-2], 0.25]))
        assert len(comparison.temperature) > 10


def test_half_temperature():
    temperature, error = half_temperature(curve([0.1, 0.25, 0.75, 0.9]))
    assert temperature == pytest.approx(np.sqrt(2))
    assert error == pytest.approx(np.sqrt(2) * 0.01 / np.sqrt(2) / (0.5 / np.log(2)))
    assert half_temperature(curve([0.6] * 4)) is None
