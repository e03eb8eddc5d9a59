"""The cluster move that a graph is made for."""

from __future__ import annotations

from qspin.sampler import njit
from qspin_backends.tempering.clusters.bonds import bond_moves
from qspin_backends.tempering.clusters.graph import BONDS, ISOENERGETIC
from qspin_backends.tempering.clusters.isoenergetic import isoenergetic_moves
from qspin_backends.tempering.walkers import follower

__all__ = ["cluster_moves"]


@njit(inline="always")
def cluster_moves(kernel, words, walker, energies, graph, ladders, betas, turn):
    """One move for every pair of walkers that the move takes in its so-manyth turn."""
    own = follower(kernel)
    if graph.move == ISOENERGETIC:
        isoenergetic_moves(own, words, walker, energies, graph, ladders, len(betas), turn)
    elif graph.move == BONDS:
        bond_moves(own, words, walker, energies, graph, ladders, betas, turn)
