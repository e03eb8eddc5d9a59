"""Instances on the couplers of D-Wave's devices: glasses, and quenches whose spins are chains of qubits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qspin.cliques import search_cliques
from qspin.errors import InputError, MissingExtraError
from qspin.instances._drawing import Distribution, draw, generator, require_edges
from qspin.instances.lattices import checked_shape, lattice_edges
from qspin.problem import IsingProblem
from qspin.validate import checked_count

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["biclique", "cubic_dimers", "pegasus", "zephyr"]

_CELL_DIMERS = 12  # of a cell of Pegasus: three layers of four
_EDGES_PER_CELL = 400  # and more, of Pegasus and Zephyr, whose graphs grow as m**2
_CHAIN = -2.0  # the strongest coupling of the extended range of D-Wave's devices


def pegasus(m: int, *, couplings: Distribution = "gaussian", seed: int) -> IsingProblem:
    """Glass on D-Wave's Pegasus graph P_m, labelled by qubit number. Needs the extra ``dwave``."""
    return _hardware_glass("pegasus_graph", m, couplings, seed)


def zephyr(m: int, *, couplings: Distribution = "gaussian", seed: int) -> IsingProblem:
    """Glass on D-Wave's Zephyr graph Z_m, labelled by qubit number. Needs the extra ``dwave``."""
    return _hardware_glass("zephyr_graph", m, couplings, seed)


def cubic_dimers(
    shape: Sequence[int], *, m: int = 16, couplings: Distribution = "bimodal", seed: int
) -> IsingProblem:
    """Simple cubic glass of dimers on Pegasus, for quenches (King et al. 2025, Science 388, 199).

    Each site is a vertical and a horizontal qubit that cross, coupled by -2; x runs along horizontal qubits,
    y along vertical ones, z through the twelve dimers of a cell. Boundaries are open; which of several
    couplers carries a bond along z is a choice of ours. Needs the extra ``dwave``. A gauge may turn the -2 of
    a dimer to +2, which no device takes: without gauges an annealer need not shrink it. The problem is one of
    qubits, which are its labels: it needs no embedding. Its groups are the dimers, and its logical problem is
    the cubic glass.

    Parameters
    ----------
    shape : (x, y, z), at most (m - 1, m - 1, 12)
    m : of the Pegasus graph P_m whose qubits are the labels; an Advantage has P_16
    couplings : ``bimodal`` +-1, or ``seven_bit``: multiples of 1/128 up to 1 in size
    seed : of the couplings
    """
    m = checked_count(m, "m", least=2)
    most = (m - 1, m - 1, _CELL_DIMERS)
    shape = checked_shape(shape)
    if len(shape) != 3 or any(not 1 <= length <= limit for length, limit in zip(shape, most, strict=True)):
        raise InputError(
            f"shape must be three positive lengths of at most {most} on P_{m}; got {tuple(shape)}"
        )
    graphs = _dwave_graphs("cubic_dimers")
    require_edges(_EDGES_PER_CELL * m**2, f"a pegasus_graph of size {m}")
    lattice = graphs.pegasus_graph(m, nice_coordinates=True)
    number = graphs.pegasus_coordinates(m).nice_to_linear
    sites = np.stack(np.unravel_index(np.arange(np.prod(shape)), tuple(shape)), axis=1)
    dimers = [tuple((int(z) // 4, int(y), int(x), side, int(z) % 4) for side in (0, 1)) for x, y, z in sites]
    i, j = lattice_edges(shape, periodic=False)
    values = draw(generator(seed), couplings, len(i))
    logical = IsingProblem.from_edges(len(dimers), i, j, values)
    return _chained(logical, dimers, lattice, number)


def biclique(n: int, *, m: int | None = 12, couplings: Distribution = "bimodal", seed: int) -> IsingProblem:
    """Complete bipartite glass of chains on Zephyr, for quenches (King et al. 2025, Science 388, 199).

    Chains are those of `minorminer.busclique`; they need the extra ``dwave``. The problem is one of qubits,
    as of `cubic_dimers`; its groups are the chains of first one side, then the other.

    Parameters
    ----------
    n : chains on each side
    m : of the Zephyr graph Z_m whose qubits are the labels; an Advantage2 has Z_12. None for no device: then
        every chain is one spin, and the two sides are the groups ``a`` and ``b``
    couplings, seed : as of `cubic_dimers`
    """
    n = checked_count(n, "n", least=1)
    if m is None:
        return _complete_bipartite(n, couplings, seed).with_known(
            groups={"a": range(n), "b": range(n, 2 * n)}
        )
    m = checked_count(m, "m", least=1)
    require_edges(_EDGES_PER_CELL * m**2 + n**2, f"a zephyr_graph of size {m} and {n} chains a side")
    lattice = _dwave_graphs("biclique").zephyr_graph(m)
    sides = range(n), range(n, 2 * n)
    chains = search_cliques(lattice, 0, lambda cliques: cliques.find_biclique_embedding(*sides))
    if not chains:
        raise InputError(f"K_({n},{n}) does not fit on Z_{m}: give a smaller n or a larger m")
    logical = _complete_bipartite(n, couplings, seed)
    return _chained(logical, [tuple(chains[k]) for k in range(2 * n)], lattice, int)


def _complete_bipartite(n: int, couplings: Distribution, seed: int) -> IsingProblem:
    """Every spin of the first n coupled to every one of the others."""
    require_edges(n**2, f"{n} spins a side")
    i, j = (axis.ravel() for axis in np.meshgrid(range(n), range(n, 2 * n), indexing="ij"))
    return IsingProblem.from_edges(2 * n, i, j, draw(generator(seed), couplings, n * n))


def _chained(
    logical: IsingProblem,
    chains: Sequence[tuple[Any, ...]],
    lattice: nx.Graph,
    number: Callable[[Any], int],
) -> IsingProblem:
    """Put each coupling on one coupler between two chains, and -2 on every coupler inside one.

    Groups of the problem are the chains, named by the number of their spin in `logical`.
    """
    qubits = [[int(number(node)) for node in chain] for chain in chains]
    position = {qubit: k for k, qubit in enumerate(sorted(qubit for chain in qubits for qubit in chain))}
    values: dict[tuple[int, int], float] = {}

    def between(first: tuple[Any, ...], second: tuple[Any, ...]) -> list[tuple[int, int]]:
        found = [(u, v) for u in first for v in second if lattice.has_edge(u, v)]
        return sorted((position[int(number(u))], position[int(number(v))]) for u, v in found)

    for i, j, value in zip(*logical.edges, strict=True):
        values[between(chains[int(i)], chains[int(j)])[0]] = float(value)
    for chain in chains:
        values.update(((a, b), _CHAIN) for a, b in between(chain, chain) if a < b)
    first, second = np.array(list(values), dtype=int).reshape(-1, 2).T
    problem = IsingProblem.from_edges(
        len(position), first, second, list(values.values()), labels=sorted(position)
    )
    groups = {str(k): [position[qubit] for qubit in chain] for k, chain in enumerate(qubits)}
    return problem.with_known(groups=groups, logical=logical)


def _hardware_glass(graph: str, m: int, couplings: Distribution, seed: int) -> IsingProblem:
    m = checked_count(m, "m", least=1)
    require_edges(_EDGES_PER_CELL * m**2, f"a {graph} of size {m}")
    lattice = getattr(_dwave_graphs(graph), graph)(m)
    nodes = sorted(lattice.nodes)
    index = {node: k for k, node in enumerate(nodes)}
    pairs = sorted(tuple(sorted((index[u], index[v]))) for u, v in lattice.edges)
    edges = np.array(pairs, dtype=int).reshape(-1, 2)  # the smallest Pegasus graph has none
    values = draw(generator(seed), couplings, len(edges))
    return IsingProblem.from_edges(len(nodes), edges[:, 0], edges[:, 1], values, labels=nodes)


def _dwave_graphs(what: str) -> Any:
    try:
        import dwave.graphs
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, extra="dwave", module="dwave.graphs") from error
    return dwave.graphs
