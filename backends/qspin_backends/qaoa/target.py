"""Gates and graph that a circuit is transpiled to."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import networkx as nx

from qspin.errors import CapacityError, InputError, MissingExtraError, nearest_name
from qspin_backends.qaoa.circuit import GATES
from qspin_backends.qaoa.copies import ALONE, Copies, regions_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import CouplingMap
    from qiskit.transpiler import Target as Gates

__all__ = ["Target", "fake_backend"]

Edges = Sequence[tuple[int, int]]

_MOST_QUBITS = 10_000  # a graph takes memory for every number up to its largest


def fake_backend(name: str, key: str) -> Any:
    """A snapshot of an IBM machine, by its name, such as ``fake_torino``.

    Parameters
    ----------
    key : the setting that holds the name

    Raises
    ------
    MissingExtraError
        If qiskit-ibm-runtime is not installed.
    InputError
        If there is none of that name; the message names the nearest.
    """
    try:
        from qiskit_ibm_runtime.fake_provider import FakeProviderForBackendV2
    except ImportError as error:
        raise MissingExtraError(f"{key} {name!r}", extra="ibm", module="qiskit_ibm_runtime") from error
    found = _snapshots(FakeProviderForBackendV2)
    if name not in found:
        raise InputError(f"{key}: there is no fake backend {name!r}: {nearest_name(name, found)}", key=(key,))
    return found[name]


@functools.cache
def _snapshots(provider: Any) -> dict[str, Any]:
    """All that there are, by name; they are loaded together, which takes seconds."""
    with warnings.catch_warnings():  # some are not of typical machines
        warnings.simplefilter("ignore", UserWarning)
        return {backend.name: backend for backend in provider().backends()}


@dataclass(frozen=True)
class Target:
    """What a circuit is transpiled to; nothing given leaves it as it is.

    Parameters
    ----------
    backend : a Qiskit backend, which has gates and a graph of its own
    coupling_map : ``line``, ``ring``, ``grid``, or pairs of qubits
    basis_gates : names of gates
    optimization_level : of Qiskit's transpiler, 0 to 3
    seed : of the transpiler
    layout : qubit of every spin; None: the transpiler decides
    """

    backend: Any
    coupling_map: str | Edges | None
    basis_gates: Sequence[str] | None
    optimization_level: int
    seed: int
    layout: Sequence[int] | None = None

    @property
    def is_open(self) -> bool:
        """Whether any circuit is taken as it is."""
        return self.backend is None and self.coupling_map is None and self.basis_gates is None

    @property
    def name(self) -> str | None:
        return None if self.backend is None else str(self.backend.name)

    @property
    def gates(self) -> frozenset[str]:
        """Gates that a transpiled circuit may hold."""
        if self.backend is not None:
            return frozenset(self.backend.target.operation_names)
        if self.basis_gates is not None:
            return frozenset(self.basis_gates)
        return GATES if self.coupling_map is None else GATES | {"swap"}

    def check(self, n_spins: int) -> None:
        """Refuse a problem with more spins than there are qubits, and names of gates that Qiskit has not."""
        self._check_names()
        if self.backend is not None and n_spins > self.backend.num_qubits:
            raise CapacityError(
                f"{n_spins} spins need as many qubits; {self.name} has {self.backend.num_qubits}. Choose a "
                "larger backend, or a smaller problem",
                key=("backend",),
            )
        graph = self._map(n_spins)
        if self.layout is not None:
            self._check_layout(n_spins, self.backend.num_qubits if graph is None else graph.size())

    def _check_layout(self, n_spins: int, n_qubits: int) -> None:
        assert self.layout is not None
        if len(self.layout) != n_spins or max(self.layout, default=0) >= n_qubits:
            raise InputError(
                f"layout gives each of the {n_spins} spins a qubit from 0 to {n_qubits - 1}; got "
                f"{list(self.layout)}",
                key=("layout",),
            )

    def _check_names(self) -> None:
        from qiskit.circuit.library import get_standard_gate_name_mapping

        known = get_standard_gate_name_mapping()
        for name in self.basis_gates or ():
            if name not in known:
                raise InputError(
                    f"basis_gates: Qiskit has no gate {name!r}: {nearest_name(name, known)}",
                    key=("basis_gates",),
                )
        pairs = () if isinstance(self.coupling_map, str) else self.coupling_map or ()
        for pair in pairs:
            if not 0 <= min(pair) < max(pair) < _MOST_QUBITS:
                raise InputError(
                    "coupling_map holds pairs of different qubits, numbered from 0 to "
                    f"{_MOST_QUBITS - 1}; got {list(pair)}",
                    key=("coupling_map",),
                )

    def transpiled(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Raises InputError if the gates cannot express the circuit."""
        if self.is_open:
            return circuit
        given = {} if self.backend is not None else {"basis_gates": self._basis}
        layout = None if self.layout is None else list(self.layout)
        return self._run(
            circuit,
            backend=self.backend,
            coupling_map=self._map(circuit.num_qubits),
            initial_layout=layout,
            **given,
        )

    @property
    def _basis(self) -> list[str]:
        return list(self.basis_gates) if self.basis_gates is not None else sorted(self.gates)

    def _run(self, circuit: QuantumCircuit, **given: Any) -> QuantumCircuit:
        from qiskit import transpile
        from qiskit.transpiler.exceptions import TranspilerError

        try:
            return transpile(
                circuit, optimization_level=self.optimization_level, seed_transpiler=self.seed, **given
            )
        except TranspilerError as error:
            reason = str(error).strip("'\"").split(" to the backend")[0].split(". ")[0]
            raise InputError(
                f"the circuit cannot be written in basis_gates {self._basis}: {reason}; name a universal set "
                "such as [cz, rz, sx, x]",
                key=("basis_gates",),
            ) from error

    # -- copies ----------------------------------------------------------------------------------

    def side_by_side(
        self, circuit: QuantumCircuit, n_copies: int | Literal["auto"]
    ) -> tuple[QuantumCircuit, Copies]:
        """A circuit that holds copies of a circuit in regions of their own, and each of them alone.

        A single copy is transpiled as it always is. Classical bit ``c * n_spins + i`` is spin i of copy c.

        Raises
        ------
        CapacityError
            If that many do not fit.
        InputError
            If the gates cannot express the circuit.
        """
        regions = self.regions(circuit.num_qubits, n_copies)
        if len(regions) < 2:
            return self.transpiled(circuit), ALONE
        parts = [self._inside(circuit, region) for region in regions]
        n_qubits, n_bits = self._n_qubits, circuit.num_clbits
        circuits = []
        for part, region in zip(parts, regions, strict=True):
            alone = _empty(n_qubits, n_bits)
            circuits.append(alone.compose(part, list(region), list(range(n_bits))))
        joined = _empty(n_qubits, n_bits * len(parts))
        for k, (part, region) in enumerate(zip(parts, regions, strict=True)):
            joined.compose(part, list(region), list(range(k * n_bits, (k + 1) * n_bits)), inplace=True)
        return joined, Copies(regions, tuple(circuits))

    def regions(self, n_spins: int, n_copies: int | Literal["auto"]) -> tuple[tuple[int, ...], ...]:
        """Qubits of every copy; none for a single one. Raises CapacityError if that many do not fit."""
        if n_copies == 1:
            return ()
        return regions_of(self.graph(), n_spins, n_copies, self.name or "coupling_map")

    def graph(self) -> nx.Graph:
        """Of the qubits that can be coupled; complete, where a backend couples any two."""
        edges = self._edges()
        if edges is None:
            return nx.complete_graph(self._n_qubits)
        graph = nx.Graph(edges)
        return graph if graph.nodes else nx.empty_graph(self._n_qubits)

    @property
    def _n_qubits(self) -> int:
        if self.backend is not None:
            return int(self.backend.num_qubits)
        return 1 + max(max(pair) for pair in self._edges() or [(0, 0)])

    def _edges(self) -> list[tuple[int, int]] | None:
        """Ordered pairs of qubits; None where any two are coupled."""
        if self.backend is None:
            assert self.coupling_map is not None
            assert not isinstance(self.coupling_map, str)
            return [(a, b) for a, b in self.coupling_map]
        found = self.backend.target.build_coupling_map()
        return None if found is None else [(int(a), int(b)) for a, b in found.get_edges()]

    def _inside(self, circuit: QuantumCircuit, region: Sequence[int]) -> QuantumCircuit:
        """In the gates and on the graph of a region, whose qubits are numbered from 0."""
        if self.backend is not None:
            plugin = getattr(self.backend, "get_translation_stage_plugin", None)
            given = {} if plugin is None else {"translation_method": plugin()}
            return self._run(circuit, target=_part(self.backend.target, region), **given)
        from qiskit.transpiler import CouplingMap

        place = {qubit: k for k, qubit in enumerate(region)}
        pairs = [[place[a], place[b]] for a, b in self._edges() or [] if {a, b} <= place.keys()]
        graph = CouplingMap(pairs)
        for k in range(len(region)):
            if k not in graph.physical_qubits:
                graph.add_physical_qubit(k)
        graph.make_symmetric()
        return self._run(circuit, coupling_map=graph, basis_gates=self._basis)

    def _map(self, n_qubits: int) -> CouplingMap | None:
        from qiskit.transpiler import CouplingMap

        if self.coupling_map is None:
            return None
        if isinstance(self.coupling_map, str):
            n = max(n_qubits, 1)
            if self.coupling_map == "line":
                return CouplingMap.from_line(n)
            if self.coupling_map == "ring":
                return CouplingMap.from_ring(n)
            rows = max(1, int(n**0.5))
            return CouplingMap.from_grid(rows, -(-n // rows))
        graph = CouplingMap([list(pair) for pair in self.coupling_map])
        graph.make_symmetric()
        if graph.size() < n_qubits or not graph.is_connected():
            raise CapacityError(
                f"{n_qubits} spins need as many qubits that are connected; coupling_map has {graph.size()}, "
                f"{'connected' if graph.is_connected() else 'not all connected'}",
                key=("coupling_map",),
            )
        return graph


def _empty(n_qubits: int, n_bits: int) -> QuantumCircuit:
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

    return QuantumCircuit(QuantumRegister(n_qubits, "q"), ClassicalRegister(n_bits, "meas"), name="qaoa")


def _part(gates: Gates, region: Sequence[int]) -> Gates:
    """What a device can do on some of its qubits, numbered from 0."""
    from qiskit.transpiler import Target as Gates

    place = {qubit: k for k, qubit in enumerate(region)}
    qubits = gates.qubit_properties
    part = Gates(
        num_qubits=len(region),
        dt=gates.dt,
        qubit_properties=None if qubits is None else [qubits[qubit] for qubit in region],
    )
    for name in gates.operation_names:
        operation, known = gates.operation_from_name(name), gates[name]
        if known is None or None in known:
            part.add_instruction(operation, name=name)
            continue
        own = {
            tuple(place[qubit] for qubit in at): properties
            for at, properties in known.items()
            if set(at) <= place.keys()
        }
        if own:
            part.add_instruction(operation, own, name=name)
    return part
