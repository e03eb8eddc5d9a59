"""Which cluster move, how often, and at which betas."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin_backends.tempering.clusters.graph import ISOENERGETIC, BondGraph
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.planning import sweep_nanoseconds

__all__ = ["Burned", "Choice", "chosen", "paces"]

_EVERY = 5  # sweeps between turns of cluster moves, where nobody asked for a number
_MOST_NEIGHBOURS = 12
_SPANNING = 0.25  # mean share of the spins in a cluster above which isoenergetic moves are dropped
_USEFUL = 0.05  # share of moves that flip several spins, but not all, below which those of bonds are
_FREE_FLOW = 0.3  # of the round trips that swaps would allow, above which walkers need no help
_FEWEST_TRIPS = 4.0  # expected ones of a replica, below which nothing can be told of them
_A_MOVE, _A_SPIN, _A_LOOK = 150.0, 2.0, 4.0  # nanoseconds of a move of bonds; of each coupling looked at
_SHARE, _FIRST_SHARE = 0.3, 0.04  # of the time of sweeps that such moves may take; before anything is known


class Choice(NamedTuple):
    """A cluster move by its name, sweeps between its turns (0: none), its pace at first, and why.

    Parameters
    ----------
    pace : a move is made in every so-manyth turn; where it is not 1 the burn-in decides on a better one
    """

    move: str
    every: int
    pace: int
    why: str

    def facts(self, why: str | None) -> dict[str, Any]:
        """For the record of a run; `why` is what its burn-in had to say."""
        return {"move": self.move, "every": self.every, "why": why or self.why}


def chosen(cluster: str, every: int | None, graph: Graph, kernel: str, n_betas: int | None) -> Choice:
    """What is done of what was asked for.

    Parameters
    ----------
    cluster : ``auto`` or the name of a move
    every : sweeps between two turns, 0: none, None: to be chosen
    kernel : that makes the sweeps
    n_betas : of the ladder; None: not known yet, but several

    Raises
    ------
    InputError
        If the move that was asked for can do nothing on this graph.
    """
    if cluster == "isoenergetic":
        _require_sparse(graph)
    if cluster == "none" or every == 0:
        return Choice("none", 0, 1, "as asked")
    if cluster != "auto":
        return Choice(cluster, every or _EVERY, 1, "as asked")
    if n_betas == 1:
        return Choice("none", 0, 1, "one beta has no neighbour")
    if not graph.n_couplings:
        return Choice("none", 0, 1, "there are no couplings")
    sweep, looks = sweep_nanoseconds(graph, kernel), graph.n_couplings
    pace = max(2, math.ceil(_pace(graph.n_spins, looks, sweep, every or _EVERY, _FIRST_SHARE)))
    return Choice("bonds", every or _EVERY, pace, "the burn-in was too short to tell how much the moves help")


class Burned(NamedTuple):
    """What was counted in the burn-in, over all ladders.

    Parameters
    ----------
    sizes, flips, work, counts : int64 (n_betas,), see `exchange.Ladders`
    rejection : float64 (n_betas - 1,), share of swaps that were rejected
    trips : round trips of a ladder, on average
    n_sweeps : that it took
    """

    sizes: NDArray[np.int64]
    flips: NDArray[np.int64]
    work: NDArray[np.int64]
    counts: NDArray[np.int64]
    rejection: NDArray[np.float64]
    trips: float
    n_sweeps: int

    def flow(self, *, reversible: bool) -> float:
        """Round trips over those that swaps would allow if energies were independent at every exchange (Syed,
        Bouchard-Cote, Deligiannidis, Doucet 2022); NaN where too few could be expected.
        """
        n = len(self.rejection)
        delay = (self.rejection / np.maximum(1 - self.rejection, 1e-9)).sum()
        allowed = (self.n_sweeps - 2 * (n + 1)) / (2 * (n if reversible else 1) + 2 * delay)
        return self.trips / allowed if allowed >= _FEWEST_TRIPS else np.nan


def paces(bonds: BondGraph, burned: Burned, sweep: float, every: int) -> NDArray[np.int64]:
    """How often moves are to be made after the burn-in, (n_betas,), given what they did in it.

    Isoenergetic moves are dropped where clusters span the system, moves of bonds where they hardly ever flip
    more than one spin and less than all in which the walkers differ: single spins are moved by sweeps, and
    all of them by exchange. Moves that nobody asked for are dropped where walkers travel as freely as swaps
    allow, and elsewhere made as often as they take no more than a third of the time of the sweeps.

    Parameters
    ----------
    sweep : nanoseconds of one, of one lane
    every : sweeps between two turns
    """
    if bonds.move == ISOENERGETIC:
        return bonds.pace * (burned.sizes <= _SPANNING * burned.counts * len(bonds.rows))
    useful = burned.flips >= _USEFUL * burned.counts
    if bonds.pace.max(initial=0) <= 1 or np.isnan(bonds.flow[0]):
        return bonds.pace * useful
    if bonds.flow[0] >= _FREE_FLOW:
        return np.zeros_like(bonds.pace)
    looks = burned.work / np.maximum(burned.counts, 1)
    return (
        np.maximum(np.ceil(_pace(len(bonds.rows), looks, sweep, every, _SHARE)), 1).astype(np.int64) * useful
    )


def _pace(n_spins: int, looks: Any, sweep: float, every: int, share: float) -> Any:
    """Turns between moves at which these take a share of the time of sweeps: a pair moves in every second
    turn, and there are as many pairs as lanes.
    """
    return (_A_MOVE + _A_SPIN * n_spins + _A_LOOK * looks) / (2 * every * share * sweep)


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
