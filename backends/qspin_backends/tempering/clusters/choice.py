"""Which cluster move, and how often at first."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from qspin.errors import InputError
from qspin_backends.tempering.clusters.pacing import pace_of
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.planning import sweep_nanoseconds

__all__ = ["Choice", "chosen"]

_EVERY = 5  # sweeps between turns of cluster moves, where nobody asked for a number
_MOST_NEIGHBOURS = 12
_FIRST_SHARE = 0.04  # of the time of sweeps that moves of bonds may take before anything is known of them


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
    sweep = sweep_nanoseconds(graph, kernel)
    looks = graph.participation.sum()  # by clusters of half of the spins, twice
    pace = max(2, math.ceil(pace_of(graph.n_spins, looks, sweep, every or _EVERY, _FIRST_SHARE)))
    return Choice("bonds", every or _EVERY, pace, "the burn-in was too short to tell how much the moves help")


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
