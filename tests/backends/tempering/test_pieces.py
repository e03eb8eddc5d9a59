"""Pieces between two looks at interrupts are bounded by the time that they take, and decide on no sample."""

from __future__ import annotations

import time

import numpy as np
import pytest
from qspin_backends.tempering import planning, tempering
from qspin_backends.tempering.annealing import _chunk, start_annealing
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.keeping import Keeping
from qspin_backends.tempering.packs import Seeds
from qspin_backends.tempering.tempering import Rules, start_tempering

import qspin
from qspin import instances

SECONDS = 1.0  # of one core; four times what is aimed at


def seconds_of(call):
    """That this thread computes: whatever else the machine does meanwhile."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


@pytest.mark.parametrize("n_spins", [400, 1000])
def test_a_piece_with_cluster_moves_at_every_turn_is_short(n_spins):
    problem = instances.sherrington_kirkpatrick(n_spins, seed=1)
    rules = Rules(cluster="bonds", cluster_every=1)
    betas = np.linspace(0.2, 1.5, 8)
    pack, *_ = start_tempering(problem, Graph.of(problem), betas, 8, Seeds.of(1), rules)
    pack.walkers.refresh()

    def piece(n_sweeps):
        def stopped():
            return pack.done > 0

        tempering._advance(pack, stopped, rules=rules, now=0, last=n_sweeps, draws=[], recording=False)

    piece(1)  # compiles
    pack.done = 0
    assert seconds_of(lambda: piece(10_000)) < SECONDS
    assert 1 <= pack.done < 10_000


def test_a_chunk_of_annealing_is_bounded_by_the_density():
    def chunk(problem, target=None):
        seeds, rules = Seeds.of(1), Rules()
        packs = start_annealing(problem, Graph.of(problem), 1.0, 8, seeds, rules, Keeping(), target=target)
        return _chunk(packs, Graph.of(problem))

    lattice = instances.edwards_anderson((10, 10, 10), seed=1, couplings="gaussian")
    assert chunk(lattice) == 2**25 // (8 * 1000)
    dense = instances.sherrington_kirkpatrick(1000, seed=1)
    lane = planning.sweep_nanoseconds(Graph.of(dense), "dense")
    assert chunk(dense) == int(2.5e8 // (64 * lane))
    assert chunk(dense, -10.0) < chunk(dense) / 4


def test_pieces_decide_on_no_sample(monkeypatch):
    problem = instances.sherrington_kirkpatrick(300, seed=1)
    sampler = qspin.get_backend(
        "tempering", betas=[0.3, 0.8, 1.3], n_replicas=3, n_burn_in=40, n_sweeps=60, n_draws=3,
        cluster="bonds", cluster_every=1,
    )  # fmt: skip
    whole = sampler.sample(problem, seed=2)
    for nanoseconds in (1.0, 1e6, 1e12):
        monkeypatch.setattr(planning, "_A_PIECE", nanoseconds)
        other = sampler.sample(problem, seed=2)
        np.testing.assert_array_equal(other.spins.values, whole.spins.values)
