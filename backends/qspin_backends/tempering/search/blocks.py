"""Blocks of spins that configurations agree upon, and the smaller problem whose spins are the blocks.

In low-lying configurations most neighbours stand alike, or opposed, in all of them: flipping such spins one
by one is in vain. Spins whose relative orientation is the same in several local minima form a block, which is
one spin of a smaller problem with the energies of the original one (Houdayer, Martin 1999, Phys. Rev. Lett.
83, 1030). It is searched alike, again and again, until nothing is left to be decided.
"""

from __future__ import annotations

import numpy as np

from qspin.sampler import njit
from qspin_backends.tempering.search.descent import LANES, Rows, cooled, drawn, relaxed

__all__ = ["renormalised"]

_DEPTH = 32  # levels at the most
_FEW = 4  # blocks that are always allowed


@njit(cache=True, nogil=True)
def renormalised(rows, minima, energies, share, n_sweeps, is_split, least, random, state, stop):
    """A configuration int8 (N,) as low as any of `minima` int8 (n, N), of `energies` (n,), and its energy.

    Parameters
    ----------
    share : of the spins that there may be blocks of
    n_sweeps : in which walkers of a smaller problem are cooled
    is_split : whether spins of a block must hang together
    least : see `descend`
    random, state, stop : see `cooled`
    """
    labels, references = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    level = rows
    for _ in range(_DEPTH):
        order = np.argsort(energies)
        best = minima[order[0]].copy()
        label, n_blocks = _blocks(level, minima, order, share, is_split)
        if n_blocks == 1 or n_blocks == len(best) or stop[0]:
            break
        labels.append(label)
        references.append(best)
        level = _smaller(level, best, label, n_blocks)
        minima = np.ones((LANES + 1, n_blocks), np.int8)  # the first stands for `best`
        minima[1:] = cooled(level, drawn(n_blocks, state), 0.0, n_sweeps, random, stop)
        energies = relaxed(level, minima, least)
        best = minima[0]
    for k in range(len(labels) - 1, 0, -1):
        whole = references[k].copy()
        for i in range(len(whole)):
            whole[i] *= best[labels[k][i]]
        best = whole
    last = best.copy().reshape(1, -1)
    lowest = relaxed(rows, last, least)[0]
    return last[0], lowest


@njit(cache=True, nogil=True)
def _blocks(rows, minima, order, share, is_split):
    """Block of each spin, and their number: minima are compared with the best one in their `order`, as long
    as blocks do not get too many."""
    n = minima.shape[1]
    label, n_blocks = np.zeros(n, np.int64), 1
    finer = np.empty(n, np.int64)
    number = np.empty(2 * n + 2, np.int64)
    first = minima[order[0]]
    for k in order[1:]:
        number[: 2 * n_blocks] = -1
        count = 0
        for i in range(n):
            key = 2 * label[i] + (1 if first[i] == minima[k, i] else 0)
            if number[key] < 0:
                number[key] = count
                count += 1
            finer[i] = number[key]
        if count > max(share * n, _FEW) and n_blocks > 1:
            break
        label[:] = finer
        n_blocks = count
    return _connected(rows, label) if is_split else (label, n_blocks)


@njit(cache=True, nogil=True)
def _connected(rows, label):
    """The connected parts of blocks, and their number."""
    n = len(label)
    part = np.full(n, -1, np.int64)
    stack = np.empty(n, np.int64)
    count = 0
    for i in range(n):
        if part[i] >= 0:
            continue
        part[i] = count
        stack[0] = i
        size = 1
        while size > 0:
            size -= 1
            j = stack[size]
            for p in range(rows.indptr[j], rows.indptr[j + 1]):
                k = rows.indices[p]
                if part[k] < 0 and label[k] == label[j]:
                    part[k] = count
                    stack[size] = k
                    size += 1
        count += 1
    return part, count


@njit(cache=True, nogil=True)
def _smaller(rows, reference, label, n_blocks):
    """The problem of flipping whole blocks of `reference`: its spins are +1 where nothing is flipped."""
    start = np.zeros(n_blocks + 1, np.int64)
    for b in label:
        start[b + 1] += 1
    start = np.cumsum(start)
    place, members = start[:-1].copy(), np.empty(len(label), np.int64)
    for i in range(len(label)):
        members[place[label[i]]] = i
        place[label[i]] += 1
    indptr, fields = np.zeros(n_blocks + 1, np.int64), np.zeros(n_blocks)
    indices, couplings = np.empty(len(rows.indices), np.int32), np.empty(len(rows.indices))
    total, seen = np.zeros(n_blocks), np.full(n_blocks, -1, np.int64)
    met = np.empty(n_blocks, np.int64)
    end = 0
    for b in range(n_blocks):
        n_met = 0
        for i in members[start[b] : start[b + 1]]:
            fields[b] += rows.fields[i] * reference[i]
            for p in range(rows.indptr[i], rows.indptr[i + 1]):
                j = rows.indices[p]
                other = label[j]
                if other == b:
                    continue
                if seen[other] != b:
                    seen[other] = b
                    total[other] = 0.0
                    met[n_met] = other
                    n_met += 1
                total[other] += rows.couplings[p] * reference[i] * reference[j]
        for other in met[:n_met]:
            if total[other] != 0.0:
                indices[end] = other
                couplings[end] = total[other]
                end += 1
        indptr[b + 1] = end
    return Rows(indptr, indices[:end].copy(), couplings[:end].copy(), fields)
