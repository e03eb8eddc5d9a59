"""Events of given probabilities in many lanes at once, from a dozen random bits a lane.

An event of probability p <= 1/2 is the union of two that are independent of each other. The first happens
where a number of `DIGITS` random bits is below the first binary digits of p, read as a number f: it is drawn
for all lanes by logic on bits, one level of digits at a time. The second has the probability

    q = (p - f) / (1 - f) < 2**(1 - DIGITS),    so that 1 - (1 - f) (1 - q) = p.

It is rare, and found by thinning: among all lanes of all visits, in their order, candidates come with the
largest of these probabilities, Q, that is with gaps of a geometric distribution, and one in a lane that
needs q is taken with the probability q / Q. Candidates are independent of each other and of all lanes, so
that lanes stay independent though one stream of random numbers serves them all. An event of p > 1/2 is the
absence of one of 1 - p.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.random import uniform
from qspin_backends.tempering.words import WORD

__all__ = ["DIGITS", "WORDS", "Outcomes", "find_rare", "gap", "outcomes", "set_probabilities"]

DIGITS = 12
WORDS = 4  # of a vector
_FOREVER = 2.0**62  # visits of lanes: more than any run has


class Outcomes(NamedTuple):
    """Probabilities as a sweep reads them; lanes of fewer words than a vector holds are repeated.

    The digits d_0 .. d_3 of the four classes of fields are kept as ``d_0, d_0 ^ d_1, d_0 ^ d_2, d_0 ^ d_1 ^
    d_2 ^ d_3``: the digit of a lane is the exclusive or of those whose bits of its class are set.
    """

    planes: NDArray[np.uint64]  # (blocks, 2 parities, DIGITS + 1, 4, WORDS), last digit first; then p > 1/2
    kept: NDArray[np.float64]  # q / Q, (2 parities, 4 classes, lanes)
    rate: NDArray[np.float64]  # log(1 - Q), (1,)


def outcomes(n_words: int) -> Outcomes:
    """Of `n_words` words of lanes, all with probability 0."""
    n_words = max(n_words, WORDS)
    return Outcomes(
        np.zeros((n_words // WORDS, 2, DIGITS + 1, 4, WORDS), np.uint64),
        np.zeros((2, 4, WORD * n_words)),
        np.zeros(1),
    )


def set_probabilities(target: Outcomes, probabilities: NDArray[np.float64], n_digits: int = DIGITS) -> None:
    """Write probabilities (2 parities, 4 classes, lanes) in the form in which they are read.

    With fewer digits more is left to the second events, and the probabilities are the same.
    """
    repeats = target.kept.shape[2] // probabilities.shape[2]
    probabilities = np.tile(probabilities, repeats)
    turned = probabilities > 0.5
    rarer = np.where(turned, 1.0 - probabilities, probabilities)
    digits = np.floor(rarer * 2.0**n_digits).astype(np.int64) << (DIGITS - n_digits)
    drawn = digits * 2.0**-DIGITS
    second = (rarer - drawn) / (1.0 - drawn)
    largest = second.max()
    target.kept[:] = second / largest if largest else 0.0
    target.rate[0] = np.log1p(-largest)
    levels = np.array([*((digits >> k) & 1 for k in range(DIGITS)), turned], np.uint8)
    words = np.packbits(levels, axis=-1, bitorder="little").view("<u8")
    first, second_, third, fourth = np.moveaxis(words, 2, 0)
    by_class = np.stack([first, first ^ second_, first ^ third, first ^ second_ ^ third ^ fourth], axis=2)
    blocks = by_class.reshape(*by_class.shape[:3], -1, WORDS)  # (level, parity, class, block, word)
    target.planes[:] = blocks.transpose(3, 1, 0, 2, 4)


@njit(inline="always")
def gap(state, rate):
    """How many lanes pass before the next candidate; `state` uint64 (4,) is advanced."""
    if rate == 0.0:
        return np.uint64(_FOREVER)
    return np.uint64(min(np.log1p(-uniform(state)) / rate, _FOREVER))


@njit(inner=True)
def find_rare(outcomes, parity, first, seen, ahead, state):
    """Find the second events among the lanes of a vector.

    Parameters
    ----------
    parity, first : of the vector: number of its parity, and of its first lane
    seen : uint64 (3 * WORDS,), low and high bits of the classes of the lanes; the third part is written: the
        lanes in which the event happens
    ahead : lanes before the next candidate
    state : uint64 (4,), advanced

    Returns
    -------
    lanes before the next candidate, counted from the same place: no fewer than a vector holds
    """
    one, below = np.uint64(1), np.uint64(WORD - 1)
    for k in range(2 * WORDS, 3 * WORDS):
        seen[k] = np.uint64(0)
    while ahead < np.uint64(WORDS * WORD):
        word, bit = ahead // np.uint64(WORD), ahead & below
        low, high = (seen[word] >> bit) & one, (seen[np.uint64(WORDS) + word] >> bit) & one
        if uniform(state) < outcomes.kept[parity, low + high + high, first + ahead]:
            seen[np.uint64(2 * WORDS) + word] |= one << bit
        ahead += one + gap(state, outcomes.rate[0])
    return ahead
