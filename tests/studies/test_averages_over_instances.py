"""Instances of one disorder: averages in the place of single curves, really sampled, against enumeration."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ran import ran, table, texts

from qspin.registry import get_backend, get_source
from qspin.testing import assert_within_errors

GLASS = {"kind": "sherrington_kirkpatrick", "n_spins": 8, "seed": 5, "instances": 3}
EXACT = get_backend("exact", betas=[1.0])


def mean_energy(betas):
    """Of the three instances, per spin, by enumeration."""
    problems = [get_source(GLASS["kind"], n_spins=8, seed=seed).build({}) for seed in (5, 6, 7)]
    states = [EXACT.enumerate(problem) for problem in problems]
    return np.array([np.mean([own.mean_energy(float(beta)) for own in states]) / 8 for beta in betas])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """``auto`` gives every instance a ladder of its own."""
    tempering = {"name": "tempering", "n_replicas": 8, "n_sweeps": 400, "n_burn_in": 50, "n_draws": 40}
    data = {
        "problems": {"small": GLASS, "alone": {"kind": "mattis", "n_spins": 6}},
        "backends": {
            "auto": tempering,
            "exact": {"name": "exact", "betas": [0.3, 0.7, 1.2], "n_replicas": 60},
        },
        "studies": {"overlaps": {}, "equilibrium": {}},
    }
    conclusions, failures = ran(tmp_path_factory.mktemp("averages"), data)
    assert not failures
    return conclusions


@pytest.mark.parametrize("backend", ["auto", "exact"])
def test_averages_stand_for_their_instances(found, backend):
    mean = found["overlaps"].datasets[f"small-{backend}"]
    assert mean.attrs["n_instances"] == 3
    assert_within_errors(
        mean["energy"], mean["energy_error"], mean_energy(mean["beta"].values), what="averaged energy"
    )
    np.testing.assert_allclose((mean["density"] * mean["width"]).sum("q"), 1, rtol=1e-9)


def test_one_row_and_one_name_for_all_of_them(found):
    rows = table(found["overlaps"], "curves")
    assert [(row["problem"], row["backend"], row["n_instances"]) for row in rows] == [
        ("small", "auto", 3), ("small", "exact", 3), ("alone", "auto", 1), ("alone", "exact", 1),
    ]  # fmt: skip
    told = " ".join(texts(found["overlaps"]))
    assert "small (average of 3)" in told
    assert not re.search(r"instance\W*\d", told)


def test_diagnostics_are_those_of_the_worst_instance(found):
    row = table(found["equilibrium"], "diagnostics")[0]
    assert row["n_instances"] == 3
    assert row["seed"] == "3 instances"
    remarks = [r.text for p, b, r in found["equilibrium"].remarks if (p, b) == ("small", "exact")]
    assert any("fewer than 100 effective samples" in text for text in remarks)
