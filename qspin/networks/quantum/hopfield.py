"""Quantum Hopfield memory: a pattern of which neurons are forgotten, recalled by a quantum linear solver.

After Rebentrost, Bromley, Weedbrook, Lloyd 2018, Phys. Rev. A 98, 042308. N neurons are the amplitudes of
log2 N qubits, a pattern the state |x> = sum_i x_i |i> / sqrt(N). With Hebb's W = rho - 1/N, where rho is the
mean of |x><x| over the patterns, and K the projector on the neurons that are known, the memory minimises
-x W x / 2 + gamma |x|^2 / 2 under K x = cue. Its stationary point solves ::

    A (x, l) = (0, cue),    A = [[W - gamma, K], [K, 0]]

which the algorithm of Harrow, Hassidim, Lloyd 2009 does (Phys. Rev. Lett. 103, 150502): phase estimation of
exp(i A t) with their sine window, a rotation by 1 / eigenvalue, and back. exp(i A t) is made of symmetric
Trotter steps of what A consists of, a phase on the state of every pattern among them.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from qspin.errors import InputError, MissingExtraError
from qspin.networks.memories import hebbian, retrieve
from qspin.settings import Seed, resolved_seed
from qspin.validate import checked_count

__all__ = ["Memory", "quantum_recall"]

Floats = NDArray[np.float64]

_LARGEST = 1.7
"""Beyond every |eigenvalue| of A: one of [[a, K], [K, 0]] with -1 <= a <= 0 is at most (1 + sqrt 5) / 2."""

_MOST_NEURONS, _MOST_CLOCK = 16, 10
_DESCENTS = 200  # of the classical memory


@dataclass(frozen=True, eq=False)
class Memory:
    """Patterns, a cue, and how finely the circuit resolves; all of its linear algebra.

    Parameters
    ----------
    patterns : (n_patterns, n_neurons) of -1 and +1
    cue : (n_neurons,) of -1 and +1, and 0 where it is not known
    n_clock : qubits of the phase estimation: eigenvalues are told apart by 3.4 / 2**n_clock
    n_trotter : steps of exp(i A t) for the shortest time
    cutoff : of |eigenvalues|: what lies below is not inverted
    """

    patterns: NDArray[np.int8]
    cue: NDArray[np.int8]
    n_clock: int
    n_trotter: int
    cutoff: float

    @property
    def n_neurons(self) -> int:
        return len(self.cue)

    @property
    def n_qubits(self) -> int:
        """That hold the neurons."""
        return self.n_neurons.bit_length() - 1

    @property
    def states(self) -> Floats:
        """Amplitudes of the patterns (n_patterns, n_neurons)."""
        return self.patterns / np.sqrt(self.n_neurons)

    @property
    def known(self) -> Floats:
        """Diagonal of K (n_neurons,)."""
        return (self.cue != 0).astype(np.float64)

    @cached_property
    def shift(self) -> float:
        """1/N + gamma, with the least gamma for which the energy has a minimum: W's largest eigenvalue."""
        overlaps = self.states @ self.states.T / len(self.states)
        return float(np.linalg.eigvalsh(overlaps)[-1])

    @cached_property
    def matrix(self) -> Floats:
        """A (2 n_neurons, 2 n_neurons)."""
        rho = self.states.T @ self.states / len(self.states)
        constraint = np.diag(self.known)
        upper = [rho - self.shift * np.eye(self.n_neurons), constraint]
        return np.block([upper, [constraint, np.zeros_like(constraint)]])

    @property
    def right_side(self) -> Floats:
        """(0, cue), of norm 1."""
        return np.concatenate([np.zeros(self.n_neurons), self.cue / np.linalg.norm(self.cue)])

    @property
    def time(self) -> float:
        """The shortest time of phase estimation: no eigenvalue winds around."""
        return np.pi / _LARGEST

    @property
    def factors(self) -> Floats:
        """cutoff / eigenvalue by what the clock shows (2**n_clock,), in two's complement; 0 below the
        cutoff."""
        n = 2**self.n_clock
        shown = np.fft.fftfreq(n) * 2 * np.pi / self.time
        return np.where(np.abs(shown) >= self.cutoff, self.cutoff / np.where(shown == 0, 1, shown), 0.0)

    @property
    def window(self) -> Floats:
        """Amplitudes of the clock before phase estimation (2**n_clock,)."""
        n = 2**self.n_clock
        return np.sqrt(2 / n) * np.sin(np.pi * (np.arange(n) + 0.5) / n)

    # -- exactly ---------------------------------------------------------------------------------

    def solved(self) -> Floats:
        """x and l by the exact inverse of A, cut off (2 n_neurons,)."""
        values, vectors = np.linalg.eigh(self.matrix)
        inverse = np.where(np.abs(values) >= self.cutoff, 1 / np.where(values == 0, 1, values), 0.0)
        return vectors @ (inverse * (vectors.T @ self.right_side))

    def answered(self) -> NDArray[np.complex128]:
        """What the circuit leaves where its flag is 1 and its clock is back (2 n_neurons,), not normalised:
        with the finite clock and the Trotter steps, by the eigenvectors of a step."""
        step = np.linalg.matrix_power(self.step(), self.n_trotter)
        triangle, vectors = linalg.schur(step, output="complex")  # normal, so it is diagonal
        phases = np.angle(np.diag(triangle))
        n = 2**self.n_clock
        ticks = np.exp(1j * np.outer(phases, np.arange(n))) * self.window
        shown = np.abs(np.fft.fft(ticks, axis=1) / np.sqrt(n)) ** 2
        return vectors @ ((shown @ self.factors) * (vectors.conj().T @ self.right_side))

    def step(self) -> NDArray[np.complex128]:
        """One Trotter step, as a matrix."""
        tau, n = self.time / self.n_trotter, self.n_neurons
        first = np.zeros((2 * n, 2 * n))
        first[:n, n:] = first[n:, :n] = np.diag(self.known)
        half = linalg.expm(0.5j * tau * first)
        halves = np.eye(2 * n, dtype=np.complex128)
        for state in self.states:
            own = np.eye(2 * n, dtype=np.complex128)
            turn = np.exp(0.5j * tau / len(self.states)) - 1
            own[:n, :n] += turn * np.outer(state, state)
            halves = own @ halves
        middle = np.ones(2 * n, dtype=np.complex128)
        middle[:n] = np.exp(-1j * tau * self.shift)
        return half @ halves.T @ (middle[:, None] * halves) @ half


def quantum_recall(
    patterns: ArrayLike,
    cue: ArrayLike,
    *,
    n_clock: int = 6,
    n_trotter: int = 2,
    cutoff: float = 0.2,
    n_shots: int = 10_000,
    seed: Seed = None,
) -> xr.Dataset:
    """Recall a pattern of which some neurons are forgotten, on Qiskit Aer; see the module.

    Parameters
    ----------
    patterns : (n_patterns, n_neurons) of -1 and +1; 2, 4, 8 or 16 neurons
    cue : (n_neurons,) of -1 and +1, and 0 where a neuron is forgotten
    n_clock : qubits of the phase estimation
    n_trotter : Trotter steps for the shortest time of evolution
    cutoff : of |eigenvalues| of A, which lie below 1.7: smaller ones are not inverted
    n_shots : for each pattern
    seed : of shots, and of the descents of the classical memory

    Returns
    -------
    Along ``pattern``: ``recall`` and ``recall_error``, the probability that what was recalled is found in the
    state of the pattern (of those shots whose flag says that the solver worked); ``recall_expected``, the
    same by the matrices of the circuit, with its finite clock and steps; ``recall_exact``, by the exact
    inverse of A; ``classical``, the share of zero-temperature descents of `hebbian` networks, with the known
    neurons held and the others random, that end in the pattern. Beside them ``success``, ``success_error``
    and ``success_expected``, the probability of that flag; ``neurons`` (neuron,), the exact x, scaled so that
    a pattern has -1 and +1; ``step_error``, the spectral norm by which the Trotter steps miss exp(i A t).

    Raises
    ------
    InputError
        If patterns or cue are none, or the numbers cannot work.
    MissingExtraError
        If Qiskit Aer is not installed.
    """
    if importlib.util.find_spec("qiskit_aer") is None:
        raise MissingExtraError("quantum_recall", extra="qiskit", module="qiskit_aer")
    memory = _checked(patterns, cue, n_clock, n_trotter, cutoff)
    n_shots = checked_count(n_shots, "n_shots", least=1)
    streams = np.random.SeedSequence(resolved_seed(seed)).spawn(len(memory.patterns) + 1)
    counts = np.array(
        [_measured(memory, k, n_shots, stream) for k, stream in enumerate(streams[:-1])], dtype=np.float64
    )
    found, flagged = counts.T
    recall = found / np.maximum(flagged, 1)
    total = n_shots * len(counts)
    success = flagged.sum() / total
    expected, exact = _fidelities(memory, memory.answered()), _fidelities(memory, memory.solved())
    told = memory.answered()[: memory.n_neurons]
    x = memory.solved()[: memory.n_neurons]
    unitary = np.linalg.matrix_power(memory.step(), memory.n_trotter)
    error = np.linalg.norm(unitary - linalg.expm(1j * memory.time * memory.matrix), 2)
    return xr.Dataset(
        {
            "recall": ("pattern", recall),
            "recall_error": ("pattern", _binomial(expected, flagged)),
            "recall_expected": ("pattern", expected),
            "recall_exact": ("pattern", exact),
            "classical": ("pattern", _classical(memory, streams[-1])),
            "success": success,
            "success_error": float(_binomial(np.array(success), np.array(total))),
            "success_expected": float(np.linalg.norm(told) ** 2),
            "neurons": ("neuron", x * np.sqrt(memory.n_neurons) / np.linalg.norm(x)),
            "step_error": float(error),
        }
    )


def _checked(patterns: ArrayLike, cue: ArrayLike, n_clock: int, n_trotter: int, cutoff: float) -> Memory:
    xi, known = np.asarray(patterns), np.asarray(cue)
    if xi.ndim != 2 or not len(xi) or not np.isin(xi, (-1, 1)).all():
        raise InputError(f"patterns are a matrix (P, N) of -1 and +1; got shape {xi.shape}, {_seen(xi)}")
    n = xi.shape[1]
    if n not in (2, 4, 8, _MOST_NEURONS):
        raise InputError(
            f"neurons are amplitudes of qubits, so there are 2, 4, 8 or {_MOST_NEURONS} of them; got {n}"
        )
    if known.shape != (n,) or not np.isin(known, (-1, 0, 1)).all() or not known.any():
        raise InputError(
            f"cue gives each of the {n} neurons -1 or +1, or 0 where it is forgotten, and knows one at "
            f"least; got shape {known.shape}, {_seen(known)}"
        )
    n_clock = checked_count(n_clock, "n_clock", least=3)
    if n_clock > _MOST_CLOCK:
        raise InputError(f"n_clock is at most {_MOST_CLOCK}: it takes 2**n_clock steps; got {n_clock}")
    least = 2 * _LARGEST / 2**n_clock
    if not least <= cutoff <= 1:
        raise InputError(
            f"cutoff lies between {least:.3g}, which {n_clock} qubits of the clock resolve, and 1; got "
            f"{cutoff!r}"
        )
    steps = checked_count(n_trotter, "n_trotter", least=1)
    return Memory(xi.astype(np.int8), known.astype(np.int8), n_clock, steps, float(cutoff))


def _seen(values: NDArray[Any]) -> str:
    if not np.issubdtype(values.dtype, np.number):
        return f"values of type {values.dtype}"
    return f"values {np.unique(values)[:5].tolist()}"


def _fidelities(memory: Memory, solution: NDArray[Any]) -> Floats:
    """Of x with the state of every pattern."""
    x = solution[: memory.n_neurons]
    return np.abs(memory.states @ x) ** 2 / np.linalg.norm(x) ** 2


def _binomial(p: NDArray[np.float64], n: NDArray[np.float64]) -> Floats:
    """Standard error of a share of n, no less than that of half a count."""
    n = np.maximum(n, 1)
    return np.sqrt(np.maximum(p * (1 - p), 0.5 / n) / n)


def _measured(memory: Memory, pattern: int, n_shots: int, stream: np.random.SeedSequence) -> tuple[int, int]:
    """Shots that were found in the pattern, and shots that the solver flags as answers."""
    from qiskit import transpile
    from qiskit_aer import AerSimulator

    from qspin.networks.quantum.circuit import recall_circuit

    simulator = AerSimulator(method="statevector")
    circuit = transpile(recall_circuit(memory, pattern), simulator, optimization_level=0)
    own = int(stream.generate_state(1, np.uint32)[0]) >> 1
    counts = simulator.run(circuit, shots=n_shots, seed_simulator=own).result().get_counts()
    flagged = 1 << (1 + memory.n_clock)  # above the neurons: block, clock, flag
    answered = {int(bits, 2): n for bits, n in counts.items() if int(bits, 2) >> memory.n_qubits == flagged}
    found = sum(n for bits, n in answered.items() if bits % memory.n_neurons == 0)
    return found, sum(answered.values())


def _classical(memory: Memory, stream: np.random.SeedSequence) -> Floats:
    """Share of descents of the classical network that end in each pattern; what is known is held."""
    rng = np.random.default_rng(stream)
    cues = rng.choice(np.array([-1, 1], dtype=np.int8), size=(_DESCENTS, memory.n_neurons))
    known = np.flatnonzero(memory.cue)
    cues[:, known] = memory.cue[known]
    seed = int(rng.integers(2**32))
    found = retrieve(hebbian(memory.patterns), cues, seed=seed, clamp=known.tolist())
    ends = found["spins"].values
    return np.array([(ends == xi).all(axis=1).mean() for xi in memory.patterns])
