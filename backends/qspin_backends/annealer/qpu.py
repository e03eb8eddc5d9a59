"""The QPU: `DWaveSampler`, a budget, and a journal that lets no paid read be lost or bought twice.

A problem is journalled, then sent with a label of its own. Whatever happens then, the journal tells what to
ask for: an answer by the id of its problem; or, where a process died or the network failed before the id was
known, the problem by its label. Only a problem that the server does not know is sent again.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from requests.exceptions import RequestException

from qspin.errors import InputError, QspinError, RunError
from qspin.sampler import report_progress
from qspin_backends.annealer.device import Answer, Hardware, Program, Request
from qspin_backends.annealer.journal import Entry, key_of

__all__ = ["Access", "Qpu", "connected"]

T = TypeVar("T")

_OURS = {"answer_mode": "raw", "auto_scale": False}  # reads in order, and energies as they were programmed
_TOKEN_HELP = (
    "set it in the environment (DWAVE_API_TOKEN) or in Ocean's config file (dwave config create); it is "
    "read from there only, and never stored"
)
_CLOSING_SECONDS = 5.0
_LONGEST_PAUSE = 60.0
_PASSING_CODES = (408, 429)  # too slow, too many requests


@dataclass(frozen=True)
class Access:
    """How to reach a QPU, and what it may cost; see the settings of `Annealer`."""

    solver: str | Mapping[str, Any] | None
    region: str | None
    topology: str | None
    max_qpu_seconds: float | None
    reuse: bool
    retries: int
    retry_pause: float


@contextlib.contextmanager
def connected(access: Access) -> Iterator[Qpu]:
    """A QPU for the time of a block.

    Raises
    ------
    InputError
        If there is no token or it is refused, or no such solver.
    RunError
        If the server cannot be reached.
    """
    sampler = _opened(access)
    try:
        yield Qpu(access, sampler)
    finally:  # threads of the client may wait for a server that does not answer
        closing = threading.Thread(target=sampler.client.close, kwargs={"wait": False}, daemon=True)
        closing.start()
        closing.join(_CLOSING_SECONDS)


class Qpu:
    """A solver of D-Wave's cloud; see `Device`."""

    def __init__(self, access: Access, sampler: Any):
        self._access = access
        self._sampler = sampler

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        solver = self._sampler.solver
        return {
            "name": solver.name,
            "graph_id": solver.graph_id,
            "topology": self.hardware.topology,
            "shape": list(self.hardware.shape),
            "n_qubits": len(self.hardware.qubits),
            "n_couplers": len(self.hardware.couplers),
            "digest": self.hardware.digest,
        }

    @cached_property
    def hardware(self) -> Hardware:
        topology = self.properties["topology"]
        return Hardware(
            topology["type"],
            tuple(topology["shape"]),
            np.array(self._sampler.nodelist, dtype=np.int64),
            np.array(self._sampler.edgelist, dtype=np.int64).reshape(-1, 2),
        )

    @property
    def properties(self) -> Mapping[str, Any]:
        return self._sampler.properties

    def temperature(self, factor: float) -> float | None:
        return None

    def expected_seconds(self, request: Request) -> float | None:
        """QPU access time by D-Wave's timing model; None where the solver does not publish what it needs."""
        return self._expected(request.programs)[0]

    def check(self, request: Request) -> None:
        """Refuse what would cost more than allowed; answers that are on disk cost nothing."""
        limit = self._access.max_qpu_seconds
        entries = zip(request.programs, self._entries(request), strict=True)
        left = [program for program, entry in entries if entry.answer(program) is None]
        if limit is None or not left:
            return
        expected, fault = self._expected(left)
        if expected is None:
            raise InputError(
                f"solver {self._sampler.solver.name} does not publish what an estimate of its access time "
                f"needs ({fault}), so max_qpu_seconds cannot be held: leave it out, or choose another solver",
                key=("max_qpu_seconds",),
            )
        if expected > limit:
            reads = sum(program.n_reads for program in left)
            raise InputError(
                f"{reads} reads in {len(left)} programmings are expected to take {expected:.3g} s of QPU "
                f"access time, more than max_qpu_seconds = {limit:g}; nothing was bought. Lower n_reads, "
                "n_gauges or the number of betas, or raise the limit",
                key=("max_qpu_seconds",),
            )

    def anneal(self, request: Request) -> Iterator[Answer]:
        """One program after the other; the answer of each is on disk before the next is sent."""
        self.check(request)
        facts = {"solver": self.identity, "purpose": request.purpose, "record": request.record}
        for k, (program, entry) in enumerate(zip(request.programs, self._entries(request), strict=True)):
            with entry.held():
                answer = entry.answer(program)
                from_journal = answer is not None
                if answer is None:
                    entry.plan(program, facts)
                    done = k / len(request.programs)
                    answer = _Purchase(self._sampler, self._access, program, entry, done).answer()
                    entry.store(answer)
            yield Answer(answer.spins, {**answer.facts, "from_journal": from_journal})

    def _expected(self, programs: Sequence[Program]) -> tuple[float | None, str]:
        """Seconds, or None and why they are not known."""
        estimate = self._sampler.solver.estimate_qpu_access_time
        try:
            times = [
                estimate(len(program.qubits), num_reads=program.n_reads, **program.parameters)
                for program in programs
            ]
        except (KeyError, ValueError, TypeError) as error:
            return None, _short(error)
        return 1e-6 * float(sum(times)), ""

    def _entries(self, request: Request) -> list[Entry]:
        solver = {name: self.identity[name] for name in ("name", "graph_id")}
        return [
            Entry.of(key_of(program, solver, request.purpose, k))
            for k, program in enumerate(request.programs)
        ]


class _Purchase:
    """One program on its way from the journal to an answer."""

    def __init__(self, sampler: Any, access: Access, program: Program, entry: Entry, done: float):
        self._sampler = sampler
        self._access = access
        self._program = program
        self._entry = entry
        self._done = done
        self._sent_here = False
        self._future: Any = None

    def answer(self) -> Answer:
        """Raises RunError, or KeyboardInterrupt that says what was cancelled."""
        try:
            return _patiently(self._attempt, self._access, self._what, self._done)
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
            if problem_id is None and _refusal(error):
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
            raise _Cancelled(f"{what} had been cancelled") from None
        except RequestException:
            raise
        except _UNDECODABLE as error:
            raise _Malformed(f"an answer that cannot be decoded ({type(error).__name__})") from error
        position = {qubit: k for k, qubit in enumerate(result.variables)}
        wanted = self._program.qubits.tolist()
        reads = np.repeat(result.record.sample, result.record.num_occurrences.astype(int), axis=0)
        if len(reads) != self._program.n_reads or not set(wanted) <= set(position):
            raise _Malformed(
                f"{len(reads)} reads of {len(position)} qubits came, {self._program.n_reads} of "
                f"{len(wanted)} were asked for"
            )
        spins = np.ascontiguousarray(reads[:, [position[qubit] for qubit in wanted]], dtype=np.int8)
        if not (np.abs(spins) == 1).all():
            raise _Malformed("reads hold other values than -1 and +1")
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


class _Malformed(Exception):
    """An answer that is none."""


class _Cancelled(Exception):
    """A problem that was cancelled before this process asked for it."""


_PASSING = (RequestException, _Malformed, _Cancelled)
_UNDECODABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error)


def _patiently(call: Callable[[], T], access: Access, what: Callable[[], str], done: float = 0.0) -> T:
    """Call again after faults that pass, with growing pauses.

    Raises
    ------
    RunError
        After the last attempt, or at once where another attempt cannot help.
    """
    pause = access.retry_pause
    for left in range(access.retries, -1, -1):
        try:
            return call()
        except _polling_timeout() as error:
            fault = error
        except _PASSING as error:
            if (verdict := _token_refused(error) or _refusal(error)) is not None:
                raise RunError(f"{what()}: {verdict}. What was answered before is kept") from error
            fault = error
        if left == 0:
            raise RunError(
                f"{what()} could not be had in {access.retries + 1} attempts; the last one met "
                f"{type(fault).__name__}: {_short(fault)}. What was sent is in the journal: --resume asks "
                "for it again and buys nothing twice"
            ) from fault
        report_progress(done, f"{type(fault).__name__}, again in {pause:.3g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    raise AssertionError("the last attempt returns or raises")


def _polling_timeout() -> type[Exception]:
    from dwave.cloud.exceptions import PollingTimeout

    return PollingTimeout


def _token_refused(error: Exception) -> str | None:
    from dwave.cloud.api.exceptions import ResourceAuthenticationError

    if isinstance(error, ResourceAuthenticationError) or getattr(error, "error_code", None) == 401:
        return f"the token was refused (401): renew it, and {_TOKEN_HELP}"
    return None


def _refusal(error: Exception) -> str | None:
    """Why the server will not do it, however often it is asked; None if it may."""
    from dwave.cloud.api.exceptions import ResourceBadResponseError
    from dwave.cloud.exceptions import SolverFailureError, SolverOfflineError

    code = getattr(error, "error_code", None)
    if isinstance(error, ResourceBadResponseError | SolverOfflineError) or code == 401:
        return None
    if isinstance(error, SolverFailureError):
        return f"the solver refused it: {_short(error)}"
    if isinstance(code, int) and 400 <= code < 500 and code not in _PASSING_CODES:
        return f"the server refused it ({code}): {_short(error)}"
    return None


def _opened(access: Access) -> Any:
    """A `DWaveSampler`."""
    from dwave.cloud.config.exceptions import ConfigFileError
    from dwave.cloud.exceptions import SolverNotFoundError
    from dwave.system import DWaveSampler

    solver = access.solver
    if access.topology is not None and not isinstance(solver, str):
        solver = {"topology__type": access.topology, **(solver or {})}
    config = {name: value for name, value in (("solver", solver), ("region", access.region)) if value}

    def opened() -> Any:
        try:
            return DWaveSampler(**config)
        except SolverNotFoundError as error:
            raise InputError(
                f"no QPU {'named' if isinstance(solver, str) else 'with the features'} {solver!r} is "
                f"available to this token; there are: {', '.join(_names(access)) or 'none'}",
                key=("solver",),
            ) from error
        except ConfigFileError as error:
            raise InputError(f"Ocean's config file cannot be used: {_short(error)}") from None
        except ValueError as error:
            if "token" in str(error):
                raise InputError(f"device 'qpu' needs a D-Wave API token: {_TOKEN_HELP}") from None
            raise InputError(f"the QPU cannot be reached as configured: {_short(error)}") from error

    try:
        sampler = _patiently(opened, access, lambda: "the list of solvers")
    except RunError as error:
        if error.__cause__ is not None and (refused := _token_refused(error.__cause__)) is not None:  # type: ignore[arg-type]
            raise InputError(refused) from error.__cause__
        raise
    topology = sampler.properties["topology"]["type"]
    if access.topology not in (None, topology):
        sampler.client.close(wait=False)
        raise InputError(
            f"solver {solver!r} has topology {topology}, not {access.topology}: leave topology out, or name "
            "another",
            key=("topology",),
        )
    return sampler


def _names(access: Access) -> list[str]:
    """Of the QPUs that there are."""
    from dwave.cloud import Client

    region = {"region": access.region} if access.region else {}
    with Client.from_config(client="qpu", solver={}, **region) as client:
        return [solver.name for solver in client.get_solvers(category="qpu")]


def _short(error: BaseException, length: int = 200) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= length else text[: length - 3] + "..."
