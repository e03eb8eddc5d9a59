"""Kernels of a state vector whose cost is diagonal: phases, rotations of single qubits, and their adjoints.

A state is two arrays of real and imaginary parts (2**m,). Bit q of a position is qubit q, and 0 stands for
spin +1, as Qiskit has it. Three qubits are rotated in one sweep (two in the adjoint), so that the state
passes through the registers seldom. Loops are written for LLVM to turn into vector instructions: no branches,
no strides inside, phases by polynomials.

A rotation exp(i angle (sin(tilt) X + cos(tilt) Z)) is three real numbers, see `rotations`.
"""

from __future__ import annotations

import numpy as np

from qspin.sampler import njit

BLOCK_QUBITS = 12
"""Qubits within a block, which stays in the second-level cache while all of them are rotated."""

CONTRACT = {"contract"}
REORDER = {"contract", "reassoc"}


def rotations(angles, tilts):
    """Elements of 2x2 matrices [[c + i d, i e], [i e, c - i d]], three arrays (n_qubits,)."""
    sine = np.sin(angles)
    return np.cos(angles), sine * np.cos(tilts), sine * np.sin(tilts)


@njit(inline="always")
def sine_and_cosine(turns):
    """Of an angle in turns: quarter turns split off, polynomials of Cephes (Moshier 1984) on the rest."""
    quarters = np.floor(4.0 * turns + 0.5)
    angle = (turns - 0.25 * quarters) * 6.283185307179586
    z = angle * angle
    s = 1.58962301576546568060e-10
    s = s * z - 2.50507477628578072866e-8
    s = s * z + 2.75573136213857245213e-6
    s = s * z - 1.98412698295895385996e-4
    s = s * z + 8.33333333332211858878e-3
    s = s * z - 1.66666666666666307295e-1
    s = angle + angle * z * s
    c = -1.13585365213876817300e-11
    c = c * z + 2.08757008419747316778e-9
    c = c * z - 2.75573141792967388112e-7
    c = c * z + 2.48015872888517045348e-5
    c = c * z - 1.38888888888730564116e-3
    c = c * z + 4.16666666666665929218e-2
    c = 1.0 - 0.5 * z + z * z * c
    which = quarters - 4.0 * np.floor(0.25 * quarters)  # 0 to 3; vectors have no conversion to integers
    is_odd = (which == 1.0) | (which == 3.0)
    sine = c if is_odd else s
    cosine = s if is_odd else c
    return (-sine if which >= 2.0 else sine), (-cosine if (which == 1.0) | (which == 2.0) else cosine)


@njit(inline="always")
def rotated(ar, ai, br, bi, c, d, e):
    """One rotation of the amplitudes a (spin +1) and b (spin -1)."""
    return (
        c * ar - d * ai - e * bi,
        c * ai + d * ar + e * br,
        c * br + d * bi - e * ai,
        c * bi - d * br + e * ar,
    )


@njit(cache=True, nogil=True)
def phase(re, im, energies, turns):
    """Multiply amplitude k by exp(2 pi i turns energies[k])."""
    for k in range(len(re)):
        sine, cosine = sine_and_cosine(turns * energies[k])
        a, b = re[k], im[k]
        re[k] = a * cosine - b * sine
        im[k] = a * sine + b * cosine


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def rotate(re, im, stride, c, d, e, first, last):
    """Rotate the qubit whose partners are `stride` apart; pairs `first` to `last` of 2**(m - 1)."""
    unit = first
    while unit < last:
        within = unit % stride
        start = (unit // stride) * 2 * stride + within
        size = min(stride - within, last - unit)
        ra, rb = re[start : start + size], re[start + stride : start + stride + size]
        ia, ib = im[start : start + size], im[start + stride : start + stride + size]
        for k in range(size):
            ra[k], ia[k], rb[k], ib[k] = rotated(ra[k], ia[k], rb[k], ib[k], c, d, e)
        unit += size


@njit(inline="always")
def _rotated_three(r, i, c, d, e):
    """Three rotations of eight amplitudes, tuples of their parts; bit q of a position is the q-th of them."""
    a0, b0, a1, b1 = rotated(r[0], i[0], r[1], i[1], c[0], d[0], e[0])
    a2, b2, a3, b3 = rotated(r[2], i[2], r[3], i[3], c[0], d[0], e[0])
    a4, b4, a5, b5 = rotated(r[4], i[4], r[5], i[5], c[0], d[0], e[0])
    a6, b6, a7, b7 = rotated(r[6], i[6], r[7], i[7], c[0], d[0], e[0])
    a0, b0, a2, b2 = rotated(a0, b0, a2, b2, c[1], d[1], e[1])
    a1, b1, a3, b3 = rotated(a1, b1, a3, b3, c[1], d[1], e[1])
    a4, b4, a6, b6 = rotated(a4, b4, a6, b6, c[1], d[1], e[1])
    a5, b5, a7, b7 = rotated(a5, b5, a7, b7, c[1], d[1], e[1])
    a0, b0, a4, b4 = rotated(a0, b0, a4, b4, c[2], d[2], e[2])
    a1, b1, a5, b5 = rotated(a1, b1, a5, b5, c[2], d[2], e[2])
    a2, b2, a6, b6 = rotated(a2, b2, a6, b6, c[2], d[2], e[2])
    a3, b3, a7, b7 = rotated(a3, b3, a7, b7, c[2], d[2], e[2])
    return (a0, a1, a2, a3, a4, a5, a6, a7), (b0, b1, b2, b3, b4, b5, b6, b7)


@njit(inline="always")
def _rows(array, start, stride, size):
    """Eight pieces of an array, `stride` apart."""
    return (
        array[start : start + size],
        array[start + stride : start + stride + size],
        array[start + 2 * stride : start + 2 * stride + size],
        array[start + 3 * stride : start + 3 * stride + size],
        array[start + 4 * stride : start + 4 * stride + size],
        array[start + 5 * stride : start + 5 * stride + size],
        array[start + 6 * stride : start + 6 * stride + size],
        array[start + 7 * stride : start + 7 * stride + size],
    )


@njit(inline="always")
def _column(rows, k):
    return (
        rows[0][k],
        rows[1][k],
        rows[2][k],
        rows[3][k],
        rows[4][k],
        rows[5][k],
        rows[6][k],
        rows[7][k],
    )


@njit(inline="always")
def _put(rows, k, values):
    rows[0][k] = values[0]
    rows[1][k] = values[1]
    rows[2][k] = values[2]
    rows[3][k] = values[3]
    rows[4][k] = values[4]
    rows[5][k] = values[5]
    rows[6][k] = values[6]
    rows[7][k] = values[7]


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def rotate_three(re, im, stride, cs, ds, es, first, last):
    """Rotate the three qubits with strides 1, 2 and 4 times `stride`; units `first` to `last` of 2**(m - 3).

    Parameters
    ----------
    cs, ds, es : of the three rotations (3,)
    """
    c = (cs[0], cs[1], cs[2])
    d = (ds[0], ds[1], ds[2])
    e = (es[0], es[1], es[2])
    if stride == 1:
        for k in range(8 * first, 8 * last, 8):
            r = (re[k], re[k + 1], re[k + 2], re[k + 3], re[k + 4], re[k + 5], re[k + 6], re[k + 7])
            i = (im[k], im[k + 1], im[k + 2], im[k + 3], im[k + 4], im[k + 5], im[k + 6], im[k + 7])
            r, i = _rotated_three(r, i, c, d, e)
            re[k], re[k + 1], re[k + 2], re[k + 3], re[k + 4], re[k + 5], re[k + 6], re[k + 7] = r
            im[k], im[k + 1], im[k + 2], im[k + 3], im[k + 4], im[k + 5], im[k + 6], im[k + 7] = i
        return
    unit = first
    while unit < last:
        within = unit % stride
        start = (unit // stride) * 8 * stride + within
        size = min(stride - within, last - unit)
        reals, imags = _rows(re, start, stride, size), _rows(im, start, stride, size)
        for k in range(size):
            r, i = _rotated_three(_column(reals, k), _column(imags, k), c, d, e)
            _put(reals, k, r)
            _put(imags, k, i)
        unit += size


@njit(cache=True, nogil=True)
def forward_blocks(re, im, energies, turns, cs, ds, es, n_low, first, last):
    """Phase, then rotations of the `n_low` lowest qubits, in blocks `first` to `last` of 2**n_low."""
    size = 1 << n_low
    for block in range(first, last):
        r, i = re[block * size : (block + 1) * size], im[block * size : (block + 1) * size]
        phase(r, i, energies[block * size : (block + 1) * size], turns)
        qubit = 0
        while qubit + 3 <= n_low:
            q = slice(qubit, qubit + 3)
            rotate_three(r, i, 1 << qubit, cs[q], ds[q], es[q], 0, size >> 3)
            qubit += 3
        while qubit < n_low:
            rotate(r, i, 1 << qubit, cs[qubit], ds[qubit], es[qubit], 0, size >> 1)
            qubit += 1


@njit(cache=True, nogil=True, fastmath=CONTRACT)
def rotate_mirrored(re, im, c, e, first, last):
    """Rotate by X a qubit that is not stored: its flip is that of all others, position k <-> M - 1 - k."""
    top = len(re) - 1
    for k in range(first, last):
        re[k], im[k], re[top - k], im[top - k] = rotated(re[k], im[k], re[top - k], im[top - k], c, 0.0, e)


@njit(cache=True, nogil=True)
def layers_in_a_row(re, im, energies, turns, cs, ds, es, n_low, folded):
    """`forward_blocks` and the rotations above, layer after layer.

    Parameters
    ----------
    turns : of each layer (n_layers,)
    cs, ds, es : of each layer and spin (n_layers, n_spins); the last spin of a folded state is not stored
    """
    size = len(re)
    n_qubits = cs.shape[1] - (1 if folded else 0)
    for layer in range(len(turns)):
        c, d, e = cs[layer], ds[layer], es[layer]
        forward_blocks(re, im, energies, turns[layer], c, d, e, n_low, 0, size >> n_low)
        qubit = n_low
        while qubit + 3 <= n_qubits:
            q = slice(qubit, qubit + 3)
            rotate_three(re, im, 1 << qubit, c[q], d[q], e[q], 0, size >> 3)
            qubit += 3
        while qubit < n_qubits:
            rotate(re, im, 1 << qubit, c[qubit], d[qubit], e[qubit], 0, size >> 1)
            qubit += 1
        if folded:
            rotate_mirrored(re, im, c[n_qubits], e[n_qubits], 0, size >> 1)


@njit(cache=True, nogil=True, fastmath=REORDER)
def squared_distance(re, im, other_re, other_im, first, last):
    """Sum of |amplitude - other|^2 over positions `first` to `last`."""
    total = 0.0
    for k in range(first, last):
        a, b = re[k] - other_re[k], im[k] - other_im[k]
        total += a * a + b * b
    return total


@njit(cache=True, nogil=True, fastmath=REORDER)
def mean(re, im, values):
    """Sum of |amplitude|^2 times values."""
    total = 0.0
    for k in range(len(re)):
        total += (re[k] * re[k] + im[k] * im[k]) * values[k]
    return total


@njit(cache=True, nogil=True)
def histogram(re, im, energies, low, width, weights):
    """Add the probability of every position to the bin of its energy; outside the bins it is left out."""
    for k in range(len(re)):
        place = np.floor((energies[k] - low) / width)
        if 0 <= place < len(weights):
            weights[np.int64(place)] += re[k] * re[k] + im[k] * im[k]
