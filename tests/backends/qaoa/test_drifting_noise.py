"""Noise that drifts over the shots: it is stated, and measured from the shots."""

from __future__ import annotations

import numpy as np
import pytest
from qspin_backends.qaoa.rows import drift_of

import qspin
from qspin.errors import InputError
from qspin.testing import STANDARD_ERRORS

SK4 = qspin.instances.sherrington_kirkpatrick(4, seed=2)
NOISE = {"rzz": 0.05, "readout": [0.02, 0.04]}


def qaoa(**settings):
    return qspin.get_backend("qaoa", **{"n_shots": 4_000, "noise": NOISE, **settings})


class TestDrift:
    def test_it_is_stated_and_seen(self):
        samples = qaoa(noise_drift=4.0).sample(SK4, seed=1)
        info = samples.info
        factors = [batch["noise_factor"] for batch in info["batches"]]
        assert factors == pytest.approx(np.linspace(1, 5, 10))
        assert info["device"]["noise_drift"] == 4.0
        assert info["drift"]["energy_change"] > STANDARD_ERRORS * info["drift"]["energy_change_error"]
        assert "device-drifts" in [remark.code for remark in samples.remarks]

    def test_its_ends_are_the_noise_as_given_and_as_it_has_grown(self):
        """Mean energies of the first and the last batch are those of noise that stands still."""
        drifting = qaoa(noise_drift=4.0, n_shots=20_000).sample(SK4, seed=1).info["drift"]["mean_energies"]
        grown = {"rzz": 0.25, "readout": [0.1, 0.2]}
        for k, noise in ((0, NOISE), (-1, grown)):
            still = qaoa(noise=noise, n_shots=20_000).sample(SK4, seed=2).energies.values
            error = still.std() / np.sqrt(2_000)
            assert abs(drifting[k] - still.mean()) < STANDARD_ERRORS * error

    def test_noise_that_stands_still_does_not_drift(self):
        info = qaoa(n_shots=1_000).sample(SK4, seed=1).info
        assert "drift" not in info
        assert len(info["batches"]) == 1

    def test_fewer_shots_than_batches(self):
        assert len(qaoa(noise_drift=0.5, n_shots=4).sample(SK4, seed=1).info["batches"]) == 4

    def test_a_line_through_shots(self):
        """The slope and its error are those of many repetitions."""
        rng = np.random.default_rng(0)
        found = [drift_of([rng.normal(0.3 * k / 4, 1.0, size=50) for k in range(5)]) for _ in range(400)]
        change = np.array([one["energy_change"] for one in found])
        error = np.array([one["energy_change_error"] for one in found])
        assert abs(change.mean() - 0.3) < STANDARD_ERRORS * change.std() / 20
        assert error.mean() == pytest.approx(change.std(), rel=0.15)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise": None, "noise_drift": 1.0}, "noise_drift changes the probabilities of noise"),
        ({"noise": "fake_manila", "noise_drift": 1.0}, "those of a fake backend are as they were recorded"),
        ({"noise_drift": 30.0}, "noise_drift 30 lets a probability of 0.05 grow beyond 1"),
        ({"noise_drift": -1.5}, "noise_drift"),
    ],
)
def test_bad_input(settings, message):
    with pytest.raises(InputError, match=message):
        qaoa(**settings)
