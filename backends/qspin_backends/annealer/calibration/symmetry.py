"""Couplers that stand in the same place of a problem: their correlations are equal on a perfect device.

Two configurations that follow from each other by renaming spins and turning some of them round have the same
energy where fields and couplings stay what they are. Such automorphisms are those of the graph with two
vertices a spin, one for each of its directions (Chern et al. 2023, Front. Comput. Sci. 5, 1238988).

A search is dear, and most glasses have no symmetry. So colours are refined first, as far as they go from
every single vertex: vertices that differ then are in no case equivalent, and only others need a search.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from qspin.problem import IsingProblem
from qspin_backends.annealer.control import mixed

__all__ = ["MOST_SPINS", "MOST_VERTICES", "coupler_orbits"]

MOST_SPINS = 500
"""That colours are refined for, from each of them: beyond, symmetry is not looked for."""

MOST_VERTICES = 300
"""Of a graph whose automorphisms are searched, by Ocean, in some seconds."""

_DIGITS = 9  # to which strengths are compared
_MOST_STEPS = 64  # of colours on their way from neighbour to neighbour


def coupler_orbits(problem: IsingProblem) -> NDArray[np.int64] | None:
    """Which orbit each coupling of the problem belongs to (n_edges,); None where the graph is too large.

    In one orbit couplings are equally strong, and correlations equal but for the sign of the coupling: an
    automorphism may turn one end round, and with it both of them.
    """
    edges, n = problem.edges, problem.n_spins
    n_edges = len(edges.i)
    strength = _classes(np.abs(edges.couplings))
    counts = np.bincount(strength, minlength=1)
    if counts.max() <= 1:
        return np.arange(n_edges)  # no two are equally strong
    common = int(counts.argmax())
    halved = np.flatnonzero(strength != common)  # couplings that need vertices of their own to be told apart
    if n > MOST_SPINS:
        return None
    ends = _lifted(problem)
    colours = _refined(problem, ends, strength)
    if len(np.unique(np.sort(colours.reshape(2, n), axis=0), axis=1).T) == n:
        return np.arange(n_edges)  # no two spins are equivalent
    if 3 * n + 2 * len(halved) > MOST_VERTICES:
        return None
    generators = _automorphisms(problem, ends, strength, halved, colours)
    keys = np.sort(ends, axis=1) @ np.array([2 * n, 1])
    order = np.argsort(keys)
    here, there = [np.arange(n_edges)], [np.arange(n_edges)]
    for image in generators:
        moved = np.sort(image[ends], axis=1) @ np.array([2 * n, 1])
        found = order[np.searchsorted(keys, moved, sorter=order)]
        here.append(np.arange(2 * n_edges) % n_edges)
        there.append(found % n_edges)
    rows, columns = np.concatenate(here), np.concatenate(there)
    joined = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(n_edges, n_edges))
    return np.asarray(connected_components(joined, directed=False)[1], dtype=np.int64)


def _classes(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers of values, the same for those that differ by rounding only."""
    rounded = np.round(values / (np.abs(values).max(initial=0.0) or 1.0), _DIGITS)
    return np.asarray(np.unique(rounded, return_inverse=True)[1], dtype=np.int64)


def _lifted(problem: IsingProblem) -> NDArray[np.int64]:
    """Edges between directions (2 n_edges, 2): of each coupling the two pairs that it favours.

    Spin k up is vertex k, and down vertex n_spins + k.
    """
    edges, n = problem.edges, problem.n_spins
    turned = n * (edges.couplings > 0)  # a positive coupling favours opposite directions
    up = np.stack([edges.i, edges.j + turned], axis=1)
    down = np.stack([edges.i + n, edges.j + n - turned], axis=1)
    return np.concatenate([up, down]).astype(np.int64)


def _refined(
    problem: IsingProblem, ends: NDArray[np.int64], strength: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Colours (2 n_spins,) of directions: equal for equivalent ones, and hardly ever for others.

    Each vertex in turn is given a colour of its own; then colours are refined by those of their neighbours,
    as hashes, until hardly any more come apart. What they are then is the colour of that vertex.
    """
    n = problem.n_spins
    rows, columns = np.concatenate([ends, ends[:, ::-1]]).T
    weights = mixed(np.tile(strength, 4).astype(np.uint64)) | np.uint64(1)
    neighbours = csr_array((weights, (rows, columns)), shape=(2 * n, 2 * n))
    fields = _classes(np.concatenate([problem.fields, -problem.fields])).astype(np.uint64)
    opposite = np.roll(np.arange(2 * n), n)
    colours = np.repeat(mixed(fields)[:, None], 2 * n, axis=1)
    colours[np.arange(2 * n), np.arange(2 * n)] += np.uint64(1)
    n_colours = 0
    for number in range(_MOST_STEPS):  # fewer steps tell fewer vertices apart, and the search does the rest
        colours = mixed(colours + mixed(neighbours @ colours) + mixed(mixed(colours[opposite])))
        if number % 8 == 7:
            if (found := len(np.unique(colours))) == n_colours:
                break
            n_colours = found
    ordered = np.sort(colours, axis=0)
    return np.asarray(np.unique(ordered, axis=1, return_inverse=True)[1], dtype=np.int64).ravel()


def _automorphisms(
    problem: IsingProblem,
    ends: NDArray[np.int64],
    strength: NDArray[np.int64],
    halved: NDArray[np.int64],
    refined: NDArray[np.int64],
) -> list[NDArray[np.int64]]:
    """Images (2 n_spins,) of the directions under automorphisms that generate all of them."""
    import networkx as nx
    from dwave.graphs.algorithms.automorphism import schreier_rep

    n, n_edges = problem.n_spins, len(problem.edges.i)
    colours = dict(enumerate(refined.tolist()))
    graph = nx.Graph()
    graph.add_nodes_from(range(3 * n))
    for k in range(n):  # the two directions of a spin belong together
        graph.add_edges_from([(k, 2 * n + k), (n + k, 2 * n + k)])
        colours[2 * n + k] = -1
    vertex = 3 * n
    apart = set(halved.tolist())
    for k, (u, v) in enumerate(ends.tolist()):
        if k % n_edges not in apart:
            graph.add_edge(u, v)
            continue
        graph.add_edges_from([(u, vertex), (v, vertex)])
        colours[vertex] = -2 - int(strength[k % n_edges])
        vertex += 1
    found = schreier_rep(graph, colours)
    names = np.array([found.index_to_node[k] for k in range(vertex)], dtype=np.int64)
    images = []
    for image in (one for several in found.u_vector for one in several):
        named = np.empty(vertex, dtype=np.int64)
        named[names] = names[np.asarray(image)]
        images.append(named[: 2 * n])
    return images
