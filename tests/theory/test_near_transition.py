"""Series of the Sherrington-Kirkpatrick model just below T_c against its free energy in many digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from qspin.remarks import remarks_of
from qspin.theory import sk
from qspin.theory._near_transition import NEAR, near_levels, near_rise
from qspin.theory._parisi import broken_ladder

TAU = 1e-3


def hermite(n):
    """Nodes and weights of means over a standard normal variable, exact for polynomials up to 2n - 1."""
    nodes = [mpmath.mpf(float(z)) for z in np.polynomial.hermite_e.hermegauss(n)[0]]
    weights = []
    for i, z in enumerate(nodes):
        for _ in range(5):
            below, at = mpmath.mpf(1), z
            for k in range(1, n):
                below, at = at, z * at - k * below
            z -= at / (n * below)
        nodes[i] = z
        weights.append(mpmath.factorial(n) / (n * below) ** 2)
    return list(zip(nodes, weights, strict=True))


def free_energy(overlaps, breaks, t, normal):
    """beta f of a ladder without what does not depend on it (Parisi 1980)."""
    k = len(breaks)
    widths = [mpmath.sqrt(b - a) for a, b in zip([0, *overlaps], overlaps, strict=False)]

    def nested(level, y):
        if level > k:
            return mpmath.log(mpmath.cosh(y / t))
        a = breaks[level - 1] if level else 0
        inner = [(w, nested(level + 1, y + widths[level] * z)) for z, w in normal]
        if not level:
            return sum(w * g for w, g in inner)
        return mpmath.log(sum(w * mpmath.exp(a * g) for w, g in inner)) / a

    rises = sum(m * (b**2 - a**2) for m, a, b in zip(breaks, overlaps, overlaps[1:], strict=False))
    return (rises - (1 - overlaps[-1]) ** 2) / (4 * t**2) - nested(0, mpmath.mpf(0))


def stationary(steps, tau):
    """q_i and m_i by Newton's method in many digits, from the lowest order."""
    n, normal, move = 2 * steps + 1, hermite(10), mpmath.mpf(10) ** -10
    x = [mpmath.mpf(i) / n for i in range(1, n + 1, 2)] + [mpmath.mpf(2 * i) / n for i in range(2, n, 2)]

    def f(*moves):
        at = [tau * (v + move * sum(s for i, s in moves if i == j)) for j, v in enumerate(x)]
        return free_energy(at[: steps + 1], at[steps + 1 :], 1 - tau, normal)

    for _ in range(4):
        here, up, down = f(), [f((i, 1)) for i in range(n)], [f((i, -1)) for i in range(n)]
        slopes = mpmath.matrix([(a - b) / (2 * move) for a, b in zip(up, down, strict=True)])
        curved = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(i):
                curved[i, j] = curved[j, i] = (f((i, 1), (j, 1)) - up[i] - up[j] + here) / move**2
            curved[i, i] = (up[i] + down[i] - 2 * here) / move**2
        x = [v + s for v, s in zip(x, mpmath.lu_solve(curved, -slopes), strict=True)]
    found = np.array([float(tau * v) for v in x])
    return found[: steps + 1], found[steps + 1 :]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_levels_are_stationary_points_of_the_free_energy(steps):
    """Up to the order of the series: what is left is of the third order in tau, with factors of 4 and 33."""
    with mpmath.workdps(50):
        overlaps, breaks = stationary(steps, mpmath.mpf(TAU))
    found = near_levels(1 - TAU, steps)
    assert_allclose(found[0], overlaps, rtol=4 * TAU**3)
    assert_allclose(found[1], breaks, rtol=33 * TAU**3)
    if not steps:
        assert_allclose(sk(1 - TAU, steps=0).q_ea, overlaps, rtol=1e-9)


def test_many_steps_are_the_full_solution():
    overlaps, breaks = near_levels(0.99, 400)
    q, x = near_rise(0.99, n=3)
    assert overlaps[-1] == pytest.approx(q[-1], rel=1e-7)
    assert breaks[-1] == pytest.approx(x[-1], rel=2e-3)
    assert_allclose(np.interp(x[1], breaks, (overlaps[1:] + overlaps[:-1]) / 2), q[1], rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 2])
def test_series_and_ladders_meet(steps):
    """On either side of where one gives way to the other."""
    t = 1 - NEAR - 1e-9
    ladder, series = sk(t, steps=steps).isel(beta=0), sk(1 - NEAR + 1e-9, steps=steps).isel(beta=0)
    assert_allclose(series.overlap_level, ladder.overlap_level, rtol=5e-3)  # of rounding in the ladder
    assert float(series.q_ea) == pytest.approx(float(ladder.q_ea), rel=2e-4)
    for name, within in (("energy", 2e-8), ("free_energy", 1e-9), ("entropy", 2e-8)):
        assert float(series[name]) == pytest.approx(float(ladder[name]), abs=within + 2e-9)
    assert float(series.stability) == pytest.approx(float(ladder.stability), rel=0.02)
    assert float(series.susceptibility) == pytest.approx(float(ladder.susceptibility), abs=1e-4)
    (remark, *more) = remarks_of(series.attrs) or [None]
    assert (remark.code if remark else None) == ("replica-symmetry-broken" if steps == 1 else None)
    assert not more


def test_ladders_solved_from_the_series_agree():
    """At T = 0.95, where levels are still told apart: the equations hold at what differs little."""
    levels, breaks = near_levels(0.95, 2)
    solved = broken_ladder(0.95, levels, breaks / 0.95)
    assert_allclose(levels, solved.overlaps, rtol=2e-3)
    assert_allclose(breaks, 0.95 * solved.breaking, rtol=5e-3)


@pytest.mark.parametrize("t", [0.995, 1 - 1e-5, 1 - 2.0**-53])
def test_symmetry_is_broken_right_below_the_transition(t):
    found = sk(t, steps=0)
    assert [remark.code for remark in remarks_of(found.attrs)] == ["replica-symmetry-broken"]
    assert np.isnan(found.energy_error.values).all()
    assert float(found.q_ea[0]) == pytest.approx(1 - t + (1 - t) ** 2 / 3, rel=1e-8 + (1 - t) ** 2)
