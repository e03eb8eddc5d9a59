"""Circuits: QAOA layers with as few layers of two-qubit gates as the graph allows, measured qubit by qubit.

`qiskit.circuit.library.qaoa_ansatz` prepares the same state and writes one term after the other; here the
couplings are coloured so that those of one colour act at the same time: at most one colour more than the
largest degree (Misra, Gries 1992, Inf. Process. Lett. 41, 131), and no more than a round-robin tournament has
rounds. Qubit i is spin i; |0> is +1.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["GATES", "coloured", "qaoa_circuit", "spins_of", "summary", "to_qasm", "written"]

GATES = frozenset({"h", "ry", "rz", "rx", "rzz"})
"""Gates of a circuit that was not transpiled."""


def qaoa_circuit(
    problem: IsingProblem, angles: Angles, tilts: Tilts | None = None, *, measured: bool = True
) -> QuantumCircuit:
    """The circuit of some angles, in the units of the problem; with one classical bit a spin."""
    from qiskit import QuantumCircuit

    n = problem.n_spins
    circuit = QuantumCircuit(n, name="qaoa")
    terms = Terms.of(problem)
    order = coloured(terms)
    each = angles.multi(len(terms), n)
    if tilts is None:
        circuit.h(range(n))
    else:
        for spin, tilt in enumerate(tilts.tilts.tolist()):
            circuit.ry(tilt, spin)
    for layer in range(angles.depth):
        phases = 2 * each.gamma[layer] * terms.weights
        for t in order.tolist():
            i, j = int(terms.i[t]), int(terms.j[t])
            if j < 0:
                circuit.rz(float(phases[t]), i)
            else:
                circuit.rzz(float(phases[t]), i, j)
        for spin, beta in enumerate(each.beta[layer].tolist()):
            if tilts is None:
                circuit.rx(-2 * beta, spin)
            else:  # exp(i beta (sin X + cos Z)) in the frame of the initial state
                tilt = float(tilts.tilts[spin])
                circuit.ry(-tilt, spin)
                circuit.rz(-2 * beta, spin)
                circuit.ry(tilt, spin)
    if measured:
        circuit.measure_all()
    return circuit


def coloured(terms: Terms) -> NDArray[np.intp]:
    """Order of the terms (n_terms,): fields, then couplings colour by colour.

    No two couplings of one colour share a spin. There are as many colours as a round-robin tournament of the
    spins has rounds, or one more than the largest degree, whichever is less.
    """
    pairs = np.flatnonzero(terms.j >= 0)
    colours = np.full(len(terms), -1)
    ends = np.bincount(np.concatenate([terms.i[pairs], terms.j[pairs]]), minlength=1)
    if int(ends.max()) + 1 < _rounds(terms.n_spins):
        colours[pairs] = _few_colours(terms, pairs)
    else:
        colours[pairs] = _round_robin(terms.i[pairs], terms.j[pairs], terms.n_spins)
    return np.argsort(colours, kind="stable")


def _rounds(n: int) -> int:
    """In which everybody of n meets everybody, each at most once a round."""
    return n - 1 + n % 2


def _round_robin(i: NDArray[np.int64], j: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Rounds of pairs i < j, by the circle method: with n even, the last one stands in the middle."""
    rounds = max(_rounds(n), 1)
    middle = j == rounds
    return np.where(middle, 2 * i, i + j) % rounds


def _few_colours(terms: Terms, pairs: NDArray[np.intp]) -> NDArray[np.int64]:
    import rustworkx as rx

    graph: Any = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(terms.n_spins))
    graph.add_edges_from([(int(terms.i[t]), int(terms.j[t]), k) for k, t in enumerate(pairs)])
    by_edge = graph.edge_index_map()
    colours = np.empty(len(pairs), dtype=np.int64)
    for edge, colour in rx.graph_misra_gries_edge_color(graph).items():
        colours[by_edge[edge][2]] = colour
    return colours


def summary(circuit: QuantumCircuit) -> dict[str, Any]:
    """Depth, layers of two-qubit gates and gates by name; plain JSON."""
    gates: Mapping[str, int] = Counter(circuit.count_ops())
    return {
        "n_qubits": circuit.num_qubits,
        "depth": circuit.depth(),
        "two_qubit_depth": circuit.depth(lambda instruction: instruction.operation.num_qubits == 2),
        "two_qubit_gates": circuit.num_nonlocal_gates(),
        "gates": {name: int(count) for name, count in sorted(gates.items())},
    }


def spins_of(bitstrings: list[str], n_spins: int) -> NDArray[np.int8]:
    """Spins (n_shots, n_spins) of bit strings as Qiskit prints them: the rightmost character is qubit 0."""
    characters = np.frombuffer("".join(bitstrings).encode(), dtype=np.uint8)
    bits = characters.reshape(len(bitstrings), n_spins)[:, ::-1] - ord("0")
    return 1 - 2 * bits.astype(np.int8)


def written(circuit: QuantumCircuit) -> NDArray[np.uint8]:
    """A circuit as Qiskit writes it to files (QPY)."""
    from qiskit import qpy

    content = io.BytesIO()
    qpy.dump(circuit, content)
    return np.frombuffer(content.getvalue(), dtype=np.uint8)


def to_qasm(circuit: QuantumCircuit) -> str:
    """A circuit in OpenQASM 3."""
    from qiskit import qasm3

    return str(qasm3.dumps(circuit))
