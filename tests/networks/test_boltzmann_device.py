"""What a training knows of the temperature of a device that drifts, warms up, or is at its end."""

from __future__ import annotations

import math

import numpy as np
import pytest

import qspin
from qspin.networks import RestrictedBoltzmannMachine
from qspin.networks.boltzmann import fit_boltzmann
from qspin.networks.boltzmann.fitting.device import KnownDevice
from qspin.networks.training import bars_and_stripes
from qspin.provenance import run_info
from qspin.samples import SampleSet

DRIFT = 0.02
ERROR = 0.03  # of one measurement, a share
TRUE = 5.0


def followed(device_beta, n_steps, *, seed=0, growth=1.0):
    """Programme a device step by step; beta of the samples, factors and sizes of the machine (n_steps,).

    Parameters
    ----------
    device_beta : of (step, energy as it is programmed)
    growth : of the machine, at every step
    """
    rng = np.random.default_rng(seed)
    known, size, rows = KnownDevice(), 1.0, []
    for step in range(n_steps):
        factor = 1 / known.beta
        beta = device_beta(step, factor * size)
        rows.append((beta * factor, factor, size))
        known = KnownDevice.of(known.kept())  # as a training that was stopped goes on
        found = beta * (1 + ERROR * rng.standard_normal())
        known = known.after(found, ERROR * beta, factor=factor, drift=DRIFT)
        size *= growth * known.shrinks(DRIFT)
    return np.array(rows).T


@pytest.mark.parametrize("seed", range(5))
def test_a_device_that_drifts_is_followed_and_shrinks_nothing(seed):
    steps = np.random.default_rng(100 + seed).standard_normal(400)
    walk = TRUE * np.exp(DRIFT * np.cumsum(steps))
    betas, _, sizes = followed(lambda step, _: walk[step], 400, seed=seed)
    assert (sizes == 1.0).all()
    assert abs(betas[10:].mean() - 1) < 0.01
    assert betas[10:].std() < 2 * DRIFT + ERROR


@pytest.mark.parametrize("beta", [0.05, 20.0])
def test_a_device_far_from_where_it_was_looked_for_is_found(beta):
    betas, factors, sizes = followed(lambda step, _: beta, 40)
    assert abs(betas[-10:].mean() - 1) < 0.02
    assert factors[-1] == pytest.approx(1 / beta, rel=0.1)
    assert (sizes == 1.0).all()


def test_a_device_that_gets_no_colder_limits_the_machine():
    """Frozen beyond an energy of 1: the machine grows to what it can sample at beta = 1 and no further."""
    largest = TRUE  # of the machine: a factor of 1/5 then programmes an energy of 1

    def frozen(step, programmed):
        return TRUE * min(1.0, 1 / programmed)

    betas, factors, sizes = followed(frozen, 150, growth=1.03)
    np.testing.assert_allclose(sizes[:50], 1.03 ** np.arange(50), rtol=1e-12)  # nothing gives way before
    assert sizes.max() < 1.3 * largest
    assert betas[80:].mean() > 0.85  # 3 % of growth a step against a fifth of what is missing
    assert factors[10:].max() < 2 / TRUE  # 1/5 is what its temperature asks for, and more serves nothing


def test_a_device_that_warmed_up_by_itself_is_followed_in_the_end():
    betas, factors, _ = followed(lambda step, _: TRUE if step < 50 else TRUE / 2, 130)
    assert betas[50] == pytest.approx(0.5, rel=0.2)
    assert abs(betas[-20:].mean() - 1) < 0.03
    assert factors[-1] == pytest.approx(2 / TRUE, rel=0.1)


def test_measurements_that_are_missing_tell_nothing():
    known = KnownDevice(beta=4.0, variance=0.01, coldest=4.2, age=3.0, mean=0.9)
    after = known.after(math.nan, math.nan, factor=0.25, drift=DRIFT)
    assert after == known._replace(variance=0.01 + (DRIFT * 4.0) ** 2, age=4.0)


class Freezing:
    """Exact samples at beta 3, or warmer where couplings are stronger: those of the energy that froze."""

    limit = 0.3  # root mean square coupling, units of the programmed energy

    def sample(self, problem, *, seed=None):
        strength = float(np.sqrt((problem.edges.couplings**2).mean()))
        beta = 3.0 * min(1.0, self.limit / strength)
        exact = qspin.get_backend("exact", betas=[beta], n_replicas=300)
        spins = exact.sample(problem, seed=seed).spins.values
        extra = {"beta_effective": ("beta", [beta]), "beta_effective_error": ("beta", [0.03 * beta])}
        return SampleSet.from_spins(problem, spins, None, run_info(self, seed), extra)


def test_training_ends_where_its_device_does_and_tells_what_to_do():
    machine = RestrictedBoltzmannMachine(4, 5, spread=0.1)
    data = 2 * bars_and_stripes(2) - 1
    fit = fit_boltzmann(machine, data, Freezing(), seed=0, n_steps=150, learning_rate=0.1, evaluate_every=10)
    curves = fit.curves
    strength = float(np.sqrt((machine.problem().edges.couplings ** 2).mean()))
    assert strength == pytest.approx(3 * Freezing.limit, rel=0.3)  # what it can sample at beta = 1
    assert float(np.abs(curves.beta_effective[-50:] - 1).mean()) < 0.15
    assert (curves.factor[20:] < 2 / 3).all()  # 1/3 is what its temperature asks for
    assert float(curves.log_likelihood[-1]) > float(curves.log_likelihood.max()) - 0.2
    (told,) = (remark for remark in fit.remarks if remark.code == "device-at-its-end")
    assert told.level == "serious"
    assert f"in {int((curves.shrunk < 1).sum())} of 150 steps the device sampled" in told.text
    assert "give a number, 3 to 4 temperatures of the device, 1 to 1.3 here" in told.text
