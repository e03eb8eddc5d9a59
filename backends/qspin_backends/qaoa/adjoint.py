"""Adjoint kernels: a state and its dual go back together, and the slopes of all angles are read."""

from __future__ import annotations

from qspin.sampler import njit
from qspin_backends.common.amplitudes import REORDER, phase, rotated

__all__ = [
    "backward_blocks",
    "overlaps",
    "rotate_both",
    "rotate_mirrored_both",
    "rotate_two_both",
    "weigh",
]


@njit(inline="always")
def _overlap(ar, ai, br, bi):
    """Im(conj(a) b)."""
    return ar * bi - ai * br


@njit(cache=True, nogil=True, fastmath=REORDER)
def rotate_both(re, im, dual_re, dual_im, stride, c, d, e, first, last, slopes):
    """`rotate` for a state and its dual; before it, Im <dual|X|state> and Im <dual|Z|state> are added.

    Parameters
    ----------
    slopes : float64 (2,), added to
    """
    x = 0.0
    z = 0.0
    unit = first
    while unit < last:
        within = unit % stride
        start = (unit // stride) * 2 * stride + within
        size = min(stride - within, last - unit)
        ra, rb = re[start : start + size], re[start + stride : start + stride + size]
        ia, ib = im[start : start + size], im[start + stride : start + stride + size]
        pa, pb = dual_re[start : start + size], dual_re[start + stride : start + stride + size]
        qa, qb = dual_im[start : start + size], dual_im[start + stride : start + stride + size]
        for k in range(size):
            x += _overlap(pa[k], qa[k], rb[k], ib[k]) + _overlap(pb[k], qb[k], ra[k], ia[k])
            z += _overlap(pa[k], qa[k], ra[k], ia[k]) - _overlap(pb[k], qb[k], rb[k], ib[k])
            ra[k], ia[k], rb[k], ib[k] = rotated(ra[k], ia[k], rb[k], ib[k], c, d, e)
            pa[k], qa[k], pb[k], qb[k] = rotated(pa[k], qa[k], pb[k], qb[k], c, d, e)
        unit += size
    slopes[0] += x
    slopes[1] += z


@njit(inline="always")
def _rotated_two(r, i, c, d, e):
    """Two rotations of four amplitudes."""
    a0, b0, a1, b1 = rotated(r[0], i[0], r[1], i[1], c[0], d[0], e[0])
    a2, b2, a3, b3 = rotated(r[2], i[2], r[3], i[3], c[0], d[0], e[0])
    a0, b0, a2, b2 = rotated(a0, b0, a2, b2, c[1], d[1], e[1])
    a1, b1, a3, b3 = rotated(a1, b1, a3, b3, c[1], d[1], e[1])
    return (a0, a1, a2, a3), (b0, b1, b2, b3)


@njit(inline="always")
def _four(array, start, stride, size):
    """Four pieces of an array, `stride` apart."""
    return (
        array[start : start + size],
        array[start + stride : start + stride + size],
        array[start + 2 * stride : start + 2 * stride + size],
        array[start + 3 * stride : start + 3 * stride + size],
    )


@njit(inline="always")
def _with_slopes(total, a, b, f, g):
    """Sums for X and X, Z and Z of two qubits, of state (a, b) and dual (f, g), four amplitudes more."""
    x0 = _overlap(f[0], g[0], a[1], b[1]) + _overlap(f[1], g[1], a[0], b[0])
    x0 += _overlap(f[2], g[2], a[3], b[3]) + _overlap(f[3], g[3], a[2], b[2])
    x1 = _overlap(f[0], g[0], a[2], b[2]) + _overlap(f[2], g[2], a[0], b[0])
    x1 += _overlap(f[1], g[1], a[3], b[3]) + _overlap(f[3], g[3], a[1], b[1])
    outer = _overlap(f[0], g[0], a[0], b[0]) - _overlap(f[3], g[3], a[3], b[3])
    inner = _overlap(f[1], g[1], a[1], b[1]) - _overlap(f[2], g[2], a[2], b[2])
    return total[0] + x0, total[1] + x1, total[2] + (outer - inner), total[3] + (outer + inner)


@njit(cache=True, nogil=True, fastmath=REORDER)
def rotate_two_both(re, im, dual_re, dual_im, stride, cs, ds, es, first, last, slopes):
    """`rotate_both` for the two qubits with strides 1 and 2 times `stride`; units of 2**(m - 2).

    Parameters
    ----------
    cs, ds, es : of the two rotations (2,)
    slopes : float64 (2, 2), by qubit, added to
    """
    c = (cs[0], cs[1])
    d = (ds[0], ds[1])
    e = (es[0], es[1])
    total = (0.0, 0.0, 0.0, 0.0)
    unit = first
    while unit < last:
        within = unit % stride
        start = (unit // stride) * 4 * stride + within
        size = min(stride - within, last - unit)
        reals, imags = _four(re, start, stride, size), _four(im, start, stride, size)
        duals, dual_imags = _four(dual_re, start, stride, size), _four(dual_im, start, stride, size)
        for k in range(size):
            a = (reals[0][k], reals[1][k], reals[2][k], reals[3][k])
            b = (imags[0][k], imags[1][k], imags[2][k], imags[3][k])
            f = (duals[0][k], duals[1][k], duals[2][k], duals[3][k])
            g = (dual_imags[0][k], dual_imags[1][k], dual_imags[2][k], dual_imags[3][k])
            total = _with_slopes(total, a, b, f, g)
            a, b = _rotated_two(a, b, c, d, e)
            f, g = _rotated_two(f, g, c, d, e)
            reals[0][k], reals[1][k], reals[2][k], reals[3][k] = a
            imags[0][k], imags[1][k], imags[2][k], imags[3][k] = b
            duals[0][k], duals[1][k], duals[2][k], duals[3][k] = f
            dual_imags[0][k], dual_imags[1][k], dual_imags[2][k], dual_imags[3][k] = g
        unit += size
    slopes[0, 0] += total[0]
    slopes[1, 0] += total[1]
    slopes[0, 1] += total[2]
    slopes[1, 1] += total[3]


@njit(cache=True, nogil=True)
def rotate_mirrored_both(re, im, dual_re, dual_im, c, e, first, last, slopes):
    """`rotate_mirrored` for a state and its dual; Im <dual|X|state> is added to ``slopes[0]``."""
    top = len(re) - 1
    x = 0.0
    for k in range(first, last):
        m = top - k
        x += _overlap(dual_re[k], dual_im[k], re[m], im[m]) + _overlap(dual_re[m], dual_im[m], re[k], im[k])
        re[k], im[k], re[m], im[m] = rotated(re[k], im[k], re[m], im[m], c, 0.0, e)
        dual_re[k], dual_im[k], dual_re[m], dual_im[m] = rotated(
            dual_re[k], dual_im[k], dual_re[m], dual_im[m], c, 0.0, e
        )
    slopes[0] += x


@njit(cache=True, nogil=True)
def backward_blocks(re, im, dual_re, dual_im, energies, turns, cs, ds, es, n_low, slopes, costs, first, last):
    """The inverse of `forward_blocks` for a state and its dual, with the slopes of all its angles.

    Parameters
    ----------
    turns, cs, ds, es : of the inverses
    slopes : float64 (n_blocks, n_qubits, 2), added to
    costs : float64 (n_blocks,), written: Im <dual|energies|state>
    """
    size = 1 << n_low
    for block in range(first, last):
        piece = slice(block * size, (block + 1) * size)
        r, i, f, g = re[piece], im[piece], dual_re[piece], dual_im[piece]
        qubit = 0
        while qubit + 2 <= n_low:
            q = slice(qubit, qubit + 2)
            own = slopes[block, q]
            rotate_two_both(r, i, f, g, 1 << qubit, cs[q], ds[q], es[q], 0, size >> 2, own)
            qubit += 2
        while qubit < n_low:
            own = slopes[block, qubit]
            rotate_both(r, i, f, g, 1 << qubit, cs[qubit], ds[qubit], es[qubit], 0, size >> 1, own)
            qubit += 1
        costs[block] = weighted_overlap(r, i, f, g, energies[piece])
        phase(r, i, energies[piece], turns)
        phase(f, g, energies[piece], turns)


@njit(cache=True, nogil=True, fastmath=REORDER)
def weighted_overlap(re, im, dual_re, dual_im, energies):
    """Im <dual|energies|state>."""
    total = 0.0
    for k in range(len(re)):
        total += energies[k] * _overlap(dual_re[k], dual_im[k], re[k], im[k])
    return total


@njit(cache=True, nogil=True)
def overlaps(re, im, dual_re, dual_im, values):
    """Write Im(conj(dual) state) of every position."""
    for k in range(len(re)):
        values[k] = _overlap(dual_re[k], dual_im[k], re[k], im[k])


@njit(cache=True, nogil=True)
def weigh(re, im, weights, dual_re, dual_im, first, last):
    """Write the dual: weights times amplitudes."""
    for k in range(first, last):
        dual_re[k] = weights[k] * re[k]
        dual_im[k] = weights[k] * im[k]
