"""Kernels of state vectors whose qubits turn about x alone: a sweep over memory for every dozen of qubits.

exp(i angle X) of two amplitudes a, b is cos(angle) (a + i t b, b + i t a) with t = tan(angle): the cosines of
all qubits are one factor, which the phase takes along, and each qubit costs two fused operations an
amplitude. Low qubits are turned within blocks that stay in the cache, the others in tiles that are copied
together first. Positions are as in `amplitudes`.
"""

from __future__ import annotations

import numpy as np

from qspin.sampler import njit
from qspin_backends.common.amplitudes import CONTRACT, sine_and_cosine

COLUMNS = 64
"""Neighbouring positions in a tile: eight lines of a cache."""


@njit(inline="always")
def _turned(ar, ai, br, bi, t):
    return ar - t * bi, ai + t * br, br - t * ai, bi + t * ar


@njit(inline="always")
def _turned_three(r, i, t):
    """Three turns of eight amplitudes, tuples of their parts; bit q of a position is the q-th of them."""
    a0, b0, a1, b1 = _turned(r[0], i[0], r[1], i[1], t[0])
    a2, b2, a3, b3 = _turned(r[2], i[2], r[3], i[3], t[0])
    a4, b4, a5, b5 = _turned(r[4], i[4], r[5], i[5], t[0])
    a6, b6, a7, b7 = _turned(r[6], i[6], r[7], i[7], t[0])
    a0, b0, a2, b2 = _turned(a0, b0, a2, b2, t[1])
    a1, b1, a3, b3 = _turned(a1, b1, a3, b3, t[1])
    a4, b4, a6, b6 = _turned(a4, b4, a6, b6, t[1])
    a5, b5, a7, b7 = _turned(a5, b5, a7, b7, t[1])
    a0, b0, a4, b4 = _turned(a0, b0, a4, b4, t[2])
    a1, b1, a5, b5 = _turned(a1, b1, a5, b5, t[2])
    a2, b2, a6, b6 = _turned(a2, b2, a6, b6, t[2])
    a3, b3, a7, b7 = _turned(a3, b3, a7, b7, t[2])
    return (a0, a1, a2, a3, a4, a5, a6, a7), (b0, b1, b2, b3, b4, b5, b6, b7)


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def _turn(re, im, stride, t):
    """The qubit whose partners are `stride` apart."""
    for start in range(0, len(re), 2 * stride):
        ra, rb = re[start : start + stride], re[start + stride : start + 2 * stride]
        ia, ib = im[start : start + stride], im[start + stride : start + 2 * stride]
        for k in range(stride):
            ra[k], ia[k], rb[k], ib[k] = _turned(ra[k], ia[k], rb[k], ib[k], t)


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def _turn_three(re, im, stride, t0, t1, t2):
    """The three qubits with strides 1, 2 and 4 times `stride`."""
    t = (t0, t1, t2)
    if stride == 1:
        for k in range(0, len(re), 8):
            r = (re[k], re[k + 1], re[k + 2], re[k + 3], re[k + 4], re[k + 5], re[k + 6], re[k + 7])
            i = (im[k], im[k + 1], im[k + 2], im[k + 3], im[k + 4], im[k + 5], im[k + 6], im[k + 7])
            r, i = _turned_three(r, i, t)
            re[k], re[k + 1], re[k + 2], re[k + 3], re[k + 4], re[k + 5], re[k + 6], re[k + 7] = r
            im[k], im[k + 1], im[k + 2], im[k + 3], im[k + 4], im[k + 5], im[k + 6], im[k + 7] = i
        return
    for start in range(0, len(re), 8 * stride):
        r0, r1 = re[start : start + stride], re[start + stride : start + 2 * stride]
        r2, r3 = re[start + 2 * stride : start + 3 * stride], re[start + 3 * stride : start + 4 * stride]
        r4, r5 = re[start + 4 * stride : start + 5 * stride], re[start + 5 * stride : start + 6 * stride]
        r6, r7 = re[start + 6 * stride : start + 7 * stride], re[start + 7 * stride : start + 8 * stride]
        i0, i1 = im[start : start + stride], im[start + stride : start + 2 * stride]
        i2, i3 = im[start + 2 * stride : start + 3 * stride], im[start + 3 * stride : start + 4 * stride]
        i4, i5 = im[start + 4 * stride : start + 5 * stride], im[start + 5 * stride : start + 6 * stride]
        i6, i7 = im[start + 6 * stride : start + 7 * stride], im[start + 7 * stride : start + 8 * stride]
        for k in range(stride):
            r = (r0[k], r1[k], r2[k], r3[k], r4[k], r5[k], r6[k], r7[k])
            i = (i0[k], i1[k], i2[k], i3[k], i4[k], i5[k], i6[k], i7[k])
            r, i = _turned_three(r, i, t)
            r0[k], r1[k], r2[k], r3[k], r4[k], r5[k], r6[k], r7[k] = r
            i0[k], i1[k], i2[k], i3[k], i4[k], i5[k], i6[k], i7[k] = i


@njit(cache=True, nogil=True)
def _turn_all(re, im, unit, ts, first, last):
    """Qubits `first` to `last`; partners of the first are `unit` apart."""
    qubit = first
    while qubit + 3 <= last:
        _turn_three(re, im, unit << (qubit - first), ts[qubit], ts[qubit + 1], ts[qubit + 2])
        qubit += 3
    while qubit < last:
        _turn(re, im, unit << (qubit - first), ts[qubit])
        qubit += 1


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def _phased(re, im, energies, turns, factor):
    for k in range(len(re)):
        sine, cosine = sine_and_cosine(turns * energies[k])
        a, b = factor * re[k], factor * im[k]
        re[k] = a * cosine - b * sine
        im[k] = a * sine + b * cosine


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def _turn_mirrored(ra, ia, rb, ib, t):
    """The spin that is not stored: position k of the first against the last but k of the second."""
    top = len(ra) - 1
    for k in range(len(ra)):
        ra[k], ia[k], rb[top - k], ib[top - k] = _turned(ra[k], ia[k], rb[top - k], ib[top - k], t)


@njit(cache=True, nogil=True)
def turn_blocks(re, im, energies, turns, factor, ts, n_low, folded, first, last):
    """Phase, the mirrored spin of a folded state, and the `n_low` lowest qubits.

    Parameters
    ----------
    factor : on all amplitudes, the product of the cosines
    ts : tangents of all spins (n_spins,)
    first, last : pairs of blocks of 2**n_low that mirror each other; of a single block, or of one that is not
        folded, each is a pair of halves
    """
    size = 1 << n_low
    half = max(1, size // 2) if len(re) == size else size
    top = len(re)
    for pair in range(first, last):
        low, high = pair * half, top - (pair + 1) * half
        if low == high:  # a single amplitude
            _phased(re, im, energies, turns, factor)
            if folded:
                re[0], im[0] = re[0] - ts[-1] * im[0], im[0] + ts[-1] * re[0]
            return
        ra, ia, rb, ib = (
            re[low : low + half],
            im[low : low + half],
            re[high : high + half],
            im[high : high + half],
        )
        _phased(ra, ia, energies[low : low + half], turns, factor)
        _phased(rb, ib, energies[high : high + half], turns, factor)
        if folded:
            _turn_mirrored(ra, ia, rb, ib, ts[-1])
        if half == size:
            _turn_all(ra, ia, 1, ts, 0, n_low)
            _turn_all(rb, ib, 1, ts, 0, n_low)
        else:
            _turn_all(re, im, 1, ts, 0, n_low)


@njit(cache=True, nogil=True)
def turn_tiles(re, im, ts, n_low, n_qubits, first, last):
    """The qubits from `n_low` on, in tiles `first` to `last` of `COLUMNS` neighbouring positions each."""
    rows = 1 << (n_qubits - n_low)
    own_re, own_im = np.empty(rows * COLUMNS), np.empty(rows * COLUMNS)
    for tile in range(first, last):
        for row in range(rows):
            start = (row << n_low) + tile * COLUMNS
            for k in range(COLUMNS):
                own_re[row * COLUMNS + k] = re[start + k]
                own_im[row * COLUMNS + k] = im[start + k]
        _turn_all(own_re, own_im, COLUMNS, ts, n_low, n_qubits)
        for row in range(rows):
            start = (row << n_low) + tile * COLUMNS
            for k in range(COLUMNS):
                re[start + k] = own_re[row * COLUMNS + k]
                im[start + k] = own_im[row * COLUMNS + k]


@njit(cache=True, nogil=True)
def turn_in_a_row(re, im, energies, turns, factors, ts, n_low, folded):
    """Layer after layer; `turns` and `factors` (n_layers,), `ts` (n_layers, n_spins)."""
    n_qubits = ts.shape[1] - (1 if folded else 0)
    for layer in range(len(turns)):
        t = ts[layer]
        n_pairs = max(1, len(re) >> (n_low + 1))
        turn_blocks(re, im, energies, turns[layer], factors[layer], t, n_low, folded, 0, n_pairs)
        if n_qubits > n_low:
            turn_tiles(re, im, t, n_low, n_qubits, 0, (1 << n_low) // COLUMNS)
