"""A process that is killed while it buys; at all points with ``QSPIN_KILLS=200``, which takes a quarter of an
hour.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from forks import forking
from kills import PROGRAMMINGS, Kill, Wares, trial, undisturbed

MANY = [Kill.drawn(number) for number in range(int(os.environ.get("QSPIN_KILLS", "0")))]
FEW = [
    Kill(stage="submit", kind="orphan"),  # under way when its sender dies, accepted later, listed later still
    Kill(write=(3, "before")),  # accepted, its id not noted
    Kill(write=(4, "before"), listing=0.0),  # answered, the answer not stored
]


@pytest.fixture(scope="module")
def processes():
    return forking()


@pytest.fixture(scope="module")
def expected(processes, tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("undisturbed"), processes)


@pytest.mark.parametrize("kill", MANY or FEW, ids=str)
def test_nothing_is_bought_twice_and_nothing_lost(kill, processes, expected, tmp_path):
    killed, bought, spins = trial(kill, tmp_path, processes)
    assert killed or kill.delay is not None
    assert bought == PROGRAMMINGS
    np.testing.assert_array_equal(spins, expected)


@pytest.mark.parametrize(
    ("wares", "write"),
    [
        (Wares(n_copies=2), 3),
        (Wares(n_shim=2), 9),  # of the second round, when what the first has taught is known
        (Wares(n_shim=2), 12),  # of the anneals, when nothing of them is planned yet
    ],
    ids=str,
)
def test_nor_with_copies_and_shims(processes, tmp_path, wares, write):
    """One kill at moments that cost most, such as: accepted, its id not noted."""
    for name in ("undisturbed", "killed"):
        (tmp_path / name).mkdir()
    wanted = undisturbed(tmp_path / "undisturbed", processes, wares)
    killed, bought, spins = trial(Kill(write=(write, "before")), tmp_path / "killed", processes, wares)
    assert killed
    assert bought == wares.programmings
    np.testing.assert_array_equal(spins, wanted)
