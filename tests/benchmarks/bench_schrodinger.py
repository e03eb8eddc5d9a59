"""What a closed annealer costs: twenty spins for twenty nanoseconds on one core, by the default tolerance."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from qspin_backends.annealer import Annealer
from qspin_backends.annealer.physics.schrodinger import final_state

import qspin
from qspin.theory import ring_kinks

RECORDED = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "dwave_schedules" / "Advantage2_system1.csv"
)


def ring(n, coupling):
    return qspin.IsingProblem.from_edges(n, range(n), [*range(1, n), 0], [coupling] * n)


@pytest.mark.skipif(not RECORDED.is_file(), reason=f"{RECORDED.name} is not beside this checkout")
def test_twenty_spins_for_twenty_nanoseconds(benchmark, remark):
    problem = ring(20, -1.8)
    tolerance = Annealer().tolerance
    final_state(problem, str(RECORDED), 0.01, tolerance=tolerance, n_threads=1)  # compiled
    start = time.process_time()
    state = benchmark.pedantic(
        final_state, (problem, str(RECORDED), 20.0), {"tolerance": tolerance, "n_threads": 1}, rounds=1
    )
    taken = time.process_time() - start
    spins = 1 - 2 * ((np.arange(2**20)[:, None] >> np.arange(20)) & 1).astype(np.int8)
    kinks = (spins != np.roll(spins, 1, axis=1)).sum(axis=1)
    found = float(np.abs(state) ** 2 @ kinks)
    exact = float(ring_kinks(20, str(RECORDED), 20.0, -1.8).kinks[0])
    assert found == pytest.approx(exact, abs=tolerance)
    remark(
        f"20 spins, 20 ns, one core, tolerance {tolerance:g}: {taken:.1f} s of it; "
        f"kinks {found:.6f}, by free fermions {exact:.6f}"
    )
