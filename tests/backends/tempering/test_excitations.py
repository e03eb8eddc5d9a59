"""Low excitations of clusters, against enumeration, and the cold end that follows from them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.excitations import independent_gaps

import qspin
from qspin import IsingProblem

WEAK = 0.01


def everything(n_spins):
    return np.array(list(itertools.product([-1, 1], repeat=n_spins)), np.int8)


def greedy_gaps(problem, mirrored):
    """Of all configurations in the order of their energies, those that are no product of lower ones."""
    spins = everything(problem.n_spins)
    energies = problem.energies(spins)
    order = np.argsort(energies, kind="stable")
    flipped = (spins[order] != spins[order[0]]).astype(int)
    chosen, gaps = ([np.ones(problem.n_spins, int)] if mirrored else []), []
    for row, gap in zip(flipped, energies[order] - energies[order[0]], strict=True):
        if rank_modulo_two([*chosen, row]) > len(chosen):
            chosen.append(row)
            gaps.append(gap)
    return np.array(gaps)


def rank_modulo_two(rows):
    left, rank = np.array(rows), 0
    for column in range(left.shape[1]):
        pivots = np.flatnonzero(left[rank:, column])
        if not len(pivots):
            continue
        left[[rank, rank + pivots[0]]] = left[[rank + pivots[0], rank]]
        others = np.flatnonzero(left[:, column])
        others = others[others != rank]
        left[others] ^= left[rank]
        rank += 1
        if rank == len(left):
            break
    return rank


def blocks(n_blocks=3, size=10):
    """Strong ferromagnetic blocks in a row; a weak coupling ties each to the next."""
    n = n_blocks * size
    edges = [
        (b * size + i, b * size + j, -1.0) for b in range(n_blocks) for i in range(size) for j in range(i)
    ]
    edges += [(b * size - 1, b * size, -WEAK) for b in range(1, n_blocks)]
    return IsingProblem.from_edges(n, *zip(*edges, strict=True))


@pytest.mark.parametrize("field", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_gaps_are_those_of_the_cheapest_independent_excitations(field, seed):
    rng = np.random.default_rng(seed)
    couplings = np.triu(rng.normal(size=(7, 7)), 1)
    problem = IsingProblem(couplings + couplings.T, field * rng.normal(size=7))
    graph = Graph.of(problem)
    gaps = independent_gaps(graph, everything(7), beta=1e-3)
    np.testing.assert_allclose(gaps * graph.unit, greedy_gaps(problem, mirrored=not field), rtol=1e-9)


def test_a_single_configuration_has_the_gaps_of_its_spins():
    problem = IsingProblem.from_edges(4, [0, 1, 2], [1, 2, 3], [-1.0, -0.25, -0.5])
    gaps = independent_gaps(Graph.of(problem), np.ones((1, 4), np.int8), beta=0.1)
    # flips of both spins at the ends cost 2 and 1; that of the third, 1.5, and the second, 2.5, are others
    np.testing.assert_allclose(gaps, [1.0, 1.5, 2.0])


def test_blocks_cost_what_ties_them_together():
    problem = blocks()
    spins = np.ones((2, 30), np.int8)
    spins[0, 10:20] = -1
    gaps = independent_gaps(Graph.of(problem), spins, beta=10.0)
    assert gaps.min() == pytest.approx(4 * WEAK)


def test_configurations_are_put_together_to_a_better_one():
    """Each of two has the mistake of one block; neither is the ground state, which both together are."""
    problem = blocks(4)
    problem = IsingProblem(problem.couplings, np.full(40, -1e-3))
    spins = np.ones((2, 40), np.int8)
    spins[0, :10] = spins[1, 30:] = -1
    gaps = independent_gaps(Graph.of(problem), spins, beta=10.0)
    np.testing.assert_allclose(gaps[:2], 2 * WEAK + 2e-2, rtol=1e-9)


def test_the_automatic_ladder_freezes_blocks():
    """Two couplings of gap 2 WEAK, of 30 spins: at most 0.6 excitations at the cold end."""
    samples = qspin.get_backend("tempering", n_burn_in=400, n_sweeps=400).sample(blocks(), seed=1)
    ladder = samples.info["ladder"]
    assert ladder["cold_end"] == "clusters"
    assert ladder["betas"][-1] == pytest.approx(np.log(2 / 0.6 - 1) / (2 * WEAK), rel=2e-3)


def test_where_spins_are_the_lowest_excitations_the_ladder_ends_where_they_freeze():
    """A spin that hangs weakly on strong ones, 2 % of 6 spins."""
    problem = IsingProblem.from_edges(6, range(5), range(1, 6), [-100.0, -100.0, -100.0, -100.0, -0.5])
    ladder = qspin.get_backend("tempering", n_sweeps=500).sample(problem, seed=2).info["ladder"]
    assert ladder["cold_end"] == "spins"
    assert ladder["betas"][-1] == pytest.approx(np.log(1 / 0.12 - 1), rel=2e-3)
