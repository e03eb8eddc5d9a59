"""Overlaps counted on bits: 64 spins a word, one exclusive or and one population count for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic as _intrinsic
from numpy.typing import NDArray

from qspin.sampler import njit

__all__ = ["agreement_counts", "packed"]

intrinsic: Any = _intrinsic  # its stubs describe the call inside jitted code wrongly


@intrinsic
def _population_count(typing_context, word):
    def lower(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), lower


def packed(spins: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Spins (..., N) as bits (..., n_words); the bits beyond N are zero."""
    n_spins = spins.shape[-1]
    n_words = -(-n_spins // 64)
    bits = np.zeros((*spins.shape[:-1], 8 * n_words), dtype=np.uint8)
    bits[..., : -(-n_spins // 8)] = np.packbits(spins > 0, axis=-1)
    return bits.view(np.uint64)


@njit(cache=True, nogil=True)
def agreement_counts(words, n_spins, counts):
    """Add to ``counts[a, k]`` how often replica a agrees with another one in k spins, draw by draw.

    Parameters
    ----------
    words : uint64 (draw, replica, word)
    n_spins : bits that are spins
    counts : int64 (replica, n_spins + 1), added to; every pair counts for both of its replicas
    """
    n_draws, n_replicas, n_words = words.shape
    for d in range(n_draws):
        for a in range(n_replicas):
            for b in range(a + 1, n_replicas):
                differing = np.uint64(0)
                for w in range(n_words):
                    differing += _population_count(words[d, a, w] ^ words[d, b, w])
                agreeing = n_spins - np.int64(differing)
                counts[a, agreeing] += 1
                counts[b, agreeing] += 1
