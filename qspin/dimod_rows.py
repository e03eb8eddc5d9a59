"""Rows of a dimod sample set: how often each was read, and where one of ours belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.memory import require_memory
from qspin.validate import checked_array

if TYPE_CHECKING:
    import dimod

__all__ = ["checked_reads", "grid_of"]


def checked_reads(sampleset: dimod.SampleSet) -> NDArray[np.int64]:
    """How often each row of a dimod sample set was read; raises as `SampleSet.from_dimod`."""
    import dimod

    if not isinstance(sampleset, dimod.SampleSet) or sampleset.vartype not in (dimod.SPIN, dimod.BINARY):
        came = getattr(sampleset, "vartype", None)
        raise InputError(
            "expected a dimod.SampleSet of spins or bits; got "
            + (f"a {type(sampleset).__name__}" if came is None else f"vartype {came}")
        )
    repeats = checked_array(sampleset.record.num_occurrences, "num_occurrences")
    if repeats.dtype.kind not in "iu" or (repeats.size and repeats.min() < 0):
        raise InputError("num_occurrences must be numbers of reads, integers from 0")
    require_memory(1, int(sum(repeats.tolist())), 1, max(len(sampleset.variables), 8))
    return repeats.astype(np.int64)


def grid_of(
    record: np.recarray, repeats: NDArray[np.integer]
) -> tuple[NDArray[np.float64] | None, tuple[int, int, int], NDArray[np.intp] | slice]:
    """Betas, shape (beta, replica, draw) and row order of a record; reads as replicas unless it was ours."""
    n_rows = int(repeats.sum())
    reads = None, (1, n_rows, 1), slice(None)
    axes = ("beta_index", "replica", "draw")
    if not {"beta", *axes} <= set(record.dtype.names or ()) or (repeats != 1).any():
        return reads
    places = np.stack([record[axis] for axis in axes])
    n_betas, n_replicas, n_draws = (int(n) for n in places.max(axis=1, initial=-1) + 1)
    shape = n_betas, n_replicas, n_draws
    order = np.lexsort(places[::-1])
    expected = np.stack(np.unravel_index(np.arange(n_rows), shape)) if np.prod(shape) == n_rows else None
    if expected is None or not np.array_equal(places[:, order], expected):
        return reads
    return record.beta[order].reshape(shape)[:, 0, 0], shape, order
