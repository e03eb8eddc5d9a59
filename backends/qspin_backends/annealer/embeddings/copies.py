"""As many copies of a problem as fit side by side on a device: no two share a qubit.

The best embedding that small lattices of the same topology hold is moved over the whole device and kept
wherever all of its qubits and couplers work; what is left between them is searched, lattice by lattice. No
chain is longer than the longest of that best embedding, so that one copy is as good as another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qspin.problem import IsingProblem
from qspin.sampler import search_cliques
from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.embedding import SCORES, Chains, source_graph
from qspin_backends.annealer.embeddings.tiles import (
    Shape,
    largest_tile,
    shape_of,
    smallest_tile,
    tile_of,
    tiles_in,
)

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["displaced", "search_copies"]

_SUBGRAPH_SECONDS = 1  # of one search for a native copy, whole seconds
_MINOR_SECONDS = 1.0  # of one search for chains in a tile
_FOR_SHAPES = 0.25  # of the time
_SHAPES = 24  # embeddings among which the best shape is chosen, at least
_WITHOUT_SEED = ("clique",)  # they find the same again, and know whole lattices alone
_KEPT_SHAPES = 6  # of equally long chains, that are moved over the device


@dataclass
class _Chip:
    """What is free of a device while copies are placed on it."""

    source: nx.Graph
    hardware: Hardware
    most: int
    seconds: float
    until: float = field(init=False)
    shaped_by: float = field(init=False)
    free: set[int] = field(init=False)
    found: list[Chains] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = time.process_time()
        self.until, self.shaped_by = now + self.seconds, now + _FOR_SHAPES * self.seconds
        self.free = set(self.hardware.qubits.tolist())

    @property
    def is_done(self) -> bool:
        return len(self.found) >= self.most or time.process_time() > self.until

    def take(self, chains: Chains) -> bool:
        """Place a copy, if its qubits are free and its couplers work."""
        qubits = {qubit for chain in chains for qubit in chain}
        if not qubits <= self.free or not _is_whole(chains, self.source, self.hardware):
            return False
        self.free -= qubits
        self.found.append(chains)
        return True


def displaced(chains: Chains, problem: IsingProblem, hardware: Hardware) -> Iterator[Chains]:
    """The same embedding wherever on the device it fits, itself among them; these overlap each other."""
    source, shape = source_graph(problem), shape_of(chains, hardware)
    working = set(hardware.qubits.tolist())
    for image in tiles_in(hardware, shape.size):
        moved = shape.moved(image)
        if working.issuperset(q for chain in moved for q in chain) and _is_whole(moved, source, hardware):
            yield moved


def search_copies(
    problem: IsingProblem,
    hardware: Hardware,
    *,
    first: Chains | None,
    finders: Sequence[str],
    score: str,
    most: int,
    seconds: float,
    seed: int,
    tries: int,
) -> list[Chains]:
    """Chains of up to `most` copies, in the order in which they were found.

    Parameters
    ----------
    first : of an embedding that is the first copy; None: the best that is found
    finders : names of `FINDERS`, by which chains are looked for; none: copies of `first` alone
    score : a name of `SCORES`, by which the best is told
    seconds : of computing, after which what was found is returned: a busy machine finds no fewer
    seed : of the search
    tries : embeddings among which the best is chosen, at least
    """
    chip = _Chip(source_graph(problem), hardware, most, seconds)
    if first is not None:
        chip.take(first)
        shapes = [shape_of(first, hardware)]
    else:
        shapes = _shapes(chip, finders, seed, max(tries, _SHAPES), score)
    for shape in shapes:
        for image in tiles_in(hardware, shape.size):
            if chip.is_done:
                return chip.found
            chip.take(shape.moved(image))
    if finders and shapes:
        _fill(chip, shapes[0], [finder for finder in finders if finder not in _WITHOUT_SEED], seed)
    return chip.found


def _is_whole(chains: Chains, source: nx.Graph, hardware: Hardware) -> bool:
    from minorminer.utils import is_valid_embedding

    return bool(is_valid_embedding(dict(enumerate(chains)), source, hardware.graph))


# -- the best shape ------------------------------------------------------------------------------


def _shapes(chip: _Chip, finders: Sequence[str], seed: int, tries: int, score: str) -> list[Shape]:
    """The best embeddings in the smallest lattice that has any, with equally long chains; the best first."""
    found: list[Shape] = []
    for size in range(_least_tile(chip), largest_tile(chip.hardware) + 1):
        if found or time.process_time() > chip.shaped_by:
            break
        chains = _in_tile(chip, tile_of(chip.hardware, size), finders, range(seed, seed + tries))
        found = [Shape(size, own) for own in dict.fromkeys(chains)]
    ordered = sorted(found, key=lambda shape: SCORES[score](shape.chains))
    return [shape for shape in ordered if shape.longest <= ordered[0].longest][:_KEPT_SHAPES]


def _in_tile(chip: _Chip, tile: Hardware, finders: Sequence[str], seeds: Iterable[int]) -> Iterator[Chains]:
    """What finders find in a tile, seed after seed; those that fail once, or take no seed, are asked once."""
    asked = list(finders)
    for seed in seeds:
        for finder in list(asked):
            chains = FINDERS[finder](chip.source, tile.graph, seed)
            if chains is None or finder in _WITHOUT_SEED:
                asked.remove(finder)
            if chains is not None:
                yield chains
                if max(map(len, chains)) == 1:
                    break  # nothing is better than single qubits
        if not asked or time.process_time() > chip.shaped_by:
            return


def _least_tile(chip: _Chip) -> int:
    from minorminer.utils.feasibility import lattice_size_lower_bound

    bound = lattice_size_lower_bound(S=chip.source, T=chip.hardware.graph)
    return max(smallest_tile(chip.hardware), bound or largest_tile(chip.hardware))


def _native(source: nx.Graph, target: nx.Graph, seed: int) -> Chains | None:
    """Single qubits, by the Glasgow subgraph solver."""
    from minorminer.subgraph import find_subgraph

    found = find_subgraph(source, target, timeout=_SUBGRAPH_SECONDS, seed=seed)
    return tuple((found[k],) for k in range(len(source))) if found else None


def _minor(source: nx.Graph, target: nx.Graph, seed: int) -> Chains | None:
    from minorminer import find_embedding

    found = find_embedding(source, target, timeout=_MINOR_SECONDS, random_seed=seed)
    return tuple(tuple(found[k]) for k in range(len(source))) if found else None


def _clique(source: nx.Graph, target: nx.Graph, seed: int) -> Chains | None:
    found = search_cliques(target, seed, lambda cliques: cliques.find_clique_embedding(len(source)))
    return tuple(tuple(found[k]) for k in range(len(source))) if found else None


Finder = Callable[["nx.Graph", "nx.Graph", int], Chains | None]
FINDERS: Mapping[str, Finder] = {"native": _native, "minor": _minor, "clique": _clique}
"""Ways to find chains in a part of a device: none if there are none."""


# -- what is left between them -------------------------------------------------------------------


def _fill(chip: _Chip, best: Shape, finders: Sequence[str], seed: int) -> None:
    """Search what is free of each tile, as long as there is time."""
    least = min(best.n_qubits, len(chip.source))
    for image in tiles_in(chip.hardware, best.size):
        while not chip.is_done:
            free = [qubit for qubit in image.values() if qubit in chip.free]
            if len(free) < least or not _filled(chip, free, best, finders, seed):
                break


def _filled(chip: _Chip, free: Sequence[int], best: Shape, finders: Sequence[str], seed: int) -> bool:
    """Whether a copy was found among free qubits."""
    target = chip.hardware.graph.subgraph(free)
    for finder in finders:
        chains = FINDERS[finder](chip.source, target, seed)
        if chains is not None and max(map(len, chains)) <= best.longest:
            return chip.take(chains)
    return False
