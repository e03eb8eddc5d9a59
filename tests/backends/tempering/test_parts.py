"""The parts that kernels are built from, each against a plain computation of the same thing."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from qspin_backends.common.simd import gather, load, pointer_to, store
from qspin_backends.tempering import random
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import exp2
from qspin_backends.tempering.multispin import _count
from qspin_backends.tempering.outcomes import DIGITS, find_rare, outcomes, set_probabilities
from qspin_backends.tempering.planning import ladders_a_pack
from qspin_backends.tempering.words import expand, expanded, fill_words, lane_bits, swap_lanes
from scipy import stats

import qspin
from qspin import instances

# -- random numbers ------------------------------------------------------------------------------


def xoshiro(bits: int, shift: int, rotation: int):
    """One step of the generator of `bits`-bit words, on a list of four integers, in place."""
    mask = 2**bits - 1

    def step(s):
        t = (s[1] << shift) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = ((s[3] << rotation) | (s[3] >> (bits - rotation))) & mask

    return step


STEPS = {32: xoshiro(32, 9, 11), 64: xoshiro(64, 17, 45)}


def transition(bits: int) -> np.ndarray:
    """The step as a matrix over GF(2), acting on the 4 * bits bits of a state."""
    matrix = np.zeros((4 * bits, 4 * bits), np.float32)
    for k in range(4 * bits):
        state = [0, 0, 0, 0]
        state[k // bits] = 1 << (k % bits)
        STEPS[bits](state)
        matrix[:, k] = bits_of(state, bits)
    return matrix


def bits_of(state, bits: int) -> np.ndarray:
    return np.array([(int(state[k // bits]) >> (k % bits)) & 1 for k in range(4 * bits)], np.float32)


@pytest.mark.parametrize(("bits", "near", "far"), [(32, 64, 96), (64, 128, 192)])
def test_streams_lie_so_many_steps_apart(bits, near, far):
    """A jump is the transition matrix to a power of two, found by squaring: streams cannot overlap."""
    seed = np.random.SeedSequence(7)
    states = random.lane_streams(seed, 2, 3) if bits == 32 else random.word_streams(seed, 2, 3)
    power = transition(bits)
    powers = {}
    for exponent in range(1, far + 1):
        power = (power @ power) % 2
        powers[exponent] = power
    for start, end, exponent in ((states[0, 0], states[0, 1], near), (states[1, 1], states[1, 2], near),
                                 (states[0, 0], states[1, 0], far)):  # fmt: skip
        np.testing.assert_array_equal(powers[exponent] @ bits_of(start, bits) % 2, bits_of(end, bits))


@njit
def _drawn(state, width, out):
    pointer = pointer_to(state)
    s0, s1, s2, s3 = random.load_state(pointer, np.uint64(0), 16, 16)
    for k in range(len(out)):
        drawn, s0, s1, s2, s3 = random.draw(s0, s1, s2, s3)
        store(pointer_to(out), np.uint64(16 * k), drawn)


def test_lanes_draw_what_the_recurrence_says():
    states = random.lane_streams(np.random.SeedSequence(3), 1, 16)[0]
    drawn = np.zeros((50, 16), np.float32)
    _drawn(np.ascontiguousarray(states.T), 16, drawn)
    for lane in range(16):
        state = [int(x) for x in states[lane]]
        for k in range(50):
            number = ((state[0] + state[3]) & (2**32 - 1)) >> 1
            assert drawn[k, lane] == np.float32(np.float32(number) + np.float32(0.5))
            STEPS[32](state)


def test_exchange_draws_are_those_of_xoshiro256plusplus():
    mask = 2**64 - 1
    state = np.array([1, 2, 3, 2**64 - 5], dtype=np.uint64)
    s = [int(x) for x in state]
    draw = njit(lambda state: random.uniform(state))
    for _ in range(200):
        total = (s[0] + s[3]) & mask
        result = ((((total << 23) | (total >> 41)) & mask) + s[0]) & mask
        assert draw(state) == (result >> 11) * 2.0**-53
        STEPS[64](s)
    assert [int(x) for x in state] == s


# -- arithmetic ----------------------------------------------------------------------------------


@njit
def _exp2(x, y):
    for k in range(0, len(x), 16):
        store(pointer_to(y), np.uint64(k), exp2(load(pointer_to(x), np.uint64(k), 16)))


def test_powers_of_two_are_as_exact_as_float32():
    x = np.linspace(0, 126, 16 * 5_000).astype(np.float32)
    y = np.empty_like(x)
    _exp2(x, y)
    relative = y / np.exp2(x.astype(np.float64)) - 1
    assert np.abs(relative).max() < 3e-7
    assert abs(relative.mean()) < 3e-8


@njit
def _counted(inputs, planes):
    p = pointer_to(inputs)
    low, mid, high = _count(
        load(p, 0, 8),
        load(p, 8, 8),
        load(p, 16, 8),
        load(p, 24, 8),
        load(p, 32, 8),
        load(p, 40, 8),
        load(p, 48, 8),
    )
    store(pointer_to(planes), 0, low)
    store(pointer_to(planes), 8, mid)
    store(pointer_to(planes), 16, high)


def unpacked(words: np.ndarray) -> np.ndarray:
    return (words[..., None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)


def test_full_adders_count_seven_bits():
    inputs = np.random.default_rng(1).integers(0, 2**64, (7, 8), dtype=np.uint64)
    planes = np.empty((3, 8), np.uint64)
    _counted(inputs, planes)
    weights = np.array([1, 2, 4], np.uint64)[:, None, None]
    np.testing.assert_array_equal((unpacked(planes) * weights).sum(axis=0), unpacked(inputs).sum(axis=0))


@pytest.mark.parametrize("n_digits", [1, 5, DIGITS])
def test_two_events_make_the_probability(n_digits):
    """f and q, read back from what a sweep reads: 1 - (1 - f) (1 - q) is p, and 1 - p where p > 1/2."""
    probabilities = np.random.default_rng(2).random((2, 4, 128)) ** 3
    probabilities[0, 0, :5] = [0.0, 0.5, 1.0, 2.0**-33, 1.0 - 2.0**-33]
    target = outcomes(2)
    set_probabilities(target, probabilities, n_digits)
    blocks = unpacked(target.planes).astype(np.int64)  # (block, parity, level, class, word, bit)
    first, *others = np.moveaxis(blocks[0], 2, 0)
    by_class = [first, others[0] ^ first, others[1] ^ first]
    bits = np.stack([*by_class, others[2] ^ by_class[0] ^ by_class[1] ^ by_class[2]], axis=2)
    lanes = bits.reshape(2, DIGITS + 1, 4, 256)
    drawn = np.einsum("plcn,l->pcn", lanes[:, :-1], 0.5 ** np.arange(DIGITS, 0, -1))
    second = target.kept * -np.expm1(target.rate[0])
    assert second.max() < 2.0 ** (1 - n_digits)
    made = 1 - (1 - drawn) * (1 - second)
    made = np.where(lanes[:, -1], 1 - made, made)
    np.testing.assert_allclose(made, np.tile(probabilities, 2), rtol=1e-13, atol=1e-16)


@njit
def _count_rare(target, seen, state, ahead, n_visits, counts):
    for _ in range(n_visits):
        if ahead < 256:
            ahead = find_rare(target, 0, np.uint64(0), seen, ahead, state)
            for k in range(256):
                counts[k] += (seen[8 + k // 64] >> np.uint64(k % 64)) & np.uint64(1)
        ahead -= np.uint64(256)


def test_rare_events_come_as_often_as_they_should():
    """Chi-squared over the lanes, whose classes and probabilities differ."""
    rng = np.random.default_rng(3)
    probabilities = rng.random((2, 4, 256)) * 2.0**-9
    target = outcomes(4)
    set_probabilities(target, probabilities, 1)
    classes = rng.integers(0, 2**64, (2, 4), dtype=np.uint64)
    seen = np.zeros(12, np.uint64)
    seen[:8] = classes.reshape(-1)
    state = random.word_streams(np.random.SeedSequence(1), 1, 1)[0, 0].copy()
    counts, n_visits = np.zeros(256, np.int64), 10**6
    _count_rare(target, seen, state, np.uint64(0), n_visits, counts)
    low, high = unpacked(classes).reshape(2, 256)
    p = probabilities[0, (low + 2 * high).astype(int), np.arange(256)]
    chi2 = ((counts - n_visits * p) ** 2 / (n_visits * p * (1 - p))).sum()
    assert 1e-4 < stats.chi2(256).sf(chi2) < 1 - 1e-4


@njit
def _gathered(source, indices, out):
    store(pointer_to(out), 0, gather(pointer_to(source), pointer_to(indices), np.uint64(2), 8))


def test_gather_reads_what_it_is_told():
    source = np.arange(50, dtype=np.uint64) ** 2
    indices = np.array([9, 9, 4, 0, 49, 7, 7, 1, 2, 3], np.uint32)
    out = np.empty(8, np.uint64)
    _gathered(source, indices, out)
    np.testing.assert_array_equal(out, source[indices[2:]])


def test_vectors_are_not_read_from_gaps():
    @njit
    def strided(array):
        return pointer_to(array[::2])

    with pytest.raises(Exception, match="contiguous arrays"):
        strided(np.zeros(8))


# -- words ---------------------------------------------------------------------------------------


@njit
def _swapped(words, chosen, distance):
    swap_lanes(words, chosen, distance)


WORDS = [(np.uint16, 1), (np.uint32, 1), (np.uint64, 1), (np.uint64, 3), (np.uint64, 8)]


@pytest.mark.parametrize(("kind", "n_words"), WORDS)
@pytest.mark.parametrize("n_spins", [1, 63, 150])
def test_bits_go_into_words_and_come_back(kind, n_words, n_spins):
    rng = np.random.default_rng(n_spins)
    n_lanes = 8 * np.dtype(kind).itemsize * n_words - 3
    bits = rng.integers(0, 2**64, (n_lanes, -(-n_spins // 64)), dtype=np.uint64)
    bits[:, -1] &= np.uint64(2 ** (n_spins % 64) - 1) if n_spins % 64 else np.uint64(2**64 - 1)
    row = rng.permutation(n_spins)
    words = np.zeros((n_spins, n_words), kind)
    fill_words(bits, row, words)
    back = np.empty_like(bits)
    lane_bits(words, row, back)
    np.testing.assert_array_equal(back, bits)
    spins = expanded(bits[None], n_spins)[0, :, 0]
    np.testing.assert_array_equal(spins > 0, unpacked(bits).reshape(n_lanes, -1)[:, :n_spins] > 0)


@pytest.mark.parametrize(("kind", "n_words"), WORDS)
@pytest.mark.parametrize("distance", [1, 5, 13, 63, 64, 70, 130, 300])
def test_lanes_are_swapped(kind, n_words, distance):
    width = 8 * np.dtype(kind).itemsize
    n_lanes = width * n_words
    if distance >= n_lanes:
        pytest.skip("no lane lies so far from another")
    rng = np.random.default_rng(distance)
    bits = rng.integers(0, 2**64, (n_lanes, 1), dtype=np.uint64)
    lanes = np.arange(n_lanes)
    low = lanes[(lanes // distance % 2 == 0) & (lanes + distance < n_lanes) & (rng.random(n_lanes) < 0.5)]
    words = np.zeros((64, n_words), kind)
    fill_words(bits, np.arange(64), words)
    chosen = np.zeros(n_words, kind)
    for lane in low:
        chosen[lane // width] |= kind(1) << kind(lane % width)
    _swapped(words, chosen, distance)
    expected = bits.copy()
    expected[low], expected[low + distance] = bits[low + distance], bits[low]
    lane_bits(words, np.arange(64), bits)
    np.testing.assert_array_equal(bits, expected)


def test_draws_are_written_to_their_place():
    bits = np.random.default_rng(0).integers(0, 2**64, (2, 3, 2), dtype=np.uint64)
    spins = np.zeros((2, 3, 4, 100), np.int8)
    expand(bits, 2, spins)
    assert not spins[:, :, [0, 1, 3]].any()
    np.testing.assert_array_equal(spins[:, :, 2], expanded(bits, 100)[:, :, 0])


# -- graphs --------------------------------------------------------------------------------------


def test_colours_differ_between_neighbours():
    problem = instances.edwards_anderson((5, 5, 5), seed=1)
    colours = Graph.of(problem).colours
    i, j, _ = problem.edges
    assert (colours[i] != colours[j]).all()
    assert set(Graph.of(instances.lattice_ferromagnet((6, 6))).colours) == {0, 1}


def test_a_graph_has_its_own_units_and_no_zeros():
    problem = qspin.IsingProblem.from_edges(3, [0, 1, 0], [1, 2, 2], [4.0, 0.0, -2.0], [0, 8.0, 0])
    assert problem.n_couplings == 3
    before = [array.copy() for array in problem.csr]
    graph = Graph.of(problem)
    for array, copied in zip(problem.csr, before, strict=True):
        np.testing.assert_array_equal(array, copied)
    assert (graph.unit, graph.n_couplings, graph.largest_field) == (8.0, 2, 1.5)
    np.testing.assert_array_equal(graph.fields, [0, 1, 0])
    np.testing.assert_array_equal(graph.degrees, [2, 1, 1])
    turned = graph.reordered(np.array([2, 0, 1]))
    np.testing.assert_array_equal(turned.degrees, [1, 1, 2])
    np.testing.assert_array_equal(turned.fields, [1, 0, 0])
    assert not graph.is_bimodal
    assert Graph.of(instances.lattice_ferromagnet((4, 4)).scaled(3.0)).is_bimodal


@pytest.mark.parametrize(
    ("n_betas", "n_ladders", "n_spins", "n_threads", "paired", "expected"),
    [
        (5, 50, 128, 1, False, 50),  # four full words instead of five packs of a word that is not
        (5, 50, 128, 2, False, 25),
        (5, 50, 1000, 1, False, 10),
        (40, 8, 256, 1, False, 8),  # five full words
        (24, 3, 128, 1, False, 2),  # 64 + 32 lanes are fewer than 128
        (20, 8, 128, 1, True, 8),
        (300, 4, 128, 1, False, 1),
    ],
)
def test_ladders_of_small_problems_share_words(n_betas, n_ladders, n_spins, n_threads, paired, expected):
    found = ladders_a_pack(
        n_betas, n_ladders, n_spins=n_spins, multispin=False, n_threads=n_threads, paired=paired
    )
    assert found == expected
