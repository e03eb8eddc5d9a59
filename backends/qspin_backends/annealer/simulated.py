"""The simulated annealer: `MockDWaveSampler` with real physics under it, and the imperfections of a QPU.

Each imperfection is off unless it is asked for: missing qubits, a temperature that does not follow the
scaling of the problem, Gaussian control errors of h and J, and readout flips.
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

from qspin.sampler import GivenFile, Remark, report_progress
from qspin_backends.annealer.control import ControlErrors
from qspin_backends.annealer.description import Description, access_seconds
from qspin_backends.annealer.device import Hardware, Program, Request
from qspin_backends.annealer.physics import Dynamics, Path, Physics, Substitute
from qspin_backends.common.background import side_by_side
from qspin_backends.common.journal import Answer

__all__ = ["FLAGSHIP", "Imperfections", "Simulated"]

FLAGSHIP = {"zephyr": (12, 4), "pegasus": (16,)}
"""Shapes of the largest devices in service: Advantage2 (Zephyr) and Advantage (Pegasus)."""

_SUBSTITUTE_PARAMETERS = ("seed", "temperature", "interrupt_function", "kept")  # beside those of a QPU
_ANY_TIME = [1e-6, 1e9]  # microseconds


@dataclass(frozen=True)
class Imperfections:
    """Of a simulated device; the defaults are none.

    Parameters
    ----------
    temperature : units of its couplings; None: it follows the scaling, so that the samples of a problem have
        the beta that was asked for, as far as the anneal is slow enough
    h_noise, j_noise, noise_seed : of what is programmed, see `ControlErrors`
    readout_error : probability that a qubit is read wrongly
    """

    temperature: float | None = None
    h_noise: float = 0.0
    j_noise: float = 0.0
    readout_error: float = 0.0
    noise_seed: int | None = None

    @property
    def control(self) -> ControlErrors:
        return ControlErrors(self.h_noise, self.j_noise, self.noise_seed)


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
    schedule, sweeps_per_ns, dephasing, tolerance : see `Conditions`
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
    schedule: GivenFile | str | None = None
    sweeps_per_ns: float | None = None
    dephasing: float = 0.0
    tolerance: float = 1e-3

    is_paid: ClassVar[bool] = False

    @property
    def identity(self) -> Mapping[str, Any]:
        anneals = {"physics": self.physics, "schedule": self._followed}
        if self.hardware is None:
            return {"name": "simulated", "topology": None, **anneals}
        described = "" if self.description is None else f", description of {self.description.name}"
        return {
            "name": f"simulated{described}",
            "topology": self.hardware.topology,
            "shape": list(self.hardware.shape),
            "n_qubits": len(self.hardware.qubits),
            "n_couplers": len(self.hardware.couplers),
            "digest": self.hardware.digest,
            **anneals,
        }

    @property
    def _followed(self) -> str | None:
        """Name of the shape or path of the file; None of a physics that was told none and needs none."""
        if self.schedule is None and not self.dynamics.has_transverse_field:
            return None
        return "quadratic" if self.schedule is None else str(self.schedule)

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
        couplers, and any time."""
        if self.description is not None:
            return self.description.properties
        if self.topology is not None:
            return _mock(self).properties
        smallest = _mock(dataclasses.replace(self, topology="pegasus", shape=(2,), working=1.0))
        kept = {n: v for n, v in smallest.properties.items() if n != "per_qubit_coupling_range"}
        return {**kept, "annealing_time_range": _ANY_TIME, "fast_anneal_time_range": _ANY_TIME}

    @property
    def known_parameters(self) -> tuple[str, ...]:
        """Of the solver that it follows, by Ocean's names."""
        return () if self.description is None else tuple(self.description.properties["parameters"])

    @property
    def substitute(self) -> Substitute:
        return Substitute(
            self.physics,
            self.n_sweeps,
            self.transverse_field,
            schedule=self.schedule,
            sweeps_per_ns=self.sweeps_per_ns,
            dephasing=self.dephasing,
            tolerance=self.tolerance,
        )

    @property
    def dynamics(self) -> Dynamics:
        return self.substitute.dynamics

    def temperature(self, factor: float) -> float | None:
        if not self.dynamics.has_temperature:
            return None
        fixed = self.imperfections.temperature
        return 1.0 if fixed is None else fixed / factor

    def expected_seconds(self, request: Request) -> float | None:
        if self.description is None:
            return None
        return access_seconds(self.properties, request.programs)[0]

    def remarks(self, request: Request) -> list[Remark]:
        follows = self.imperfections.temperature is None
        return self.dynamics.remarks(_path(request), self._temperature(request), follows)

    def computing_seconds(self, request: Request) -> float | None:
        path, temperature = _path(request), self._temperature(request)
        return self.dynamics.seconds(request.programs, path, temperature, os.cpu_count() or 1)

    def work(self, request: Request) -> tuple[str, float]:
        path, temperature = _path(request), self._temperature(request)
        return self.physics, self.dynamics.work(request.programs, path, temperature)

    def check(self, request: Request) -> None:
        self.dynamics.require(request.programs)  # beyond memory it cannot be; it is free

    def kept(self, request: Request) -> None:
        return None  # nothing is bought

    def anneal(self, request: Request) -> Iterator[Answer]:
        """Several programs at once; what is read does not depend on how many."""
        temperature = self._temperature(request)
        self.check(request)
        sampler = self.substitute if self.topology is None else _mock(self)
        stop = threading.Event()
        kept = request.shared.setdefault("kept", self.dynamics.shared())
        shared = {"temperature": temperature, "kept": kept}
        read = functools.partial(_read, sampler, shared, self.imperfections, stop)
        yield from side_by_side(read, request.programs, os.cpu_count() or 1, stop, _tell)

    def correlations(self, request: Request, program: Program) -> NDArray[np.float64] | None:
        flaws = self.imperfections
        if flaws.h_noise or flaws.j_noise or flaws.readout_error:
            return None
        kept = request.shared.setdefault("kept", self.dynamics.shared())
        realised = flaws.control.disturbed(program, np.random.default_rng(0))  # flux biases are no flaw
        return self.dynamics.correlations(realised, _path(request), kept)

    def _temperature(self, request: Request) -> float:
        """Of the device, units of its couplings."""
        fixed = self.imperfections.temperature
        return request.factor if fixed is None else fixed


def _tell(seconds: float, done: float) -> None:
    report_progress(done, f"annealing, {seconds:.0f} s so far")


def _path(request: Request) -> Path:
    """Of all programs alike."""
    return Path.of(request.programs[0].parameters if request.programs else {})


def _read(
    sampler: dimod.Sampler,
    shared: Mapping[str, Any],
    imperfections: Imperfections,
    stop: threading.Event,
    program: Program,
) -> Answer:
    streams = np.random.SeedSequence(program.seed).spawn(3)
    control, readout = (np.random.default_rng(stream) for stream in streams[:2])
    programmed = imperfections.control.disturbed(program, control)
    answer = sampler.sample(
        programmed.to_bqm(),
        **program.parameters,
        num_reads=program.n_reads,
        answer_mode="raw",
        seed=int(streams[2].generate_state(1)[0] >> 1),
        **shared,
        interrupt_function=stop.is_set,
    )
    spins = program.spins_of(answer)
    if imperfections.readout_error:
        spins[readout.random(spins.shape) < imperfections.readout_error] *= -1
    return Answer(spins, {})  # the timing of the mock sampler is constant, and no device's


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
    mock.properties["parameters"].setdefault("fast_anneal", "")  # Ocean's own entry lacks a comma
    mock.parameters.update(dict.fromkeys((*_SUBSTITUTE_PARAMETERS, *device.known_parameters), ()))
    return mock
