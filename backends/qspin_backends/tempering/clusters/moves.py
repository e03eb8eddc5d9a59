"""The cluster move that a graph is made for."""

from __future__ import annotations

from qspin.sampler import njit
from qspin_backends.tempering.clusters.bonds import bond_moves
from qspin_backends.tempering.clusters.graph import BONDS, ISOENERGETIC
from qspin_backends.tempering.clusters.isoenergetic import isoenergetic_moves

__all__ = ["cluster_moves"]


@njit(inline="always")
def cluster_moves(following, words, walker, energies, graph, ladders, betas, turn):
    """One move for every pair of walkers that the move takes in its so-manyth turn.

    Moves are compiled once for all kernels that keep nothing of the spins: for these `following` is None, see
    `follower`.
    """
    if graph.move == ISOENERGETIC:
        isoenergetic_moves(following, words, walker, energies, graph, ladders, len(betas), turn)
    elif graph.move == BONDS:
        bond_moves(following, words, walker, energies, graph, ladders, betas, turn)
