"""What an annealer is to the pipeline: qubits with couplers, limits, and one call that anneals programs."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import Remark
from qspin_backends.common.journal import Answer

if TYPE_CHECKING:
    import dimod
    import networkx as nx

__all__ = ["Device", "Hardware", "Limits", "Program", "Request"]


@dataclass(frozen=True)
class Hardware:
    """The working graph of a device.

    Parameters
    ----------
    topology : ``zephyr``, ``pegasus``, ...
    shape : of the topology, such as [12, 4]
    qubits : working qubits (n_qubits,), ascending
    couplers : working couplers (n_couplers, 2)
    """

    topology: str
    shape: tuple[int, ...]
    qubits: NDArray[np.int64]
    couplers: NDArray[np.int64]

    @cached_property
    def digest(self) -> str:
        """Of topology, qubits and couplers: two devices with the same digest take the same embeddings."""
        content = hashlib.sha256(repr((self.topology, self.shape)).encode())
        content.update(self.qubits.tobytes() + self.couplers.tobytes())
        return content.hexdigest()

    @cached_property
    def graph(self) -> nx.Graph:
        """With the attributes of its topology, which structured embeddings need."""
        from dwave.system import qpu_graph

        edges = list(map(tuple, self.couplers.tolist()))
        return qpu_graph(self.topology, list(self.shape), self.qubits.tolist(), edges)

    def __str__(self) -> str:
        size = "x".join(map(str, self.shape))
        return f"{self.topology} {size} ({len(self.qubits)} qubits, {len(self.couplers)} couplers)"


@dataclass(frozen=True)
class Limits:
    """What a device accepts of a program, in units of its couplings and in microseconds, from its properties.

    What it accepts of an anneal, `Anneal` holds. The lower end of ``problem_run_duration_range`` is not
    held: no call that asks for a read is too short.

    Parameters
    ----------
    h, j, extended_j : of a field, a coupling, and one in the extended range
    per_qubit : of the sum of the couplings of a qubit; None where the device states none
    reads : most that a call may ask for
    duration : longest run of a call; infinite where the device states none
    per_group : of the sum of the couplings of a group (`dwave.system.coupling_groups`): those of a qubit of
        a Zephyr device fall into two; None where the device states none
    least_reads : fewest that a call may ask for
    """

    h: tuple[float, float]
    j: tuple[float, float]
    extended_j: tuple[float, float]
    per_qubit: tuple[float, float] | None
    reads: int
    duration: float
    per_group: tuple[float, float] | None = None
    least_reads: int = 1

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Limits:
        j = tuple(properties["j_range"])
        per_qubit = properties.get("per_qubit_coupling_range")
        per_group = properties.get("per_group_coupling_range")
        least, most = properties["num_reads_range"]
        return cls(
            h=tuple(properties["h_range"]),
            j=j,
            extended_j=tuple(properties.get("extended_j_range", j)),
            per_qubit=None if per_qubit is None else tuple(per_qubit),
            reads=int(most),
            duration=float(properties.get("problem_run_duration_range", [0, math.inf])[1]),
            per_group=None if per_group is None else tuple(per_group),
            least_reads=max(1, int(least)),
        )

    def tightened(self, share: float) -> Limits:
        """With so much of the range of couplings, and of their sums, kept free."""

        def less(allowed: tuple[float, float]) -> tuple[float, float]:
            return (1 - share) * allowed[0], (1 - share) * allowed[1]

        return dataclasses.replace(
            self,
            j=less(self.j),
            extended_j=less(self.extended_j),
            per_qubit=None if self.per_qubit is None else less(self.per_qubit),
            per_group=None if self.per_group is None else less(self.per_group),
        )

    def reads_a_call(self, anneal_time: float, readout: float, programming: float) -> int:
        """Reads that one call may ask for; times in microseconds, of a read, after a read, once.

        A call runs for (anneal + readout) reads + programming, by the documentation of D-Wave's solvers.
        """
        each = anneal_time + readout
        if each <= 0 or math.isinf(self.duration):
            return self.reads
        return min(self.reads, int((self.duration - programming) / each))


@dataclass(frozen=True)
class Program:
    """What is programmed once and read `n_reads` times.

    Parameters
    ----------
    qubits : names of the qubits that are used (n_used,), ascending
    fields : (n_used,), units of the device
    couplers : positions in `qubits` of the two ends (n_used_couplers, 2)
    couplings : (n_used_couplers,)
    n_reads : anneals
    parameters : of the solver, by the names that Ocean gives them
    seed : of everything random on a simulated device
    origin : which scale and gauge it is, for the record; plain JSON
    """

    qubits: NDArray[np.int64]
    fields: NDArray[np.float64]
    couplers: NDArray[np.int64]
    couplings: NDArray[np.float64]
    n_reads: int
    parameters: Mapping[str, Any]
    seed: int
    origin: Mapping[str, Any]

    def to_bqm(self) -> dimod.BinaryQuadraticModel:
        """Over the names of the qubits."""
        import dimod

        bqm = dimod.BinaryQuadraticModel(dimod.SPIN)
        bqm.add_linear_from_array(self.fields.tolist())
        bqm.add_quadratic_from(
            zip(*self.couplers.T.tolist(), self.couplings.tolist(), strict=True) if len(self.couplers) else ()
        )
        bqm.relabel_variables(dict(enumerate(self.qubits.tolist())))
        return bqm

    def spins_of(self, answer: dimod.SampleSet) -> NDArray[np.int8]:
        """Reads (n_reads, n_used) of an answer that holds at least the qubits of this program."""
        position = {qubit: k for k, qubit in enumerate(answer.variables)}
        columns = [position[qubit] for qubit in self.qubits.tolist()]
        repeats = answer.record.num_occurrences.astype(int)
        reads = np.repeat(answer.record.sample[:, columns], repeats, axis=0)
        return np.ascontiguousarray(reads, dtype=np.int8)


@dataclass(frozen=True)
class Request:
    """What is asked of a device at a time: for one `sample` call, or one round of its calibration.

    Parameters
    ----------
    programs : within `Limits`, in order
    factor : by which energies were multiplied to fit its range
    purpose : what distinguishes it from other requests of the same programs: problem digest, seed; plain JSON
    record : what else is worth keeping: settings, embedding; plain JSON
    later : programs of the same call that will follow, and that count in what may be spent
    shared : what a device computes once for all of it, and keeps for questions that follow
    """

    programs: Sequence[Program]
    factor: float
    purpose: Mapping[str, Any]
    record: Mapping[str, Any]
    later: Sequence[Program] = ()
    shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


class Device(Protocol):
    """A simulated annealer or a QPU."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What it is, for the record; plain JSON."""
        ...

    @property
    def hardware(self) -> Hardware | None:
        """Its graph; None where every problem is its own graph."""
        ...

    @property
    def properties(self) -> Mapping[str, Any]:
        """As a solver of D-Wave states them."""
        ...

    def temperature(self, factor: float) -> float | None:
        """In units of the problem's energies, if these were multiplied by `factor`; None if nobody knows."""
        ...

    def expected_seconds(self, request: Request) -> float | None:
        """Of QPU access time that are charged, or would be by the solver that a simulated device follows.

        None where that is not known.
        """
        ...

    def remarks(self, request: Request) -> list[Remark]:
        """What a reader of its answers must know about the anneal."""
        ...

    def computing_seconds(self, request: Request) -> float | None:
        """Roughly, of computing on this machine; None where there is little of it."""
        ...

    @property
    def is_paid(self) -> bool:
        """Whether what it anneals may be charged."""
        ...

    def work(self, request: Request) -> tuple[str, float]:
        """What anneals, and how much there is to do, see `qspin.sampler.Workload`."""
        ...

    def check(self, request: Request) -> None:
        """Raises InputError for what it will not anneal, before anything is bought."""
        ...

    def kept(self, request: Request) -> list[Answer] | None:
        """Answers that were bought before and cost nothing now; None if there is one that was not."""
        ...

    def anneal(self, request: Request) -> Iterator[Answer]:
        """Answers in the order of the programs; raises as `check`."""
        ...

    def correlations(self, request: Request, program: Program) -> NDArray[np.float64] | None:
        """<s_i s_j> of the qubits of one program (n_used, n_used) in the distribution that its reads are
        drawn from; None where nobody knows it."""
        ...
