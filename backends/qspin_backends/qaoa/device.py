"""What a quantum computer is to the sampler: it transpiles a circuit and answers with shots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from qspin.problem import IsingProblem
from qspin.sampler import Remark
from qspin_backends.common.journal import Answer
from qspin_backends.qaoa.ansatz import Angles, Tilts
from qspin_backends.qaoa.copies import ALONE, Copies
from qspin_backends.qaoa.target import Target

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Device", "Request"]


@dataclass(frozen=True)
class Request:
    """All that is asked of a device for one `sample` call.

    Parameters
    ----------
    problem, angles, tilts : what the circuit is made of; angles in the units of the problem
    circuit : of the device, from `Target.side_by_side`
    n_shots : runs of the circuit; each reads all copies
    seed : of everything random on a simulated device
    purpose : what distinguishes it from other requests of the same circuit: problem digest, seed; plain JSON
    record : what else is worth keeping: settings; plain JSON
    copies : of the problem in the circuit
    """

    problem: IsingProblem
    angles: Angles
    tilts: Tilts | None
    circuit: QuantumCircuit
    n_shots: int
    seed: int
    purpose: Mapping[str, Any]
    record: Mapping[str, Any]
    copies: Copies = ALONE

    @property
    def n_bits(self) -> int:
        """That one run of the circuit reads."""
        return self.copies.n * self.problem.n_spins


class Device(Protocol):
    """Qiskit Aer, IBM hardware, or a backend of another vendor."""

    @property
    def target(self) -> Target:
        """What circuits are transpiled to."""
        ...

    @property
    def is_paid(self) -> bool:
        """Whether answers come from the journal of what was bought."""
        ...

    def check(self, problem: IsingProblem, depth: int, n_shots: int) -> None:
        """Raises InputError for what it will not run, before any work starts."""
        ...

    def identity(self, problem: IsingProblem, depth: int, n_shots: int) -> Mapping[str, Any]:
        """What it is and how it computes, for the record; plain JSON."""
        ...

    def readout_errors(self, circuit: QuantumCircuit) -> list[tuple[float, float]]:
        """P(1 | 0) and P(0 | 1) of every classical bit, as the device states them."""
        ...

    def expected_seconds(self, request: Request) -> float | None:
        """Of QPU time; None for no QPU, or where it is not known."""
        ...

    def work(self, problem: IsingProblem, depth: int, gates: int, n_shots: int) -> tuple[str, float, int]:
        """How it computes, how many numbers about, and bytes; see `qspin.sampler.Workload`."""
        ...

    def refuse_cost(self, requests: Sequence[Request]) -> None:
        """Raises InputError for requests that would together cost more than allowed."""
        ...

    def remarks(self) -> list[Remark]:
        """What a reader must know of it, whatever was asked."""
        ...

    def answers(self, request: Request) -> Iterator[Answer]:
        """Batches of runs (n_runs, n_bits), in order; raises as `check`."""
        ...
