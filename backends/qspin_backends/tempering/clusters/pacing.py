"""How often cluster moves are made at each beta, by what they did in the burn-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin_backends.tempering.clusters.graph import ISOENERGETIC, BondGraph

__all__ = ["moving_nanoseconds", "pace_of", "set_paces"]

_SPANNING = 0.25  # mean share of the spins in a cluster above which isoenergetic moves are dropped
_USEFUL = 0.05  # share of moves that flip several spins, but not all, below which those of bonds are
_FREE_FLOW = 0.3  # of the round trips that swaps would allow, above which walkers need no help
_FEWEST_TRIPS = 4.0  # expected ones of a replica, below which nothing can be told of them
_FEWEST_MOVES = 4  # of a pair of betas, in all ladders, below which nothing can be told of them
_A_MOVE, _A_SPIN, _A_LOOK = 150.0, 2.0, 4.0  # nanoseconds of a move of bonds; of each coupling looked at
_SHARE = 0.3  # of the time of sweeps that such moves may take


def set_paces(
    ladders: Sequence[Any],
    bonds: Sequence[BondGraph],
    n_burn_in: int,
    every: int,
    sweep: float,
    *,
    reversible: bool,
) -> None:
    """Choose the pace of cluster moves at every beta, the same for all packs, and note the flow of walkers.

    Parameters
    ----------
    ladders, bonds : of each pack, `exchange.Ladders` at the end of the burn-in
    every : sweeps between two turns
    sweep : nanoseconds of one, of one lane
    """

    def total(name: str) -> NDArray[Any]:
        return np.sum([getattr(one, name) for one in ladders], axis=0)

    attempts, accepted = (
        np.sum([getattr(one, name).sum(axis=1) for one in ladders], axis=0)
        for name in ("attempts", "accepted")
    )
    burned = _Burned(
        sizes=total("cluster_sizes"),
        flips=total("cluster_flips"),
        work=total("cluster_work"),
        counts=total("cluster_counts"),
        rejection=1 - accepted / np.maximum(attempts, 1),
        trips=float(np.concatenate([one.round_trips for one in ladders]).mean()),
        n_sweeps=n_burn_in,
    )
    flow = burned.flow(reversible=reversible)
    for one in bonds:
        one.flow[:] = flow
        one.pace[:] = _paces(one, burned, sweep, every)


class _Burned(NamedTuple):
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


def _paces(bonds: BondGraph, burned: _Burned, sweep: float, every: int) -> NDArray[np.int64]:
    """How often moves are to be made after the burn-in, (n_betas,), given what they did in it.

    Isoenergetic moves are dropped where clusters span the system, moves of bonds where they hardly ever flip
    more than one spin and less than all in which the walkers differ: single spins are moved by sweeps, and
    all of them by exchange. Moves that nobody asked for are dropped where walkers travel as freely as swaps
    allow, and elsewhere made as often as they take no more than a third of the time of the sweeps; where too
    few were made to tell, they go on at the pace at which they began, which costs little.

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
    affordable = np.maximum(np.ceil(pace_of(len(bonds.rows), looks, sweep, every, _SHARE)), 1)
    return np.where(burned.counts >= _FEWEST_MOVES, affordable.astype(np.int64) * useful, bonds.pace)


def pace_of(n_spins: int, looks: Any, sweep: float, every: int, share: float) -> Any:
    """Turns between moves at which these take a share of the time of sweeps: a pair moves in every second
    turn, and there are as many pairs as lanes.
    """
    return _nanoseconds(n_spins, looks) / (2 * every * share * sweep)


def moving_nanoseconds(bonds: BondGraph, looks: float, every: int) -> float:
    """What cluster moves take of a sweep of one lane, on average, at the pace that they have now.

    Parameters
    ----------
    looks : at couplings, of a move
    every : sweeps between two turns, 0 where there are none
    """
    made = 1 / bonds.pace[bonds.pace > 0]
    if not every or not made.size:
        return 0.0
    return float(made.sum() / len(bonds.pace)) * _nanoseconds(len(bonds.rows), looks) / (2 * every)


def _nanoseconds(n_spins: int, looks: Any) -> Any:
    """Of a move of one pair."""
    return _A_MOVE + _A_SPIN * n_spins + _A_LOOK * looks
