"""Numbers of things that no machine holds are refused in words, before memory is taken or time spent."""

from __future__ import annotations

import numpy as np
import pytest

from qspin import theory
from qspin.errors import CapacityError, InputError
from qspin.instances import sherrington_kirkpatrick
from qspin.sizes import checked_size

ABSURD = [10**12, 10**50, 10**400, 10**5000]
GLASS = sherrington_kirkpatrick(4, seed=1)
KEPT = {
    "attempts": lambda n: theory.decimated_perceptron(np.ones((1, 3)), attempts=n, seed=0),
    "bins": lambda n: theory.parisi(0.99, bins=n),
    "n_indices": lambda n: theory.p_spin_spherical(n_indices=n),
    "n_messages": lambda n: theory.cavity(1.0, n_messages=n),
    "n_points": lambda n: theory.marchenko_pastur(0.5, n_points=n),
    "n_starts of mean_field": lambda n: theory.mean_field(GLASS, 1.0, n_starts=n),
    "n_starts of tap": lambda n: theory.tap(GLASS, 1.0, n_starts=n),
    "n_times": lambda n: theory.ring_quench(8, "linear", [(0, 0), (1, 1)], n_times=n),
    "spins of ring_kinks": lambda n: theory.ring_kinks(n, "linear", [1.0]),
    "spins of transverse_ring": lambda n: theory.transverse_ring(n, [1.0]),
}
BOUNDED = {
    "bodies of ising spins": (lambda n: theory.p_spin_ising([0.5], p=n), "p takes 3 to 12; got"),
    "bodies of spherical spins": (theory.p_spin_spherical, "p takes 3 to 1000000; got"),
    "columns": (lambda n: theory.largest_eigenvalue(100, 10 * n, 2.0), r"n_columns takes 2 to 1e\+12, .*got"),
    "degree": (lambda n: theory.dense_memory(100, n, 5), "degree takes 2 to 1000; got"),
    "rows": (lambda n: theory.largest_eigenvalue(10 * n, 100, 2.0), r"n_rows takes 2 to 1e\+12, .*got"),
    "spins of a dense memory": (lambda n: theory.dense_memory(n, 300, 5), "capacity of .* is no number"),
    "steps": (lambda n: theory.sk(0.5, steps=n), "steps takes 0 to 12; got"),
}


@pytest.mark.parametrize("n", ABSURD, ids=["e12", "e50", "e400", "e5000"])
@pytest.mark.parametrize("door", KEPT)
def test_what_would_not_fit_in_memory(door, n):
    with pytest.raises(CapacityError, match="GiB|what a sweep picks"):
        KEPT[door](n)


@pytest.mark.parametrize("n", ABSURD, ids=["e12", "e50", "e400", "e5000"])
@pytest.mark.parametrize("door", BOUNDED)
def test_what_nothing_can_reckon_with(door, n):
    call, message = BOUNDED[door]
    with pytest.raises(InputError, match=message):
        call(n)


def test_the_limit_is_half_of_the_memory(monkeypatch):
    monkeypatch.setattr("qspin.memory.machine_memory", lambda: 2_000)
    assert checked_size(np.int64(10), "n_points", each=100) == 10
    with pytest.raises(CapacityError, match="results for n_points = 11 take .* take a smaller number"):
        checked_size(11, "n_points", each=100)
    with pytest.raises(InputError, match="n_points must be at least 2; got 1"):
        checked_size(1, "n_points", each=100, least=2)
