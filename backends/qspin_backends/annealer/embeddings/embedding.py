"""Chains of qubits that stand for the spins of a problem."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qspin.problem import IsingProblem
from qspin_backends.annealer.device import Hardware

__all__ = ["SCORES", "Chains", "Embedding", "fault_of", "lengths_in_words", "source_graph"]

Chains = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Embedding:
    """Chains of qubits, one for each spin in the order of the problem.

    Parameters
    ----------
    chains : names of qubits
    method : that found them
    cached : whether they came from the disk
    """

    chains: Chains
    method: str
    cached: bool = False

    @property
    def longest(self) -> int:
        return max(map(len, self.chains), default=0)

    @property
    def n_qubits(self) -> int:
        return sum(map(len, self.chains))

    @property
    def qubits(self) -> set[int]:
        return {qubit for chain in self.chains for qubit in chain}

    @property
    def headline(self) -> str:
        """In a few words."""
        if self.method == "none":
            return "no embedding"
        return f"{self.n_qubits} qubits, {lengths_in_words(self.chains)}"

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "cached": self.cached,
            "n_qubits": self.n_qubits,
            "longest_chain": self.longest,
            "chain_lengths": [len(chain) for chain in self.chains],
            "chains": [list(chain) for chain in self.chains],
        }


def lengths_in_words(chains: Chains) -> str:
    """How long chains are, for people."""
    lengths = [len(chain) for chain in chains] or [0]
    if min(lengths) == max(lengths):
        return f"chains of {lengths[0]}"
    return f"chains of {min(lengths)} to {max(lengths)}, {statistics.fmean(lengths):.2g} on average"


def _lengths(chains: Chains) -> tuple[int, int, float]:
    """The longest chain, the qubits of all, and the standard deviation of the lengths."""
    lengths = [len(chain) for chain in chains] or [0]
    return max(lengths), sum(lengths), statistics.pstdev(lengths)


SCORES: Mapping[str, Callable[[Chains], tuple[float, ...]]] = {
    "longest_chain": lambda chains: _lengths(chains),
    "n_qubits": lambda chains: (_lengths(chains)[1], _lengths(chains)[0]),
    "spread": lambda chains: _lengths(chains)[::-1],
}
"""By what an embedding is better than another, the least being best: its longest chain, then its qubits; the
other way round; or how unequal its chains are, then its qubits."""


def source_graph(problem: IsingProblem) -> Any:
    """Spins by position, and who is coupled with whom."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(problem.n_spins))
    edges = problem.edges
    graph.add_edges_from(zip(edges.i.tolist(), edges.j.tolist(), strict=True))
    return graph


def fault_of(chains: Chains, problem: IsingProblem, hardware: Hardware) -> str | None:
    """Why these are no chains, None if they are."""
    from dwave.embedding import diagnose_embedding

    names = {k: problem.labels[k] for k in range(problem.n_spins)}
    for kind, *what in diagnose_embedding(dict(enumerate(chains)), source_graph(problem), hardware.graph):
        where = ", ".join(repr(names.get(w, w)) if isinstance(w, int) else str(w) for w in what)
        return f"{kind.__name__.removesuffix('Error')} ({where})"
    return None
