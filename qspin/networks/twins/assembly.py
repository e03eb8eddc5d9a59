"""One symmetric matrix out of blocks below its diagonal, without copies on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["symmetric"]


def symmetric(sizes: Sequence[int], blocks: Mapping[tuple[int, int], sparse.csr_array]) -> sparse.csr_array:
    """Couplings (N, N) with sorted columns, from the blocks (later, earlier) of groups of these sizes; their
    transposes stand above the diagonal. Blocks are used up: the mapping is empty afterwards.
    """
    left = dict(blocks)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    counts = _counts(sizes, left)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    n, n_entries = int(starts[-1]), int(indptr[-1])
    index = np.int32 if max(n, n_entries) < 2**31 else np.int64
    data = np.empty(n_entries)
    indices: NDArray[Any] = np.empty(n_entries, dtype=index)
    filled = indptr[:-1].copy()
    order = sorted(left)  # by later group, then earlier: columns below the diagonal ascend
    for later, earlier in order:
        _put(left[later, earlier], starts[later], starts[earlier], filled, data, indices)
    for later, earlier in sorted(left, key=lambda pair: (pair[1], pair[0])):
        mirror = left.pop((later, earlier)).T.tocsr()
        _put(mirror, starts[earlier], starts[later], filled, data, indices)
    return sparse.csr_array((data, indices, indptr.astype(index)), shape=(n, n))


def _counts(sizes: Sequence[int], blocks: Mapping[tuple[int, int], sparse.csr_array]) -> NDArray[np.int64]:
    """Entries of each row."""
    counts = [np.zeros(size, dtype=np.int64) for size in sizes]
    for (later, earlier), block in blocks.items():
        counts[later] += np.diff(block.indptr)
        counts[earlier] += np.bincount(block.indices, minlength=sizes[earlier])
    return np.concatenate(counts)


def _put(
    block: sparse.csr_array,
    row: int,
    column: int,
    filled: NDArray[np.int64],
    data: NDArray[np.float64],
    indices: NDArray[Any],
) -> None:
    """Rows of a block behind what is there of them."""
    each = np.diff(block.indptr)
    first = filled[row : row + len(each)]
    if len(each) and block.nnz == len(each) * each[0] and (np.diff(first) == each[0]).all():
        places: slice | NDArray[np.int64] = slice(int(first[0]), int(first[0]) + block.nnz)  # in one piece
    else:
        places = np.arange(block.nnz) + np.repeat(first - block.indptr[:-1], each)
    data[places] = block.data
    indices[places] = block.indices
    indices[places] += column
    filled[row : row + len(each)] += each
