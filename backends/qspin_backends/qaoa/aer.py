"""Qiskit Aer: the method of simulation is chosen by size, and the choice is explained."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from qspin.errors import CapacityError, InputError, RunError
from qspin.problem import IsingProblem
from qspin.sampler import Remark, machine_memory, report_progress, require_bytes
from qspin_backends.common.child import in_child
from qspin_backends.common.journal import Answer
from qspin_backends.qaoa import noise as noises
from qspin_backends.qaoa.ansatz import Terms
from qspin_backends.qaoa.circuit import spins_of
from qspin_backends.qaoa.device import Request
from qspin_backends.qaoa.target import Target, fake_backend

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["METHODS", "Aer"]

METHODS = ("auto", "statevector", "matrix_product_state", "tensor_network", "density_matrix")
VECTOR_QUBITS = 26
"""Qubits up to which `auto` takes the state vector without looking further."""

_NARROW = 8  # log2 of the bond dimension up to which a matrix product state is exact and cheap
_SHOTS_A_CALL = 2**20
_SEEDS = 2**31 - 1
_DRIFT_BATCHES = 10
_START = 5e8  # numbers that are computed while another process starts
_HEAVY = 5e8  # numbers to compute beyond which another process is worth its start; about half a second


@dataclass(frozen=True)
class Aer:
    """Qiskit Aer; see `Device`.

    Parameters
    ----------
    method : one of `METHODS`
    max_bond_dimension : of a matrix product state; None for no limit
    truncation_threshold : of a matrix product state: weight that a bond may lose at every gate
    noise : name of a fake backend, gate -> probability, or None
    target : what circuits are transpiled to
    noise_drift : by what share of themselves probabilities have grown at the last shots
    """

    method: str
    max_bond_dimension: int | None
    truncation_threshold: float
    noise: str | Mapping[str, Any] | None
    target: Target
    noise_drift: float = 0.0

    is_paid: ClassVar[bool] = False

    def check(self, problem: IsingProblem, depth: int, n_shots: int) -> None:
        self.target.check(problem.n_spins)
        if isinstance(self.noise, Mapping):
            noises.check_gates(self.noise, self.target.gates)
        method, _ = self._chosen(problem, depth, n_shots)
        self._require(method, problem, depth)

    def identity(self, problem: IsingProblem, depth: int, n_shots: int) -> Mapping[str, Any]:
        import qiskit
        import qiskit_aer

        method, reason = self._chosen(problem, depth, n_shots)
        return {
            "name": "aer",
            "version": qiskit_aer.__version__,
            "qiskit": qiskit.__version__,
            "method": method,
            "method_reason": reason,
            "noise": self.noise if isinstance(self.noise, str) else dict(self.noise or {}),
            **({"noise_drift": self.noise_drift} if self.noise_drift else {}),
            "transpiled_to": self.target.name,
        }

    def readout_errors(self, circuit: QuantumCircuit) -> list[tuple[float, float]]:
        if isinstance(self.noise, Mapping) and noises.READOUT in self.noise:
            error = noises.readout_error(self.noise[noises.READOUT])
            return [error] * circuit.num_clbits
        if isinstance(self.noise, str):
            return measured_errors(circuit, fake_backend(self.noise, "noise"))
        return [(0.0, 0.0)] * circuit.num_clbits

    def expected_seconds(self, request: Request) -> float | None:
        return None

    def refuse_cost(self, requests: Sequence[Request]) -> None:
        pass  # it is free

    def remarks(self) -> list[Remark]:
        return []

    def answers(self, request: Request) -> Iterator[Answer]:
        """Every call has a seed of its own: a seeded simulator repeats its shots."""
        n_calls = -(-request.n_shots // _SHOTS_A_CALL)
        if self.noise_drift:
            n_calls = max(n_calls, min(_DRIFT_BATCHES, request.n_shots))
        sizes = [len(part) for part in np.array_split(np.empty(request.n_shots), n_calls)]
        streams = np.random.SeedSequence(request.seed).spawn(n_calls)
        for k, (size, stream) in enumerate(zip(sizes, streams, strict=True)):
            factor = 1 + self.noise_drift * (k / (n_calls - 1) if n_calls > 1 else 1.0)
            yield self._answer(request, size, stream, factor)

    def _answer(self, request: Request, size: int, stream: np.random.SeedSequence, factor: float) -> Answer:
        """One call. Copies share no qubit and no noise: each is run alone, which is the same and cheaper."""
        method, _ = self._chosen(request.problem, request.angles.depth, request.n_shots)
        noise = self.noise if isinstance(self.noise, str) else noises.scaled(self.noise or {}, factor)
        run = _aside if self._work(method, request) > _HEAVY else _run
        circuits = request.copies.circuits or (request.circuit,)
        streams = stream.spawn(len(circuits)) if request.copies.n > 1 else [stream]
        seeds = [int(own.generate_state(1, np.uint32)[0]) % _SEEDS for own in streams]
        start = time.perf_counter()
        read = [
            run(circuit, size, own, self._options(method), noise)
            for circuit, own in zip(circuits, seeds, strict=True)
        ]
        facts: dict[str, Any] = {"n_shots": size, "seed": seeds[0] if len(seeds) == 1 else seeds}
        facts["seconds"] = time.perf_counter() - start
        if self.noise_drift:
            facts["noise_factor"] = factor
        logs = [_truncation(log) for _, log in read if log is not None]
        if logs:
            facts["truncation"] = max(log["truncation"] for log in logs)
            facts["bond_dimension"] = max(log["bond_dimension"] for log in logs)
        spins = [spins_of(memory, request.problem.n_spins) for memory, _ in read]
        return Answer(np.concatenate(spins, axis=1), facts)

    # -- method ----------------------------------------------------------------------------------

    def _chosen(self, problem: IsingProblem, depth: int, n_shots: int) -> tuple[str, str]:
        """Method, and why it is that one."""
        if self.method != "auto":
            return self.method, "as set"
        n = problem.n_spins
        if self.noise is not None:
            exact, trajectories = 4.0**n, n_shots * 2.0**n
            if exact <= trajectories and _fits(16 * 4**n):
                return "density_matrix", f"noise; 4^{n} numbers once are less than {n_shots} trajectories"
            return "statevector", f"noise; {n_shots} trajectories are less than 4^{n} numbers"
        if n <= VECTOR_QUBITS:
            return "statevector", f"{n} qubits are at most {VECTOR_QUBITS}"
        bond = _bond_qubits(problem, depth)
        if bond <= _NARROW:
            return (
                "matrix_product_state",
                f"{n} qubits are more than {VECTOR_QUBITS}, and bonds need dimension 2^{bond} at most",
            )
        return "statevector", f"bonds of a matrix product state may need dimension 2^{bond}"

    def _require(self, method: str, problem: IsingProblem, depth: int) -> None:
        """Refuse what would not fit in memory, and name what would."""
        from qiskit_aer import AerSimulator

        n = problem.n_spins
        available = AerSimulator().available_methods()
        if method not in available:
            raise InputError(
                f"method {method!r} is not part of the qiskit-aer that is installed (tensor_network needs a "
                f"GPU build); there are {', '.join(name for name in METHODS if name in available)}",
                key=("method",),
            )
        bond = _bond_qubits(problem, depth)
        if method == "matrix_product_state":
            if self.max_bond_dimension is None:
                remedy = "set max_bond_dimension, which truncates and reports by how much"
                require_bytes(32 * n * 4**bond, f"matrix product states with bonds of 2^{bond}", remedy)
            return
        needed = 16 * (4**n if method == "density_matrix" else 2**n)
        others = [
            f"a matrix product state (method: matrix_product_state) needs bonds of 2^{bond} at most"
            + ("" if bond <= _NARROW else "; with max_bond_dimension it fits and reports what it truncates")
        ]
        if method == "density_matrix" and _fits(16 * 2**n):
            others = ["trajectories (method: statevector) would fit"]
        try:
            require_bytes(needed, f"{_PLURALS[method]} of {n} qubits", "; ".join(others))
        except CapacityError as error:
            raise CapacityError(str(error), key=("method",)) from None

    def _work(self, method: str, request: Request) -> float:
        """Roughly how many numbers have to be computed."""
        depth, gates = request.angles.depth, request.circuit.size()
        return self._computed(method, request.problem, depth, gates, request.n_shots)

    def _computed(self, method: str, problem: IsingProblem, depth: int, gates: int, n_shots: int) -> float:
        n = problem.n_spins
        if method == "matrix_product_state":
            bond = self._bond(problem, depth)
            return gates * 8.0**bond + n_shots * n * 4.0**bond
        if method == "density_matrix":
            return gates * 4.0**n
        return gates * 2.0**n * (1 if self.noise is None else n_shots)

    def _bond(self, problem: IsingProblem, depth: int) -> float:
        """log2 of the bond dimension that a matrix product state comes to at most."""
        return min(float(_bond_qubits(problem, depth)), math.log2(self.max_bond_dimension or math.inf))

    def work(self, problem: IsingProblem, depth: int, gates: int, n_shots: int) -> tuple[str, float, int]:
        method, _ = self._chosen(problem, depth, n_shots)
        n = problem.n_spins
        numbers = {"density_matrix": 4.0**n, "matrix_product_state": 2 * n * 4 ** self._bond(problem, depth)}
        kernel = method if self.noise is None else f"{method}, noise"
        computed = self._computed(method, problem, depth, gates, n_shots)
        if computed > _HEAVY:
            computed += _START
        return kernel, computed, int(16 * numbers.get(method, 2.0**n))

    def _options(self, method: str) -> dict[str, Any]:
        """Of `AerSimulator`."""
        options: dict[str, Any] = {"method": method}
        if method == "matrix_product_state":
            options["mps_log_data"] = True
            options["matrix_product_state_truncation_threshold"] = self.truncation_threshold
            if self.max_bond_dimension is not None:
                options["matrix_product_state_max_bond_dimension"] = self.max_bond_dimension
        return options


def _run(
    circuit: QuantumCircuit, n_shots: int, seed: int, options: dict[str, Any], noise: str | dict[str, Any]
) -> tuple[list[str], str | None]:
    """Bit strings of all shots, and Aer's log of a matrix product state."""
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel

    if isinstance(noise, str):
        options = {**options, "noise_model": NoiseModel.from_backend(fake_backend(noise, "noise"))}
    elif noise:
        options = {**options, "noise_model": noises.noise_model(noise)}
    is_mps = "mps_log_data" in options
    before = _log_so_far() if is_mps else ""
    result = AerSimulator(**options).run(circuit, shots=n_shots, memory=True, seed_simulator=seed).result()
    if not result.success:
        raise RunError(f"Qiskit Aer ({options['method']}) failed: {result.status}")
    log = str(result.results[0].metadata["MPS_log_data"]).removeprefix(before) if is_mps else None
    return result.get_memory(), log


def _aside(*arguments: Any) -> tuple[list[str], str | None]:
    """`_run` in another process: Aer holds this one, and what is long must hear an interrupt."""
    return in_child(
        f"{__name__}:_run",
        *arguments,
        tell=lambda seconds: report_progress(0.0, f"Qiskit Aer, {seconds:.0f} s so far"),
    )


_PLURALS = {
    "statevector": "state vectors",
    "density_matrix": "density matrices",
    "tensor_network": "tensor networks",
}


def measured_errors(circuit: QuantumCircuit, backend: Any) -> list[tuple[float, float]]:
    """What a backend states about the qubit that every classical bit is measured on, symmetric."""
    errors = [(0.0, 0.0)] * circuit.num_clbits
    for instruction in circuit.data:
        if instruction.operation.name == "measure":
            qubit = circuit.find_bit(instruction.qubits[0]).index
            error = backend.target["measure"][(qubit,)].error or 0.0
            errors[circuit.find_bit(instruction.clbits[0]).index] = (error, error)
    return errors


def _bond_qubits(problem: IsingProblem, depth: int) -> int:
    """log2 of the bond dimension that a chain in the order of the spins needs at most.

    A coupling multiplies every bond that it crosses by two, and no bond exceeds what its smaller side holds.
    """
    n, terms = problem.n_spins, Terms.of(problem)
    pairs = terms.j >= 0
    changes = np.zeros(n + 1, dtype=np.int64)
    np.add.at(changes, np.minimum(terms.i, terms.j)[pairs], 1)
    np.add.at(changes, np.maximum(terms.i, terms.j)[pairs], -1)
    crossing = np.cumsum(changes)[: max(n - 1, 0)]
    sides = np.minimum(np.arange(1, n), np.arange(n - 1, 0, -1)) if n > 1 else np.zeros(0)
    return int(np.minimum(depth * crossing, sides).max(initial=0))


def _fits(n_bytes: int) -> bool:
    """In half of the machine's memory, which is what `require_bytes` allows."""
    memory = machine_memory()
    return memory is None or n_bytes <= memory // 2


def _log_so_far() -> str:
    """Aer's log of matrix product states, which a process never clears: every run adds to it."""
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator

    nothing = QuantumCircuit(1)
    nothing.measure_all()
    simulator = AerSimulator(method="matrix_product_state", mps_log_data=True)
    log = str(simulator.run(nothing, shots=1).result().results[0].metadata["MPS_log_data"])
    return log.removesuffix("}")


def _truncation(log: str) -> dict[str, float]:
    """Sum of the discarded weights and the largest bond dimension, from Aer's log."""
    discarded = [float(value) for value in re.findall(r"discarded_value=([0-9.eE+-]+)", log)]
    bonds = [int(value) for row in re.findall(r"BD=\[([0-9 ]*)\]", log) for value in row.split()]
    return {"truncation": math.fsum(discarded), "bond_dimension": max(bonds, default=1)}
