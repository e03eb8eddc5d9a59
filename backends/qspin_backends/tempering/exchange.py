"""Replica exchange along the ladders of a pack, and the loop of sweeps and exchanges.

Lane ``b * n_ladders + r`` is the walker of ladder r at inverse temperature number b. Temperatures stay with
the lanes and spins move between them, so that every kernel keeps its tables; ``walker`` tells who is where.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.arrivals import Watch, arrives, nobody
from qspin_backends.tempering.clusters.moves import cluster_moves
from qspin_backends.tempering.random import uniform
from qspin_backends.tempering.walkers import follower, sweep
from qspin_backends.tempering.words import swap_lanes

__all__ = ["N_BINS", "Ladders", "start_ladders", "temper"]

N_BINS = 48  # of logarithmic bins of sweeps: 2**48 are not reached


class Ladders(NamedTuple):
    """What exchange keeps of a pack; every array is updated.

    Parameters
    ----------
    random : uint64 (n_ladders, 4), xoshiro256++
    heading : int64 (all lanes,) by walker; 1: on the way from the hottest beta to the coldest, -1: on the way
        back
    attempts, accepted : int64 (n_betas - 1, n_ladders), swaps of neighbouring betas
    round_trips : int64 (n_ladders,), hot-cold-hot trips of all walkers
    energy_sums : float64 (N_BINS, n_betas * n_ladders), sums over sweeps 2**k .. 2**(k+1) - 1, counted from 1
    moments : float64 (2, n_betas * n_ladders), sums of E and E^2 over sweeps, relative to `origin`
    origin : float64 (n_betas * n_ladders,)
    cluster_sizes, cluster_flips, cluster_work, cluster_counts : int64 (n_betas,), spins in clusters that were
        flipped, number of those of more than one spin, couplings looked at, and number of cluster moves
    watch : whose arrival ends a loop, see `arrivals`
    """

    random: NDArray[np.uint64]
    heading: NDArray[np.int64]
    attempts: NDArray[np.int64]
    accepted: NDArray[np.int64]
    round_trips: NDArray[np.int64]
    energy_sums: NDArray[np.float64]
    moments: NDArray[np.float64]
    origin: NDArray[np.float64]
    cluster_sizes: NDArray[np.int64]
    cluster_flips: NDArray[np.int64]
    cluster_work: NDArray[np.int64]
    cluster_counts: NDArray[np.int64]
    watch: Watch

    def evolving(self) -> dict[str, NDArray[np.generic]]:
        """What a checkpoint holds, but for arrivals, which hold theirs."""
        return {name: array for name, array in self._asdict().items() if name != "watch"}


def start_ladders(random: NDArray[np.uint64], n_betas: int, n_all: int) -> Ladders:
    n_ladders = len(random)
    n_lanes = n_betas * n_ladders
    return Ladders(
        random.copy(),
        np.zeros(n_all, np.int64),
        np.zeros((max(n_betas - 1, 0), n_ladders), np.int64),
        np.zeros((max(n_betas - 1, 0), n_ladders), np.int64),
        np.zeros(n_ladders, np.int64),
        np.zeros((N_BINS, n_lanes)),
        np.zeros((2, n_lanes)),
        np.zeros(n_lanes),
        np.zeros(n_betas, np.int64),
        np.zeros(n_betas, np.int64),
        np.zeros(n_betas, np.int64),
        np.zeros(n_betas, np.int64),
        nobody(n_ladders, n_all),
    )


@njit(inline="always")
def _exchange(words, walker, energies, betas, ladders, parity, chosen):
    """Offer neighbouring pairs (k, k+1), k = parity, parity + 2, ..., of every ladder to swap their spins.

    Accepted with min(1, exp[(beta_k - beta_{k+1}) (E_k - E_{k+1})]) (Hukushima, Nemoto 1996). Parities that
    alternate make the scheme non-reversible (Okabe et al. 2001; Syed et al. 2022); a negative `parity` draws
    one for each ladder.
    """
    random, heading, trips = ladders.random, ladders.heading, ladders.round_trips
    attempts, accepted = ladders.attempts, ladders.accepted
    n_ladders = len(random)
    width = 8 * words.itemsize
    kind = words.dtype.type
    chosen[:] = 0
    any_chosen = False
    for r in range(n_ladders):
        if ladders.watch.is_done[r]:
            continue
        state = random[r]
        first = parity if parity >= 0 else int(uniform(state) < 0.5)
        for k in range(first, len(betas) - 1, 2):
            low = k * n_ladders + r
            high = low + n_ladders
            gain = (betas[k] - betas[k + 1]) * (energies[low] - energies[high])
            attempts[k, r] += 1
            drawn = uniform(
                state
            )  # always: a gain that is zero but for rounding must not decide on the stream
            if gain >= 0.0 or drawn < np.exp(gain):
                accepted[k, r] += 1
                energies[low], energies[high] = energies[high], energies[low]
                walker[low], walker[high] = walker[high], walker[low]
                chosen[low // width] |= kind(1) << kind(low % width)
                any_chosen = True
        hottest, coldest = walker[r], walker[(len(betas) - 1) * n_ladders + r]
        if heading[hottest] == -1:
            trips[r] += 1
        heading[hottest] = 1
        if heading[coldest] == 1:
            heading[coldest] = -1
    if any_chosen:
        swap_lanes(words, chosen, n_ladders)


@njit(inner=True)
def _add(energies, sums):
    for lane in range(len(sums)):
        sums[lane] += energies[lane]


@njit(inner=True)
def _add_moments(energies, origin, first, second):
    for lane in range(len(origin)):
        off = energies[lane] - origin[lane]
        first[lane] += off
        second[lane] += off * off


@njit(cache=True, nogil=True)
def temper(
    kernel,
    words,
    walker,
    energies,
    betas,
    ladders,
    graph,
    reversible,
    cluster_every,
    recording,
    first,
    n_sweeps,
):
    """Run sweeps, each followed by exchanges and, every `cluster_every` sweeps (0: never), by cluster moves.

    Returns the number of sweeps that were run: fewer than `n_sweeps` where a walker arrives that is watched.

    Parameters
    ----------
    kernel, words, walker, energies : of the pack
    betas : float64 (n_betas,), ascending, in units of the kernel
    ladders, graph : see `Ladders` and `clusters.graph.BondGraph`
    reversible : draw the parity of every exchange instead of alternating
    recording : add to `moments`
    first : number of sweeps done before, which fixes the parity
    """
    energy_sums, moments, origin = ladders.energy_sums, ladders.moments, ladders.origin
    is_watched = ladders.watch.limit[0] > -np.inf
    chosen = np.zeros(words.shape[1], words.dtype)
    following = follower(kernel)
    for done in range(first, first + n_sweeps):
        sweep(kernel, words, walker, energies)
        if cluster_every and (done + 1) % cluster_every == 0:
            turn = (done + 1) // cluster_every
            cluster_moves(following, words, walker, energies, graph, ladders, betas, turn)
        if len(betas) > 1:
            _exchange(words, walker, energies, betas, ladders, -1 if reversible else done % 2, chosen)
        number, bin_ = done + 1, 0
        while number > 1:
            number >>= 1
            bin_ += 1
        _add(energies, energy_sums[bin_])
        if recording:
            _add_moments(energies, origin, moments[0], moments[1])
        if is_watched and arrives(energies, ladders.watch, len(betas)):
            return done + 1 - first
    return n_sweeps
