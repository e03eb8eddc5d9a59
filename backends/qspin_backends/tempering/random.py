"""Random numbers of the lanes: xoshiro generators (Blackman, Vigna 2021, ACM TOMS 47, 36), one stream a lane.

Streams start from one state drawn from a `SeedSequence` and are set apart by the generators' jumps, so that
they cannot overlap: a walker of a replica lies 2**64 numbers from the next, a replica 2**96 from the next.
Words of spins that share random bits use the generator of 64-bit words, with 2**128 and 2**192 instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.common.simd import load, store, to_float32
from qspin_backends.common.simd_bits import rotate_left, shift_left, shift_right

__all__ = ["draw", "draw_bits", "lane_streams", "load_state", "store_state", "uniform", "word_streams"]

_JUMP_32 = np.array([0x8764000B, 0xF542D2D3, 0x6FA035C3, 0x77F2DB5B], np.uint64)  # 2**64 steps
_LONG_JUMP_32 = np.array([0xB523952E, 0x0B6F099F, 0xCCF5A0EF, 0x1C580662], np.uint64)  # 2**96 steps
_JUMP_64 = np.array(  # 2**128 steps
    [0x180EC6D33CFD0ABA, 0xD5A61266F0C9392C, 0xA9582618E03FC9AA, 0x39ABDC4529B1661C], np.uint64
)
_LONG_JUMP_64 = np.array(  # 2**192 steps
    [0x76E15D3EFEFDCBBF, 0xC5004E441C522FB3, 0x77710069854EE241, 0x39109BB02ACBE635], np.uint64
)


# -- inside kernels ------------------------------------------------------------------------------


@njit(inline="always")
def load_state(states, number, width, tag):
    """The four vectors of state `number`, to be kept in local variables; `states` points to (n, 4, width)."""
    start = number * np.uint64(4 * width)
    step = np.uint64(width)
    return (
        load(states, start, tag),
        load(states, start + step, tag),
        load(states, start + step + step, tag),
        load(states, start + step + step + step, tag),
    )


@njit(inline="always")
def store_state(states, number, width, s0, s1, s2, s3):
    start = number * np.uint64(4 * width)
    step = np.uint64(width)
    store(states, start, s0)
    store(states, start + step, s1)
    store(states, start + step + step, s2)
    store(states, start + step + step + step, s3)


@njit(inline="always")
def draw(s0, s1, s2, s3):
    """Next number of every lane as float32 in (0, 2**31], and the state after it (xoshiro128+).

    The lowest bit, which is the weakest, is left out: integers below 2**31 become real numbers in one
    instruction. Half a unit is added, so that an event of probability below 2**-32 never happens.
    """
    drawn = to_float32(shift_right(s0 + s3, 1)) + np.float32(0.5)
    carried = shift_left(s1, 9)
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ carried
    return drawn, s0, s1, s2, rotate_left(s3, 11)


@njit(inline="always")
def draw_bits(s0, s1, s2, s3):
    """Next uint64 of every lane (xoshiro256++, all of whose bits are good) and the state after it."""
    drawn = rotate_left(s0 + s3, 23) + s0
    carried = shift_left(s1, 17)
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ carried
    return drawn, s0, s1, s2, rotate_left(s3, 45)


@njit(inline="always")
def uniform(state):
    """Next float64 in [0, 1) of one xoshiro256++ stream; `state` uint64 (4,) is advanced."""
    result = _rotated(state[0] + state[3], 23) + state[0]
    _step(state, 64, 17, 45)
    return float(result >> np.uint64(11)) * 2.0**-53


@njit(inline="always")
def _rotated(value, count):
    return (value << np.uint64(count)) | (value >> np.uint64(64 - count))


# -- starting states -----------------------------------------------------------------------------


def lane_streams(seed: np.random.SeedSequence, n_replicas: int, n_lanes: int) -> NDArray[np.uint32]:
    """States (n_replicas, n_lanes, 4), one a walker."""
    origin = seed.generate_state(4, np.uint32).astype(np.uint64)
    return _apart(origin, n_replicas, n_lanes, _LONG_JUMP_32, _JUMP_32, 32, 9, 11).astype(np.uint32)


def word_streams(seed: np.random.SeedSequence, n_vectors: int, n_words: int) -> NDArray[np.uint64]:
    """States (n_vectors, n_words, 4), one a word of random bits."""
    origin = seed.generate_state(4, np.uint64)
    return _apart(origin, n_vectors, n_words, _LONG_JUMP_64, _JUMP_64, 64, 17, 45)


@njit(cache=True)
def _apart(origin, n_long, n_short, long_jump, jump, n_bits, shift, rotation):
    """`n_short` states a jump apart, behind each of `n_long` states a long jump apart; all uint64."""
    states = np.empty((n_long, n_short, 4), np.uint64)
    start = origin.copy()
    start[0] |= np.uint64(1)  # a state must not be all zero
    for k in range(n_long):
        if k:
            _leap(start, long_jump, n_bits, shift, rotation)
        state = start.copy()
        for j in range(n_short):
            if j:
                _leap(state, jump, n_bits, shift, rotation)
            for i in range(4):
                states[k, j, i] = state[i]
    return states


@njit(cache=True, inner=True)
def _leap(state, polynomial, n_bits, shift, rotation):
    """Advance `state` (4,) by as many steps as the polynomial (4,) stands for."""
    total = np.zeros(4, np.uint64)
    for word in polynomial:
        for bit in range(n_bits):
            if (word >> np.uint64(bit)) & np.uint64(1):
                for i in range(4):
                    total[i] ^= state[i]
            _step(state, n_bits, shift, rotation)
    for i in range(4):
        state[i] = total[i]


@njit(cache=True, inner=True)
def _step(state, n_bits, shift, rotation):
    """One step of either generator, whose words have `n_bits`."""
    present = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - n_bits)
    carried = (state[1] << np.uint64(shift)) & present
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= carried
    last = state[3]
    state[3] = ((last << np.uint64(rotation)) | (last >> np.uint64(n_bits - rotation))) & present
