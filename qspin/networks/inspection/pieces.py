"""The numbers of a problem in the pieces that they were drawn in: matrices, couplings, fields."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qspin.problem import IsingProblem

__all__ = ["BETWEEN", "Piece", "groups_of", "pieces_of"]

BETWEEN = " - "
"""Stands between the names of two groups in that of the couplings between them."""

_FULL = 0.98  # share of couplings that are there, from which on a matrix between two groups counts as full

Floats = NDArray[np.float64]


class Piece(NamedTuple):
    """Numbers of one kind.

    Parameters
    ----------
    name : ``layer 0 - layer 1`` of the couplings between two groups; ``couplings`` where groups are coupled
        within themselves, or there are none; ``fields``
    values : all of them that are not 0, (n,)
    matrix : couplings (later group, earlier group) where nearly all pairs are coupled, else None
    """

    name: str
    values: Floats
    matrix: Floats | None = None


def pieces_of(problem: IsingProblem) -> list[Piece]:
    """The couplings, piece by piece, and the fields if there are any."""
    found = list(_couplings(problem))
    fields = np.asarray(problem.fields)
    if fields.any():
        found.append(Piece("fields", fields[fields != 0]))
    return found


def groups_of(problem: IsingProblem) -> NDArray[np.intp]:
    """Number of the group of each spin (N,): 0 everywhere where groups do not part all spins among them."""
    number = np.full(problem.n_spins, -1, dtype=np.intp)
    groups = _groups(problem)
    for k, spins in enumerate(groups.values()):
        number[spins] = k
    parted = (number >= 0).all() and sum(map(len, groups.values())) == problem.n_spins
    return number if parted else np.zeros(problem.n_spins, dtype=np.intp)


def _groups(problem: IsingProblem) -> dict[str, NDArray[np.intp]]:
    known = problem.known
    return {} if known is None or known.groups is None else dict(known.groups)


def _couplings(problem: IsingProblem) -> Iterator[Piece]:
    edges, number = problem.edges, groups_of(problem)
    if (number[edges.i] != number[edges.j]).all():
        yield from _blocks(problem)
    else:
        yield Piece("couplings", np.asarray(edges.couplings))


def _blocks(problem: IsingProblem) -> Iterator[Piece]:
    couplings = sparse.csr_array(problem.couplings)
    for (earlier, first), (later, second) in itertools.combinations(_groups(problem).items(), 2):
        block = couplings[second][:, first]
        if not block.nnz:
            continue
        is_full = block.nnz >= _FULL * len(first) * len(second)
        yield Piece(
            f"{earlier}{BETWEEN}{later}", np.asarray(block.data), block.toarray() if is_full else None
        )
