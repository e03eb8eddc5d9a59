"""Copies of a circuit side by side: where on the graph of a device they lie, and how they are told apart.

Regions are grown one after the other from the rim of what is left of the graph, always by the qubit with most
neighbours inside, so that they are compact and little is cut off. A circuit is transpiled inside of its
region only: copies share no qubit, and differ by the noise of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qspin.errors import CapacityError
from qspin.problem import IsingProblem
from qspin.sampler import Remark
from qspin_backends.common.copies import Chance, chances, features_of, on_copies
from qspin_backends.common.effective import finite_or_none, pseudo_likelihood

__all__ = ["ALONE", "Copies", "compared", "copies_apart", "copies_record", "regions_of"]

Region = tuple[int, ...]


@dataclass(frozen=True)
class Copies:
    """Copies of one circuit; without regions it is alone.

    Parameters
    ----------
    regions : qubits of every copy
    circuits : of every copy, on all qubits of the device, one classical bit a spin
    """

    regions: tuple[Region, ...] = ()
    circuits: tuple[Any, ...] = ()

    @property
    def n(self) -> int:
        return max(1, len(self.regions))

    def runs(self, n_shots: int) -> int:
        """Of the circuit, until there are that many shots."""
        return -(-n_shots // self.n)

    def apart(self, spins: NDArray[np.int8]) -> NDArray[np.int8]:
        """Spins (n_runs * n, n_spins) of (n_runs, n * n_spins): run by run, and copy by copy in each."""
        return spins.reshape(len(spins) * self.n, -1)


ALONE = Copies()
"""A single copy, wherever the transpiler puts it."""


def regions_of(
    graph: nx.Graph, n_spins: int, n_copies: int | Literal["auto"], device: str
) -> tuple[Region, ...]:
    """Disjoint connected regions of as many qubits as there are spins; none for a single copy.

    Parameters
    ----------
    graph : of the qubits that work
    device : its name, for messages

    Raises
    ------
    CapacityError
        If fewer are found than asked for; the message says how many.
    """
    if n_copies == 1:
        return ()
    most = len(graph) // n_spins if n_copies == "auto" else n_copies
    found: list[Region] = []
    left = graph.copy()
    while len(found) < most and (region := _next_region(left, n_spins)) is not None:
        found.append(region)
        left.remove_nodes_from(region)
    if n_copies != "auto" and len(found) < n_copies:
        raise CapacityError(
            f"{n_copies} copies of {n_spins} spins need {n_copies * n_spins} qubits in connected regions; on "
            f"the {len(graph)} of {device} {len(found)} fit: set n_copies: {max(1, len(found))}, or auto",
            key=("n_copies",),
        )
    return tuple(found)


def _next_region(left: nx.Graph, size: int) -> Region | None:
    """From the rim of the smallest part that is large enough; None if no part is."""
    parts = [part for part in nx.connected_components(left) if len(part) >= size]
    if not parts:
        return None
    part = min(parts, key=lambda part: (len(part), min(part)))
    start = min(part, key=lambda qubit: (left.degree(qubit), qubit))
    region = [start]
    while len(region) < size:
        rim = {other for qubit in region for other in left[qubit]} - set(region)
        region.append(min(rim, key=lambda qubit: _cost(left, region, qubit)))
    return tuple(sorted(region))


def _cost(left: nx.Graph, region: list[int], qubit: int) -> tuple[int, int, int]:
    """Few neighbours outside, then many inside."""
    inside = sum(other in region for other in left[qubit])
    return left.degree(qubit) - inside, -inside, qubit


def copies_record(
    problem: IsingProblem, spins: NDArray[np.int8], copy: NDArray[np.int64], copies: Copies, asked: Any
) -> dict[str, Any]:
    """What tells copies apart; plain JSON.

    Parameters
    ----------
    spins : (n_shots, n_spins)
    copy : number of each shot's (n_shots,)
    asked : the setting
    """
    energies = problem.energies(spins)
    each = [copy == k for k in range(copies.n)]
    temperatures = [pseudo_likelihood(problem, spins[own], copy[own], 0.0) for own in each]
    return {
        "n": copies.n,
        "asked": asked,
        "qubits": [list(region) for region in copies.regions],
        "two_qubit_gates": [circuit.num_nonlocal_gates() for circuit in copies.circuits],
        "n_shots": [int(own.sum()) for own in each],
        "mean_energy": [finite_or_none(energies[own].mean()) if own.any() else None for own in each],
        "mean_energy_error": [finite_or_none(_error(energies[own])) for own in each],
        "beta_effective": [finite_or_none(found.beta) for found in temperatures],
        "beta_effective_error": [finite_or_none(found.error) for found in temperatures],
    }


def compared(
    problem: IsingProblem, spins: NDArray[np.int8], copy: NDArray[np.int64], copies: Copies, where: str
) -> list[Chance]:
    """Of shots as they were read, copy against copy; nothing of a single one.

    Parameters
    ----------
    spins : (n_shots, n_spins)
    copy : number of each shot's (n_shots,)
    where : which circuit they are of, such as ``at depth 2``; may be empty
    """
    return chances(features_of(problem, spins, spins), copy, copies.n, where) if copies.n > 1 else []


def copies_apart(tests: Sequence[Chance], regions: Sequence[Sequence[int]]) -> list[Remark]:
    """A remark where copies differ by more than chance, with their qubits."""
    return on_copies(tests, [f"{k} on qubits {list(region)}" for k, region in enumerate(regions)])


def _error(energies: NDArray[np.float64]) -> float:
    return float(energies.std(ddof=1) / np.sqrt(len(energies))) if len(energies) > 1 else float("nan")
