"""Ways to find chains for the spins of a problem on a device."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qspin.errors import CapacityError, InputError
from qspin.problem import IsingProblem
from qspin.sampler import in_order, report_progress, search_cliques
from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.embedding import Chains, fault_of, source_graph
from qspin_backends.common.child import in_child

__all__ = ["METHODS", "called", "given_chains", "native_chains", "searched", "too_large"]

_SEARCH_SECONDS = 1000  # minorminer's own default
_DENSE = 0.5  # above this share of all pairs a clique embedding is taken at once


def searched(
    problem: IsingProblem, hardware: Hardware, method: str, seed: int
) -> tuple[Mapping[int, Sequence[int]], str]:
    """Chains by position, and the method that found them; no chains if none did."""
    if method != "auto":
        return METHODS[method](problem, hardware, seed), method
    pairs = problem.n_spins * (problem.n_spins - 1) / 2
    order = ["clique", "minorminer"] if problem.n_couplings > _DENSE * pairs else ["minorminer", "clique"]
    for name in order:
        if found := METHODS[name](problem, hardware, seed):
            return found, name
    return {}, method


def _clique(problem: IsingProblem, hardware: Hardware, seed: int) -> Mapping[int, Sequence[int]]:
    n = problem.n_spins
    return search_cliques(hardware.graph, seed, lambda cliques: cliques.find_clique_embedding(n))


def _biclique(problem: IsingProblem, hardware: Hardware, seed: int) -> Mapping[int, Sequence[int]]:
    import networkx as nx

    source = source_graph(problem)
    if not nx.is_bipartite(source):
        raise InputError(
            "embedding 'biclique' needs a graph of two sides without couplings inside either; use 'auto'",
            key=("embedding",),
        )
    side = nx.bipartite.color(source)
    sides = [[k for k in range(problem.n_spins) if side[k] == which] for which in (0, 1)]
    return search_cliques(hardware.graph, seed, lambda cliques: cliques.find_biclique_embedding(*sides))


def _minorminer(problem: IsingProblem, hardware: Hardware, seed: int) -> Mapping[int, Sequence[int]]:
    """Searched in another process: minorminer holds this one for as long as it takes."""

    def tell(seconds: float) -> None:
        report_progress(
            0.0, f"searching an embedding, {seconds:.0f} s of at most {_SEARCH_SECONDS:.0f}; it is kept"
        )

    return in_child(
        "minorminer:find_embedding", source_graph(problem), hardware.graph,
        random_seed=seed, timeout=_SEARCH_SECONDS, tell=tell,
    )  # fmt: skip


METHODS: Mapping[str, Callable[[IsingProblem, Hardware, int], Mapping[int, Sequence[int]]]] = {
    "clique": _clique,
    "biclique": _biclique,
    "minorminer": _minorminer,
}
"""Ways to find chains: of complete (bipartite) graphs by the structure of the hardware, of any by search."""


def native_chains(problem: IsingProblem, hardware: Hardware) -> Chains | None:
    """Single qubits, if labels are qubits and every coupling lies on a coupler."""
    labels = problem.labels
    if not all(isinstance(label, numbers.Integral) and not isinstance(label, bool) for label in labels):
        return None
    names = np.array(labels, dtype=np.int64)
    if not np.isin(names, hardware.qubits).all():
        return None
    edges = problem.edges
    ends = np.sort(np.stack([names[edges.i], names[edges.j]], axis=1), axis=1)
    base = int(hardware.qubits[-1]) + 1
    if not np.isin(ends @ [base, 1], hardware.couplers @ [base, 1]).all():
        return None
    return tuple((qubit,) for qubit in names.tolist())


def given_chains(chains: Mapping[Any, Sequence[int]], problem: IsingProblem, hardware: Hardware) -> Chains:
    """Chains by label, checked."""
    ordered = tuple(
        tuple(map(int, chain)) for chain in in_order(chains, problem, setting="embedding", what="chain")
    )
    if (fault := fault_of(ordered, problem, hardware)) is not None:
        raise InputError(f"the embedding does not fit {hardware}: {fault}", key=("embedding",))
    return ordered


def called(finder: Any, problem: IsingProblem, hardware: Hardware) -> Mapping[Any, Sequence[int]]:
    found = finder(source_graph(problem), hardware.graph)
    if not isinstance(found, Mapping) or set(found) != set(range(problem.n_spins)):
        raise InputError(
            "the function that finds an embedding must return a mapping from 0 to n_spins - 1 to chains; got "
            f"{type(found).__name__} with {len(found) if isinstance(found, Mapping) else 0} keys",
            key=("embedding",),
        )
    return {problem.labels[k]: chain for k, chain in found.items()}


def too_large(problem: IsingProblem, hardware: Hardware) -> CapacityError:
    largest = len(search_cliques(hardware.graph, 0, lambda cliques: cliques.largest_clique()))
    remedy = {"zephyr": -(-(problem.n_spins + 8) // 16), "pegasus": 1 + -(-problem.n_spins // 12)}
    size, present = remedy.get(hardware.topology, 0), hardware.shape[0]
    larger = (
        f"; {hardware.topology} {size} would hold a complete graph of that size" if size > present else ""
    )
    return CapacityError(
        f"no embedding was found for {problem.n_spins} spins and {problem.n_couplings} couplings in "
        f"{hardware}: any graph of up to {largest} spins fits there, sparser ones may be larger{larger}; "
        f"give chains by `embedding`, a `size` above {present}, or topology 'none' on the simulator"
    )
