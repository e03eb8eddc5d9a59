"""QAOA: any Ising problem as a circuit, with good angles, on Qiskit Aer, IBM hardware or other vendors'."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qspin.problem import IsingProblem
from qspin.sampler import (
    Initial,
    Level,
    Remark,
    Seed,
    Workload,
    checked_arguments,
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
from qspin_backends.common.resume import begun, ended, purpose_of
from qspin_backends.common.temperature import measured_temperatures
from qspin_backends.qaoa.ansatz import Tilts
from qspin_backends.qaoa.circuit import qaoa_circuit, summary, to_qasm
from qspin_backends.qaoa.copies import compared
from qspin_backends.qaoa.device import Device, Request
from qspin_backends.qaoa.ignored import ignored_settings, on_ignored
from qspin_backends.qaoa.mitigation import after_measurement
from qspin_backends.qaoa.record import (
    device_clocks,
    headline_of,
    on_truncation,
    record_of,
)
from qspin_backends.qaoa.resolved import connected_device, recipe_of, tilts_of
from qspin_backends.qaoa.rows import Reads, Row, added_remarks, seed_at, told_of, variables_of
from qspin_backends.qaoa.settings import QaoaSettings
from qspin_backends.qaoa.strategies import Recipe, check_recipe, chosen_together, untrained
from qspin_backends.qaoa.workload import expected_workload

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Qaoa"]


@settings
class Qaoa(QaoaSettings):
    __doc__ = QaoaSettings.__doc__

    def check(self, problem: IsingProblem) -> None:
        """Refuse what cannot be sampled, before anything is trained or bought; raises as `sample`."""
        require_memory(len(self.each_depth), self.n_shots, 1, problem.n_spins)
        if not problem.n_spins:
            return
        tilts, recipes = tilts_of(self, problem, seed=0), self._recipes(problem)
        with connected_device(self) as device:
            self._refuse(problem, device, recipes, tilts)
            if device.is_paid and self.max_qpu_seconds is not None:
                device.refuse_cost(self._untrained(problem, device, recipes, tilts))

    def workload(self, problem: IsingProblem) -> Workload:
        """What a call will take, see `qspin.sampler.Workload`; raises as `check`."""
        self.check(problem)
        if not problem.n_spins:
            return Workload("qaoa nothing", 0.0)
        tilts, recipes = tilts_of(self, problem, seed=0), self._recipes(problem)
        with connected_device(self) as device:
            paid: float | None = 0.0
            if self.is_paid:
                told = [
                    device.expected_seconds(request)
                    for request in self._untrained(problem, device, recipes, tilts)
                ]
                paid = None if None in told else sum(seconds or 0.0 for seconds in told)
            n_copies = max(1, len(device.target.regions(problem.n_spins, self.n_copies)))
            return expected_workload(problem, recipes, device, self.n_shots, n_copies, paid)

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns spins (depth, shot, 1, spin) in the variables of the problem; one row without `depths`.

        Variables of the dataset beside them: ``beta_effective`` and ``beta_effective_error`` (beta,) by
        maximum pseudo-likelihood, units of 1/energy, NaN where no temperature can be told, which a remark
        explains; ``beta_matched`` and ``beta_matched_error`` (beta,) from the mean energy, for problems small
        enough to enumerate; with `n_copies` ``copy`` (beta, replica), and with `depths` the coordinate
        ``depth`` (beta,). ``info["angles"]`` holds gamma (units of 1/energy), beta and their origin,
        ``info["circuit"]`` depth and gates as they ran, ``info["device"]`` how, ``info["batches"]`` every
        call, ``info["expected_energy"]`` the mean energy of the circuit without noise, where it can be had
        cheaply; these are of the largest of several depths, and ``info["depths"]`` has them of each, with the
        seed by which a call with these angles alone gives the same shots. ``info["copies"]`` tells copies
        apart, ``info["drift"]`` what changed from the first batch of shots to the last, and of a quench
        ``info["trotter"]`` how long its steps are: ``n_steps``, ``largest_angle`` by which one turns a spin
        (radians), and along the schedule of an annealer ``steps_per_ns``.

        Raises
        ------
        CapacityError
            If the state, the samples or the training would not fit, the backend is too small, or copies do
            not fit on it; the message says how many do.
        InputError
            If angles do not fit, the budget is exceeded, no token is set, a device has not what an option
            needs, or `initial` configurations are given: `warm_start` is what leans towards one.
        RunError
            If hardware failed; what was bought is in the journal.
        """
        refuse_initial(self.name, initial, "its circuits start from product states, see warm_start")
        require_memory(len(self.each_depth), self.n_shots, 1, problem.n_spins)
        if not problem.n_spins:
            return self._nothing_to_measure(problem, resolved_seed(seed))
        identity = begun(problem, seed, reuse=self.reuse)
        start = time.perf_counter()
        with connected_device(self) as device:
            rows = self._rows(problem, device, identity["seed"], purpose_of(identity))
            if device.is_paid:
                device.refuse_cost([row.request for row in rows])
            prepared = time.perf_counter()
            answers = list(_counted(device, rows))
            seconds = time.perf_counter() - prepared
            reads = [self._read(row, own, device) for row, own in zip(rows, answers, strict=True)]
            facts = self._facts(device, rows, answers, reads)
            remarks = device.remarks()
        ended()
        flat = [answer for own in answers for answer in own]
        clocks = device_clocks(flat, seconds, is_paid=device.is_paid)
        clocks["prepare"] = prepared - start
        facts |= {"ansatz": self.ansatz, **self._records(problem, rows, answers, reads)}
        remarks += [*on_truncation(flat), *added_remarks(facts, reads), *on_ignored(self)]
        return self._labelled(problem, reads, identity["seed"], clocks, facts, remarks)

    def circuit(self, problem: IsingProblem, *, seed: Seed = None) -> QuantumCircuit:
        """The circuit that `sample` measures, in the gates of the device, of `depths` the largest; raises as
        `sample`.

        Examples
        --------
        >>> pair = IsingProblem([[0, -1], [-1, 0]])
        >>> dict(Qaoa().circuit(pair).count_ops())
        {'h': 2, 'rx': 2, 'measure': 2, 'rzz': 1, 'barrier': 1}
        """
        seed = resolved_seed(seed)
        with connected_device(self) as device:
            return self._rows(problem, device, seed, {})[-1].request.circuit

    def qasm(self, problem: IsingProblem, *, seed: Seed = None) -> str:
        """The same circuit in OpenQASM 3; bit i of ``meas`` is spin i, 0 for +1. Raises as `sample`."""
        return to_qasm(self.circuit(problem, seed=seed))

    # -- before ----------------------------------------------------------------------------------

    def _recipes(self, problem: IsingProblem) -> list[Recipe]:
        return [recipe_of(self, problem, depth) for depth in self.each_depth]

    def _refuse(
        self, problem: IsingProblem, device: Device, recipes: Sequence[Recipe], tilts: Tilts | None
    ) -> None:
        """What cannot be, before anything is trained."""
        for recipe in recipes:
            check_recipe(problem, recipe, tilts)
        n_copies = max(1, len(device.target.regions(problem.n_spins, self.n_copies)))
        for recipe in recipes:
            device.check(problem, recipe.depth, -(-self.n_shots // n_copies))

    def _rows(
        self, problem: IsingProblem, device: Device, seed: int, purpose: Mapping[str, Any]
    ) -> list[Row]:
        """Angles and circuit of every depth; what cannot be is refused before."""
        streams = np.random.SeedSequence(seed).spawn(2)
        tilts, recipes = tilts_of(self, problem, seed_at(streams[0])), self._recipes(problem)
        self._refuse(problem, device, recipes, tilts)
        found = chosen_together(problem, recipes, tilts, seed_at(streams[1]))
        rows = []
        for recipe, chosen in zip(recipes, found, strict=True):
            circuit = qaoa_circuit(problem, chosen.angles, tilts)
            own = seed if self.depths is None else Row.seed_of(seed, recipe.depth)
            wanted = {"purpose": {**purpose, "seed": own}, "record": {"origin": chosen.origin}}
            request = self._request(problem, device, chosen.angles, tilts, circuit, own, wanted)
            rows.append(Row(recipe.depth, own, chosen, request))
        return rows

    def _request(
        self,
        problem: IsingProblem,
        device: Device,
        angles: Any,
        tilts: Tilts | None,
        circuit: QuantumCircuit,
        seed: int,
        wanted: Mapping[str, Any],
    ) -> Request:
        placed, copies = device.target.side_by_side(circuit, self.n_copies)
        record = {"settings": settings_of(self), **wanted["record"]}
        shots = seed_at(Row.streams_of(seed)[2])
        return Request(
            problem,
            angles,
            tilts,
            placed,
            copies.runs(self.n_shots),
            shots,
            wanted["purpose"],
            record,
            copies,
        )

    def _untrained(
        self, problem: IsingProblem, device: Device, recipes: Sequence[Recipe], tilts: Tilts | None
    ) -> list[Request]:
        """Requests that cost what the real ones will, without their training."""
        requests = []
        for recipe in recipes:
            (chosen,) = chosen_together(problem, [untrained(recipe)], tilts, seed=0)
            circuit = qaoa_circuit(problem, chosen.angles, tilts)
            wanted = {"purpose": {"check": problem.digest}, "record": {}}
            requests.append(self._request(problem, device, chosen.angles, tilts, circuit, 0, wanted))
        return requests

    # -- after -----------------------------------------------------------------------------------

    def _read(self, row: Row, answers: Sequence[Answer], device: Device) -> Reads:
        """Shots of one circuit, copy by copy, after what was asked for."""
        copies, problem = row.request.copies, row.request.problem
        taken = copies.apart(np.concatenate([answer.spins for answer in answers]))[: self.n_shots]
        copy = np.arange(len(taken)) % copies.n
        errors = device.readout_errors(row.request.circuit) if self.readout_mitigation else None
        rng = np.random.default_rng(Row.streams_of(row.seed)[3])
        where = "" if self.depths is None else f"at depth {row.depth}"
        apart = compared(problem, taken, copy, copies, where)
        return Reads(*after_measurement(problem, taken, copy, errors, self.post_selection, rng), apart)

    def _facts(
        self,
        device: Device,
        rows: Sequence[Row],
        answers: Sequence[Sequence[Answer]],
        reads: Sequence[Reads],
    ) -> dict[str, Any]:
        problem, last = rows[-1].request.problem, rows[-1]
        depth_of = {} if self.depths is None else {k: {"depth": row.depth} for k, row in enumerate(rows)}
        facts: dict[str, Any] = {
            "device": dict(device.identity(problem, last.depth, last.request.n_shots)),
            "circuit": summary(last.request.circuit),
            "batches": [
                {**depth_of.get(k, {}), **answer.facts} for k, own in enumerate(answers) for answer in own
            ],
            "after_measurement": reads[-1].done,
        }
        expected = [device.expected_seconds(row.request) for row in rows]
        if None not in expected:
            facts["expected_qpu_seconds"] = sum(seconds or 0.0 for seconds in expected)
        return facts

    def _records(
        self,
        problem: IsingProblem,
        rows: Sequence[Row],
        answers: Sequence[Sequence[Answer]],
        reads: Sequence[Reads],
    ) -> dict[str, Any]:
        """Of the last row; of all where there are several."""
        each = [
            {
                **record_of(problem, row.chosen, row.request.tilts, row.depth),
                **told_of(row, own, read, self.n_copies),
            }
            for row, own, read in zip(rows, answers, reads, strict=True)
        ]
        if self.depths is None:
            return each[-1]
        told = [
            {"depth": row.depth, "seed": row.seed, "circuit": summary(row.request.circuit), **record}
            for row, record in zip(rows, each, strict=True)
        ]
        return {**each[-1], "depths": told}

    def _labelled(
        self,
        problem: IsingProblem,
        reads: Sequence[Reads],
        seed: int,
        clocks: Mapping[str, float],
        facts: Mapping[str, Any],
        remarks: list[Remark],
    ) -> SampleSet:
        spins = np.stack([read.spins for read in reads])
        copy = np.stack([read.copy for read in reads])
        where = ["in the shots"] if self.depths is None else [f"at depth {depth}" for depth in self.depths]
        measured = measured_temperatures(problem, spins, copy, np.zeros(len(reads)), where)
        extra = {**variables_of(copy, facts), **{name: ("beta", v) for name, v in measured.values.items()}}
        info = run_info(
            self,
            seed,
            clocks=clocks,
            remarks=[*remarks, *measured.remarks],
            headline=headline_of(facts["circuit"], facts["device"]),
            ignored=ignored_settings(self, facts["device"].get("method")),
            **facts,
        )
        betas = np.full(len(reads), np.nan)
        samples = SampleSet.from_spins(problem, spins[:, :, None], betas, info, extra, handed_over=True)
        return self._with_depths(samples)

    def _with_depths(self, samples: SampleSet) -> SampleSet:
        if self.depths is None:
            return samples
        return SampleSet(samples.dataset.assign_coords(depth=("beta", np.array(self.depths))))

    def _nothing_to_measure(self, problem: IsingProblem, seed: int) -> SampleSet:
        report_progress(1.0)
        spins = np.empty((len(self.each_depth), self.n_shots, 1, 0), dtype=np.int8)
        remark = Remark("no-spins", "there are no spins to measure", Level.NOTE)
        info = run_info(self, seed, clocks={"sample": 0.0}, remarks=[remark], ignored=ignored_settings(self))
        betas = np.full(len(spins), np.nan)
        return self._with_depths(SampleSet.from_spins(problem, spins, betas, info))


def _counted(device: Device, rows: Sequence[Row]) -> Iterator[list[Answer]]:
    done, total = 0, sum(row.request.n_shots for row in rows)
    for row in rows:
        answers = []
        for answer in device.answers(row.request):
            answers.append(answer)
            done += len(answer.spins)
            report_progress(done / total, f"{done} of {total} shots")
        yield answers
