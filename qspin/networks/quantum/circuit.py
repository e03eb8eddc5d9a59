"""The circuit that recalls: qubits of the neurons, one of the two blocks of A, a clock and a flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qspin.networks.quantum.hopfield import Memory

__all__ = ["recall_circuit"]


def recall_circuit(memory: Memory, pattern: int) -> QuantumCircuit:
    """Solve for the cue, then look for a pattern: the qubits of the neurons are 0 where it is found.

    Bits from the rightmost on: neurons, block, clock, flag. An answer has flag 1, block and clock 0.
    """
    from qiskit import QuantumCircuit

    n, t = memory.n_qubits, memory.n_clock
    system, clock, flag = list(range(n + 1)), list(range(n + 1, n + 1 + t)), n + 1 + t
    circuit = QuantumCircuit(n + t + 2)
    circuit.compose(_prepared(memory.right_side), system, inplace=True)
    estimation, window = _phase_estimation(memory), _prepared(memory.window)
    circuit.compose(window, clock, inplace=True)
    circuit.compose(estimation, system + clock, inplace=True)
    _rotate_flag(circuit, memory.factors, clock, flag)
    circuit.compose(estimation.inverse(), system + clock, inplace=True)
    circuit.compose(window.inverse(), clock, inplace=True)
    _to_pattern(circuit, memory.patterns[pattern], system[:n])
    circuit.measure_all()
    return circuit


def _prepared(amplitudes: NDArray[np.float64]) -> QuantumCircuit:
    """From |0...0> to a state, in plain gates."""
    from qiskit import QuantumCircuit, transpile
    from qiskit.circuit.library import StatePreparation

    circuit = QuantumCircuit(len(amplitudes).bit_length() - 1)
    circuit.append(StatePreparation(amplitudes.astype(np.complex128)), circuit.qubits)
    return transpile(circuit, basis_gates=["cx", "u"], optimization_level=1)


def _to_pattern(circuit: QuantumCircuit, pattern: NDArray[np.int8], neurons: list[int]) -> None:
    """Take the state of a pattern to |0...0>; the inverse of Hadamards and signs."""
    circuit.append(_diagonal(pattern.astype(np.complex128)), neurons)
    circuit.h(neurons)


def _from_pattern(circuit: QuantumCircuit, pattern: NDArray[np.int8], neurons: list[int]) -> None:
    circuit.h(neurons)
    circuit.append(_diagonal(pattern.astype(np.complex128)), neurons)


def _diagonal(entries: NDArray[np.complex128]) -> object:
    from qiskit.circuit.library import DiagonalGate

    return DiagonalGate(entries.tolist())


def _phase_estimation(memory: Memory) -> QuantumCircuit:
    """On system and clock: times 2^k by qubit k of the clock, and the inverse Fourier transform."""
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import QFTGate

    n, t = memory.n_qubits, memory.n_clock
    system = list(range(n + 1))
    circuit = QuantumCircuit(n + 1 + t)
    for k in range(t):
        step = _controlled_step(memory)
        for _ in range(memory.n_trotter * 2**k):
            circuit.compose(step, [*system, n + 1 + k], inplace=True)
    circuit.append(QFTGate(t).inverse(), range(n + 1, n + 1 + t))
    return circuit


def _controlled_step(memory: Memory) -> QuantumCircuit:
    """One symmetric Trotter step of exp(i A tau), where the last qubit is 1.

    The states of patterns are reached and left whether or not it is: only the phases need the control.
    """
    from qiskit import QuantumCircuit

    tau, n, n_patterns = memory.time / memory.n_trotter, memory.n_qubits, len(memory.patterns)
    neurons = list(range(n))
    circuit = QuantumCircuit(n + 2)
    lowest = np.zeros(memory.n_neurons)
    lowest[0] = 1.0

    def phase_of(pattern: NDArray[np.int8]) -> None:
        _to_pattern(circuit, pattern, neurons)
        _upper_phase(circuit, lowest * tau / (2 * n_patterns))
        _from_pattern(circuit, pattern, neurons)

    _constrain(circuit, memory, tau / 2)
    for pattern in memory.patterns:
        phase_of(pattern)
    _upper_phase(circuit, np.full(memory.n_neurons, -tau * memory.shift))
    for pattern in memory.patterns[::-1]:
        phase_of(pattern)
    _constrain(circuit, memory, tau / 2)
    return circuit


def _upper_phase(circuit: QuantumCircuit, angles: NDArray[np.float64]) -> None:
    """A phase on every state of the neurons (n_neurons,), where the block is 0 and the control is 1."""
    free = np.zeros(len(angles))
    entries = np.exp(1j * np.concatenate([free, free, angles, free]))
    circuit.append(_diagonal(entries), circuit.qubits)


def _constrain(circuit: QuantumCircuit, memory: Memory, tau: float) -> None:
    """exp(i tau X K), X of the block and K of the neurons, where the control is 1."""
    n = memory.n_qubits
    turns = tau * np.concatenate([memory.known, -memory.known])
    entries = np.concatenate([np.ones(2 ** (n + 1)), np.exp(1j * turns)])
    circuit.h(n)
    circuit.append(_diagonal(entries), range(n + 2))
    circuit.h(n)


def _rotate_flag(circuit: QuantumCircuit, factors: NDArray[np.float64], clock: list[int], flag: int) -> None:
    """Turn the flag from 0 towards 1 by the factor that the clock shows: RY, written as a diagonal."""
    halves = np.arcsin(factors)
    circuit.sdg(flag)
    circuit.h(flag)
    circuit.append(_diagonal(np.exp(1j * np.concatenate([-halves, halves]))), [*clock, flag])
    circuit.h(flag)
    circuit.s(flag)
