"""QAOA: any Ising problem as a circuit, with good angles, on Qiskit Aer or IBM hardware."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import (
    FileSetting,
    Initial,
    Level,
    PositiveInt,
    Remark,
    Seed,
    Workload,
    checked_arguments,
    in_order,
    refuse_initial,
    report_progress,
    require_memory,
    resolved_seed,
    run_info,
    settings,
    settings_of,
)
from qspin.samples import SampleSet
from qspin_backends.common.journal import Answer
from qspin_backends.common.paid import Paid
from qspin_backends.common.resume import begun, ended, purpose_of
from qspin_backends.common.temperature import measured_temperatures
from qspin_backends.qaoa.aer import METHODS, Aer
from qspin_backends.qaoa.ansatz import Terms, Tilts
from qspin_backends.qaoa.circuit import qaoa_circuit, summary
from qspin_backends.qaoa.descent import greedy_state
from qspin_backends.qaoa.device import Device, Request
from qspin_backends.qaoa.given import GivenAngles, GivenNoise, GivenNumbers, refuse_misfits
from qspin_backends.qaoa.ibm import connected
from qspin_backends.qaoa.ignored import ignored_settings
from qspin_backends.qaoa.mitigation import after_measurement, kept_shots
from qspin_backends.qaoa.objective import CVaR, Expectation, Gibbs, Objective
from qspin_backends.qaoa.record import device_clocks, headline_of, on_truncation, record_of
from qspin_backends.qaoa.runtime import Access
from qspin_backends.qaoa.schedules import RAMP_STEP
from qspin_backends.qaoa.strategies import Chosen, Recipe, check_recipe, chosen_angles, untrained
from qspin_backends.qaoa.target import Target, fake_backend
from qspin_backends.qaoa.workload import expected_workload

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Qaoa"]


@settings
class Qaoa(Paid):
    """The quantum approximate optimisation algorithm; every shot is a replica with one draw.

    Layers exp(-i gamma E) and exp(i beta sum X) act on the ground state of -sum X (Farhi, Goldstone, Gutmann
    2014, arXiv:1411.4028); the qubits are measured. A circuit has no thermostat: the coordinate ``beta`` is
    NaN, and the inverse temperature that the shots look like is measured, as for annealers.

    Parameters
    ----------
    device : ``aer`` (Qiskit Aer, on this machine) or ``ibm`` (Qiskit Runtime)
    ansatz : ``qaoa``, or ``quench``: a Trotterised quench of the transverse field in `depth` steps
    depth : layers, or steps of a quench
    angles : ``table`` (published: regular graphs, Sherrington-Kirkpatrick), ``linear_ramp``, ``interp`` and
        ``fourier`` (trained depth by depth), ``optimise`` (trained from several starts), ``transfer`` (of
        another run), or ``{gamma: [...], beta: [...]}``, gamma in units of 1/energy
    angles_from : sample file of the run whose angles are to be transferred; what it holds decides, not where
        it lies
    n_shots : independent measurements
    ramp_step : gamma at the end and beta at the start of a linear ramp, units of the coupling scale
    fourier_terms : coefficients of ``fourier``; default as many as layers
    objective : of training: ``expectation``, ``cvar`` or ``gibbs``
    cvar_fraction : of the probability that ``cvar`` averages
    gibbs_eta : of ``gibbs``, units of 1/energy; default 1 / standard deviation of the energies of random
        states
    n_starts : of ``optimise``
    n_iterations : of one descent, at most
    multi_angle : an angle for every term and spin, from the best shared ones on; with ``optimise`` only
    warm_start : mean between -1 and 1 of every spin, by order or by label, or ``greedy``: initial state and
        mixers lean towards it
    regularisation : least probability of either value of a spin in a warm start
    quench_time : of a quench, units of 1/coupling scale
    schedule : of a quench: points (s, A, B) from s = 0 to 1; A in units of the coupling scale
    method : of Aer: ``auto`` (by size; `info` says why), ``statevector``, ``matrix_product_state``,
        ``tensor_network``, ``density_matrix``
    max_bond_dimension : of a matrix product state; default no limit
    truncation_threshold : of a matrix product state
    noise : of Aer: a fake backend by name (``fake_torino``), or probabilities by gate and for ``readout``:
        ``{rzz: 0.01, rx: 0.001, readout: 0.02}``, depolarising
    backend : of ``ibm``: its name, default the least busy; of ``aer``: a fake backend to transpile for
    coupling_map : of Aer: ``line``, ``ring``, ``grid`` or pairs of qubits to transpile for
    basis_gates : of Aer: gates to transpile to
    optimization_level : of Qiskit's transpiler
    transpiler_seed : of Qiskit's transpiler
    post_selection : keep this fraction of the shots, of lowest energy
    readout_mitigation : unfold the readout errors that the device states
    channel, instance : of IBM's service; default from the environment or the saved account. ``local`` runs
        fake backends on this machine
    max_qpu_seconds, reuse, retries, retry_pause : of ``ibm``, see `Paid`
    """

    name: ClassVar[str] = "qaoa"
    samples_version: ClassVar[int] = 1

    device: Literal["aer", "ibm"] = "aer"
    ansatz: Literal["qaoa", "quench"] = "qaoa"
    depth: PositiveInt = 1
    angles: GivenAngles = "table"
    angles_from: FileSetting | None = None
    n_shots: PositiveInt = 1000
    ramp_step: PositiveFloat = RAMP_STEP
    fourier_terms: PositiveInt | None = None
    objective: Literal["expectation", "cvar", "gibbs"] = "expectation"
    cvar_fraction: Annotated[float, Field(gt=0, le=1)] = 0.2
    gibbs_eta: PositiveFloat | None = None
    n_starts: PositiveInt = 3
    n_iterations: PositiveInt = 500
    multi_angle: bool = False
    warm_start: Literal["greedy"] | GivenNumbers | dict[str | int, float] | None = None
    regularisation: Annotated[float, Field(ge=0, lt=0.5)] = 0.25
    quench_time: PositiveFloat = 10.0
    schedule: tuple[tuple[float, float, float], ...] = ((0.0, 1.0, 0.0), (1.0, 0.0, 1.0))
    method: Literal[METHODS] = "auto"  # type: ignore[valid-type]
    max_bond_dimension: PositiveInt | None = None
    truncation_threshold: NonNegativeFloat = 1e-16
    noise: GivenNoise | None = None
    backend: str | None = None
    coupling_map: Literal["line", "ring", "grid"] | tuple[tuple[int, int], ...] | None = None
    basis_gates: tuple[str, ...] | None = None
    optimization_level: Annotated[int, Field(ge=0, le=3)] = 1
    transpiler_seed: NonNegativeInt = 0
    post_selection: Annotated[float, Field(gt=0, lt=1)] | None = None
    readout_mitigation: bool = False
    channel: Literal["ibm_quantum_platform", "ibm_cloud", "local"] | None = None
    instance: str | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Qaoa:
        refuse_misfits(self)
        return self

    @property
    def is_paid(self) -> bool:
        """Whether shots cost money."""
        return self.device == "ibm" and self.channel != "local"

    @property
    def offers(self) -> frozenset[str]:
        """What the samples have, see `qspin.sampler.OFFERS`."""
        kept = kept_shots(self.post_selection or 1.0, self.n_shots)
        return frozenset({"replicas", "spins"} if kept > 1 else {"spins"})

    def check(self, problem: IsingProblem) -> None:
        """Refuse what cannot be sampled, before anything is trained or bought; raises as `sample`."""
        require_memory(1, self.n_shots, 1, problem.n_spins)
        if not problem.n_spins:
            return
        tilts, recipe = self._tilts(problem, seed=0), self._recipe(problem)
        check_recipe(problem, recipe, tilts)
        with self._connected() as device:
            device.check(problem, self.depth, self.n_shots)
            if device.is_paid and self.max_qpu_seconds is not None:
                device.refuse_cost(self._untrained(problem, recipe, tilts, device))

    def workload(self, problem: IsingProblem) -> Workload:
        """What a call will take, see `qspin.sampler.Workload`; raises as `check`."""
        self.check(problem)
        if not problem.n_spins:
            return Workload("qaoa nothing", 0.0)
        tilts, recipe = self._tilts(problem, seed=0), self._recipe(problem)
        with self._connected() as device:
            paid: float | None = 0.0
            if self.is_paid:
                paid = device.expected_seconds(self._untrained(problem, recipe, tilts, device))
            return expected_workload(problem, recipe, device, self.n_shots, paid)

    def _untrained(
        self, problem: IsingProblem, recipe: Recipe, tilts: Tilts | None, device: Device
    ) -> Request:
        """A request that costs what the real one will, without its training."""
        angles = chosen_angles(problem, untrained(recipe), tilts, seed=0).angles
        circuit = device.transpiled(qaoa_circuit(problem, angles, tilts))
        purpose = {"check": problem.digest}
        return Request(problem, angles, tilts, circuit, self.n_shots, 0, purpose, {})

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns spins (1, shot, 1, spin) in the variables of the problem.

        Variables of the dataset beside them: ``beta_effective`` and ``beta_effective_error`` (beta,) by
        maximum pseudo-likelihood, units of 1/energy, NaN where no temperature can be told, which a remark
        explains; ``beta_matched`` and ``beta_matched_error`` (beta,) from the mean energy, for problems small
        enough to enumerate. ``info["angles"]`` holds gamma (units of 1/energy), beta and their origin,
        ``info["circuit"]`` depth and gates as they ran, ``info["device"]`` how, ``info["batches"]`` every
        call, ``info["expected_energy"]`` the mean energy of the circuit without noise, where it can be had
        cheaply.

        Raises
        ------
        CapacityError
            If the state, the samples or the training would not fit, or the backend is too small.
        InputError
            If angles do not fit, the budget is exceeded, no token is set, or `initial` configurations are
            given: `warm_start` is what leans towards one.
        RunError
            If hardware failed; what was bought is in the journal.
        """
        refuse_initial(self.name, initial, "its circuits start from product states, see warm_start")
        require_memory(1, self.n_shots, 1, problem.n_spins)
        if not problem.n_spins:
            return self._nothing_to_measure(problem, resolved_seed(seed))
        identity = begun(problem, seed, reuse=self.reuse)
        streams = np.random.SeedSequence(identity["seed"]).spawn(4)
        start = time.perf_counter()
        with self._connected() as device:
            chosen, circuit, tilts = self._prepared(problem, device, streams)
            request = Request(
                problem,
                chosen.angles,
                tilts,
                circuit,
                self.n_shots,
                _number(streams[2]),
                purpose_of(identity),
                {"settings": settings_of(self), "origin": chosen.origin},
            )
            prepared = time.perf_counter()
            answers = list(_counted(device, request))
            seconds = time.perf_counter() - prepared
            spins = np.concatenate([answer.spins for answer in answers])
            errors = device.readout_errors(circuit) if self.readout_mitigation else None
            rng = np.random.default_rng(streams[3])
            spins, remarks, after = after_measurement(problem, spins, errors, self.post_selection, rng)
            facts: dict[str, Any] = {
                "device": dict(device.identity(problem, self.depth, self.n_shots)),
                "circuit": summary(circuit),
                "batches": [dict(answer.facts) for answer in answers],
                "after_measurement": after,
            }
            if (expected := device.expected_seconds(request)) is not None:
                facts["expected_qpu_seconds"] = expected
        ended()
        clocks = device_clocks(answers, seconds, is_paid=device.is_paid)
        clocks["prepare"] = prepared - start
        facts |= {"ansatz": self.ansatz, **record_of(problem, chosen, tilts, self.depth)}
        remarks = [*on_truncation(answers), *remarks]
        return self._labelled(problem, spins, identity["seed"], clocks, facts, remarks)

    def circuit(self, problem: IsingProblem, *, seed: Seed = None) -> QuantumCircuit:
        """The circuit that `sample` measures, in the gates of the device; raises as `sample`.

        Examples
        --------
        >>> pair = IsingProblem([[0, -1], [-1, 0]])
        >>> dict(Qaoa().circuit(pair).count_ops())
        {'h': 2, 'rx': 2, 'measure': 2, 'rzz': 1, 'barrier': 1}
        """
        streams = np.random.SeedSequence(resolved_seed(seed)).spawn(4)
        with self._connected() as device:
            return self._prepared(problem, device, streams)[1]

    def _prepared(
        self, problem: IsingProblem, device: Device, streams: list[np.random.SeedSequence]
    ) -> tuple[Chosen, QuantumCircuit, Tilts | None]:
        """Angles, the circuit of the device, and the warm start; what cannot be is refused before."""
        tilts, recipe = self._tilts(problem, _number(streams[0])), self._recipe(problem)
        check_recipe(problem, recipe, tilts)
        device.check(problem, self.depth, self.n_shots)
        chosen = chosen_angles(problem, recipe, tilts, _number(streams[1]))
        return chosen, device.transpiled(qaoa_circuit(problem, chosen.angles, tilts)), tilts

    def _labelled(
        self,
        problem: IsingProblem,
        spins: NDArray[np.int8],
        seed: int,
        clocks: Mapping[str, float],
        facts: Mapping[str, Any],
        remarks: list[Remark],
    ) -> SampleSet:
        measured = measured_temperatures(
            problem, spins[None], np.zeros((1, len(spins)), dtype=np.int64), np.zeros(1), ["in the shots"]
        )
        extra = {name: ("beta", values) for name, values in measured.values.items()}
        info = run_info(
            self,
            seed,
            clocks=clocks,
            remarks=[*remarks, *measured.remarks],
            headline=headline_of(facts["circuit"], facts["device"]),
            ignored=ignored_settings(self, facts["device"].get("method")),
            **facts,
        )
        return SampleSet.from_spins(problem, spins[None, :, None], None, info, extra, handed_over=True)

    def _nothing_to_measure(self, problem: IsingProblem, seed: int) -> SampleSet:
        report_progress(1.0)
        spins = np.empty((1, self.n_shots, 1, 0), dtype=np.int8)
        remark = Remark("no-spins", "there are no spins to measure", Level.NOTE)
        info = run_info(self, seed, clocks={"sample": 0.0}, remarks=[remark], ignored=ignored_settings(self))
        return SampleSet.from_spins(problem, spins, None, info)

    def _tilts(self, problem: IsingProblem, seed: int) -> Tilts | None:
        if self.warm_start is None:
            return None
        if self.warm_start == "greedy":
            means: Any = greedy_state(problem, seed)
        elif isinstance(self.warm_start, dict):
            means = in_order(self.warm_start, problem, setting="warm_start", what="mean")
        else:
            means = self.warm_start
        if len(means) != problem.n_spins:
            raise InputError(
                f"warm_start holds {len(means)} means; the problem has {problem.n_spins} spins",
                key=("warm_start",),
            )
        return Tilts.towards(means, self.regularisation)

    def _recipe(self, problem: IsingProblem) -> Recipe:
        return Recipe(
            ansatz=self.ansatz,
            depth=self.depth,
            angles=self.angles,
            angles_from=self.angles_from,
            ramp_step=self.ramp_step,
            fourier_terms=self.fourier_terms,
            objective=self._objective(problem),
            n_starts=self.n_starts,
            n_iterations=self.n_iterations,
            multi_angle=self.multi_angle,
            quench_time=self.quench_time,
            schedule=self.schedule,
        )

    def _objective(self, problem: IsingProblem) -> Objective:
        if self.objective == "cvar":
            return CVaR(self.cvar_fraction)
        if self.objective == "gibbs":
            spread = float(np.sqrt((Terms.of(problem).weights ** 2).sum()))
            return Gibbs(self.gibbs_eta or 1 / (spread or 1.0))
        return Expectation()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Device]:
        transpiler = {"optimization_level": self.optimization_level, "seed": self.transpiler_seed}
        if self.device == "ibm":
            access = Access(
                backend=self.backend,
                channel=self.channel,
                instance=self.instance,
                **self.terms(),
            )
            with connected(access, transpiler) as device:
                yield device
            return
        named, key = self.backend, "backend"
        if isinstance(self.noise, str):
            named, key = self.noise, "noise"
        backend = None if named is None else fake_backend(named, key)
        target = Target(backend, self.coupling_map, self.basis_gates, **transpiler)
        yield Aer(self.method, self.max_bond_dimension, self.truncation_threshold, self.noise, target)


def _number(stream: np.random.SeedSequence) -> int:
    return int(stream.generate_state(1, np.uint64)[0])


def _counted(device: Device, request: Request) -> Iterator[Answer]:
    done = 0
    for answer in device.answers(request):
        yield answer
        done += len(answer.spins)
        report_progress(done / request.n_shots, f"{done} of {request.n_shots} shots")
