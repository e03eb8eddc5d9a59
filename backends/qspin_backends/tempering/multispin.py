"""Multi-spin kernel for couplings +-J: 256 spins at once, by logic on their bits alone (Bhanot et al. 1986).

A spin whose z <= 7 couplings have one magnitude J feels a field of n - (z - n) in units of J, where n
neighbours want it up. Full adders count n in three bit planes. Each lane then draws the unlikely outcome with
its probability p. A dozen random bits a lane, none of which another lane sees, draw it with the probability f
that the first dozen binary digits of p make: logic on the bits compares them with the digits. What is missing
is one more event, independent of the first and of probability (p - f) / (1 - f), which is rare: such events
are found by the gaps between them, drawn for all lanes together from one stream, and thinned to what each
lane needs. Together they have the probability p to double precision (see `outcomes`).

The bits are taken as vectors of four 64-bit words, of which registers of 256 bits hold all that a decision
needs. With four words of lanes and more, a vector is one spin in 256 lanes; with fewer, it is several spins
of one colour, which are no neighbours and may move together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.common.simd import gather, load, pointer_to, store
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move
from qspin_backends.tempering.outcomes import (
    DIGITS,
    WORDS,
    Outcomes,
    find_rare,
    gap,
    outcomes,
    set_probabilities,
)
from qspin_backends.tempering.random import draw_bits, load_state, store_state
from qspin_backends.tempering.words import WORD

__all__ = [
    "MOST_NEIGHBOURS",
    "STREAMS",
    "MultispinKernel",
    "MultispinPlan",
    "sweep_multispin",
    "vector_states",
]

MOST_NEIGHBOURS = 7
STREAMS = 2 * WORDS + 1  # of random numbers, a pack
_PLANES = np.uint64((DIGITS + 1) * 4 * WORDS)  # words that hold the digits of one parity
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

    neighbours: NDArray[np.uint32]  # words to read, (vectors, 7, WORDS), or (N, 7, 1) rows for wide lanes
    forward: NDArray[np.uint32]  # the same for couplings to later rows, filled up with the row itself
    even: NDArray[np.uint64]  # (vectors,) or (N,), all bits set for rows of even degree
    outcomes: Outcomes
    random: NDArray[np.uint64]  # (3, 4, WORDS), of two vectors of words in turn; [2, 0] is the stream for all
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
        return max(1, WORDS // self.n_words)

    def kernel(self, words: NDArray[np.uint64], random: NDArray[np.uint64], move: Move) -> MultispinKernel:
        """`words` (2 n_rows + 2, n_words) has room for the complements and constants."""
        words[-1] = np.iinfo(np.uint64).max
        return MultispinKernel(
            *self._arrays,
            outcomes(self.n_words),
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
        set_probabilities(kernel.outcomes, unlikely)

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]]:
        """neighbours, forward and even of the kernel; shared by all packs."""
        neighbours, forward, even = self._tables()
        last = (
            int(np.flatnonzero((forward != np.arange(self.n_rows)[:, None]).any(axis=1)).max(initial=-1)) + 1
        )
        last = -(-last // self._spins_a_vector) * self._spins_a_vector
        parity = np.where(even[:: self._spins_a_vector], ~np.uint64(0), np.uint64(0))
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
        if self.n_words >= WORDS:
            return table.astype(np.uint32)[:, :, None]
        by_vector = table.reshape(-1, self._spins_a_vector, MOST_NEIGHBOURS).swapaxes(1, 2)
        words = by_vector[..., None] * self.n_words + np.arange(self.n_words)
        return np.ascontiguousarray(words.reshape(len(by_vector), MOST_NEIGHBOURS, WORDS), dtype=np.uint32)


def vector_states(streams: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The random states that a kernel keeps, (3, 4, WORDS), from those of its streams, (STREAMS, 4)."""
    states = np.zeros((3, 4, WORDS), np.uint64)
    states[:2] = streams[:-1].reshape(2, WORDS, 4).swapaxes(1, 2)
    states[2, 0] = streams[-1]
    return states


@njit(inline="always")
def _inputs(both, table, row, slot, n_words, block):
    """Vector number `slot` of what a vector of spins reads; `table` is flat."""
    place = row * np.uint64(MOST_NEIGHBOURS) + np.uint64(slot)
    if n_words >= np.uint64(WORDS):
        return load(both, np.uint64(table[place]) * n_words + block, WORDS)
    return gather(both, table, place * np.uint64(WORDS), WORDS)


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
    n_words, size = np.uint64(words.shape[1]), np.uint64(words.size)
    both = pointer_to(kernel.both)
    for k in range(size):  # replica exchange moved spins
        both[size + k] = ~both[k]
    seen = np.empty(3 * WORDS, np.uint64)
    for block in range(len(kernel.outcomes.planes)):
        _visit(kernel, n_words, size, np.uint64(block), seen)
    _count_energies(kernel, n_words, energies)


@njit(cache=True, inner=True)
def _visit(kernel, n_words, size, block, seen):
    """Visit every spin once in the lanes of the block of words number `block`; for `seen` see `find_rare`."""
    both, states, metropolis = pointer_to(kernel.both), pointer_to(kernel.random), kernel.metropolis
    planes, neighbours = pointer_to(kernel.outcomes.planes), pointer_to(kernel.neighbours)
    evens, lanes = pointer_to(kernel.even), np.uint64(WORDS * WORD)
    rare, noted = kernel.random[2, 0], pointer_to(seen)
    first = block * np.uint64(WORDS)
    stride = max(n_words, np.uint64(WORDS))
    s0, s1, s2, s3 = load_state(states, block % np.uint64(2), WORDS, WORDS)
    ahead = gap(rare, kernel.outcomes.rate[0])
    for row in range(np.uint64(len(kernel.even))):
        even, parity = evens[row], np.uint64(0)
        if even:
            parity = np.uint64(1)
        here = row * stride + first
        low, mid, high = _count(
            _inputs(both, neighbours, row, 0, n_words, first),
            _inputs(both, neighbours, row, 1, n_words, first),
            _inputs(both, neighbours, row, 2, n_words, first),
            _inputs(both, neighbours, row, 3, n_words, first),
            _inputs(both, neighbours, row, 4, n_words, first),
            _inputs(both, neighbours, row, 5, n_words, first),
            _inputs(both, neighbours, row, 6, n_words, first),
        )
        class_low = low ^ (high & ~even)
        class_high = _choose(high, ~(mid | (low & even)), mid)
        class_both = class_low & class_high
        unlikely = low ^ low
        plane = (np.uint64(2) * block + parity) * _PLANES
        for _ in range(DIGITS):
            drawn, s0, s1, s2, s3 = draw_bits(s0, s1, s2, s3)
            digit = _of_class(planes, plane, class_low, class_high, class_both)
            unlikely = unlikely ^ ((drawn ^ digit) & (unlikely ^ digit))
            plane += np.uint64(4 * WORDS)
        if ahead < lanes:
            store(noted, 0, class_low)
            store(noted, WORDS, class_high)
            ahead = find_rare(kernel.outcomes, parity, first * np.uint64(WORD), seen, ahead, rare)
            unlikely = unlikely | load(noted, 2 * WORDS, WORDS)
        ahead -= lanes
        old = load(both, here, WORDS)
        if metropolis:
            unlikely = unlikely ^ _of_class(planes, plane, class_low, class_high, class_both)
            unlikely = unlikely & ~(old ^ high)
        new = high ^ unlikely
        store(both, here, new)
        store(both, size + here, ~new)
    store_state(states, block % np.uint64(2), WORDS, s0, s1, s2, s3)


@njit(inline="always")
def _of_class(planes, plane, class_low, class_high, class_both):
    """A digit of the probability of each lane, by the class of its field; see `Outcomes`."""
    step = np.uint64(WORDS)
    return (
        load(planes, plane, WORDS)
        ^ (class_low & load(planes, plane + step, WORDS))
        ^ (class_high & load(planes, plane + step + step, WORDS))
        ^ (class_both & load(planes, plane + step + step + step, WORDS))
    )


@njit(inline="always")
def _add(total, digit):
    """Half adder: (sum, carry)."""
    return total ^ digit, total & digit


@njit(cache=True, inner=True)
def _count_energies(kernel, n_words, energies):
    """Energies in units of the coupling, 2 (unsatisfied couplings) - (all couplings), of all lanes."""
    both, forward = pointer_to(kernel.both), pointer_to(kernel.forward)
    stride = max(n_words, np.uint64(WORDS))
    n_rows = np.uint64(len(kernel.forward))
    n_planes = 1
    while (7 * len(kernel.forward)) >> n_planes:
        n_planes += 1
    counts = np.empty((_LARGE + _SMALL, WORDS), np.uint64)  # one array: a later use keeps it for its pointer
    large = pointer_to(counts)
    small = np.uint64(_LARGE * WORDS)
    energies[:] = -float(kernel.n_couplings)
    for b in range(len(kernel.outcomes.planes)):
        block = np.uint64(b * WORDS)
        counts[:] = np.uint64(0)
        nothing = load(large, 0, WORDS)
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = nothing
        since = 0
        for row in range(n_rows):
            spin = load(both, row * stride + block, WORDS)
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
                store(large, small, c0)
                store(large, small + np.uint64(1 * WORDS), c1)
                store(large, small + np.uint64(2 * WORDS), c2)
                store(large, small + np.uint64(3 * WORDS), c3)
                store(large, small + np.uint64(4 * WORDS), c4)
                store(large, small + np.uint64(5 * WORDS), c5)
                store(large, small + np.uint64(6 * WORDS), c6)
                store(large, small + np.uint64(7 * WORDS), c7)
                c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = nothing
                since = 0
                _add_up(large, n_planes, nothing)
        for slot in range(WORDS):
            word = int(block) + slot if n_words >= np.uint64(WORDS) else slot % int(n_words)
            _unpack(counts, slot, n_planes, energies[WORD * word : WORD * (word + 1)])


@njit(inline="always")
def _add_up(large, n_planes, nothing):
    """Add counts of few planes, which lie behind those of all planes, to them."""
    carry = nothing
    for k in range(n_planes):
        total = load(large, np.uint64(WORDS * k), WORDS)
        digit = nothing
        if k < _SMALL:
            digit = load(large, np.uint64(WORDS * (_LARGE + k)), WORDS)
        x = total ^ digit
        store(large, np.uint64(WORDS * k), x ^ carry)
        carry = (total & digit) | (x & carry)


@njit(inner=True)
def _unpack(counts, slot, n_planes, energies):
    """Add twice the counts of a word, as bit planes (n_planes, WORDS), to the energies of its lanes."""
    for lane in range(WORD):
        count = np.uint64(0)
        for k in range(n_planes):
            count |= ((counts[k, slot] >> np.uint64(lane)) & np.uint64(1)) << np.uint64(k)
        energies[lane] += 2.0 * np.int64(count)
