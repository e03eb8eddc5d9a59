"""Kernels of state vectors whose qubits turn about x alone: a sweep over memory for every dozen of qubits.

exp(i angle X) of two amplitudes a, b is cos(angle) (a + i t b, b + i t a) with t = tan(angle): the cosines of
all qubits are one factor, which the phase takes along, and each qubit costs two fused operations an
amplitude. They turn the real part of an amplitude with the imaginary part of its partner: of eight amplitudes
the real parts at an even number of ones and the imaginary parts at an odd number never meet the other eight
numbers, and stay in registers while three qubits turn.

The two lowest qubits are lanes of one vector and turn with the phase, the others with three loads and stores
for every eight of them or so: some within pieces that stay in the first cache, some in blocks of the second,
the rest in tiles of a few columns, which are gathered by their first turns and spread by their last.
Positions are as in `amplitudes`.
"""

from __future__ import annotations

import numpy as np

from qspin.sampler import njit
from qspin_backends.common.amplitudes import CONTRACT, sine_and_cosine
from qspin_backends.common.simd import across, broadcast, floor, fma, load, pointer_to, store

__all__ = ["LOW_QUBITS", "low_qubits", "n_tiles", "turn_blocks", "turn_in_a_row", "turn_tiles"]

LOW_QUBITS = 11
"""Qubits within a block of a small state; of a large one there are more, so that fewer rows are gathered."""

_MORE_QUBITS, _LARGE = 14, 18  # and from how many on a state is large: threads share blocks
_LANES = 4  # of a vector
_IN_LANES = 2  # qubits
_PIECE = 256  # positions that stay in the first-level cache
_COLUMNS = 64  # neighbouring positions in a tile: eight lines of a cache
_SMALL = 8  # positions, below which vectors do not fit


def low_qubits(n_qubits: int) -> int:
    """Qubits of a block, which stays in the second-level cache, of a state of so many."""
    return min(n_qubits, LOW_QUBITS) if n_qubits < _LARGE else _MORE_QUBITS


def n_tiles(n_low: int) -> int:
    """Tiles of a state with blocks of so many qubits."""
    return (1 << n_low) // _COLUMNS


# -- in registers --------------------------------------------------------------------------------


@njit(inline="always")
def _turned(x, y, t):
    """A real part and the imaginary part of its partner."""
    return fma(y, -t, x), fma(x, t, y)


@njit(inline="always")
def _turned_lanes(r, i, t0, t1):
    """The two qubits whose partners are in the same vector."""
    r, i = fma(across(i, 1), -t0, r), fma(across(r, 1), t0, i)
    return fma(across(i, 2), -t1, r), fma(across(r, 2), t1, i)


@njit(inline="always")
def _phased(r, i, energy, turns, factor):
    """Times `factor` exp(2 pi i turns energy). Half turns are split off, whose sign the factor takes; on the
    rest, up to a quarter turn x, sin(2 pi x) / x and cos(2 pi x) are polynomials in x^2 that agree with them
    at the nodes of Chebyshev, to 3e-16."""
    angle = energy * turns
    halves = floor(fma(angle, 2.0, 0.5))
    x = fma(halves, -0.5, angle)
    z = x * x
    s = fma(z, -0.6925067010720717, 3.817365633469135)
    s = fma(s, z, -15.09450614073429)
    s = fma(s, z, 42.05868995395094)
    s = fma(s, z, -76.70585968962867)
    s = fma(s, z, 81.60524927557977)
    s = fma(s, z, -41.341702240398284)
    s = fma(s, z, 6.283185307179585)
    c = fma(z, 0.2719458494999813, -1.7132184107005932)
    c = fma(c, z, 7.903462492085097)
    c = fma(c, z, -26.426254066690255)
    c = fma(c, z, 60.24464131316041)
    c = fma(c, z, -85.45681720598061)
    c = fma(c, z, 64.93939402266395)
    c = fma(c, z, -19.739208802178705)
    c = fma(c, z, 1.0)
    is_odd = fma(floor(halves * 0.5), -2.0, halves)
    signed = fma(is_odd, -2.0 * factor, broadcast(factor, 4))
    s = s * x * signed
    c = c * signed
    return fma(i, s * -1.0, r * c), fma(r, s, i * c)


@njit(inline="always")
def _three(x, y, k, s, to_x, to_y, j, u, t0, t1, t2):
    """Three qubits of eight numbers: of `x` at an even number of ones, of `y` at an odd one.

    Read from `k` on, `s` apart; written from `j` on, `u` apart.
    """
    v0, v1, v2, v3 = load(x, k, 4), load(y, k + s, 4), load(y, k + 2 * s, 4), load(x, k + 3 * s, 4)
    v4, v5 = load(y, k + 4 * s, 4), load(x, k + 5 * s, 4)
    v6, v7 = load(x, k + 6 * s, 4), load(y, k + 7 * s, 4)
    v0, v1 = _turned(v0, v1, t0)
    v3, v2 = _turned(v3, v2, t0)
    v5, v4 = _turned(v5, v4, t0)
    v6, v7 = _turned(v6, v7, t0)
    v0, v2 = _turned(v0, v2, t1)
    v3, v1 = _turned(v3, v1, t1)
    v6, v4 = _turned(v6, v4, t1)
    v5, v7 = _turned(v5, v7, t1)
    v0, v4 = _turned(v0, v4, t2)
    v5, v1 = _turned(v5, v1, t2)
    v6, v2 = _turned(v6, v2, t2)
    v3, v7 = _turned(v3, v7, t2)
    store(to_x, j, v0)
    store(to_y, j + u, v1)
    store(to_y, j + 2 * u, v2)
    store(to_x, j + 3 * u, v3)
    store(to_y, j + 4 * u, v4)
    store(to_x, j + 5 * u, v5)
    store(to_x, j + 6 * u, v6)
    store(to_y, j + 7 * u, v7)


@njit(inline="always")
def _two(x, y, k, s, to_x, to_y, j, u, t0, t1):
    """Two qubits of four numbers, as `_three` has them."""
    v0, v1, v2, v3 = load(x, k, 4), load(y, k + s, 4), load(y, k + 2 * s, 4), load(x, k + 3 * s, 4)
    v0, v1 = _turned(v0, v1, t0)
    v3, v2 = _turned(v3, v2, t0)
    v0, v2 = _turned(v0, v2, t1)
    v3, v1 = _turned(v3, v1, t1)
    store(to_x, j, v0)
    store(to_y, j + u, v1)
    store(to_y, j + 2 * u, v2)
    store(to_x, j + 3 * u, v3)


# -- sweeps --------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _turn_rows(x, y, source, to_x, to_y, target, n_groups, n_columns, width, t0, t1, t2):
    """`width` qubits, one to three, of one half of the numbers, see `_three`.

    Parameters
    ----------
    x, y, to_x, to_y : pointers to the parts of amplitudes, where they are read and where they are written
    source, target : where the first group starts; groups apart; rows of a group apart
    n_columns : neighbouring positions of a row
    """
    start, step, s = source
    to, to_step, u = target
    for group in range(n_groups):
        k, j = start + group * step, to + group * to_step
        if width == 3:
            for column in range(0, n_columns, _LANES):
                _three(x, y, k + column, s, to_x, to_y, j + column, u, t0, t1, t2)
        elif width == 2:
            for column in range(0, n_columns, _LANES):
                _two(x, y, k + column, s, to_x, to_y, j + column, u, t0, t1)
        else:
            for column in range(0, n_columns, _LANES):
                v0, v1 = _turned(load(x, k + column, 4), load(y, k + s + column, 4), t0)
                store(to_x, j + column, v0)
                store(to_y, j + u + column, v1)


@njit(cache=True, nogil=True)
def _turn_group(re, im, source, to_re, to_im, target, n_groups, n_columns, width, ts, qubit):
    """`width` qubits from `qubit` on; `re` to `to_im` are pointers, the others as of `_turn_rows`."""
    t0 = ts[qubit]
    t1 = ts[qubit + 1] if width > 1 else 0.0
    t2 = ts[qubit + 2] if width > 2 else 0.0
    _turn_rows(re, im, source, to_re, to_im, target, n_groups, n_columns, width, t0, t1, t2)
    _turn_rows(im, re, source, to_im, to_re, target, n_groups, n_columns, width, -t0, -t1, -t2)


@njit(cache=True, nogil=True)
def _turn_all(re, im, start, size, unit, ts, first, last):
    """Qubits `first` to `last` of `size` positions from `start` on, in place; partners of the first are
    `unit` apart."""
    qubit, stride = first, unit
    while qubit < last:
        width = min(3, last - qubit)
        places = (start, stride << width, stride)
        _turn_group(re, im, places, re, im, places, size // (stride << width), stride, width, ts, qubit)
        qubit += width
        stride <<= width


@njit(cache=True, nogil=True)
def _turn_lowest(re, im, energies, turns, factor, ts, folded, low, high, size):
    """Phase, the mirrored spin, and the two lowest qubits, of `size` positions from `low` and `high` on that
    mirror each other."""
    t0, t1, mirrored = ts[0], ts[1], ts[-1]
    for column in range(0, size, _LANES):
        a, b = low + column, high + size - _LANES - column
        ra, ia = _phased(load(re, a, 4), load(im, a, 4), load(energies, a, 4), turns, factor)
        rb, ib = _phased(load(re, b, 4), load(im, b, 4), load(energies, b, 4), turns, factor)
        if folded:
            rb, ib = across(rb, 3), across(ib, 3)  # backwards
            ra, ib = _turned(ra, ib, mirrored)
            rb, ia = _turned(rb, ia, mirrored)
            rb, ib = across(rb, 3), across(ib, 3)
        ra, ia = _turned_lanes(ra, ia, t0, t1)
        rb, ib = _turned_lanes(rb, ib, t0, t1)
        store(re, a, ra)
        store(im, a, ia)
        store(re, b, rb)
        store(im, b, ib)


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
    if len(re) < _SMALL:
        _turn_small(re, im, energies, turns, factor, ts, n_low, folded)
        return
    size = 1 << n_low
    half = size // 2 if len(re) == size else size
    piece = min(half, _PIECE)
    within = _IN_LANES
    while 1 << within < piece:
        within += 1
    r, i, e = pointer_to(re), pointer_to(im), pointer_to(energies)
    for pair in range(first, last):
        low, high = pair * half, len(re) - (pair + 1) * half
        for k in range(0, half, piece):
            a, b = low + k, high + half - k - piece
            _turn_lowest(r, i, e, turns, factor, ts, folded, a, b, piece)
            _turn_all(r, i, a, piece, _LANES, ts, _IN_LANES, within)
            _turn_all(r, i, b, piece, _LANES, ts, _IN_LANES, within)
        if half == size:
            _turn_all(r, i, low, size, piece, ts, within, n_low)
            _turn_all(r, i, high, size, piece, ts, within, n_low)
        else:
            _turn_all(r, i, 0, size, piece, ts, within, n_low)


@njit(cache=True, nogil=True)
def turn_tiles(re, im, ts, n_low, n_qubits, first, last):
    """The qubits from `n_low` on, in tiles `first` to `last` of a few neighbouring positions each."""
    rows, apart = 1 << (n_qubits - n_low), 1 << n_low
    own_re, own_im = np.empty(rows * _COLUMNS), np.empty(rows * _COLUMNS)
    r, i, own_r, own_i = pointer_to(re), pointer_to(im), pointer_to(own_re), pointer_to(own_im)
    width = min(3, n_qubits - n_low)
    at_last = min(3, n_qubits - n_low - width)
    until, between = n_qubits - at_last, rows >> at_last
    for start in range(first * _COLUMNS, last * _COLUMNS, _COLUMNS):
        source = (start, apart << width, apart)
        if at_last == 0:
            _turn_group(r, i, source, r, i, source, 1, _COLUMNS, width, ts, n_low)
            continue
        target = (0, _COLUMNS << width, _COLUMNS)
        _turn_group(r, i, source, own_r, own_i, target, rows >> width, _COLUMNS, width, ts, n_low)
        _turn_all(own_r, own_i, 0, rows * _COLUMNS, _COLUMNS << width, ts, n_low + width, until)
        source, target = (0, _COLUMNS, between * _COLUMNS), (start, apart, between * apart)
        _turn_group(own_r, own_i, source, r, i, target, between, _COLUMNS, at_last, ts, until)


@njit(cache=True, nogil=True)
def turn_in_a_row(re, im, energies, turns, factors, ts, n_low, folded):
    """Layer after layer; `turns` and `factors` (n_layers,), `ts` (n_layers, n_spins)."""
    n_qubits = ts.shape[1] - (1 if folded else 0)
    n_pairs = max(1, len(re) >> (n_low + 1))
    for layer in range(len(turns)):
        t = ts[layer]
        turn_blocks(re, im, energies, turns[layer], factors[layer], t, n_low, folded, 0, n_pairs)
        if n_qubits > n_low:
            turn_tiles(re, im, t, n_low, n_qubits, 0, (1 << n_low) // _COLUMNS)


# -- states smaller than vectors -----------------------------------------------------------------


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def _turn_small(re, im, energies, turns, factor, ts, n_qubits, folded):
    top = len(re) - 1
    for k in range(len(re)):
        sine, cosine = sine_and_cosine(turns * energies[k])
        a, b = factor * re[k], factor * im[k]
        re[k], im[k] = a * cosine - b * sine, a * sine + b * cosine
    for qubit in range(n_qubits + (1 if folded else 0)):
        flip = 1 << qubit if qubit < n_qubits else top  # the spin that is not stored: all others flip
        for k in range(len(re)):
            if k < k ^ flip or flip == 0:
                a, b, t = k, k ^ flip, ts[qubit]
                ra, ia, rb, ib = re[a], im[a], re[b], im[b]
                re[a], im[b] = ra - t * ib, ib + t * ra
                if a != b:
                    im[a], re[b] = ia + t * rb, rb - t * ia
