"""Gates and graph that a circuit is transpiled to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qspin.errors import CapacityError, InputError, MissingExtraError, nearest_name
from qspin_backends.qaoa.circuit import GATES

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import CouplingMap

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
    with warnings.catch_warnings():  # some snapshots are not of typical machines, and all are loaded
        warnings.simplefilter("ignore", UserWarning)
        found = {backend.name: backend for backend in FakeProviderForBackendV2().backends()}
    if name not in found:
        raise InputError(f"{key}: there is no fake backend {name!r}: {nearest_name(name, found)}", key=(key,))
    return found[name]


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
    """

    backend: Any
    coupling_map: str | Edges | None
    basis_gates: Sequence[str] | None
    optimization_level: int
    seed: int

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
        self._map(n_spins)

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
        from qiskit import transpile
        from qiskit.transpiler.exceptions import TranspilerError

        basis = self.basis_gates if self.basis_gates is not None else sorted(self.gates)
        given = {} if self.backend is not None else {"basis_gates": list(basis)}
        try:
            return transpile(
                circuit,
                backend=self.backend,
                coupling_map=self._map(circuit.num_qubits),
                optimization_level=self.optimization_level,
                seed_transpiler=self.seed,
                **given,
            )
        except TranspilerError as error:
            reason = str(error).strip("'\"").split(" to the backend")[0].split(". ")[0]
            raise InputError(
                f"the circuit cannot be written in basis_gates {list(basis)}: {reason}; name a universal set "
                "such as [cz, rz, sx, x]",
                key=("basis_gates",),
            ) from error

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
