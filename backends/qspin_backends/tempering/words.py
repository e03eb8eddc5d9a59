"""Spins as bits: bit l of word w of a row is the spin of lane ``l + w * (bits a word)``, set where it is up.

Rows are spins in the order in which a kernel visits them; ``row[i]`` is the row of spin i of the problem.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.common.simd import broadcast, load, pointer_to, store, where
from qspin_backends.common.simd_bits import shift_left, shift_right

__all__ = ["VECTOR", "WORD", "bit_words", "expand", "expanded", "fill_words", "lane_bits", "swap_lanes"]

WORD = 64  # bits
VECTOR = 8  # words that one vector holds


def bit_words(n_spins: int) -> int:
    """64-bit words that hold the spins of a lane, at least one."""
    return max(1, -(-n_spins // WORD))


@njit(inline="always")
def _transpose(block):
    """Transpose 64 x 64 bits in place (Warren 2012, Hacker's Delight, section 7-3); block uint64 (64,)."""
    mask = np.uint64(0x00000000FFFFFFFF)
    step = 32
    while step:
        shift = np.uint64(step)
        for half in range(0, WORD, 2 * step):
            for k in range(half, half + step):
                swap = ((block[k] >> shift) ^ block[k + step]) & mask
                block[k] ^= swap << shift
                block[k + step] ^= swap
        step >>= 1
        mask ^= mask << np.uint64(step)


@njit(cache=True, nogil=True)
def lane_bits(words, row, bits):
    """Spins by lane: bit i of ``bits[lane, k]`` is spin ``64 k + i``; bits uint64 (n_lanes, ceil(N / 64)) is
    written.
    """
    width = 8 * words.itemsize
    block = np.empty(WORD, np.uint64)
    n_lanes, n_blocks = bits.shape
    for k in range(n_blocks):
        present = min(WORD, len(row) - WORD * k)
        for w in range(-(-n_lanes // width)):
            block[:] = 0
            for i in range(present):
                block[i] = words[row[WORD * k + i], w]
            _transpose(block)
            for lane in range(min(width, n_lanes - w * width)):
                bits[w * width + lane, k] = block[lane]


@njit(cache=True, nogil=True)
def fill_words(bits, row, words):
    """The inverse of `lane_bits`: set the rows of `words` from bits by lane; lanes beyond `bits` become
    down.
    """
    width = 8 * words.itemsize
    block = np.empty(WORD, np.uint64)
    n_lanes, n_blocks = bits.shape
    for k in range(n_blocks):
        present = min(WORD, len(row) - WORD * k)
        for w in range(words.shape[1]):
            block[:] = 0
            for lane in range(max(0, min(width, n_lanes - w * width))):
                block[lane] = bits[w * width + lane, k]
            _transpose(block)
            for i in range(present):
                words[row[WORD * k + i], w] = block[i]


@njit(cache=True, nogil=True)
def expand(bits, draw, spins):
    """Write bits (n_betas, n_replicas, words) as spins -1 and +1 to ``spins[:, :, draw]``, int8 (.., ..,
    n_draws, N).
    """
    n_betas, n_replicas, n_draws, n_spins = spins.shape
    up, down = broadcast(np.int8(1), WORD), broadcast(np.int8(-1), WORD)
    target = pointer_to(spins)
    for b in range(n_betas):
        for r in range(n_replicas):
            first = np.uint64(((b * n_replicas + r) * n_draws + draw) * n_spins)
            for k in range(n_spins // WORD):
                store(target, first + np.uint64(WORD * k), where(bits[b, r, k], up, down))
            for i in range(n_spins - n_spins % WORD, n_spins):
                bit = (bits[b, r, i // WORD] >> np.uint64(i % WORD)) & np.uint64(1)
                spins[b, r, draw, i] = 1 if bit else -1


def expanded(bits: NDArray[np.uint64], n_spins: int) -> NDArray[np.int8]:
    """Bits (n_betas, n_replicas, words) as spins (beta, replica, 1, spin)."""
    spins = np.empty((*bits.shape[:2], 1, n_spins), np.int8)
    expand(bits, 0, spins)
    return spins


@njit(inline="always")
def swap_lanes(words, chosen, distance):
    """Swap the spins of every lane whose bit is set in `chosen` (n_words,) with lane + `distance`."""
    n_rows, n_words = words.shape
    kind = words.dtype.type
    if n_words == 1:
        spins = words.reshape(-1)
        shift = kind(distance)
        for i in range(n_rows):
            swap = (spins[i] ^ (spins[i] >> shift)) & chosen[0]
            spins[i] ^= kind(swap ^ kind(swap << shift))
    elif n_words == VECTOR and n_rows > 2:
        _swap_rows(words[:1], chosen, distance)
        _swap_inner_rows(words, chosen, distance)
        _swap_rows(words[n_rows - 1 :], chosen, distance)
    else:
        _swap_rows(words, chosen, distance)


@njit(cache=True, inner=True)
def _swap_rows(words, chosen, distance):
    """`swap_lanes` for any number of words."""
    n_words = words.shape[1]
    width = 8 * words.itemsize
    kind = words.dtype.type
    whole, shift = distance // width, distance % width
    first = whole + 1
    row = np.zeros(n_words + first + 1, words.dtype)  # zeros around spare the loops their branches
    swaps = np.zeros(n_words + first, words.dtype)
    left, right = kind(width - 1 - shift), kind(shift)  # a shift by the whole width is done in two steps
    one = kind(1)
    for i in range(len(words)):
        for w in range(n_words):
            row[w] = words[i, w]
        for w in range(n_words):
            above = (row[w + whole] >> right) | ((row[w + first] << left) << one)
            swaps[w + first] = (row[w] ^ above) & chosen[w]
        for w in range(n_words):
            words[i, w] = row[w] ^ swaps[w + first] ^ (swaps[w + 1] << right) ^ ((swaps[w] >> left) >> one)


def _swap_inner_rows(words, chosen, distance):  # type: ignore[no-untyped-def]
    """`swap_lanes` for all rows but the first and the last; for jitted code only."""
    raise NotImplementedError


@overload(_swap_inner_rows)
def _swap_inner(words, chosen, distance):  # type: ignore[no-untyped-def]
    if words.dtype is types.uint64:
        return lambda words, chosen, distance: _swap_vectors(words, chosen, distance)
    return lambda words, chosen, distance: _swap_rows(words[1 : len(words) - 1], chosen, distance)


@njit(cache=True, inner=True)
def _swap_vectors(words, chosen, distance):
    """`swap_lanes` for all rows of eight words but the first and the last, a row at a time.

    What is read beyond a row belongs to its neighbours, and no chosen lane takes it.
    """
    whole, shift = np.uint64(distance // WORD), np.uint64(distance % WORD)
    rest, one = np.uint64(WORD - 1) - shift, np.uint64(1)
    partners = np.zeros((2, VECTOR), np.uint64)  # the lanes that chosen ones swap with
    for w in range(VECTOR):
        partners[0, w] = chosen[w]
    _swap_rows(partners[:1], chosen, distance)
    spins, low = pointer_to(words), load(pointer_to(chosen), 0, VECTOR)
    high = load(pointer_to(partners), 0, VECTOR)
    for i in range(one, np.uint64(len(words)) - one):
        place = i * np.uint64(VECTOR)
        row = load(spins, place, VECTOR)
        above = shift_right(load(spins, place + whole, VECTOR), shift) | shift_left(
            shift_left(load(spins, place + whole + one, VECTOR), rest), one
        )
        below = shift_left(load(spins, place - whole, VECTOR), shift) | shift_right(
            shift_right(load(spins, place - whole - one, VECTOR), rest), one
        )
        store(spins, place, row ^ ((row ^ above) & low) ^ ((row ^ below) & high))
