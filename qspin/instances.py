"""Random and planted instances. The seed given here is the seed of the couplings, never of a sampling run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qspin.cliques import search_cliques
from qspin.errors import InputError, MissingExtraError, shown
from qspin.memory import require_bytes, require_spins
from qspin.networks.hopfield import hebbian
from qspin.problem import IsingProblem
from qspin.validate import checked_count, checked_real

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = [
    "Planted",
    "Quench",
    "biclique",
    "cubic_dimers",
    "edwards_anderson",
    "hopfield",
    "lattice_ferromagnet",
    "mattis",
    "maxcut_regular",
    "pegasus",
    "sherrington_kirkpatrick",
    "wishart",
    "zephyr",
]

Distribution = Literal["gaussian", "bimodal", "seven_bit"]
"""N(0, 1); +-1; or a / 128 with integer a from -128 to 128, not 0, as devices resolve them."""

_CELL_DIMERS = 12  # of a cell of Pegasus: three layers of four
_EDGES_PER_CELL = 400  # and more, of Pegasus and Zephyr, whose graphs grow as m**2
_BYTES_PER_EDGE = 600  # of a networkx graph, with what is made of it
_CHAIN = -2.0  # the strongest coupling of the extended range of D-Wave's devices


class Planted(NamedTuple):
    """A problem whose ground state is known by construction."""

    problem: IsingProblem
    ground_state: NDArray[np.int8]
    ground_energy: float


class Quench(NamedTuple):
    """A problem on the couplers of a device, whose spins are chains of qubits held together by -2.

    Parameters
    ----------
    problem : over qubits, which are its labels: it needs no embedding
    logical : over chains
    chains : qubits of each spin of `logical`, in its order
    """

    problem: IsingProblem
    logical: IsingProblem
    chains: tuple[tuple[int, ...], ...]


def sherrington_kirkpatrick(n_spins: int, *, couplings: Distribution = "gaussian", seed: int) -> IsingProblem:
    """Fully connected glass, J_ij of mean 0 and variance 1/N (Sherrington, Kirkpatrick 1975); T_c = 1."""
    n_spins = checked_count(n_spins, "n_spins", least=1)
    _require_numbers(4 * n_spins**2, f"the couplings of {n_spins} spins")
    rng = _generator(seed)
    upper = np.zeros((n_spins, n_spins))
    rows = np.triu_indices(n_spins, 1)
    upper[rows] = _draw(rng, couplings, len(rows[0])) / np.sqrt(n_spins)
    return IsingProblem(upper + upper.T)


def edwards_anderson(
    shape: Sequence[int], *, couplings: Distribution = "gaussian", periodic: bool = True, seed: int
) -> IsingProblem:
    """Glass on a 1-, 2- or 3-dimensional square lattice (Edwards, Anderson 1975).

    Parameters
    ----------
    shape : lattice lengths, e.g. ``(8, 8, 8)``; spins are numbered in C order
    couplings : ``gaussian`` N(0, 1), or ``bimodal`` +-1
    periodic : close every direction; a direction of length 2 then has one bond a pair, not two
    seed : of the couplings
    """
    i, j = _lattice_edges(shape, periodic)
    rng = _generator(seed)
    return IsingProblem.from_edges(math.prod(_checked_shape(shape)), i, j, _draw(rng, couplings, len(i)))


def lattice_ferromagnet(shape: Sequence[int], *, periodic: bool = True) -> IsingProblem:
    """Ising ferromagnet on a square lattice: J = -1 on every bond; in 2D T_c = 2.269185 (Onsager 1944)."""
    i, j = _lattice_edges(shape, periodic)
    return IsingProblem.from_edges(math.prod(_checked_shape(shape)), i, j, np.full(len(i), -1.0))


def mattis(n_spins: int, *, seed: int) -> IsingProblem:
    """One random pattern stored by Hebb's rule: a ferromagnet in disguise (Mattis 1976)."""
    return hopfield(n_spins, 1, seed=seed)


def hopfield(n_spins: int, n_patterns: int, *, seed: int) -> IsingProblem:
    """Random patterns stored by Hebb's rule; see `qspin.networks.hebbian`."""
    n_spins = checked_count(n_spins, "n_spins", least=1)
    n_patterns = checked_count(n_patterns, "n_patterns")
    _require_numbers(3 * n_spins**2 + 2 * n_spins * n_patterns, f"{n_patterns} patterns of {n_spins} spins")
    return hebbian(_generator(seed).choice([-1, 1], size=(n_patterns, n_spins)))


def maxcut_regular(n_spins: int, degree: int, *, seed: int) -> IsingProblem:
    """Maximum cut of a random regular graph: J = 1 on every edge, cut = (n_couplings - E) / 2."""
    n_spins, degree = checked_count(n_spins, "n_spins", least=1), checked_count(degree, "degree")
    if not 0 <= degree < n_spins or n_spins * degree % 2:
        raise InputError(
            f"a {degree}-regular graph needs more than {degree} vertices and an even number of edge ends; "
            f"got {n_spins} vertices"
        )
    _require_edges(n_spins * degree // 2, f"a {degree}-regular graph of {n_spins} vertices")
    graph = nx.random_regular_graph(degree, n_spins, seed=_generator(seed))
    edges = np.array(sorted((min(e), max(e)) for e in graph.edges), dtype=int).reshape(-1, 2)
    return IsingProblem.from_edges(n_spins, edges[:, 0], edges[:, 1], np.ones(len(edges)))


def pegasus(m: int, *, couplings: Distribution = "gaussian", seed: int) -> IsingProblem:
    """Glass on D-Wave's Pegasus graph P_m, labelled by qubit number. Needs the extra ``dwave``."""
    return _hardware_glass("pegasus_graph", m, couplings, seed)


def zephyr(m: int, *, couplings: Distribution = "gaussian", seed: int) -> IsingProblem:
    """Glass on D-Wave's Zephyr graph Z_m, labelled by qubit number. Needs the extra ``dwave``."""
    return _hardware_glass("zephyr_graph", m, couplings, seed)


def cubic_dimers(
    shape: Sequence[int], *, m: int = 16, couplings: Distribution = "bimodal", seed: int
) -> Quench:
    """Simple cubic glass of dimers on Pegasus, for quenches (King et al. 2025, Science 388, 199).

    Each site is a vertical and a horizontal qubit that cross, coupled by -2; x runs along horizontal qubits,
    y along vertical ones, z through the twelve dimers of a cell. Boundaries are open; which of several
    couplers carries a bond along z is a choice of ours. Needs the extra ``dwave``. A gauge may turn the -2 of
    a dimer to +2, which no device takes: without gauges an annealer need not shrink it.

    Parameters
    ----------
    shape : (x, y, z), at most (m - 1, m - 1, 12)
    m : of the Pegasus graph P_m whose qubits are the labels; an Advantage has P_16
    couplings : ``bimodal`` +-1, or ``seven_bit``: multiples of 1/128 up to 1 in size
    seed : of the couplings
    """
    m = checked_count(m, "m", least=2)
    most = (m - 1, m - 1, _CELL_DIMERS)
    shape = _checked_shape(shape)
    if len(shape) != 3 or any(not 1 <= length <= limit for length, limit in zip(shape, most, strict=True)):
        raise InputError(
            f"shape must be three positive lengths of at most {most} on P_{m}; got {tuple(shape)}"
        )
    graphs = _dwave_graphs("cubic_dimers")
    _require_edges(_EDGES_PER_CELL * m**2, f"a pegasus_graph of size {m}")
    lattice = graphs.pegasus_graph(m, nice_coordinates=True)
    number = graphs.pegasus_coordinates(m).nice_to_linear
    sites = np.stack(np.unravel_index(np.arange(np.prod(shape)), tuple(shape)), axis=1)
    dimers = [tuple((int(z) // 4, int(y), int(x), side, int(z) % 4) for side in (0, 1)) for x, y, z in sites]
    i, j = _lattice_edges(shape, periodic=False)
    values = _draw(_generator(seed), couplings, len(i))
    logical = IsingProblem.from_edges(len(dimers), i, j, values)
    return _chained(logical, dimers, lattice, number)


def biclique(n: int, *, m: int = 12, couplings: Distribution = "bimodal", seed: int) -> Quench:
    """Complete bipartite glass of chains on Zephyr, for quenches (King et al. 2025, Science 388, 199).

    Chains are those of `minorminer.busclique`. Needs the extra ``dwave``.

    Parameters
    ----------
    n : chains on each side
    m : of the Zephyr graph Z_m whose qubits are the labels; an Advantage2 has Z_12
    couplings, seed : as of `cubic_dimers`
    """
    n, m = checked_count(n, "n", least=1), checked_count(m, "m", least=1)
    _require_edges(_EDGES_PER_CELL * m**2 + n**2, f"a zephyr_graph of size {m} and {n} chains a side")
    lattice = _dwave_graphs("biclique").zephyr_graph(m)
    sides = range(n), range(n, 2 * n)
    chains = search_cliques(lattice, 0, lambda cliques: cliques.find_biclique_embedding(*sides))
    if not chains:
        raise InputError(f"K_({n},{n}) does not fit on Z_{m}: give a smaller n or a larger m")
    i, j = (axis.ravel() for axis in np.meshgrid(*sides, indexing="ij"))
    values = _draw(_generator(seed), couplings, n * n)
    logical = IsingProblem.from_edges(2 * n, i, j, values)
    return _chained(logical, [tuple(chains[k]) for k in range(2 * n)], lattice, int)


def _chained(
    logical: IsingProblem,
    chains: Sequence[tuple[Any, ...]],
    lattice: nx.Graph,
    number: Callable[[Any], int],
) -> Quench:
    """Put each coupling on one coupler between two chains, and -2 on every coupler inside one."""
    named = tuple(tuple(int(number(node)) for node in chain) for chain in chains)
    position = {qubit: k for k, qubit in enumerate(sorted(qubit for chain in named for qubit in chain))}
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
    return Quench(problem, logical, named)


def wishart(n_spins: int, alpha: float, *, seed: int) -> Planted:
    """Wishart planted ensemble (Hamze, Raymond, Pattison, Biswas, Katzgraber 2020, Phys. Rev. E 101, 052102).

    ``J_ij = (1/N) sum_mu w_i^mu w_j^mu`` for i != j, with M = round(alpha N) Gaussian vectors orthogonal to
    the planted state t; every term of the energy is then smallest at t. Hardest around alpha = 0.2.

    Parameters
    ----------
    n_spins : at least 2
    alpha : vectors per spin, positive
    seed : of the vectors and the planted state
    """
    n_spins = checked_count(n_spins, "n_spins", least=2)
    n_vectors = round(checked_real(alpha, "alpha") * n_spins)
    if n_vectors < 1:
        raise InputError(f"alpha * n_spins must round to at least 1 vector; got {alpha} x {n_spins}")
    _require_numbers(3 * n_spins * (n_vectors + n_spins), f"{n_vectors} vectors of {n_spins} spins")
    rng = _generator(seed)
    planted = rng.choice(np.array([-1, 1], np.int8), n_spins)
    vectors = rng.normal(size=(n_spins, n_vectors)) * np.sqrt(n_spins / (n_spins - 1))
    vectors -= np.outer(planted, planted @ vectors) / n_spins
    couplings = vectors @ vectors.T / n_spins
    diagonal = np.trace(couplings)
    np.fill_diagonal(couplings, 0.0)
    return Planted(IsingProblem(couplings), planted, -0.5 * float(diagonal))


def _hardware_glass(graph: str, m: int, couplings: Distribution, seed: int) -> IsingProblem:
    m = checked_count(m, "m", least=1)
    _require_edges(_EDGES_PER_CELL * m**2, f"a {graph} of size {m}")
    lattice = getattr(_dwave_graphs(graph), graph)(m)
    nodes = sorted(lattice.nodes)
    index = {node: k for k, node in enumerate(nodes)}
    pairs = sorted(tuple(sorted((index[u], index[v]))) for u, v in lattice.edges)
    edges = np.array(pairs, dtype=int).reshape(-1, 2)  # the smallest Pegasus graph has none
    values = _draw(_generator(seed), couplings, len(edges))
    return IsingProblem.from_edges(len(nodes), edges[:, 0], edges[:, 1], values, labels=nodes)


def _dwave_graphs(what: str) -> Any:
    try:
        import dwave.graphs
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, extra="dwave", module="dwave.graphs") from error
    return dwave.graphs


def _lattice_edges(shape: Sequence[int], periodic: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bonds of a square lattice, each once, sites numbered in C order."""
    if not isinstance(periodic, bool | np.bool_):
        raise InputError(f"periodic must be true or false; got {shown(periodic)}")
    shape = _checked_shape(shape)
    require_spins(math.prod(shape), len(shape) * math.prod(shape))
    sites = np.arange(np.prod(shape)).reshape(tuple(shape))
    i, j = [], []
    for axis, length in enumerate(shape):
        first = sites if periodic and length > 2 else np.delete(sites, -1, axis=axis)
        i.append(first.ravel())
        j.append(np.roll(sites, -1, axis=axis)[tuple(map(slice, first.shape))].ravel())
    return np.concatenate(i), np.concatenate(j)


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    try:
        lengths = tuple(checked_count(length, "a length", least=1) for length in shape)
    except (TypeError, InputError):
        lengths = ()
    if not 1 <= len(lengths) <= 3:
        raise InputError(f"shape must be one to three positive lengths; got {shown(shape)}")
    return lengths


def _generator(seed: int | Sequence[int]) -> Generator:
    """By one number, or several as `numpy.random.SeedSequence` takes them."""
    if isinstance(seed, list | tuple):
        return np.random.default_rng([checked_count(part, "seed") for part in seed])
    return np.random.default_rng(checked_count(seed, "seed"))


def _require_numbers(count: int, what: str) -> None:
    """Refuse arrays of so many float64 before they are made."""
    require_bytes(8 * count, what, "take a smaller problem")


def _require_edges(count: int, what: str) -> None:
    """Refuse a networkx graph of so many edges before it is made."""
    require_bytes(_BYTES_PER_EDGE * count, what, "take a smaller one")


def _draw(rng: Generator, distribution: str, size: int) -> NDArray[np.float64]:
    if not isinstance(distribution, str) or distribution not in _DISTRIBUTIONS:
        raise InputError(f"couplings must be one of {', '.join(_DISTRIBUTIONS)}; got {shown(distribution)}")
    return _DISTRIBUTIONS[distribution](rng, size)


_DISTRIBUTIONS: dict[str, Callable[[Generator, int], NDArray[np.float64]]] = {
    "gaussian": lambda rng, size: rng.normal(size=size),
    "bimodal": lambda rng, size: rng.choice([-1.0, 1.0], size=size),
    "seven_bit": lambda rng, size: rng.integers(1, 129, size=size) * rng.choice([-1, 1], size=size) / 128,
}
