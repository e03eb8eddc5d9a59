"""Small lattices inside a large one of its topology: an embedding found in one is moved to the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.embedding import Chains

__all__ = ["Shape", "largest_tile", "shape_of", "smallest_tile", "tile_of", "tiles_in"]

_SMALLEST = {"chimera": 1, "pegasus": 2, "zephyr": 1}


@dataclass(frozen=True)
class Shape:
    """An embedding in a tile, by the names that qubits have there.

    Parameters
    ----------
    size : m of the tile
    chains : one for each spin
    """

    size: int
    chains: Chains

    @property
    def n_qubits(self) -> int:
        return sum(map(len, self.chains))

    @property
    def longest(self) -> int:
        return max(map(len, self.chains), default=0)

    def moved(self, image: Mapping[int, int]) -> Chains:
        """Its chains where a tile lies, see `tiles_in`."""
        return tuple(tuple(image[qubit] for qubit in chain) for chain in self.chains)


def largest_tile(hardware: Hardware) -> int:
    """The size of the device itself."""
    return max(hardware.shape[:2]) if hardware.topology == "chimera" else hardware.shape[0]


def tile_of(hardware: Hardware, size: int) -> Hardware:
    """A lattice of that size in which every qubit works."""
    import numpy as np
    from dwave.system import qpu_graph

    sides = 2 if hardware.topology == "chimera" else 1
    shape = (*[size] * sides, *hardware.shape[sides:])
    graph = qpu_graph(hardware.topology, list(shape), None, None)
    couplers = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges), dtype=np.int64)
    return Hardware(hardware.topology, shape, np.array(sorted(graph.nodes), dtype=np.int64), couplers)


def smallest_tile(hardware: Hardware) -> int:
    """The size of the least lattice of its topology."""
    return _SMALLEST[hardware.topology]


def tiles_in(hardware: Hardware, size: int) -> Iterator[dict[int, int]]:
    """Where every qubit of a tile comes to lie, for each place of the tile: from one corner on, row by row.

    What lies outside of the device, or does not work, has a place all the same.
    """
    from dwave import graphs

    mappings: Any = getattr(graphs, f"{hardware.topology}_sublattice_mappings")
    tile = tile_of(hardware, size)
    qubits: Sequence[int] = tile.qubits.tolist()
    for mapping in mappings(tile.graph, hardware.graph):
        yield {qubit: mapping(qubit) for qubit in qubits}


def shape_of(chains: Chains, hardware: Hardware) -> Shape:
    """The shape of an embedding in a device: in the smallest tile that holds it."""
    qubits = [qubit for chain in chains for qubit in chain]
    for size in range(smallest_tile(hardware), largest_tile(hardware) + 1):
        for image in tiles_in(hardware, size):
            origin = {there: here for here, there in image.items()}
            if all(qubit in origin for qubit in qubits):
                return Shape(size, tuple(tuple(origin[qubit] for qubit in chain) for chain in chains))
    return Shape(largest_tile(hardware), chains)
