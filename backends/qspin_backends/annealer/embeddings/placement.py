"""Copies of a problem side by side on a device: what is programmed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.embedding import Embedding, lengths_in_words
from qspin_backends.annealer.embeddings.layout import Layout, lay_out

__all__ = ["Placement", "place", "side_by_side"]


@dataclass(frozen=True)
class Placement:
    """Where the copies of a problem lie. They share no qubit, and no coupler between two of them is used.

    Parameters
    ----------
    copies : an embedding of the problem for each
    layout : of all of them as one problem, see `side_by_side`
    """

    copies: tuple[Embedding, ...]
    layout: Layout

    @cached_property
    def parts(self) -> list[tuple[NDArray[np.intp], NDArray[np.int64]]]:
        """Of each copy: the positions of its qubits in those of the layout, and the spin that each is of."""
        n = len(self.copies[0].chains)
        columns = [np.flatnonzero(self.layout.spin_of // max(n, 1) == c) for c in range(len(self.copies))]
        return [(own, self.layout.spin_of[own] - c * n) for c, own in enumerate(columns)]

    @property
    def longest(self) -> Embedding:
        """The copy with the longest chain."""
        return max(self.copies, key=lambda embedding: embedding.longest)

    @property
    def headline(self) -> str:
        """In a few words."""
        if len(self.copies) == 1:
            return self.copies[0].headline
        chains = tuple(chain for embedding in self.copies for chain in embedding.chains)
        return f"{len(self.copies)} copies, {sum(map(len, chains))} qubits, {lengths_in_words(chains)}"

    @property
    def chains(self) -> list[list[list[int]]]:
        """Of each spin of each copy; plain JSON."""
        return [[list(chain) for chain in embedding.chains] for embedding in self.copies]


def place(problem: IsingProblem, copies: Sequence[Embedding], hardware: Hardware | None) -> Placement:
    """Lay out copies of a problem that share no qubit."""
    chains = tuple(chain for embedding in copies for chain in embedding.chains)
    together = Embedding(chains, copies[0].method)
    return Placement(tuple(copies), lay_out(side_by_side(problem, len(copies)), together, hardware))


def side_by_side(problem: IsingProblem, n: int) -> IsingProblem:
    """n copies of a problem as one: spin k of copy c is spin ``c * n_spins + k``, its energy their sum."""
    if n == 1:
        return problem
    edges, shift = problem.edges, problem.n_spins * np.arange(n)[:, None]
    return IsingProblem.from_edges(
        n * problem.n_spins,
        (edges.i + shift).ravel(),
        (edges.j + shift).ravel(),
        np.tile(edges.couplings, n),
        np.tile(problem.fields, n),
    )
