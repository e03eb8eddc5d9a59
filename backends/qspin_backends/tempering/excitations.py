"""Low excitations of a low configuration: single spins, and the clusters in which others differ from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qspin_backends.tempering.coupling_graph import Graph

__all__ = ["FREE", "independent_gaps"]

FREE = 1e-13  # gaps below this share of the largest energy are rounding: what costs so little counts as free
_FROZEN = 20.0  # beta x gap of excitations that are never met
_ENTRIES, _FEWEST = 4_000_000, 4  # of the couplings, in all configurations that are looked at; of those
_DESCENTS = 5  # rounds over all configurations in which the best one is lowered


class _Landscape(NamedTuple):
    """Couplings as a matrix, and the gap above which excitations are never met, in units of the kernel."""

    graph: Graph
    matrix: sparse.csr_array
    highest: float


class _Cluster(NamedTuple):
    """Spins as the bits of a number, and what flipping them costs, in units of the kernel."""

    bits: int
    gap: float


def independent_gaps(graph: Graph, spins: NDArray[np.int8], beta: float) -> NDArray[np.float64]:
    """Gaps of independent excitations of the best of some configurations, in units of the kernel, ascending.

    Excitations are flips of single spins and of clusters: connected parts of the spins in which another of
    the configurations differs from the best one, once by all couplings and once by those that matter at
    `beta`. Every set of spins is a sum, modulo two, of independent ones, and of these the lowest are taken
    (the greedy basis, which is the cheapest); a configuration and its mirror image are one where there are no
    fields. So two strong parts that a weak coupling ties together have the gap of this coupling, whatever
    the gaps of their spins are. Excitations that cost nothing, and those that are never met at `beta`, are
    left out. Clusters that lower the best configuration are flipped in it first.

    Parameters
    ----------
    spins : (n, N), each of low energy
    beta : in units of the kernel
    """
    matrix = sparse.csr_array(
        (graph.couplings, graph.indices, graph.indptr), shape=(graph.n_spins, graph.n_spins)
    )
    strong = matrix.copy()
    strong.data = np.where(np.abs(matrix.data) * beta > 1.0, matrix.data, 0.0)
    strong.eliminate_zeros()
    landscape = _Landscape(graph, matrix, _FROZEN / beta)
    others = _lowest(landscape, spins)
    best = _lowered(landscape, others)
    found = [
        cluster
        for other in others
        for bonds in (matrix, strong)
        for cluster in _clusters(landscape, bonds, best, other)
    ]
    local = graph.fields + matrix @ best
    found += [_Cluster(1 << i, float(2 * abs(field))) for i, field in enumerate(local)]
    mirror = 0 if graph.fields.any() else (1 << graph.n_spins) - 1
    return _cheapest({c.bits: c.gap for c in found if FREE < c.gap <= landscape.highest}, mirror)


def _lowest(landscape: _Landscape, spins: NDArray[np.int8]) -> NDArray[np.int8]:
    """Distinct configurations by ascending energy, fewer where looking at them takes long."""
    distinct = np.unique(spins, axis=0)
    up = distinct.astype(np.float64)
    energies = ((up @ landscape.matrix) * up).sum(axis=1) / 2 + up @ landscape.graph.fields
    n_looked_at = max(_FEWEST, _ENTRIES // max(1, 2 * landscape.graph.n_couplings))
    return distinct[np.argsort(energies, kind="stable")[:n_looked_at]]


def _lowered(landscape: _Landscape, others: NDArray[np.int8]) -> NDArray[np.float64]:
    """The first of these configurations, with every cluster flipped by which another one is better."""
    graph, best = landscape.graph, others[0].astype(np.float64)
    for _ in range(_DESCENTS):
        n_flipped = 0
        for other in others:
            for cluster in _clusters(landscape, landscape.matrix, best, other):
                if cluster.gap < -FREE:
                    best[_members(cluster.bits, graph.n_spins)] *= -1
                    n_flipped += 1
        if not n_flipped:
            break
    return best


def _clusters(
    landscape: _Landscape,
    bonds: sparse.csr_array,
    best: NDArray[np.float64],
    other: NDArray[np.int8],
) -> Iterator[_Cluster]:
    """Connected parts, by these bonds, of the spins in which two configurations differ; none that is too
    high.
    """
    graph, matrix = landscape.graph, landscape.matrix
    differing = np.flatnonzero(best != other)
    if not graph.fields.any() and 2 * len(differing) > graph.n_spins:
        differing = np.flatnonzero(best == other)
    if not len(differing):
        return
    spins, rows = best[differing], matrix[differing]
    inside = rows[:, differing]
    joined = inside if bonds is matrix else bonds[differing][:, differing]
    n_parts, part = sparse.csgraph.connected_components(joined, directed=False)
    costs = -2 * np.bincount(part, spins * (graph.fields[differing] + rows @ best), n_parts)
    within = inside.tocoo()
    one, two = within.coords
    held = np.where(part[one] == part[two], within.data * spins[one] * spins[two], 0.0)
    costs += 2 * np.bincount(part[one], held, n_parts)
    for number in np.flatnonzero(costs <= landscape.highest):
        chosen = np.zeros(graph.n_spins, np.bool_)
        chosen[differing[part == number]] = True
        packed = np.packbits(chosen, bitorder="little").tobytes()
        yield _Cluster(int.from_bytes(packed, "little"), float(costs[number]))


def _members(bits: int, n_spins: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(bits.to_bytes(-(-n_spins // 8), "little"), np.uint8)
    return np.unpackbits(packed, count=n_spins, bitorder="little").astype(np.bool_)


def _cheapest(gaps: dict[int, float], mirror: int) -> NDArray[np.float64]:
    """Gaps of the cheapest independent sets, ascending; a set and its complement in `mirror` are one."""
    basis: dict[int, int] = {mirror.bit_length(): mirror} if mirror else {}
    kept = []
    for bits, gap in sorted(gaps.items(), key=lambda item: item[1]):
        rest = bits
        while rest and (place := rest.bit_length()) in basis:
            rest ^= basis[place]
        if rest:
            basis[rest.bit_length()] = rest
            kept.append(gap)
    return np.array(kept)
