"""Bond clusters of two walkers at neighbouring betas: weak couplings hold nothing together.

Two walkers s, t at b1, b2 have the weight exp[-b1 E(s) - b2 E(t)]. Spins flipped in both leave the overlaps
q_i = s_i t_i as they are; given these, the weight is that of one Ising model for s, with couplings

    (b1 + b2) J_ij  where q_i = q_j,      (b1 - b2) J_ij  where q_i = -q_j,

and fields (b1 + q_i b2) h_i. Couplings within the class of one q are treated by bonds (Swendsen, Wang 1987,
Phys. Rev. Lett. 58, 86; one cluster a move: Wolff 1989, Phys. Rev. Lett. 62, 361): a satisfied one is active
with probability 1 - exp[-2 (b1 + b2) |J_ij|]. A cluster of active bonds feels the rest by the weak couplings
to the other class and the fields alone, which decide whether it flips (Metropolis): where q = -1 they are
small, and vanish at equal temperatures. So domains in which two walkers differ change places one by one,
where replica exchange takes walkers as a whole.

This is the family of replica cluster moves (Swendsen, Wang 1986, Phys. Rev. Lett. 57, 2607; Houdayer 2001;
Chayes, Machta, Redner 1998, J. Stat. Phys. 93, 17; Joerg 2005, Prog. Theor. Phys. Suppl. 157, 349), for
walkers of one ladder, which needs no second one: measured against partners at the same beta, against all
clusters at once and against clusters of a single walker it reached ground states of glasses soonest, counted
in seconds of a core and replica.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.common.simd import pointer_to
from qspin_backends.tempering.clusters.graph import flip, is_due
from qspin_backends.tempering.random import uniform
from qspin_backends.tempering.walkers import follow

__all__ = ["bond_moves"]

_STRONG = 0.05  # exponent of a bond above which it is looked at by itself, which is then cheaper
_CERTAIN = 40.0  # exponent of a bond that is always active: exp(-40) is less than random numbers resolve


class _Scratch(NamedTuple):
    """Of one pair, by row: 1 where the walkers are opposed, 1 in the part of the rows that the cluster is of
    while they are not in it; the rows of the cluster.
    """

    opposed: NDArray[np.uint8]
    free: NDArray[np.uint8]
    members: NDArray[np.int64]


@njit(cache=True, inner=True)
def bond_moves(kernel, words, walker, energies, graph, ladders, betas, turn):
    """One move for the pairs (k, k + 1) of neighbouring betas in every ladder, even and odd k in turn."""
    n_rows, n_ladders = words.shape[0], len(ladders.random)
    scratch = _Scratch(np.zeros(n_rows, np.uint8), np.zeros(n_rows, np.uint8), np.empty(n_rows, np.int64))
    for r in range(n_ladders):
        if ladders.watch.is_done[r]:
            continue
        for k in range(turn % 2, len(betas) - 1, 2):
            if not is_due(graph.pace[k], turn // 2):
                continue
            one = k * n_ladders + r
            pair = (one, one + n_ladders, betas[k], betas[k + 1])
            count, work = _move_pair(words, energies, graph, ladders.random[r], pair, scratch)
            if count:
                follow(kernel, words, walker, pair[0], scratch.members, count)
                follow(kernel, words, walker, pair[1], scratch.members, count)
            ladders.cluster_sizes[k] += count
            ladders.cluster_flips[k] += count > 1
            ladders.cluster_work[k] += work
            ladders.cluster_counts[k] += 1


@njit(inner=True)
def _move_pair(words, energies, graph, state, pair, scratch):
    """Flip a cluster of the rows in which a pair is opposed, or alike if those are fewer and there are no
    fields; returns how many rows were flipped, the first of ``scratch.members``, and how many couplings were
    looked at.

    A cluster that is all there is would merely swap the walkers, and is left alone.
    """
    one, other, hot, cold = pair
    n_opposed = _compare(words, one, other, graph.holds, scratch.opposed)
    n_rows = len(graph.rows)
    part, n_part = np.uint8(1), n_opposed
    if graph.symmetric and 2 * n_opposed > n_rows:
        part, n_part = np.uint8(0), n_rows - n_opposed
    if n_part < 2:
        return 0, 0
    for row in range(len(graph.holds)):
        scratch.free[row] = graph.holds[row] & (scratch.opposed[row] ^ part ^ np.uint8(1))
    seed = graph.rows[min(int(uniform(state) * n_rows), n_rows - 1)]
    while not scratch.free[seed]:
        seed = graph.rows[min(int(uniform(state) * n_rows), n_rows - 1)]
    size, work = _grow(words, graph, state, pair, seed, scratch)
    count = 0
    if size < n_part:
        alike, against, held = _held(words, graph, one, part, size, scratch)
        work += held
        gain = 2.0 * (hot - cold) * against  # of the logarithm of the weight
        if gain >= 0.0 or uniform(state) < np.exp(gain):
            energies[one] -= 2.0 * (alike + against)
            energies[other] -= 2.0 * (alike - against)
            count = size
    width = 8 * words.itemsize
    for k in range(count):
        flip(words, scratch.members[k], one, width)
        flip(words, scratch.members[k], other, width)
    return count, work


@njit(inner=True)
def _compare(words, one, other, holds, opposed):
    """Mark the rows in which two lanes are opposed; returns their number."""
    width = 8 * words.itemsize
    first, second = one // width, other // width
    low, high = words.dtype.type(one % width), words.dtype.type(other % width)
    count = 0
    for row in range(len(holds)):
        differ = np.uint8((words[row, first] >> low) ^ (words[row, second] >> high)) & holds[row]
        opposed[row] = differ
        count += differ
    return count


@njit(inner=True)
def _grow(words, graph, state, pair, seed, scratch):
    """Put the cluster of `seed` into ``scratch.members``; returns its size and the couplings looked at.

    A satisfied bond within the part is active with probability 1 - exp(-rate |J|), the probability of at
    least one event of a Poisson process of that mean. Strong bonds are looked at one by one; among the others
    of a row the process is followed from event to event along the summed |J| (Fukui, Todo 2009, J. Comput.
    Phys. 228, 2629), so that bonds without an event cost nothing.
    """
    free, members, spins = pointer_to(scratch.free), pointer_to(scratch.members), pointer_to(words)
    neighbours, couplings = pointer_to(graph.neighbours), pointer_to(graph.couplings)
    summed, ends = pointer_to(graph.summed), pointer_to(graph.indptr)
    word, bit, n_words, one = _place(words, pair[0])
    rate = 2.0 * (pair[2] + pair[3])
    members[0] = seed
    free[seed] = np.uint8(0)
    size, k, work = 1, 0, 0
    while k < size:
        row = members[k]
        k += 1
        up = (spins[row * n_words + word] >> bit) & one
        p, end = ends[row], ends[row + 1]
        passed = 0.0
        while p < end:
            work += 1
            exponent = rate * abs(couplings[p])
            if exponent > _STRONG:
                passed = summed[p]
                event = exponent > _CERTAIN
            else:
                passed -= np.log(1.0 - uniform(state)) / rate
                p = _beyond(summed, p, end, passed)
                if p == end:
                    break
                passed = summed[p]
                event = True
            other, coupling = neighbours[p], couplings[p]
            p += 1
            differ = np.uint8(up ^ ((spins[other * n_words + word] >> bit) & one))
            if not free[other] & (differ ^ np.uint8(coupling < 0.0)):  # one branch: it is hard to foresee
                continue
            if event or uniform(state) > np.exp(-exponent):
                free[other] = np.uint8(0)
                members[size] = other
                size += 1
    return size, work


@njit(inline="always")
def _place(words, lane):
    """Where the bit of a lane is in a row of words: word, bit, words a row, and a one of their kind."""
    width, kind = 8 * words.itemsize, words.dtype.type
    return lane // width, kind(lane % width), words.shape[1], kind(1)


@njit(inline="always")
def _beyond(summed, first, end, passed):
    """The first place from `first` on whose sum is larger than `passed`, or `end`."""
    if passed >= summed[end - 1]:
        return end
    low, high = first, end - 1
    while low < high:
        middle = (low + high) // 2
        if summed[middle] > passed:
            high = middle
        else:
            low = middle + 1
    return low


@njit(inner=True)
def _held(words, graph, lane, part, size, scratch):
    """Energy between a cluster and the rest in the walker of a lane: what the other walker has in common with
    it, what it has with the opposite sign; and the couplings looked at.
    """
    free, members, spins = pointer_to(scratch.free), pointer_to(scratch.members), pointer_to(words)
    neighbours, couplings = pointer_to(graph.neighbours), pointer_to(graph.couplings)
    opposed, ends, fields = pointer_to(scratch.opposed), pointer_to(graph.indptr), pointer_to(graph.fields)
    word, bit, n_words, one = _place(words, lane)
    alike = against = 0.0
    work = 0
    for k in range(size):
        row = members[k]
        inside = across = 0.0
        work += ends[row + 1] - ends[row]
        for p in range(ends[row], ends[row + 1]):
            other = neighbours[p]
            up = (spins[other * n_words + word] >> bit) & one
            energy = couplings[p] * (2.0 * up - 1.0)
            across += energy * (opposed[other] ^ part)
            inside += energy * free[other]
        if part:
            across += fields[row]
        sign = 2.0 * ((spins[row * n_words + word] >> bit) & one) - 1.0
        alike += sign * inside
        against += sign * across
    return alike, against, work
