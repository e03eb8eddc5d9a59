"""One program as a job of D-Wave's cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from qspin_backends.annealer.device import Program
from qspin_backends.annealer.faults import translated, undecodable
from qspin_backends.common.faults import Cancelled, Malformed
from qspin_backends.common.journal import Answer

__all__ = ["CloudProblem"]

_OURS = {"answer_mode": "raw", "auto_scale": False}  # reads in order, and energies as they were programmed

_HEARD_SECONDS = 0.5
"""Longest wait at a time: a signal that comes just before a wait without an end is only heard after it."""


class CloudProblem:
    """A `Job`: the program is sent as a problem to a solver.

    Parameters
    ----------
    sampler : a `DWaveSampler`
    program : what is bought
    """

    noun: ClassVar[str] = "problem"
    outlives_process: ClassVar[bool] = True

    def __init__(self, sampler: Any, program: Program):
        self._sampler = sampler
        self._program = program
        self._future: Any = None

    @property
    def server(self) -> str:
        return str(self._sampler.solver.name)

    def send(self, label: str) -> str | None:
        program = self._program
        with translated():
            self._future = self._sampler.solver.sample_bqm(
                program.to_bqm(),
                label=label,
                num_reads=program.n_reads,
                **{name: v for name, v in _OURS.items() if name in self._sampler.properties["parameters"]},
                **program.parameters,
            )
            return self._future.wait_id()

    def find(self, label: str) -> str | None:
        from dwave.cloud.api import Problems

        with translated(), Problems.from_config(self._sampler.client.config) as problems:
            for status in problems.list_problems(label=label):
                if status.label == label:
                    return str(status.id)
        return None

    def fetch(self, job_id: str) -> None:
        with translated():
            self._future = self._sampler.client.retrieve_answer(job_id)

    def answer(self) -> Answer:
        from dwave.cloud.exceptions import CanceledFutureError

        try:
            with translated(), undecodable():
                while not self._future.wait(timeout=_HEARD_SECONDS):
                    pass
                result = self._future.sampleset
                result.resolve()
        except CanceledFutureError:
            raise Cancelled("cancelled") from None
        wanted = self._program.qubits.tolist()
        n_reads = int(result.record.num_occurrences.sum())
        if n_reads != self._program.n_reads or not set(wanted) <= set(result.variables):
            raise Malformed(
                f"Malformed: {n_reads} reads of {len(result.variables)} qubits came, "
                f"{self._program.n_reads} of {len(wanted)} were asked for"
            )
        spins = self._program.spins_of(result)
        if not (np.abs(spins) == 1).all():
            raise Malformed("Malformed: reads hold other values than -1 and +1")
        return Answer(spins, self._facts(result.info.get("timing", {})))

    def cancel(self, job_id: str) -> bool:
        from dwave.cloud.api import Problems

        with translated(), Problems.from_config(self._sampler.client.config) as problems:
            return getattr(problems.cancel_problem(job_id), "status", None) is not None

    def _facts(self, timing: Mapping[str, Any]) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "problem_id": self._future.id,
            "timing": {name: float(value) for name, value in timing.items()},
        }
        received, solved = self._future.time_received, self._future.time_solved
        if received is not None and solved is not None:
            waited = (solved - received).total_seconds() - 1e-6 * float(timing.get("qpu_access_time", 0.0))
            facts["queue"] = max(0.0, waited)
        return facts
