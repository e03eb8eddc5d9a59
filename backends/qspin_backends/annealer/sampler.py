"""Quantum annealing: a D-Wave QPU, or its simulator, behind one pipeline."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import (
    Initial,
    Level,
    Remark,
    Seed,
    Workload,
    checked_arguments,
    in_order,
    initial_digest,
    report_progress,
    require_memory,
    resolved_seed,
    run_info,
    settings,
    settings_of,
)
from qspin.samples import SampleSet
from qspin_backends.annealer.anneal import Anneal
from qspin_backends.annealer.calibration.asked import Asked
from qspin_backends.annealer.calibration.buying import Buying
from qspin_backends.annealer.calibration.outcome import outcome
from qspin_backends.annealer.calibration.rounds import calibrated, calibrations
from qspin_backends.annealer.choices import function_of, starting_state
from qspin_backends.annealer.compared import copies_apart, copy_groups, of_each_copy
from qspin_backends.annealer.description import described
from qspin_backends.annealer.device import Device, Request
from qspin_backends.annealer.embedded import embedded
from qspin_backends.annealer.embeddings.choice import Wanted
from qspin_backends.annealer.exact import exact_correlations
from qspin_backends.annealer.ignored import QPU_ONLY, ignored_settings
from qspin_backends.annealer.physics import Conditions
from qspin_backends.annealer.physics.choices import ignores_time
from qspin_backends.annealer.pipeline import Plan, Reads, Stages, plan, read_out
from qspin_backends.annealer.qpu import Access, connected
from qspin_backends.annealer.remarks import device_clocks, remarks_on, remarks_on_settings, told_before
from qspin_backends.annealer.settings import AnnealerSettings
from qspin_backends.annealer.simulated import FLAGSHIP, Imperfections, Simulated
from qspin_backends.annealer.workload import expected_workload
from qspin_backends.common.journal import Answer
from qspin_backends.common.resume import begun, ended, purpose_of
from qspin_backends.common.temperature import measured_temperatures

__all__ = ["Annealer"]

_TOLD_SECONDS = 2.0  # of computing, from which on they are told before


@settings
class Annealer(AnnealerSettings):
    """Anneal a problem, read after read; each read is a replica with one draw.

    A device has no thermostat: `betas` are factors on the couplings, the coordinate ``beta`` is NaN, and the
    inverse temperature that was reached is measured from the reads and stored as ``beta_effective``.

    The problem passes through gauges, scaling, embedding and chains to the device and back; only the call of
    the device differs between ``simulated`` and ``qpu``. Settings of a simulated device have no meaning for a
    QPU and are ignored there, so that a study moves by changing one word.

    All settings are described at `AnnealerSettings`.
    """

    name: ClassVar[str] = "annealer"
    samples_version: ClassVar[int] = 1
    takes_initial: ClassVar[bool] = True

    @property
    def is_paid(self) -> bool:
        """Whether reads cost money."""
        return self.device == "qpu"

    @property
    def offers(self) -> frozenset[str]:
        """What the samples have, see `qspin.sampler.OFFERS`."""
        return frozenset({"thermometer", "spins"} | ({"replicas"} if self.n_reads > 1 else set()))

    def check(self, problem: IsingProblem) -> None:
        """Refuse a problem that cannot be annealed, before anything is bought; raises as `sample`."""
        require_memory(len(self.betas), self.n_reads, 1, problem.n_spins)
        if problem.n_spins:
            with self._asked(problem) as (device, _, _, request):
                device.check(request)

    def workload(self, problem: IsingProblem) -> Workload:
        """What a call will take, see `qspin.sampler.Workload`; raises as `check`, and asks no more of a QPU.
        Answers that are in the journal cost nothing and count all the same."""
        if not problem.n_spins:
            return Workload("annealer nothing", 0.0)
        with self._asked(problem) as (device, _, planned, request):
            return expected_workload(planned, request, device, len(self.betas))

    def embedded(self, problem: IsingProblem) -> dict[str, Any]:
        """What `sample` would do, see `embedded`; nothing is annealed or bought. Raises as `check`."""
        if not problem.n_spins:
            raise InputError("there are no spins to embed")
        with self._asked(problem) as (device, stages, planned, request):
            return embedded(planned, device, stages, request, self.max_qpu_seconds)

    @contextlib.contextmanager
    def _asked(self, problem: IsingProblem) -> Iterator[tuple[Device, Stages, Plan, Request]]:
        """A device and what a call would ask of it, rounds of calibrations among it."""
        with self._connected() as device:
            stages = self._stages(problem)
            planned = plan(problem, device, stages, seed=0)
            buying = Buying(device, planned.fit.factor, {"check": problem.digest}, {})
            yield (
                device,
                stages,
                planned,
                buying.request(planned.programs, calibrations(planned, stages, device)),
            )

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns spins (beta, read, 1, spin) in the variables of the problem.

        With `initial`, one configuration as `qspin.starting.initial_spins` takes it, every read is a reverse
        anneal from there, by an `anneal_schedule` that starts at s = 1: the setting `initial_state` in
        another place. ``info["initial"]`` is its digest.

        Variables of the dataset beside them: ``coupling_scale`` (beta,), the factors; ``beta_effective`` and
        ``beta_effective_error`` (beta,) by maximum pseudo-likelihood, units of 1/energy of the problem, NaN
        where no temperature can be told, which a remark explains; ``beta_matched`` and
        ``beta_matched_error`` (beta,) from the mean energy, for problems small enough to enumerate;
        ``chain_break_fraction``, ``gauge``, ``copy`` and ``embedding`` (beta, replica); ``gauge_spins``
        (gauge, spin). Of ``schrodinger`` without noise and chains, ``exact_correlations`` (beta, spin,
        other_spin) are <s_i s_j> of the state that reads are drawn from.
        With ``readout_mitigation``, means without wrong readings: ``magnetisation_unfolded`` (beta, spin),
        ``correlation_unfolded`` (beta, edge) of ``edge_ends`` (edge, end), ``energy_unfolded`` (beta,), each
        with its ``_error``.
        ``info["pipeline"]`` holds every stage, ``info["calibration"]`` shims, readout and drift,
        ``info["device"]`` the device, ``info["batches"]`` each programming with problem id and timing in
        microseconds.

        Raises
        ------
        CapacityError
            If the samples would not fit in memory or the problem not on the device.
        InputError
            If the device would refuse the problem or its anneal, `initial` does not fit or is no reverse
            anneal's, the budget is exceeded, or no token is set.
        RunError
            If a QPU failed, or no read is left; what was bought is in the journal.
        """
        require_memory(len(self.betas), self.n_reads, 1, problem.n_spins)
        if not problem.n_spins:
            return self._nothing_to_anneal(problem, resolved_seed(seed))
        stages = self._stages(problem, initial)
        identity = begun(problem, seed, reuse=self.reuse)
        seed = identity["seed"]
        start = time.perf_counter()
        with self._connected() as device:
            planned, state = plan(problem, device, stages, seed), stages.anneal.initial_state
            buying = Buying(device, planned.fit.factor, purpose_of(identity), self._record(planned))
            rounds = calibrations(planned, stages, device)
            request = buying.request(planned.programs, rounds)
            expected = device.expected_seconds(request)
            if expected is not None and device.is_paid:
                copies = f" for {planned.n_copies} copies at once" if planned.n_copies > 1 else ""
                report_progress(0.0, f"{expected:.2g} s of QPU access time expected{copies}")
            if (computing := device.computing_seconds(request)) is not None and computing > _TOLD_SECONDS:
                report_progress(0.0, f"about {computing:.2g} s of computing expected")
                for remark in told_before(device.remarks(request)):
                    report_progress(0.0, remark.text)
            prepared = time.perf_counter()
            learned = calibrated(planned, stages, device, rounds, buying.answers)
            planned = learned.plan
            annealed = buying.request(planned.programs)
            answers = list(_counted(device.anneal(annealed), planned))
            seconds = time.perf_counter() - prepared
            reads, batches = read_out(planned, answers, stages)
            found = outcome(learned, stages, reads, device)
            pipeline = planned.to_json(stages, self._anneal_time(stages, device))
            pipeline["copies"] |= of_each_copy(planned, reads, self.betas)
            facts: dict[str, Any] = {
                "device": dict(device.identity),
                "initial": None if state is None else initial_digest(state[None, None]),
                "pipeline": pipeline,
                "calibration": found.told,
                "batches": [dict(batch) for batch in batches],
            }
            if expected is not None:
                facts["expected_qpu_seconds"] = expected
            remarks = [
                *remarks_on_settings(self, planned),
                *device.remarks(request),
                *remarks_on(planned, stages.anneal, reads, device),
                *copies_apart(planned, reads, self.betas),
                *found.remarks,
            ]
            clocks = {"prepare": prepared - start, **device_clocks([*learned.batches, *batches])}
            if (exact := exact_correlations(planned, annealed, device)) is not None:
                found.variables["exact_correlations"] = (("beta", "spin", "other_spin"), exact)
        ended()
        elsewhere = clocks.get("queue", 0.0) + clocks.get("device", 0.0)
        clocks["sample"] = max(0.0, seconds - elsewhere)
        return self._labelled(problem, planned, reads, seed, clocks, facts, remarks, found.variables)

    def _record(self, planned: Plan) -> dict[str, Any]:
        """What the journal keeps beside programs."""
        chains = [placement.chains for placement in planned.placements]
        return {"settings": settings_of(self), "embedding": planned.embedding.to_json(), "chains": chains}

    def _labelled(
        self,
        problem: IsingProblem,
        planned: Plan,
        reads: Reads,
        seed: int,
        clocks: Mapping[str, float],
        facts: Mapping[str, Any],
        remarks: list[Remark],
        variables: Mapping[str, tuple[str | tuple[str, ...], Any]],
    ) -> SampleSet:
        measured = measured_temperatures(
            problem,
            reads.spins,
            copy_groups(planned, reads),
            reads.break_fraction.mean(axis=1),
            [f"in reads with the energy programmed at {scale:g} times its size" for scale in self.betas],
        )
        extra: dict[str, tuple[str | tuple[str, ...], Any]] = {
            "coupling_scale": ("beta", np.array(self.betas)),
            **{name: ("beta", values) for name, values in measured.values.items()},
            "chain_break_fraction": (("beta", "replica"), reads.break_fraction),
            "gauge": (("beta", "replica"), reads.gauge),
            "gauge_spins": (("gauge_index", "spin"), planned.gauges),
            "copy": (("beta", "replica"), reads.copy),
            "embedding": (("beta", "replica"), reads.embedding),
            **variables,
        }
        info = run_info(
            self,
            seed,
            clocks=clocks,
            remarks=[*remarks, *measured.remarks],
            headline=planned.placements[0].headline,
            ignored=ignored_settings(self),
            **facts,
        )
        spins, betas = reads.spins[:, :, None], np.full(len(self.betas), np.nan)
        return SampleSet.from_spins(problem, spins, betas, info, extra, handed_over=True)

    def _nothing_to_anneal(self, problem: IsingProblem, seed: int) -> SampleSet:
        report_progress(1.0)
        spins = np.empty((len(self.betas), self.n_reads, 1, 0), dtype=np.int8)
        remark = Remark("no-spins", "there are no spins to anneal", Level.NOTE)
        info = run_info(self, seed, clocks={"sample": 0.0}, remarks=[remark], ignored=ignored_settings(self))
        return SampleSet.from_spins(problem, spins, np.full(len(self.betas), np.nan), info)

    def _anneal_time(self, stages: Stages, device: Device) -> float | None:
        """Microseconds; None where the anneal has sweeps in their place."""
        is_meant = self.device == "qpu" or not ignores_time(self)
        return stages.anneal.time(device.properties) if is_meant else None

    def _stages(self, problem: IsingProblem, initial: Initial | None = None) -> Stages:
        return Stages(
            scales=self.betas,
            n_reads=self.n_reads,
            n_gauges=self.n_gauges,
            auto_scale=self.auto_scale,
            extended_j_range=self.extended_j_range,
            embeddings=Wanted(
                function_of(self.embedding, "embedding"),
                self.embedding_seed,
                self.n_copies,
                self.n_embeddings,
                self.embedding_tries,
                self.embedding_score,
            ),
            chain_strength=function_of(self.chain_strength, "chain_strength"),
            unembedding=function_of(self.unembedding, "unembedding"),
            anneal=Anneal(
                self.annealing_time,
                self.fast_anneal,
                self.anneal_schedule,
                starting_state(self, problem, initial),
                self.reinitialize_state,
                self.reduce_intersample_correlation,
                self.flux_drift_compensation,
                function_of(self.flux_biases, "flux_biases"),
                **({} if self.device == "simulated" else self._of_a_qpu(problem)),
            ),
            calibration=Asked(self.n_shim, self.shim_reads, self.readout_mitigation),
        )

    def _of_a_qpu(self, problem: IsingProblem) -> dict[str, Any]:
        """What a simulated device has nothing for."""
        offsets: Any = self.anneal_offsets
        if isinstance(offsets, dict):
            offsets = in_order(offsets, problem, setting="anneal_offsets", what="offset")
        given = {name: getattr(self, name) for name in QPU_ONLY}
        return {**given, "anneal_offsets": function_of(offsets, "anneal_offsets")}

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Device]:
        if self.device == "simulated":
            yield self._simulated()
            return
        access = Access(
            solver=self.solver,
            region=self.region,
            topology=self.topology,
            **self.terms(),
        )
        with connected(access) as device:
            yield device

    def _simulated(self) -> Simulated:
        follows = None if self.solver_file is None else described(self.solver_file)
        topology, shape = (
            self._graph() if follows is None else (follows.hardware.topology, follows.hardware.shape)
        )
        return Simulated(
            topology,
            shape,
            self.working,
            self.yield_seed,
            self.physics,
            self.n_sweeps,
            self.transverse_field,
            Imperfections(
                self._temperature(), self.h_noise, self.j_noise, self.readout_error, self.noise_seed
            ),
            follows,
            self.schedule,
            self.sweeps_per_ns,
            self.dephasing,
            self.tolerance,
        )

    def _temperature(self) -> float | None:
        """Of a simulated device, units of its couplings; None: it follows the scaling."""
        if self.temperature_mk is None:
            return self.temperature
        return Conditions(self.n_sweeps, self.transverse_field, self.schedule).in_couplings(
            self.temperature_mk
        )

    def _graph(self) -> tuple[str | None, tuple[int, ...]]:
        """Topology and shape of a simulated device that follows no description."""
        topology = None if self.topology == "none" else (self.topology or "zephyr")
        shape = () if topology is None else FLAGSHIP[topology]
        if topology is not None and self.size is not None:
            shape = (self.size, *shape[1:])
        return topology, shape


def _counted(answers: Iterator[Answer], planned: Plan) -> Iterator[Answer]:
    for k, answer in enumerate(answers):
        yield answer
        report_progress((k + 1) / len(planned.batches), f"batch {k + 1} of {len(planned.batches)}")
