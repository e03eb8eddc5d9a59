"""The exponent of a quench: curves that are made with a known one, and what cannot be collapsed."""

from __future__ import annotations

import numpy as np
import pytest

from qspin.analysis import collapse_in_time
from qspin.errors import InputError
from qspin.testing import assert_within_errors

SIZES = (4, 6, 8)
TIMES = np.geomspace(2.0, 200.0, 9)


def made(mu, seed, noise=0.01, times=TIMES):
    """U = F(t L^-mu) of several sizes with noise, and bootstrap values."""
    rng = np.random.default_rng(seed)
    curves = {L: 1 / (1 + (times / L**mu) ** -0.8) + noise * rng.normal(size=len(times)) for L in SIZES}
    errors = {L: np.full(len(times), noise) for L in SIZES}
    drawn = {L: curves[L] + noise * rng.normal(size=(60, len(times))) for L in SIZES}
    return dict.fromkeys(SIZES, times), curves, errors, drawn


@pytest.mark.parametrize("mu", [1.0, 2.0, 2.7])
def test_the_exponent_comes_back(mu):
    found = [collapse_in_time(*made(mu, seed)) for seed in range(12)]
    values = np.array([one.mu for one in found])
    assert_within_errors(values.mean(), np.mean([one.error for one in found]) / np.sqrt(len(found)), mu)
    assert 0.5 < np.mean([one.error for one in found]) / values.std(ddof=1) < 2
    assert 0.5 < np.mean([one.quality for one in found]) < 1.6


def test_sizes_may_have_times_of_their_own():
    times, curves, errors, drawn = made(2.0, 1, noise=0.002)
    kept = {4: slice(0, 7), 6: slice(1, 8), 8: slice(2, 9)}
    parts = [{L: np.asarray(p[L])[..., kept[L]] for L in SIZES} for p in (times, curves, errors, drawn)]
    found = collapse_in_time(*parts)
    assert_within_errors(found.mu, found.error, 2.0)


def test_curves_that_hardly_meet_have_no_exponent():
    """Whatever lies apart fits a polynomial."""
    times = np.geomspace(1.0, 3.0, 6)
    with pytest.raises(InputError, match="scaled times hardly meet.*longer times for the larger sizes"):
        collapse_in_time(*made(4.0, 0, times=times))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: [{4: own[4]} for own in p], "two sizes and more than 6 points; got 1 and 9"),
        (lambda p: [dict.fromkeys(SIZES, np.arange(9.0)), *p[1:]], "positive times and errors"),
        (lambda p: [p[0], p[1], dict.fromkeys(SIZES, np.zeros(9)), p[3]], "positive times and errors"),
    ],
)
def test_what_cannot_be_collapsed(change, message):
    with pytest.raises(InputError, match=message):
        collapse_in_time(*change(list(made(1.0, 0))))
