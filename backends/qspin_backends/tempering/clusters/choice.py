"""Which cluster move, how often, and at which betas."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin_backends.tempering.clusters.graph import ISOENERGETIC, BondGraph
from qspin_backends.tempering.coupling_graph import Graph

__all__ = ["Choice", "chosen", "worth_their_time"]

_EVERY = 10  # sweeps between cluster moves, where nobody asked for a number
_MOST_NEIGHBOURS = 12
_SPANNING = 0.25  # mean share of the spins in a cluster above which isoenergetic moves are dropped
_USEFUL = 0.05  # share of moves that flip several spins, but not all, below which those of bonds are


class Choice(NamedTuple):
    """A cluster move by its name, sweeps between two of them (0: none), and why."""

    move: str
    every: int
    why: str

    def facts(self) -> dict[str, Any]:
        """For the record of a run."""
        return self._asdict()


def chosen(cluster: str, every: int | None, graph: Graph, n_betas: int | None) -> Choice:
    """What is done of what was asked for.

    Parameters
    ----------
    cluster : ``auto`` or the name of a move
    every : sweeps between two moves, 0: none, None: to be chosen
    n_betas : of the ladder; None: not known yet, but several

    Raises
    ------
    InputError
        If the move that was asked for can do nothing on this graph.
    """
    if cluster == "isoenergetic":
        _require_sparse(graph)
    if cluster == "none" or every == 0:
        return Choice("none", 0, "as asked")
    if cluster != "auto":
        return Choice(cluster, every or _EVERY, "as asked")
    if n_betas == 1:
        return Choice("none", 0, "one beta has no neighbour")
    if not graph.n_couplings:
        return Choice("none", 0, "there are no couplings")
    return Choice("bonds", every or _EVERY, "at neighbouring betas, where clusters were found to come apart")


def worth_their_time(
    bonds: BondGraph, sizes: NDArray[np.int64], flips: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Where moves are to be made after the burn-in, (n_betas,), given what they did in it.

    Isoenergetic moves are dropped where clusters span the system, moves of bonds where they hardly ever flip
    more than one spin and less than all in which the walkers differ: single spins are moved by sweeps, and
    all of them by exchange.

    Parameters
    ----------
    sizes, flips, counts : int64 (n_betas,), see `exchange.Ladders`
    """
    if bonds.move == ISOENERGETIC:
        return sizes <= _SPANNING * counts * len(bonds.rows)
    return flips >= _USEFUL * counts


def _require_sparse(graph: Graph) -> None:
    """Refuse isoenergetic moves where clusters would span the system at any temperature: half of the spins
    are opposed at high temperature, and clusters of such a density span random graphs and lattices of far
    fewer than 12 neighbours already.
    """
    mean = float(graph.degrees.mean()) if graph.n_spins else 0.0
    if mean > _MOST_NEIGHBOURS:
        raise InputError(
            f"isoenergetic cluster moves need a sparse problem; here spins have {mean:.3g} couplings on "
            f"average (at most {_MOST_NEIGHBOURS}), so that clusters would span the system. Use cluster "
            "'bonds' or 'auto'"
        )
