"""Where walkers start: at random, or at configurations that were given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Initial, initial_spins, refuse_initial
from qspin_backends.tempering.words import WORD, bit_words

__all__ = ["checked_initial", "packed", "random_bits", "start_bits"]


def checked_initial(
    problem: IsingProblem,
    initial: Initial | None,
    method: str,
    n_replicas: int,
    n_betas: int | None,
    betas: Sequence[float] | None,
) -> NDArray[np.int8] | None:
    """Configurations for the ladders of a method, int8 (1 or n_betas, n_replicas, N); None: random ones.

    Parameters
    ----------
    n_betas : that a replica has at once; None where its ladder is still to be found
    betas : of a ladder that is given and has them at once, units of 1/energy

    Raises
    ------
    InputError
        If they do not fit, or the method starts from random ones alone.
    """
    if initial is None:
        return None
    if method == "population":
        why = "method 'population' starts at infinite temperature, from where it measures its free energy"
        refuse_initial("tempering", initial, why)
    return initial_spins(problem, initial, n_replicas=n_replicas, n_betas=n_betas, betas=betas)


def packed(spins: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Spins (..., N) as bits (..., ceil(N / 64)), the inverse of `words.expanded`."""
    n_bytes = bit_words(spins.shape[-1]) * WORD // 8
    bits = np.zeros((*spins.shape[:-1], n_bytes), np.uint8)
    packed_bits = np.packbits(spins > 0, axis=-1, bitorder="little")
    bits[..., : packed_bits.shape[-1]] = packed_bits
    return bits.view("<u8").astype(np.uint64)


def start_bits(
    seed: np.random.SeedSequence,
    n_rows: int,
    n_columns: int,
    n_spins: int,
    initial: NDArray[np.int8] | None = None,
) -> NDArray[np.uint64]:
    """Spins to start from as bits, (n_rows, n_columns, ceil(N / 64)).

    Parameters
    ----------
    initial : int8 (1 or n_rows, n_replicas, N), or None for random ones. Of several columns a replica, such
        as a ladder and its partner, all start there
    """
    if initial is None:
        return random_bits(seed, n_rows, n_columns, n_spins)
    bits = np.repeat(packed(initial), n_columns // initial.shape[1], axis=1)
    return np.ascontiguousarray(np.broadcast_to(bits, (n_rows, *bits.shape[1:])))


def random_bits(
    seed: np.random.SeedSequence, n_rows: int, n_columns: int, n_spins: int
) -> NDArray[np.uint64]:
    """Random spins as bits, (n_rows, n_columns, ceil(N / 64)); a column does not depend on how many there
    are.
    """
    shape = (n_rows, bit_words(n_spins))
    columns = [np.random.PCG64(s).random_raw(math.prod(shape)) for s in seed.spawn(n_columns)]
    return np.ascontiguousarray(np.reshape(columns, (n_columns, *shape)).swapaxes(0, 1))
