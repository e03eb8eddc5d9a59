"""One purchase: what was journalled is sent, waited for and fetched, whatever happens in between.

A problem is sent with a label of its own. Then the journal tells what to ask for: an answer by the id of its
problem; or, where a process died or the network failed before the id was known, the problem by its label.
Only a problem that the server does not know is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from requests.exceptions import RequestException

from qspin.errors import QspinError, RunError
from qspin.sampler import report_progress
from qspin_backends.annealer.device import Answer, Program
from qspin_backends.annealer.faults import UNDECODABLE, Cancelled, Malformed, patiently, refusal
from qspin_backends.annealer.journal import Entry

__all__ = ["Purchase"]

_OURS = {"answer_mode": "raw", "auto_scale": False}  # reads in order, and energies as they were programmed


class Purchase:
    """One program on its way from the journal to an answer.

    Parameters
    ----------
    sampler : a `DWaveSampler`
    program : what is bought
    entry : of the journal, planned
    retries, pause : see `patiently`
    done : fraction of the whole work that is behind, for progress
    """

    def __init__(self, sampler: Any, program: Program, entry: Entry, retries: int, pause: float, done: float):
        self._sampler = sampler
        self._program = program
        self._entry = entry
        self._retries, self._pause = retries, pause
        self._done = done
        self._sent_here = False
        self._future: Any = None

    def answer(self) -> Answer:
        """Raises RunError, or KeyboardInterrupt that says what was cancelled."""
        try:
            return patiently(self._attempt, self._what, self._retries, self._pause, self._done)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._cancelled()) from None

    def _what(self) -> str:
        """What is waited for, for messages."""
        problem_id = self._entry.state().get("problem_id")
        return f"problem {problem_id}" if problem_id else f"the problem with label {self._entry.label}"

    def _attempt(self) -> Answer:
        """Ask for the answer in whatever way the journal allows; send the problem if nobody knows it."""
        from dwave.cloud.exceptions import SolverFailureError

        state = self._entry.state()
        problem_id = state["problem_id"]
        if problem_id is None and state["status"] != "planned":
            problem_id = self._known_by_label()
        try:
            if problem_id is None:
                self._send()
            else:
                self._entry.note(status="sent", problem_id=problem_id)
                self._future = self._sampler.client.retrieve_answer(problem_id)
            return self._received()
        except SolverFailureError:
            self._forget()
            raise
        except RequestException as error:
            if problem_id is None and refusal(error):
                self._forget()
            if getattr(error, "error_code", None) == 404 and problem_id is not None:
                raise RunError(
                    f"{self._what()} is in the journal and the server does not know it: was it sent with "
                    "the token of another project? Use that one; or, if it is gone for good, remove "
                    f"{self._entry.file} to buy it again"
                ) from error
            raise

    def _send(self) -> None:
        self._entry.note(status="sent", problem_id=None)
        self._sent_here = True
        program = self._program
        self._future = self._sampler.solver.sample_bqm(
            program.to_bqm(),
            label=self._entry.label,
            num_reads=program.n_reads,
            **{name: v for name, v in _OURS.items() if name in self._sampler.properties["parameters"]},
            **program.parameters,
        )
        if (problem_id := self._future.wait_id()) is not None:
            self._entry.note(problem_id=problem_id)

    def _forget(self) -> None:
        """The server will never answer this one: the next attempt sends it anew, under another label."""
        attempt = self._entry.state()["attempt"] + 1
        self._entry.note(status="planned", problem_id=None, attempt=attempt)

    def _known_by_label(self) -> str | None:
        """Id of the problem that was sent under our label, if the server knows it."""
        from dwave.cloud.api import Problems

        with Problems.from_config(self._sampler.client.config) as problems:
            for status in problems.list_problems(label=self._entry.label):
                if status.label == self._entry.label:
                    return str(status.id)
        return None

    def _received(self) -> Answer:
        from dwave.cloud.exceptions import CanceledFutureError

        report_progress(self._done, f"waiting for {self._what()}")
        try:
            result = self._future.sampleset
            result.resolve()
        except CanceledFutureError:
            what = self._what()
            self._forget()
            if self._sent_here:
                raise RunError(f"{what} was cancelled at the server; --resume sends it again") from None
            raise Cancelled(f"{what} had been cancelled") from None
        except RequestException:
            raise
        except UNDECODABLE as error:
            raise Malformed(f"an answer that cannot be decoded ({type(error).__name__})") from error
        wanted = self._program.qubits.tolist()
        n_reads = int(result.record.num_occurrences.sum())
        if n_reads != self._program.n_reads or not set(wanted) <= set(result.variables):
            raise Malformed(
                f"{n_reads} reads of {len(result.variables)} qubits came, {self._program.n_reads} of "
                f"{len(wanted)} were asked for"
            )
        spins = self._program.spins_of(result)
        if not (np.abs(spins) == 1).all():
            raise Malformed("reads hold other values than -1 and +1")
        return Answer(spins, self._facts(result.info.get("timing", {})))

    def _facts(self, timing: Mapping[str, Any]) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "problem_id": self._future.id,
            "label": self._entry.label,
            "timing": {name: float(value) for name, value in timing.items()},
        }
        received, solved = self._future.time_received, self._future.time_solved
        if received is not None and solved is not None:
            waited = (solved - received).total_seconds() - 1e-6 * float(timing.get("qpu_access_time", 0.0))
            facts["queue"] = max(0.0, waited)
        return facts

    def _cancelled(self) -> str:
        """Ask the server to stop what runs, and say how that went."""
        from dwave.cloud.api import Problems

        state = self._entry.state()
        resume = (
            "run again (--resume) to go on; what was answered is in the journal and will not be bought again"
        )
        try:
            problem_id = state.get("problem_id") or (
                self._known_by_label() if state["status"] == "sent" else None
            )
            if problem_id is None:
                return f"no problem was running at {self._sampler.solver.name}; {resume}"
            self._entry.note(problem_id=problem_id)
            with Problems.from_config(self._sampler.client.config) as problems:
                answer = problems.cancel_problem(problem_id)
        except (RequestException, QspinError, ValueError, KeyError) as error:
            return (
                f"the problem that was running could not be cancelled ({type(error).__name__}) and may still "
                f"be charged; its answer will be picked up: {resume}"
            )
        if getattr(answer, "status", None) is None:
            return (
                f"problem {problem_id} could no longer be cancelled; its answer will be picked up: {resume}"
            )
        return f"cancelled problem {problem_id} at {self._sampler.solver.name}; {resume}"
