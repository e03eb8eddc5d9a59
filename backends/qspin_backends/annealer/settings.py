"""Settings of the annealer: what the user gives, refused here where it cannot work."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from qspin.sampler import FileSetting, ImportPath, Ladder, PlainValues, PositiveInt, Schedule, settings
from qspin_backends.annealer.choices import (
    ChainStrength,
    Copies,
    Embeddings,
    Score,
    State,
    Unembedding,
    refuse_misfits,
)
from qspin_backends.annealer.physics import Physics
from qspin_backends.annealer.physics.choices import physics_of, refuse_misfits_of_physics
from qspin_backends.common.paid import Paid
from qspin_backends.common.schedules import ScheduleSetting, followed

__all__ = ["AnnealerSettings"]


@settings
class AnnealerSettings(Paid):
    """How a problem is to be annealed.

    Parameters
    ----------
    device : ``simulated`` or ``qpu``
    betas : ascending factors on the couplings; the largest decides on scaling and chains
    n_reads : at each factor
    n_gauges : random spin reversals that share the reads, at least; every copy of every programming has one
        of its own. 0 for none
    auto_scale : shrink all energies by one factor where they exceed the range; otherwise refuse
    extended_j_range : let couplings, in gauges only chains, be as negative as the device allows
    embedding : ``auto``: native where labels are qubits, else for dense graphs ``clique``, else
        ``minorminer``; or ``biclique``, chains of qubits by spin, or the import path of a function of
        (problem graph, hardware graph)
    embedding_seed : of the search; what was found is kept on disk
    embedding_tries : embeddings that are searched, with this seed and those after it; the best one is taken
    embedding_score : which is best: ``longest_chain``, the least of it, then fewest qubits; ``n_qubits``, the
        other way round; ``spread``, the least standard deviation of the lengths of chains, then fewest qubits
    n_copies : of the problem side by side on the device, all of them read in every anneal: so many times
        fewer anneals are annealed, and paid, and so many times fewer programmings give `n_gauges`. ``auto``:
        as many as a search of a minute finds and `n_reads` needs; it is kept on disk
    n_embeddings : different embeddings that share the reads, to average over the qubits: displacements over
        the device, of a single copy, and automorphisms of the graph of the problem
    chain_strength : in units of the problem times the largest of `betas`; ``uniform_torque_compensation``;
        ``auto``, the same but no less than three temperatures where the temperature is known; or the import
        path of a function of (bqm, embedding)
    unembedding : ``majority_vote`` with fair ties, ``minimize_energy``, ``discard`` reads with broken chains,
        or the import path of a function of (reads, chains)
    annealing_time : microseconds (0.02 is 20 ns, and 20 are 20 000 ns); to a simulated device it means
        something where physics is ``schrodinger`` or sweeps_per_ns is given. One without a graph takes any
        time
    fast_anneal : by the fast-anneal protocol
    anneal_schedule : points (time in microseconds, s); starting at s = 1 it is a reverse anneal
    initial_state : of a reverse anneal, by order of the spins or by label; or `initial` of `sample`
    reinitialize_state : start every read of a reverse anneal from it
    reduce_intersample_correlation, flux_drift_compensation : switches of a QPU
    flux_biases : import path of a function of (properties, qubits) that returns qubit -> flux bias, in flux
        quanta
    programming_thermalization, readout_thermalization : microseconds that a QPU waits after a programming,
        and after a read; without meaning for a simulated device, like the two below
    h_gain_schedule : points (time in microseconds, gain on the fields) of a QPU, over the time of the anneal
    anneal_offsets : by how much a QPU anneals qubits ahead, in its normalised units: by spin, for all qubits
        of its chain, or import path of a function of (properties, qubits) that returns qubit -> offset
    topology : ``zephyr``, ``pegasus``, or ``none``: simulated, every problem is its own graph. Default
        zephyr; a QPU is chosen by it if it is given
    size : m of a simulated topology, up to 40; default that of the largest device in service
    working : fraction of qubits that work, of a simulated device
    yield_seed : decides which
    physics : of a simulated device: ``path_integral`` (quantum Monte Carlo), ``rotor`` (spin vectors),
        ``thermal``, or ``schrodinger``: the state vector in real time from the driver's ground state, exact
        for some 24 connected qubits; every qubit more doubles what `workload` tells of the computing
    schedule : that a simulated device follows: a CSV file of s, A and B in GHz as D-Wave publishes them,
        H / h = -A/2 sum sigma^x + B/2 E; or a shape of ours, ``quadratic``, H = -G (1 - s)^2 sum sigma^x +
        s E in units of the couplings, or ``linear``, with 1 - s. None: ``quadratic``, and for ``thermal`` a
        cooling in the first half of the sweeps. For ``schrodinger`` a unit of the couplings of a shape is
        1 GHz
    n_sweeps : of one simulated anneal by Monte Carlo
    sweeps_per_ns : in place of `n_sweeps`, where annealing_time or anneal_schedule says how long it takes
    transverse_field : G of a shape, units of the couplings of the device
    temperature : of a simulated device, units of its couplings; None: it follows the scaling, so that
        beta_effective comes out as `betas` where the anneal is slow enough
    temperature_mk : the same in millikelvin, of a schedule in GHz
    dephasing : of ``schrodinger``, 1/ns: the rate at which the coherence of a qubit decays; every read then
        follows a trajectory of its own, so that n_reads evolutions are computed in place of one, some 2 ms
        each and as much again for every flip of a phase, of which a qubit has dephasing / 2 in a ns
    tolerance : of ``schrodinger``: a bound on the norm of the error of the state, by which its steps are
        chosen. Real errors are less: with 1e-3, of glasses and rings of 4 to 10 qubits in 1 to 20 ns, 3e-4 or
        less on the norm and 6e-6 or less on probabilities, their total variation
    h_noise, j_noise : standard deviation of what a simulated device programs, units of its couplings
    noise_seed : of a chip, simulated, whose qubits and couplers err alike in all programmings; None: each
        programming errs in a way of its own
    readout_error : probability that a simulated device reads a qubit wrongly
    n_shim : rounds of shims before the problem is annealed, each a programming or two: flux biases take back
        magnetisations that the problem has not, and small changes even out couplings that its symmetry, or
        that of its copies, makes equal (Chern et al. 2023). ``info["calibration"]["shims"]`` has the curves
    shim_reads : of each programming of a calibration
    readout_mitigation : measure how often qubits are read wrongly, by two programmings of strong fields, and
        take that out of means; see `Annealer.sample`. Reads stay as they were read
    solver : of a QPU: its name, or features such as ``{topology__type: zephyr}``; default from Ocean's config
    region : of the QPU; default from Ocean's config
    solver_file : JSON that D-Wave's cloud describes a solver by, or its properties alone, which a simulated
        device then follows: the graph that works, ranges, groups of couplers, limits, timing. `topology`,
        `size` and `working` are those of the description
    max_qpu_seconds, reuse, retries, retry_pause : of a QPU, see `Paid`
    """

    device: Literal["simulated", "qpu"] = "simulated"
    betas: Ladder = (1.0,)
    n_reads: PositiveInt = 100
    n_gauges: NonNegativeInt = 10
    auto_scale: bool = True
    extended_j_range: bool = True
    embedding: Embeddings = "auto"
    embedding_seed: NonNegativeInt = 0
    embedding_tries: PositiveInt = 1
    embedding_score: Score = "longest_chain"
    n_copies: Copies = 1
    n_embeddings: PositiveInt = 1
    chain_strength: ChainStrength = "auto"
    unembedding: Unembedding = "majority_vote"
    annealing_time: PositiveFloat | None = None
    fast_anneal: bool = False
    anneal_schedule: tuple[tuple[float, float], ...] | None = None
    initial_state: State | None = None
    reinitialize_state: bool = True
    reduce_intersample_correlation: bool = False
    flux_drift_compensation: bool = True
    flux_biases: ImportPath | None = None
    programming_thermalization: NonNegativeFloat | None = None
    readout_thermalization: NonNegativeFloat | None = None
    h_gain_schedule: tuple[tuple[float, float], ...] | None = None
    anneal_offsets: ImportPath | dict[str | int, float] | None = None
    topology: Literal["zephyr", "pegasus", "none"] | None = None
    size: Annotated[int, Field(ge=1, le=40)] | None = None
    working: Annotated[float, Field(gt=0, le=1)] = 1.0
    yield_seed: NonNegativeInt = 0
    physics: Physics = "path_integral"
    schedule: ScheduleSetting | None = None
    n_sweeps: PositiveInt = 200
    sweeps_per_ns: PositiveFloat | None = None
    transverse_field: NonNegativeFloat = 1.0
    temperature: PositiveFloat | None = None
    temperature_mk: PositiveFloat | None = None
    dephasing: NonNegativeFloat = 0.0
    tolerance: Annotated[float, Field(ge=1e-12, le=0.1)] = 1e-3
    h_noise: NonNegativeFloat = 0.0
    j_noise: NonNegativeFloat = 0.0
    noise_seed: NonNegativeInt | None = None
    readout_error: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    n_shim: NonNegativeInt = 0
    shim_reads: PositiveInt = 100
    readout_mitigation: bool = False
    solver: str | PlainValues | None = None
    region: str | None = None
    solver_file: FileSetting | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        refuse_misfits(self)
        refuse_misfits_of_physics(self)
        return self

    @property
    def followed_schedule(self) -> Schedule | None:
        """What a simulated device follows, or what is said of a QPU; None where there is no transverse field
        or nothing is said. Raises InputError where its file is none."""
        if self.schedule is None and not (
            self.device == "simulated" and physics_of(self).has_transverse_field
        ):
            return None
        return followed("quadratic" if self.schedule is None else self.schedule, self.transverse_field)
