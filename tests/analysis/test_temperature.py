"""Temperatures that were measured: where they come from, and what is held against them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import analysis
from qspin.errors import InputError
from qspin.remarks import Level


@pytest.fixture
def measured(glass):
    """Two scales whose effective inverse temperatures are 0.5 and unknown."""
    spins = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(2, 6, 1, 10))
    extra = {
        "coupling_scale": ("beta", [0.4, 0.9]),
        "beta_effective": ("beta", [0.5, np.nan]),
        "beta_effective_error": ("beta", [0.1, np.nan]),
        "chain_break_fraction": (("beta", "replica"), np.linspace(0, 0.5, 12).reshape(2, 6)),
    }
    return qspin.SampleSet.from_spins(glass, spins, [np.nan, np.nan], extra=extra)


def curve(temperature, energy, error=0.0):
    n = len(temperature)
    return xr.Dataset(
        {"energy": ("beta", energy), "energy_error": ("beta", np.full(n, error))},
        coords={"beta": 1 / np.array(temperature), "temperature": ("beta", temperature)},
    )


def test_a_curve_takes_the_temperatures_that_were_measured(measured):
    at = analysis.at_measured_temperatures(analysis.overlap_curve(measured), measured)
    np.testing.assert_allclose(at.temperature, [2.0, np.nan])
    np.testing.assert_allclose(at.temperature_error, [0.4, np.nan])  # dT = d beta / beta^2
    np.testing.assert_allclose(at.chain_break_fraction, [2.5 / 22, 8.5 / 22])
    assert "q_abs" in at


def test_samples_without_a_measurement_are_refused(glass):
    samples = qspin.get_backend("exact").sample(glass, seed=1)
    assert not analysis.has_measured_temperatures(samples)
    with pytest.raises(InputError, match="hold no beta_effective"):
        analysis.at_measured_temperatures(analysis.overlap_curve(samples), samples)


def test_interpolation_follows_a_smooth_curve():
    """y = (ln T)^2 + ln T, whose slope is 2 ln T + 1."""
    temperatures = np.geomspace(1.0, 8.0, 25)
    reference = curve(temperatures, np.log(temperatures) ** 2 + np.log(temperatures), error=0.1)
    value, error = analysis.interpolated(reference, "energy", [3.0, 9.0, np.nan], [0.3, 0.0, 0.0])
    np.testing.assert_allclose(value, [np.log(3) ** 2 + np.log(3), np.nan, np.nan], rtol=1e-4)
    assert error[0] == pytest.approx(np.hypot(0.1, (2 * np.log(3) + 1) * 0.1), rel=1e-2)


def test_a_matched_temperature_has_the_error_of_both_sides():
    temperatures = np.geomspace(1.0, 8.0, 25)
    reference = curve(temperatures, np.log(temperatures) ** 2 + np.log(temperatures), error=0.3)
    temperature, error = analysis.matched_temperature(reference, np.log(3) ** 2 + np.log(3), 0.4)
    assert temperature == pytest.approx(3.0, rel=1e-4)
    assert error == pytest.approx(3 * 0.5 / (2 * np.log(3) + 1), rel=1e-2)
    assert np.isnan(analysis.matched_temperature(reference, 50.0, 0.1)).all()


def test_an_energy_at_the_cold_end_is_only_a_bound():
    """Three cold temperatures with the energy of the ground state, but for rounding."""
    ground = -0.1 - 0.2
    reference = curve(np.array([0.1, 0.2, 0.4, 1.0]), np.array([-0.3, ground, -0.3, 0.1]), error=0.01)
    for energy in (-0.3, ground, -0.31):
        assert np.isnan(analysis.matched_temperature(reference, energy, 0.01)).all()
    assert 0.4 < analysis.matched_temperature(reference, -0.1, 0.01)[0] < 1


def test_matching_agrees_with_enumeration():
    problem = qspin.instances.sherrington_kirkpatrick(12, seed=3)
    device = qspin.get_backend(
        "annealer", topology="none", physics="thermal", betas=[0.8], n_reads=1_000, n_sweeps=500
    ).sample(problem, seed=1)
    tempering = qspin.get_backend("tempering", betas={"geometric": [0.4, 1.6, 12]}).sample(problem, seed=1)
    energy, reference = analysis.energy_curve(device), analysis.energy_curve(tempering)
    reads, spread_of_reads = float(energy.energy[0]), float(energy.energy_error[0])
    temperature, error = analysis.matched_temperature(reference, reads, spread_of_reads)
    _, error_of_reference = analysis.matched_temperature(reference, reads, 0.0)
    beta, spread = (float(device.dataset[name][0]) for name in ("beta_matched", "beta_matched_error"))
    assert abs(temperature - 1 / beta) < 4 * error_of_reference  # the same energy: only the curve differs
    assert error == pytest.approx(spread / beta**2, rel=0.2)


def test_a_note_tells_that_temperatures_were_measured(measured):
    remark = analysis.equilibrium_remarks(measured)[-1]
    assert (remark.code, remark.level) == ("measured-temperature", Level.NOTE)
    assert "temperatures were measured from the reads" in remark.text
