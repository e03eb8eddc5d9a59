"""Settings of a QAOA sampler: what they are, what cannot go together, and what follows from them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from qspin.sampler import FileSetting, PlainValues, PositiveInt, Schedule, settings
from qspin_backends.common.paid import Paid
from qspin_backends.common.schedules import ScheduleSetting, followed
from qspin_backends.qaoa.aer import METHODS
from qspin_backends.qaoa.given import GivenAngles, GivenNoise, GivenNumbers, refuse_misfits
from qspin_backends.qaoa.mitigation import kept_shots
from qspin_backends.qaoa.schedules import RAMP_STEP
from qspin_backends.qaoa.vendor import is_free

__all__ = ["QaoaSettings"]


@settings
class QaoaSettings(Paid):
    """The quantum approximate optimisation algorithm; every shot is a replica with one draw.

    Layers exp(-i gamma E) and exp(i beta sum X) act on the ground state of -sum X (Farhi, Goldstone, Gutmann
    2014, arXiv:1411.4028); the qubits are measured. A circuit has no thermostat: the coordinate ``beta`` is
    NaN, and the inverse temperature that the shots look like is measured, as for annealers.

    Parameters
    ----------
    device : ``aer`` (Qiskit Aer, on this machine), ``ibm`` (Qiskit Runtime), or ``backend``: of any vendor,
        from where `backend` leads
    ansatz : ``qaoa``, or ``quench``: a Trotterised quench of the transverse field in `depth` steps; a remark
        tells where they are long, and which depth would make them short
    depth : layers, or steps of a quench
    depths : ascending: a circuit of each, in the place of `depth`. They are trained in one go, each from the
        angles of the one before, and are the rows of the samples, with a coordinate ``depth``
    angles : ``table`` (published: regular graphs, Sherrington-Kirkpatrick), ``linear_ramp``, ``interp`` and
        ``fourier`` (trained depth by depth), ``optimise`` (trained from several starts), ``transfer`` (of
        another run), or ``{gamma: [...], beta: [...]}``, gamma in units of 1/energy
    angles_from : sample file of the run whose angles are to be transferred; what it holds decides, not where
        it lies
    n_shots : independent measurements, of each circuit
    n_copies : of the problem side by side on the graph of a device, all read in every run of the circuit;
        ``auto``: as many as are found
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
    schedule : of a quench: points (s, A, B) from s = 0 to 1, A in units of the coupling scale; or that of an
        annealer, as its setting `schedule` has it, which needs `annealing_time` in place of `quench_time`
    annealing_time : of a quench along the schedule of an annealer, microseconds (0.02 is 20 ns)
    transverse_field : G of a schedule that has a name
    method : of Aer: ``auto`` (by size; `info` says why), ``statevector``, ``matrix_product_state``,
        ``tensor_network``, ``density_matrix``
    max_bond_dimension : of a matrix product state; default no limit
    truncation_threshold : of a matrix product state
    noise : of Aer: a fake backend by name (``fake_torino``), or probabilities by gate and for ``readout``:
        ``{rzz: 0.01, rx: 0.001, readout: 0.02}``, depolarising
    noise_drift : by what share of themselves the probabilities of `noise` have grown at the last shots, or
        fallen; in ten batches, linearly
    backend : of ``ibm``: its name, default the least busy; of ``aer``: a fake backend to transpile for; of
        ``backend``: import path of a class of Qiskit's ``BackendV2`` or of a provider, or of a function
        without arguments that returns one
    backend_name : of a provider's backends, where the import path leads to one
    backend_options : keyword arguments of such a class: numbers, text, lists, mappings
    coupling_map : of Aer: ``line``, ``ring``, ``grid`` or pairs of qubits to transpile for
    basis_gates : of Aer: gates to transpile to
    optimization_level : of Qiskit's transpiler
    transpiler_seed : of Qiskit's transpiler
    layout : qubit of a device for every spin, in their order
    dynamical_decoupling : pulses on idle qubits: ``XX``, ``XpXm`` or ``XY4``; of ``ibm``
    twirling : random Pauli frames of two-qubit gates and of the measurement; of ``ibm``
    post_selection : keep this fraction of the shots, of lowest energy
    readout_mitigation : unfold the readout errors that the device states
    channel, instance : of IBM's service; default from the environment or the saved account. ``local`` runs
        fake backends on this machine
    max_qpu_seconds, reuse, retries, retry_pause : of a device that is paid, see `Paid`
    """

    name: ClassVar[str] = "qaoa"
    samples_version: ClassVar[int] = 1

    device: Literal["aer", "ibm", "backend"] = "aer"
    ansatz: Literal["qaoa", "quench"] = "qaoa"
    depth: PositiveInt = 1
    depths: tuple[PositiveInt, ...] | None = None
    angles: GivenAngles = "table"
    angles_from: FileSetting | None = None
    n_shots: PositiveInt = 1000
    n_copies: PositiveInt | Literal["auto"] = 1
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
    schedule: tuple[tuple[float, float, float], ...] | ScheduleSetting = ((0.0, 1.0, 0.0), (1.0, 0.0, 1.0))
    annealing_time: PositiveFloat | None = None
    transverse_field: NonNegativeFloat = 1.0
    method: Literal[METHODS] = "auto"  # type: ignore[valid-type]
    max_bond_dimension: PositiveInt | None = None
    truncation_threshold: NonNegativeFloat = 1e-16
    noise: GivenNoise | None = None
    noise_drift: Annotated[float, Field(ge=-1)] = 0.0
    backend: str | None = None
    backend_name: str | None = None
    backend_options: PlainValues = Field(default_factory=dict)
    coupling_map: Literal["line", "ring", "grid"] | tuple[tuple[int, int], ...] | None = None
    basis_gates: tuple[str, ...] | None = None
    optimization_level: Annotated[int, Field(ge=0, le=3)] = 1
    transpiler_seed: NonNegativeInt = 0
    layout: tuple[NonNegativeInt, ...] | None = None
    dynamical_decoupling: Literal["XX", "XpXm", "XY4"] | None = None
    twirling: bool = False
    post_selection: Annotated[float, Field(gt=0, lt=1)] | None = None
    readout_mitigation: bool = False
    channel: Literal["ibm_quantum_platform", "ibm_cloud", "local"] | None = None
    instance: str | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> QaoaSettings:
        refuse_misfits(self)
        return self

    @property
    def each_depth(self) -> tuple[int, ...]:
        """Depths of the circuits, a row of samples each."""
        return (self.depth,) if self.depths is None else self.depths

    @property
    def followed_schedule(self) -> Schedule | None:
        """That of an annealer, which a quench follows in time; raises InputError where its file is none."""
        if self.ansatz != "quench" or isinstance(self.schedule, tuple):
            return None
        return followed(self.schedule, self.transverse_field)

    @property
    def is_paid(self) -> bool:
        """Whether shots cost money: at IBM they do, and elsewhere unless the backend says that it is a
        simulator."""
        if self.device == "backend":
            return not is_free(self.backend, self.backend_name, self.backend_options)
        return self.device == "ibm" and self.channel != "local"

    @property
    def offers(self) -> frozenset[str]:
        """What the samples have, see `qspin.sampler.OFFERS`."""
        kept = kept_shots(self.post_selection or 1.0, self.n_shots)
        return frozenset({"thermometer", "spins"} | ({"replicas"} if kept > 1 else set()))
