"""Purchases go on with other retries, budgets and pauses: what was bought is not bought again."""

from __future__ import annotations

import pytest
from qspin_backends.common import purchase
from sapi import Fault, Sapi, environment, serving

from qspin.errors import RunError
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain

PROGRAMMINGS = 4


@pytest.fixture(autouse=True)
def _kinds(kinds):
    """The study `probe`, whose report costs less than buying."""


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 0.3)
    with serving(Sapi()) as sapi:
        for name, value in environment(sapi, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield sapi


def config(**settings):
    qpu = {"name": "annealer", "device": "qpu", "betas": [0.5, 1.0], "n_reads": 20, "n_gauges": 2}
    return config_from_plain(
        {
            "schema": 2,
            "name": "paid",
            "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 8, "seed": 2}},
            "backends": {"qpu": {**qpu, "retry_pause": 0.01, "retries": 0, **settings}},
            "studies": {"probe": {}},
        }
    )


@pytest.mark.parametrize(
    "changes", [{}, {"retries": 4}, {"max_qpu_seconds": 5.0}, {"retry_pause": 0.02}, {"reuse": False}]
)
@pytest.mark.parametrize("reuse", [True, False])
def test_a_resumed_run_buys_what_is_left(cloud, tmp_path, changes, reuse):
    cloud.faults = [Fault("submit", 503, skip=2)]
    with pytest.raises(RunError):
        run_experiment(config(reuse=reuse), RunFolder(tmp_path / "run"))
    assert cloud.bought == 2
    folder = run_experiment(config(**{"reuse": reuse, **changes}), RunFolder(tmp_path / "run"), resume=True)
    assert folder.is_finished
    assert cloud.bought == PROGRAMMINGS


def test_a_call_with_other_limits_is_answered_from_the_journal(cloud, glass):
    plain = config().backend_lines["qpu"].made()
    plain.sample(glass, seed=1)
    for changes in ({"retries": 4}, {"max_qpu_seconds": 5.0}, {"retry_pause": 0.02}):
        config(**changes).backend_lines["qpu"].made().sample(glass, seed=1)
    assert cloud.bought == PROGRAMMINGS


def test_two_equal_backends_buy_reads_of_their_own(cloud, tmp_path):
    plain = config().resolved()
    twice = {**plain, "backends": dict.fromkeys("ab", plain["backends"]["qpu"])}
    folder = run_experiment(config_from_plain(twice), RunFolder(tmp_path / "run"))
    assert cloud.bought == 2 * PROGRAMMINGS
    a, b = (folder.samples("glass", label) for label in "ab")
    assert (a.spins.values != b.spins.values).any()
