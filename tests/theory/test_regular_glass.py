"""The glass on random regular graphs by the whole distribution of messages, against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest

from qspin import theory
from qspin.errors import InputError
from qspin.remarks import remarks_of


def test_above_the_transition_it_is_the_paramagnet():
    found = theory.regular_glass([0.2, 0.8], 3)
    betas = found.beta.values
    np.testing.assert_allclose(found.energy, -1.5 * np.tanh(betas))
    np.testing.assert_allclose(found.free_energy, -(np.log(2) + 1.5 * np.log(np.cosh(betas))) / betas)
    assert found.q.values.tolist() == [0, 0]
    assert remarks_of(found.attrs) == []


def test_below_it_it_is_what_populations_find():
    """Within the errors of a population of messages, down to where messages are those of T = 0."""
    for degree in (3, 4):
        betas = [1.2, 2.0, 20.0]
        found = theory.regular_glass(betas, degree)
        population = theory.cavity(betas, degree, n_messages=4_000, n_sweeps=240, seed=3)
        for name in ("energy", "free_energy", "q"):
            off = found[name] - population[name]
            assert (np.abs(off) < 4 * population[f"{name}_error"] + 1e-4).all(), name
        (remark,) = remarks_of(found.attrs)
        assert remark.code == "replica-symmetry-broken"


def test_energy_is_the_slope_of_beta_times_the_free_energy():
    """The messages are a fixed point, where Bethe's free energy is stationary."""
    step = 1e-3
    found = theory.regular_glass([1.2 - step, 1.2, 1.2 + step], 3)
    products = (found.beta * found.free_energy).values
    slope = (products[2] - products[0]) / (2 * step)
    assert float(found.energy[1]) == pytest.approx(slope, abs=1e-5)


def test_near_the_transition_it_goes_over_into_the_paramagnet():
    critical = float(theory.cavity_transition(3).glass_temperature)
    found = theory.regular_glass([1 / (critical - 0.02)], 3)
    assert 0 < float(found.q[0]) < 0.05
    assert float(found.energy[0]) == pytest.approx(-1.5 * np.tanh(1 / (critical - 0.02)), abs=1e-3)


def test_very_cold_it_is_finite():
    found = theory.regular_glass([50.0], 3)
    assert float(found.energy[0]) == pytest.approx(-1.2749, abs=1e-3)  # of one state; -1.2717 of many
    assert np.isfinite(found.free_energy).all()


@pytest.mark.parametrize(
    ("beta", "degree"), [(0.0, 3), (1.0, 2), (1.0, 2.5), (1.0, 1001), (1.0, 1e50), ([2.0, 1.0], 3)]
)
def test_what_is_refused(beta, degree):
    with pytest.raises(InputError):
        theory.regular_glass(beta, degree)
