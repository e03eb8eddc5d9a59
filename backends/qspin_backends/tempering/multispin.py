"""Multi-spin kernel for couplings +-J: 512 spins at once, by logic on their bits alone (Bhanot et al. 1986).

A spin whose z <= 7 couplings have one magnitude J feels a field of n - (z - n) in units of J, where n
neighbours want it up. Full adders count n in three bit planes. The decision of each lane is the comparison of
a uniform random number with the probability of the unlikely outcome, done bit by bit from the front, where
almost every lane is decided after a dozen random bits: no lane shares a random bit with another, and
probabilities are exact to 2**-32.

The bits are taken as vectors of eight 64-bit words. With eight words of lanes and more, a vector is one spin
in 512 lanes; with fewer, it is several spins of one colour, which are no neighbours and may move together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move
from qspin_backends.tempering.random import draw_bits, load_state, store_state
from qspin_backends.tempering.simd import any_bit, gather, load, pointer_to, store
from qspin_backends.tempering.words import VECTOR

__all__ = ["MOST_NEIGHBOURS", "MultispinKernel", "MultispinPlan", "sweep_multispin"]

MOST_NEIGHBOURS = 7
_LEVELS = 32  # binary digits of a probability
_FIRST_CHECK = 7  # before so many digits, some of 512 lanes is nearly always undecided
_SMALL = 8  # planes of the counter in registers, which holds 36 rows of seven couplings
_ROWS_A_FLUSH = 36
_LARGE = 40  # planes of the counter in memory


class MultispinKernel(NamedTuple):
    """What a sweep reads; rows are spins in the order of their visits.

    ``words`` has three parts: the N rows of spins, N rows of their complements, a row of zeros and a row of
    ones. The entry of a neighbour that prefers spins alike (J < 0) is its row, of one that prefers them
    opposed its complement. Rows of fewer than seven neighbours are filled up with zeros and ones in equal
    number, one zero more where their number is even.
    """

    neighbours: NDArray[np.uint32]  # words to read, (vectors, 7, VECTOR), or (N, 7, 1) rows for wide lanes
    forward: NDArray[np.uint32]  # the same for couplings to later rows, filled up with the row itself
    even: NDArray[np.uint64]  # (vectors,) or (N,), all bits set for rows of even degree
    planes: NDArray[np.uint64]  # thresholds, (2 parities, _LEVELS, 4 classes, max(n_words, VECTOR))
    random: NDArray[np.uint64]  # (1, 4, VECTOR)
    both: NDArray[np.uint64]  # the words described above, flat
    n_couplings: int
    metropolis: np.uint64


@dataclass(frozen=True, eq=False)
class MultispinPlan:
    """A problem of couplings +-1 without fields made ready for `n_words` words of lanes: 1, 2, 4 or a
    multiple of 8.

    Rows go colour by colour, within a colour by the parity of the degree; where a vector holds several spins,
    each such group is filled up with rows of no spin, whose neighbours are constants.
    """

    name: ClassVar[str] = "multispin"

    graph: Graph
    n_words: int

    @cached_property
    def row(self) -> NDArray[np.int64]:
        """Row of each spin, (N,)."""
        group = 2 * self.graph.colours + self.graph.degrees % 2
        order = np.argsort(group, kind="stable")
        sizes = np.bincount(group)
        padded = -(-sizes // self._spins_a_vector) * self._spins_a_vector
        first = np.cumsum(padded) - padded
        place = np.empty(len(group), np.int64)
        place[order] = (
            np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
        )
        return place

    @cached_property
    def n_rows(self) -> int:
        return -(-(int(self.row.max(initial=-1)) + 1) // self._spins_a_vector) * self._spins_a_vector

    @property
    def _spins_a_vector(self) -> int:
        return max(1, VECTOR // self.n_words)

    def kernel(self, words: NDArray[np.uint64], random: NDArray[np.uint64], move: Move) -> MultispinKernel:
        """`words` (2 n_rows + 2, n_words) has room for the complements and constants."""
        words[-1] = np.iinfo(np.uint64).max
        return MultispinKernel(
            *self._arrays,
            np.zeros((2, _LEVELS, 4, max(self.n_words, VECTOR)), np.uint64),
            random,
            words.reshape(-1),
            self.graph.n_couplings,
            move.metropolis_mask(words.dtype),
        )

    def set_betas(self, kernel: MultispinKernel, betas: NDArray[np.float64]) -> None:
        """Put every lane at its inverse temperature, betas (n_lanes,) in units of the kernel."""
        lanes = np.zeros(64 * self.n_words)
        lanes[: len(betas)] = betas
        fields = np.array([7.0, 6.0])[:, None] - 2 * np.arange(4)  # of the classes, odd and even degree
        exponent = 2 * fields[:, :, None] * lanes
        unlikely = np.exp(-exponent) if kernel.metropolis else 1 / (1 + np.exp(np.minimum(exponent, 700)))
        _fill_planes(unlikely, self.n_words, kernel.planes)

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]]:
        """neighbours, forward and even of the kernel; shared by all packs."""
        neighbours, forward, even = self._tables()
        last = (
            int(np.flatnonzero((forward != np.arange(self.n_rows)[:, None]).any(axis=1)).max(initial=-1)) + 1
        )
        last = -(-last // self._spins_a_vector) * self._spins_a_vector
        parity = np.where(even[:: self._spins_a_vector], np.iinfo(np.uint64).max, 0).astype(np.uint64)
        return self._as_vectors(neighbours), self._as_vectors(forward[:last]), parity

    def _tables(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Rows read by each row, rows of its couplings to later rows, both (n_rows, 7), and where degrees
        are even.
        """
        graph, n_rows = self.graph, self.n_rows
        degrees = np.zeros(n_rows, np.int64)
        degrees[self.row] = graph.degrees
        ones = (MOST_NEIGHBOURS - 1 + degrees % 2 - degrees) // 2
        slots = np.arange(MOST_NEIGHBOURS)
        neighbours = np.where(slots < (MOST_NEIGHBOURS - ones)[:, None], 2 * n_rows, 2 * n_rows + 1)
        forward = np.repeat(np.arange(n_rows)[:, None], MOST_NEIGHBOURS, axis=1)
        rows = np.repeat(self.row, graph.degrees)
        slot = np.arange(len(graph.indices)) - np.repeat(graph.indptr[:-1], graph.degrees)
        other = self.row[graph.indices]
        read = other + n_rows * (graph.couplings > 0)
        neighbours[rows, slot] = read
        later = other > rows
        forward[rows[later], slot[later]] = read[later]
        return neighbours, forward, degrees % 2 == 0

    def _as_vectors(self, table: NDArray[np.int64]) -> NDArray[np.uint32]:
        """What the kernel reads: rows for wide lanes, else the words of each vector."""
        if self.n_words >= VECTOR:
            return table.astype(np.uint32)[:, :, None]
        by_vector = table.reshape(-1, self._spins_a_vector, MOST_NEIGHBOURS).swapaxes(1, 2)
        words = by_vector[..., None] * self.n_words + np.arange(self.n_words)
        return np.ascontiguousarray(words.reshape(len(by_vector), MOST_NEIGHBOURS, VECTOR), dtype=np.uint32)


@njit(inline="always")
def _inputs(both, table, row, slot, n_words, block):
    """Vector number `slot` of what a vector of spins reads; `table` is flat."""
    place = row * np.uint64(MOST_NEIGHBOURS) + np.uint64(slot)
    if n_words >= np.uint64(VECTOR):
        return load(both, np.uint64(table[place]) * n_words + block, VECTOR)
    return gather(both, table, place * np.uint64(VECTOR), VECTOR)


@njit(inline="always")
def _count(a, b, c, d, e, f, g):
    """Three bit planes of the number of ones among seven inputs: four full adders."""
    x, y = a ^ b, d ^ e
    s, t = x ^ c, y ^ f
    carry_s, carry_t = (a & b) | (x & c), (d & e) | (y & f)
    z = s ^ t
    low, carry = z ^ g, (s & t) | (z & g)
    u = carry_s ^ carry_t
    return low, u ^ carry, (carry_s & carry_t) | (u & carry)


@njit(inline="always")
def _choose(which, one, zero):
    return zero ^ (which & (one ^ zero))


@njit(inline="always")
def sweep_multispin(kernel, words, walker, energies):
    """Visit every spin once in every lane, then count the energies.

    Parameters
    ----------
    words : uint64 (N, n_words), a view of the first part of ``kernel.both``, updated
    walker : not used
    energies : float64 (64 * n_words,), set
    """
    n_words, size, n_rows = np.uint64(words.shape[1]), np.uint64(words.size), np.uint64(len(kernel.even))
    both, states, metropolis = pointer_to(kernel.both), pointer_to(kernel.random), kernel.metropolis
    planes, neighbours, evens = (
        pointer_to(kernel.planes),
        pointer_to(kernel.neighbours),
        pointer_to(kernel.even),
    )
    for k in range(size):  # replica exchange moved spins
        both[size + k] = ~both[k]
    blocks = max(n_words // np.uint64(VECTOR), np.uint64(1))
    stride = blocks * np.uint64(VECTOR)
    vector = np.uint64(VECTOR)
    s0, s1, s2, s3 = load_state(states, np.uint64(0), VECTOR, VECTOR)
    for row in range(n_rows):
        even = evens[row]
        first_plane = np.uint64(0)
        if even:
            first_plane = np.uint64(4 * _LEVELS) * stride
        for b in range(blocks):
            block = b * vector
            here = row * stride + block
            low, mid, high = _count(
                _inputs(both, neighbours, row, 0, n_words, block),
                _inputs(both, neighbours, row, 1, n_words, block),
                _inputs(both, neighbours, row, 2, n_words, block),
                _inputs(both, neighbours, row, 3, n_words, block),
                _inputs(both, neighbours, row, 4, n_words, block),
                _inputs(both, neighbours, row, 5, n_words, block),
                _inputs(both, neighbours, row, 6, n_words, block),
            )
            class_low = low ^ (high & ~even)
            class_high = _choose(high, ~(mid | (low & even)), mid)
            undecided = ~(low ^ low)
            unlikely = low ^ low
            plane = first_plane + block
            for level in range(_LEVELS):
                drawn, s0, s1, s2, s3 = draw_bits(s0, s1, s2, s3)
                digit = _choose(
                    class_high,
                    _choose(
                        class_low,
                        load(planes, plane + np.uint64(3) * stride, VECTOR),
                        load(planes, plane + np.uint64(2) * stride, VECTOR),
                    ),
                    _choose(class_low, load(planes, plane + stride, VECTOR), load(planes, plane, VECTOR)),
                )
                plane += np.uint64(4) * stride
                differ = (drawn ^ digit) & undecided
                unlikely = unlikely | (differ & digit)
                undecided = undecided ^ differ
                if level >= _FIRST_CHECK and not any_bit(undecided):
                    break
            old = load(both, here, VECTOR)
            new = high ^ (unlikely & ~((old ^ high) & metropolis))
            store(both, here, new)
            store(both, size + here, ~new)
    store_state(states, np.uint64(0), VECTOR, s0, s1, s2, s3)
    _count_energies(kernel, n_words, energies)


@njit(inline="always")
def _add(total, digit):
    """Half adder: (sum, carry)."""
    return total ^ digit, total & digit


@njit
def _count_energies(kernel, n_words, energies):
    """Energies in units of the coupling, 2 (unsatisfied couplings) - (all couplings), of all lanes."""
    both, forward = pointer_to(kernel.both), pointer_to(kernel.forward)
    vector = np.uint64(VECTOR)
    blocks = max(n_words // vector, np.uint64(1))
    stride = blocks * vector
    n_rows = np.uint64(len(kernel.forward))
    n_planes = 1
    while (7 * len(kernel.forward)) >> n_planes:
        n_planes += 1
    small_kept = np.empty((_SMALL, VECTOR), np.uint64)
    large_kept = np.empty((_LARGE, VECTOR), np.uint64)
    small, large = pointer_to(small_kept), pointer_to(large_kept)
    energies[:] = -float(kernel.n_couplings)
    for b in range(blocks):
        block = b * vector
        large_kept[:] = np.uint64(0)
        nothing = load(large, 0, VECTOR)
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = nothing
        since = 0
        for row in range(n_rows):
            spin = load(both, row * stride + block, VECTOR)
            low, mid, high = _count(
                spin ^ _inputs(both, forward, row, 0, n_words, block),
                spin ^ _inputs(both, forward, row, 1, n_words, block),
                spin ^ _inputs(both, forward, row, 2, n_words, block),
                spin ^ _inputs(both, forward, row, 3, n_words, block),
                spin ^ _inputs(both, forward, row, 4, n_words, block),
                spin ^ _inputs(both, forward, row, 5, n_words, block),
                spin ^ _inputs(both, forward, row, 6, n_words, block),
            )
            c0, carry = _add(c0, low)
            x = c1 ^ mid
            c1, carry = x ^ carry, (c1 & mid) | (x & carry)
            x = c2 ^ high
            c2, carry = x ^ carry, (c2 & high) | (x & carry)
            c3, carry = _add(c3, carry)
            c4, carry = _add(c4, carry)
            c5, carry = _add(c5, carry)
            c6, carry = _add(c6, carry)
            c7 = c7 ^ carry
            since += 1
            if since == _ROWS_A_FLUSH or row == n_rows - np.uint64(1):
                store(small, 0, c0)
                store(small, 8, c1)
                store(small, 16, c2)
                store(small, 24, c3)
                store(small, 32, c4)
                store(small, 40, c5)
                store(small, 48, c6)
                store(small, 56, c7)
                c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = nothing
                since = 0
                _add_up(small, large, n_planes, nothing)
        for slot in range(VECTOR):
            word = int(block) + slot if n_words >= vector else slot % int(n_words)
            for k in range(n_planes):
                digits = large_kept[k, slot]
                weight = 2.0 * (1 << k)
                for lane in range(64):
                    energies[64 * word + lane] += weight * float((digits >> np.uint64(lane)) & np.uint64(1))


@njit(inline="always")
def _add_up(small, large, n_planes, nothing):
    """Add counts of few planes to those of all planes."""
    carry = nothing
    for k in range(n_planes):
        total = load(large, np.uint64(VECTOR * k), VECTOR)
        digit = nothing
        if k < _SMALL:
            digit = load(small, np.uint64(VECTOR * k), VECTOR)
        x = total ^ digit
        store(large, np.uint64(VECTOR * k), x ^ carry)
        carry = (total & digit) | (x & carry)


@njit(cache=True)
def _fill_planes(probabilities, n_words, planes):
    """Bit planes of the probabilities of unlikely outcomes.

    Parameters
    ----------
    probabilities : float64 (2 parities, 4 classes, 64 * n_words)
    planes : uint64 (2, _LEVELS, 4, max(n_words, VECTOR)), written; fewer than VECTOR words are repeated
    """
    planes[:] = 0
    for parity in range(2):
        for number in range(4):
            for lane in range(64 * n_words):
                scaled = np.rint(probabilities[parity, number, lane] * 2.0**_LEVELS)
                digits = np.uint64(min(scaled, 2.0**_LEVELS - 1))
                for level in range(_LEVELS):
                    if (digits >> np.uint64(_LEVELS - 1 - level)) & np.uint64(1):
                        for word in range(lane // 64, planes.shape[3], n_words):
                            planes[parity, level, number, word] |= np.uint64(1) << np.uint64(lane % 64)
