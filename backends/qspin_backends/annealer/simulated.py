"""The simulated annealer: `MockDWaveSampler` with real physics under it, and the imperfections of a QPU.

Each imperfection is off unless it is asked for: missing qubits, a temperature that does not follow the
scaling of the problem, Gaussian control errors of h and J (one draw a programming), and readout flips.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import dimod
import numpy as np
from numpy.typing import NDArray

from qspin.sampler import Remark, report_progress
from qspin_backends.annealer.description import Description, access_seconds
from qspin_backends.annealer.device import Hardware, Program, Request
from qspin_backends.annealer.physics import LONGEST_WORLDLINE, Physics, Substitute
from qspin_backends.common.background import side_by_side
from qspin_backends.common.journal import Answer

__all__ = ["FLAGSHIP", "Imperfections", "Simulated"]

FLAGSHIP = {"zephyr": (12, 4), "pegasus": (16,)}
"""Shapes of the largest devices in service: Advantage2 (Zephyr) and Advantage (Pegasus)."""

_SUBSTITUTE_PARAMETERS = ("seed", "temperature", "interrupt_function")  # taken beside those of a QPU


@dataclass(frozen=True)
class Imperfections:
    """Of a simulated device; the defaults are none.

    Parameters
    ----------
    temperature : units of its couplings; None: it follows the scaling, so that the samples of a problem have
        the beta that was asked for, as far as the anneal is slow enough
    h_noise, j_noise : standard deviation of what is programmed, units of its couplings
    readout_error : probability that a qubit is read wrongly
    """

    temperature: float | None = None
    h_noise: float = 0.0
    j_noise: float = 0.0
    readout_error: float = 0.0


@dataclass(frozen=True)
class Simulated:
    """A device of a topology, or of none: then every problem is its own graph.

    Parameters
    ----------
    topology : ``zephyr``, ``pegasus`` or None
    shape : of the topology
    working : fraction of qubits that work; which ones `yield_seed` decides
    physics, n_sweeps, transverse_field : see `Substitute`
    imperfections : of the device
    description : of a solver, whose graph, ranges and limits it has in place of those of `MockDWaveSampler`
    """

    topology: str | None
    shape: tuple[int, ...]
    working: float
    yield_seed: int
    physics: Physics
    n_sweeps: int
    transverse_field: float
    imperfections: Imperfections
    description: Description | None = None

    is_paid: ClassVar[bool] = False

    @property
    def identity(self) -> Mapping[str, Any]:
        if self.hardware is None:
            return {"name": "simulated", "topology": None}
        described = "" if self.description is None else f", description of {self.description.name}"
        return {
            "name": f"simulated{described}",
            "topology": self.hardware.topology,
            "shape": list(self.hardware.shape),
            "n_qubits": len(self.hardware.qubits),
            "n_couplers": len(self.hardware.couplers),
            "digest": self.hardware.digest,
        }

    @property
    def hardware(self) -> Hardware | None:
        if self.description is not None:
            return self.description.hardware
        if self.topology is None:
            return None
        return _hardware(self.topology, self.shape, self.working, self.yield_seed)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Those of the description, else of `MockDWaveSampler`, an Advantage; without a graph, no sum over
        couplers."""
        if self.description is not None:
            return self.description.properties
        if self.topology is not None:
            return _mock(self).properties
        smallest = _mock(dataclasses.replace(self, topology="pegasus", shape=(2,), working=1.0))
        return {n: v for n, v in smallest.properties.items() if n != "per_qubit_coupling_range"}

    @property
    def known_parameters(self) -> tuple[str, ...]:
        """Of the solver that it follows, by Ocean's names."""
        return () if self.description is None else tuple(self.description.properties["parameters"])

    @property
    def substitute(self) -> Substitute:
        return Substitute(self.physics, self.n_sweeps, self.transverse_field)

    def temperature(self, factor: float) -> float | None:
        fixed = self.imperfections.temperature
        return 1.0 if fixed is None else fixed / factor

    def expected_seconds(self, request: Request) -> float | None:
        if self.description is None:
            return None
        return access_seconds(self.properties, request.programs)[0]

    def remarks(self, request: Request) -> list[Remark]:
        temperature = self._temperature(request)
        warm = self.substitute.warm_until(_schedule(request), temperature)
        if not warm:
            return []
        strongest = self.transverse_field / temperature
        text = (
            f"the transverse field starts at {strongest:.3g} temperatures and path integrals follow up to "
            f"{LONGEST_WORLDLINE:g}: until sweep {warm} of {self.n_sweeps} the device is warmer, 1/"
            f"{LONGEST_WORLDLINE:g} of that field, and only then as cold as it was asked to be. What froze "
            "before stays as it was; raise n_sweeps for a slower end, or lower betas or transverse_field"
        )
        return [Remark("warmer-than-asked", text)]

    def computing_seconds(self, request: Request) -> float | None:
        seconds = [
            self.substitute.seconds(
                len(p.qubits), len(p.couplers), _schedule(request), self._temperature(request)
            )
            for p in request.programs
        ]
        if None in seconds:
            return None
        cores = min(len(seconds), os.cpu_count() or 1)
        return sum(p.n_reads * (s or 0.0) for p, s in zip(request.programs, seconds, strict=True)) / cores

    def work(self, request: Request) -> tuple[str, float]:
        course, temperature = _schedule(request), self._temperature(request)
        reads = [
            (p.n_reads, self.substitute.work(len(p.qubits), len(p.couplers), course, temperature))
            for p in request.programs
        ]
        return self.physics, sum(n_reads * work for n_reads, work in reads)

    def check(self, request: Request) -> None:
        pass  # it is free

    def anneal(self, request: Request) -> Iterator[Answer]:
        """Several programs at once; what is read does not depend on how many."""
        temperature = self._temperature(request)
        sampler = self.substitute if self.topology is None else _mock(self)
        stop = threading.Event()
        read = functools.partial(_read, sampler, temperature, self.imperfections, stop)
        yield from side_by_side(read, request.programs, os.cpu_count() or 1, stop, _tell)

    def _temperature(self, request: Request) -> float:
        """Of the device, units of its couplings."""
        fixed = self.imperfections.temperature
        return request.factor if fixed is None else fixed


def _tell(seconds: float, done: float) -> None:
    report_progress(done, f"annealing, {seconds:.0f} s so far")


def _schedule(request: Request) -> Any:
    """Of all programs alike; None for the default."""
    return request.programs[0].parameters.get("anneal_schedule") if request.programs else None


def _read(
    sampler: dimod.Sampler,
    temperature: float,
    imperfections: Imperfections,
    stop: threading.Event,
    program: Program,
) -> Answer:
    streams = np.random.SeedSequence(program.seed).spawn(3)
    control, readout = (np.random.default_rng(stream) for stream in streams[:2])
    programmed = dataclasses.replace(
        program,
        fields=_disturbed(program.fields, imperfections.h_noise, control),
        couplings=_disturbed(program.couplings, imperfections.j_noise, control),
    )
    answer = sampler.sample(
        programmed.to_bqm(),
        **program.parameters,
        num_reads=program.n_reads,
        answer_mode="raw",
        seed=int(streams[2].generate_state(1)[0] >> 1),
        temperature=temperature,
        interrupt_function=stop.is_set,
    )
    spins = program.spins_of(answer)
    if imperfections.readout_error:
        spins[readout.random(spins.shape) < imperfections.readout_error] *= -1
    return Answer(spins, {})  # the timing of the mock sampler is constant, and no device's


def _disturbed(
    values: NDArray[np.float64], deviation: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    return values + deviation * rng.normal(size=values.shape) if deviation else values


@functools.lru_cache(maxsize=8)
def _hardware(topology: str, shape: tuple[int, ...], working: float, yield_seed: int) -> Hardware:
    from dwave.system import qpu_graph

    graph = qpu_graph(topology, list(shape), None, None)
    qubits = np.array(sorted(graph.nodes), dtype=np.int64)
    couplers = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges), dtype=np.int64).reshape(-1, 2)
    if working < 1:
        rng = np.random.default_rng(yield_seed)
        kept = rng.choice(len(qubits), size=max(1, round(working * len(qubits))), replace=False)
        qubits = qubits[np.sort(kept)]
        couplers = couplers[np.isin(couplers, qubits).all(axis=1)]
    return Hardware(topology, shape, qubits, couplers)


@functools.lru_cache(maxsize=8)
def _mock(device: Simulated) -> Any:
    from dwave.system.testing import MockDWaveSampler

    hardware = device.hardware
    assert hardware is not None
    mock = MockDWaveSampler(
        nodelist=hardware.qubits.tolist(),
        edgelist=list(map(tuple, hardware.couplers.tolist())),
        topology_type=hardware.topology,
        topology_shape=list(hardware.shape),
        parameter_warnings=False,
        substitute_sampler=device.substitute,
        exact_solver_cutoff=0,
    )
    mock.parameters.update(dict.fromkeys((*_SUBSTITUTE_PARAMETERS, *device.known_parameters), ()))
    return mock
