"""A process that is killed while it buys; at all points with ``QSPIN_KILLS=200``, which takes a quarter of an
hour.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from kills import PROGRAMMINGS, Kill, context, trial, undisturbed

MANY = [Kill.drawn(number) for number in range(int(os.environ.get("QSPIN_KILLS", "0")))]
FEW = [
    Kill(stage="submit", kind="orphan"),  # under way when its sender dies, accepted later, listed later still
    Kill(write=(3, "before")),  # accepted, its id not noted
    Kill(write=(4, "before"), listing=0.0),  # answered, the answer not stored
]


@pytest.fixture(scope="module")
def processes():
    return context()


@pytest.fixture(scope="module")
def expected(processes, tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("undisturbed"), processes)


@pytest.mark.parametrize("kill", MANY or FEW, ids=str)
def test_nothing_is_bought_twice_and_nothing_lost(kill, processes, expected, tmp_path):
    killed, bought, spins = trial(kill, tmp_path, processes)
    assert killed or kill.delay is not None
    assert bought == PROGRAMMINGS
    np.testing.assert_array_equal(spins, expected)


def test_nor_with_copies(processes, tmp_path):
    """One kill at a moment that costs most: accepted, its id not noted."""
    for name in ("undisturbed", "killed"):
        (tmp_path / name).mkdir()
    wanted = undisturbed(tmp_path / "undisturbed", processes, n_copies=2)
    killed, bought, spins = trial(Kill(write=(3, "before")), tmp_path / "killed", processes, n_copies=2)
    assert killed
    assert bought == PROGRAMMINGS
    np.testing.assert_array_equal(spins, wanted)
