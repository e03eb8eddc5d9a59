"""One round of a search: walkers are cooled, recombined, and recombined once more with the best of before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.random import uniform
from qspin_backends.tempering.search.blocks import renormalised
from qspin_backends.tempering.search.descent import LANES, cooled, drawn, relaxed

__all__ = ["POOL", "Aim", "Search", "run_rounds"]

POOL = 16  # configurations that rounds hand on
_SHARE, _POOL_SHARE = 0.5, 0.9  # of the spins that there may be blocks of: among walkers, and in the pool
_SHORTEST = 10  # sweeps of a round ...
_GROWTH = 2  # ... and one in so many of all before, so that rounds get longer where short ones do not do
_BLOCK_SWEEPS = (10, 1000)  # of the walkers of blocks: as many as of spins, within these
_REHEATED = (0.3, 0.8)  # of the logarithmic way from the hottest beta to the coldest, where walkers go on
_ALIKE = 0.05  # share of opposed spins below which two configurations of the pool stand for the same valley


class Search(NamedTuple):
    """All that evolves in one search; every array is updated.

    Parameters
    ----------
    random : uint32 (LANES / STATES, 4, STATES), xoshiro128+ of the walkers
    state : uint64 (4,), xoshiro256++ of everything else
    place : int64 (2,), sweeps of each walker, and rounds
    pool, pool_energies : int8 (POOL, N), float64 (POOL,), infinite where nothing is
    best, energies, hits : int8 (n_draws, N), float64 (n_draws,), int64 (n_draws,): the lowest ones found, in
        ascending order, and the rounds with walkers from random configurations that ended there
    """

    random: NDArray[np.uint32]
    state: NDArray[np.uint64]
    place: NDArray[np.int64]
    pool: NDArray[np.int8]
    pool_energies: NDArray[np.float64]
    best: NDArray[np.int8]
    energies: NDArray[np.float64]
    hits: NDArray[np.int64]


class Aim(NamedTuple):
    """What decides on rounds.

    Parameters
    ----------
    is_split : whether blocks are taken apart where they do not hang together
    is_even : whether a configuration and its reverse are the same: no fields
    least : energy below which a gain is rounding
    longest : sweeps of a round, at the most
    target : energy at which a search ends; -inf: nowhere
    stop : uint8 (1,), not 0 where rounds are to end at once; the one that is not over then counts as not made
    """

    is_split: bool
    is_even: bool
    least: float
    longest: int
    target: float
    stop: NDArray[np.uint8]


@njit(cache=True, nogil=True)
def run_rounds(rows: Any, own: Any, aim: Any, n_sweeps: int, until: int) -> None:
    """Take searches, all arrays with one more dimension in front, to sweep `until` of `n_sweeps`, or beyond.

    A search ends before where it reaches what it aims at, or is to stop.
    """
    for r in range(len(own.place)):
        search = Search(
            own.random[r], own.state[r], own.place[r], own.pool[r], own.pool_energies[r], own.best[r],
            own.energies[r], own.hits[r],
        )  # fmt: skip
        if len(rows.fields) == 0:  # one configuration
            search.energies[0], search.place[0] = 0.0, n_sweeps
        while search.place[0] < min(until, n_sweeps) and not search.energies[0] <= aim.target:
            before = _copied(search)
            _run_round(rows, search, aim, _next_length(search.place[0], n_sweeps, aim.longest))
            if aim.stop[0]:
                _put_back(search, before)
                return


@njit(cache=True, nogil=True)
def _copied(own):
    return Search(
        own.random.copy(), own.state.copy(), own.place.copy(), own.pool.copy(), own.pool_energies.copy(),
        own.best.copy(), own.energies.copy(), own.hits.copy(),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _put_back(own, before):
    """As if what was done since had not been."""
    own.random[:], own.state[:], own.place[:] = before.random, before.state, before.place
    own.pool[:], own.pool_energies[:] = before.pool, before.pool_energies
    own.best[:], own.energies[:], own.hits[:] = before.best, before.energies, before.hits


@njit(cache=True, nogil=True)
def _next_length(done: int, n_sweeps: int, longest: int) -> int:
    """Sweeps of the round after `done` sweeps."""
    wanted = max(_SHORTEST, min(done // _GROWTH, longest))
    left = n_sweeps - done
    return wanted if left >= wanted + _SHORTEST else left


@njit(cache=True, nogil=True)
def _run_round(rows: Any, own: Any, aim: Any, length: int) -> None:
    """The next round, of so many sweeps; every other one goes on from the pool, where it has two members."""
    n_pool = np.isfinite(own.pool_energies).sum()
    is_fresh = n_pool < 2 or own.place[1] % 2 == 0
    n_sweeps = min(max(length, _BLOCK_SWEEPS[0]), _BLOCK_SWEEPS[1])
    starts = drawn(len(rows.fields), own.state)
    if not is_fresh:
        for lane in range(LANES):
            starts[lane] = own.pool[lane % n_pool]
    hottest, coldest = _REHEATED
    start = 0.0 if is_fresh else hottest + (coldest - hottest) * uniform(own.state)
    minima = cooled(rows, starts, start, length, own.random, aim.stop)
    energies = relaxed(rows, minima, aim.least)
    for lane in range(LANES):
        _keep(own, aim, minima[lane], energies[lane], 0)
        if not is_fresh:
            _hand_on(own, aim, minima[lane], energies[lane])
    child, energy = renormalised(
        rows, minima, energies, _SHARE, n_sweeps, aim.is_split, aim.least, own.random, own.state, aim.stop
    )
    _keep(own, aim, child, energy, 1 if is_fresh else 0)
    _hand_on(own, aim, child, energy)
    n_pool = np.isfinite(own.pool_energies).sum()
    if n_pool > 1:
        child, energy = renormalised(
            rows,
            own.pool[:n_pool],
            own.pool_energies[:n_pool],
            _POOL_SHARE,
            n_sweeps,
            aim.is_split,
            aim.least,
            own.random,
            own.state,
            aim.stop,
        )
        _keep(own, aim, child, energy, 0)
        _hand_on(own, aim, child, energy)
    own.place[0] += length
    own.place[1] += 1


@njit(cache=True, nogil=True)
def _distance(one, other, is_even):
    """Spins in which two configurations differ, up to a flip of all where that makes none."""
    differing = 0
    for i in range(len(one)):
        differing += one[i] != other[i]
    return min(differing, len(one) - differing) if is_even else differing


@njit(cache=True, nogil=True)
def _hand_on(own, aim, spins, energy):
    """To the pool: in the place of a member alike that is no lower, or of the highest."""
    nearest, closest = -1, len(spins) + 1
    for k in range(POOL):
        if own.pool_energies[k] == np.inf:
            break
        distance = _distance(own.pool[k], spins, aim.is_even)
        if distance < closest:
            nearest, closest = k, distance
    if closest == 0:
        return
    place = nearest if closest < _ALIKE * len(spins) else np.argmax(own.pool_energies)
    if energy <= own.pool_energies[place]:
        own.pool[place] = spins
        own.pool_energies[place] = energy


@njit(cache=True, nogil=True)
def _keep(own, aim, spins, energy, hit):
    """Among the best, if it is; a configuration and its reverse count as one where there are no fields."""
    n = len(own.energies)
    if energy > own.energies[n - 1] + aim.least:
        return
    for k in range(n):
        if abs(own.energies[k] - energy) <= aim.least and _distance(own.best[k], spins, aim.is_even) == 0:
            own.hits[k] += hit
            return
    k = n - 1
    if energy >= own.energies[k]:
        return
    while k > 0 and own.energies[k - 1] > energy:
        own.energies[k] = own.energies[k - 1]
        own.best[k] = own.best[k - 1]
        own.hits[k] = own.hits[k - 1]
        k -= 1
    own.energies[k] = energy
    own.best[k] = spins
    own.hits[k] = hit
