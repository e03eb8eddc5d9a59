"""What cluster moves read: couplings and fields by row, the strongest coupling of each row first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.coupling_graph import Graph

__all__ = [
    "BONDS",
    "ISOENERGETIC",
    "NO_MOVE",
    "BondGraph",
    "bond_graph",
    "flip",
    "is_due",
    "is_up",
    "no_bonds",
]

NO_MOVE, ISOENERGETIC, BONDS = 0, 1, 2  # numbers of the moves, for kernels
NUMBERS = {"none": NO_MOVE, "isoenergetic": ISOENERGETIC, "bonds": BONDS}


class BondGraph(NamedTuple):
    """Couplings and fields by row, in units of the kernel, and where cluster moves are worth their time.

    Parameters
    ----------
    indptr, neighbours, couplings : rows of the symmetric matrix, in every row by falling |J|
    summed : float64 (2 n_couplings,), |J| added up along each row
    rows : int64 (N,), rows that hold spins
    holds : uint8 (n_rows,), 1 where a row holds a spin
    pace : int64 (n_betas,), in every so-manyth turn a move is made there, or in none where it is 0; pairs of
        betas stand at the lower one
    flow : float64 (1,), round trips in burn-in over those that the swaps would allow; NaN where not known
    symmetric : no fields, so that walkers that agree in a cluster may be taken as well as walkers that
        disagree
    move : one of NO_MOVE, ISOENERGETIC, BONDS
    """

    indptr: NDArray[np.int64]
    neighbours: NDArray[np.int32]
    couplings: NDArray[np.float64]
    summed: NDArray[np.float64]
    fields: NDArray[np.float64]
    rows: NDArray[np.int64]
    holds: NDArray[np.uint8]
    pace: NDArray[np.int64]
    flow: NDArray[np.float64]
    symmetric: bool
    move: int


def bond_graph(
    graph: Graph, row: NDArray[np.int64], n_rows: int, n_betas: int, move: str, pace: int
) -> BondGraph:
    """By rows, of a plan that puts spin i into row `row[i]`, for the move of this name at this pace."""
    degrees, holds, fields = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.uint8), np.zeros(n_rows)
    degrees[row], holds[row], fields[row] = graph.degrees, 1, graph.fields
    indptr = np.concatenate([[0], np.cumsum(degrees)])
    indices = np.asarray(graph.indices, np.int32)  # else the kernel is compiled anew
    neighbours, couplings, summed = _by_strength(
        graph.indptr, indices, graph.couplings, np.asarray(row, np.int64), indptr
    )
    return BondGraph(
        indptr,
        neighbours,
        couplings,
        summed,
        fields,
        np.sort(row),
        holds,
        np.full(n_betas, pace),
        np.full(1, np.nan),
        not graph.fields.any(),
        NUMBERS[move],
    )


def no_bonds(n_betas: int) -> BondGraph:
    """Where no cluster moves are made."""
    empty, none = np.zeros(0), np.zeros(0, np.int64)
    return BondGraph(
        np.zeros(1, np.int64), np.zeros(0, np.int32), empty, empty, empty, none, np.zeros(0, np.uint8),
        np.zeros(n_betas, np.int64), np.full(1, np.nan), False, NO_MOVE,
    )  # fmt: skip


@njit(cache=True)
def _by_strength(indptr, indices, couplings, row, starts):
    """Neighbours by row, couplings, and |J| added up, in every row by falling |J| and then by row.

    Parameters
    ----------
    indptr, indices, couplings : by spin
    row : int64 (N,), row of each spin
    starts : int64 (n_rows + 1,), where rows begin
    """
    neighbours = np.empty(len(indices), np.int32)
    ordered, summed = np.empty(len(indices)), np.empty(len(indices))
    for i in range(len(row)):
        first, last = indptr[i], indptr[i + 1]
        rows = row[indices[first:last]].astype(np.float64)  # so that one function of sorting serves twice
        by_row = first + np.argsort(rows, kind="mergesort")
        order = by_row[np.argsort(-np.abs(couplings[by_row]), kind="mergesort")]
        total, place = 0.0, starts[row[i]]
        for k in range(len(order)):
            p = order[k]
            total += abs(couplings[p])
            neighbours[place + k] = row[indices[p]]
            ordered[place + k] = couplings[p]
            summed[place + k] = total
    return neighbours, ordered, summed


@njit(inline="always")
def is_due(pace, turn):
    return pace > 0 and turn % pace == 0


@njit(inline="always")
def is_up(words, row, lane, width):
    return bool((words[row, lane // width] >> words.dtype.type(lane % width)) & words.dtype.type(1))


@njit(inline="always")
def flip(words, row, lane, width):
    words[row, lane // width] ^= words.dtype.type(1) << words.dtype.type(lane % width)
