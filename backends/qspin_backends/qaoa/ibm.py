"""IBM hardware: the sampler primitive (V2) of Qiskit Runtime, bought through the journal that annealers use.

Its class is `qiskit_ibm_runtime.executor_sampler.Sampler`, which replaces `SamplerV2` from version 0.50 on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, MissingExtraError, RunError
from qspin.problem import IsingProblem
from qspin.sampler import Remark, require_bytes
from qspin_backends.common.faults import Cancelled, Malformed, TokenRefused, patiently
from qspin_backends.common.journal import Answer, Entry, digest_of
from qspin_backends.common.purchase import Order, bought, refuse_beyond
from qspin_backends.qaoa.aer import measured_errors
from qspin_backends.qaoa.circuit import spins_of, summary, written
from qspin_backends.qaoa.device import Request
from qspin_backends.qaoa.runtime import NO_OPTIONS, Access, Options, Runtime, opened, shots_a_job, translated
from qspin_backends.qaoa.target import Target

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Ibm", "connected"]

_JOB_SECONDS = 2.0  # of every job beside its shots, by IBM's guide to usage
_REPETITION = 250e-6  # seconds between shots, where a backend does not say


class _Job:
    """A circuit as a job of IBM's service; see `common.purchase.Job`."""

    noun: ClassVar[str] = "job"

    def __init__(
        self,
        runtime: Runtime,
        circuit: QuantumCircuit,
        n_shots: int,
        seed: int,
        limit: float | None,
        options: Options,
    ):
        self._runtime, self._options = runtime, options
        self._circuit, self._n_shots, self._seed, self._limit = circuit, n_shots, seed, limit
        self._job: Any = None

    @property
    def server(self) -> str:
        return str(self._runtime.backend.name)

    @property
    def outlives_process(self) -> bool:
        return not self._runtime.is_local

    def send(self, label: str) -> str | None:
        options = self._options.plain(self._n_shots)
        self._job = self._runtime.submitted(
            self._circuit, self._n_shots, label, self._seed, self._limit, **options
        )
        return str(self._job.job_id())

    def find(self, label: str) -> str | None:
        job = self._runtime.by_label(label)
        return None if job is None else str(job.job_id())

    def fetch(self, job_id: str) -> None:
        self._job = self._runtime.by_id(job_id)

    def answer(self) -> Answer:
        with translated():
            result = self._job.result()
        n_bits = self._circuit.num_clbits
        try:
            bits = result[0].data.meas
            shape = (bits.size * bits.num_shots, bits.num_bits)
            spins = spins_of(bits.get_bitstrings(), n_bits) if shape[1] == n_bits else None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Malformed(f"Malformed: an answer without shots ({type(error).__name__})") from error
        if spins is None or shape[0] != self._options.n_answered(self._n_shots):
            raise Malformed(
                f"Malformed: {shape[0]} shots of {shape[1]} bits came, {self._n_shots} of {n_bits} were "
                "asked for"
            )
        return Answer(spins[: self._n_shots], {"job_id": str(self._job.job_id()), **self._usage()})

    def cancel(self, job_id: str) -> bool:
        job = self._runtime.by_id(job_id) if self._job is None else self._job
        try:
            with translated():
                job.cancel()
        except Cancelled:  # it has ended
            return False
        return True

    def _usage(self) -> dict[str, float]:
        """Seconds of QPU time that were charged, where the service says so."""
        from qiskit_ibm_runtime.exceptions import IBMError

        try:
            return {"qpu_seconds": float(self._job.metrics()["usage"]["quantum_seconds"])}
        except (AttributeError, KeyError, TypeError, ValueError, IBMError):  # no reason to lose an answer
            return {}


class Ibm:
    """A backend of IBM's service; see `Device`."""

    is_paid: ClassVar[bool] = True

    def __init__(self, access: Access, runtime: Runtime, target: Target, options: Options):
        self._access = access
        self._runtime = runtime
        self.target = target
        self._options = options

    @cached_property
    def _facts(self) -> dict[str, Any]:
        import qiskit
        import qiskit_ibm_runtime

        backend = self._runtime.backend
        return {
            "name": str(backend.name),
            "version": str(getattr(backend, "backend_version", "")),
            "n_qubits": int(backend.num_qubits),
            "qiskit": qiskit.__version__,
            "qiskit_ibm_runtime": qiskit_ibm_runtime.__version__,
            "channel": "local" if self._runtime.is_local else "ibm",
        }

    def identity(self, problem: IsingProblem, depth: int, n_shots: int) -> Mapping[str, Any]:
        return self._facts

    def check(self, problem: IsingProblem, depth: int, n_shots: int) -> None:
        self.target.check(problem.n_spins)
        self._options.check(self._runtime.backend)

    def readout_errors(self, circuit: QuantumCircuit) -> list[tuple[float, float]]:
        return measured_errors(circuit, self._runtime.backend)

    def expected_seconds(self, request: Request) -> float | None:
        """2 s for every job, and for every shot the circuit and the delay before the next."""
        return (
            None if self._runtime.is_local else sum(order.seconds or 0.0 for order in self._orders(request))
        )

    def work(self, problem: IsingProblem, depth: int, gates: int, n_shots: int) -> tuple[str, float, int]:
        if not self._runtime.is_local:
            return "ibm", float(n_shots), 0
        n = problem.n_spins
        return "ibm local", gates * 2.0**n * n_shots, 16 * 2**n

    def refuse_cost(self, requests: Sequence[Request]) -> None:
        """Refuse what would cost more than allowed; answers that are on disk cost nothing."""
        self._refuse([order for request in requests for order in self._orders(request)])

    def answers(self, request: Request) -> Iterator[Answer]:
        orders = self._orders(request)
        self._refuse(orders)
        return bought(orders, self._access.retries, self._access.retry_pause)

    def remarks(self) -> list[Remark]:
        return []

    def _refuse(self, orders: list[Order]) -> None:
        limit = self._access.max_qpu_seconds
        refuse_beyond(limit, orders, what="QPU time", counted=_shots, remedy="Lower n_shots or depth")

    def _orders(self, request: Request) -> list[Order]:
        circuit = request.circuit
        if self._runtime.is_local:
            what = f"state vectors of {request.n_bits} qubits"
            require_bytes(16 * 2**request.n_bits, what, "lower n_copies: local mode simulates all together")
        largest = shots_a_job(self._runtime.backend)
        n_jobs = -(-request.n_shots // largest)
        sizes = [len(part) for part in np.array_split(np.empty(request.n_shots), n_jobs)]
        streams = np.random.SeedSequence(request.seed).spawn(n_jobs)
        tilts = np.zeros(0) if request.tilts is None else request.tilts.tilts
        arrays = {"gamma": request.angles.gamma, "beta": request.angles.beta, "tilts": tilts}
        program: dict[str, NDArray[Any]] = {**arrays, "circuit": written(circuit)}
        facts = {"device": self._facts, "record": request.record, "circuit": summary(circuit)}
        orders = []
        for k, (size, stream) in enumerate(zip(sizes, streams, strict=True)):
            options = self._options.plain(size)
            head: dict[str, Any] = {
                **self._placing(request),
                **({"options": options} if options else {}),
                "backend": self._facts["name"],
                "channel": self._facts["channel"],
                "purpose": request.purpose,
                "position": k,
                "n_shots": size,
                "optimization_level": self.target.optimization_level,
                "transpiler_seed": self.target.seed,
            }
            seed = int(stream.generate_state(1, np.uint32)[0])
            orders.append(
                Order(
                    job=_Job(self._runtime, circuit, size, seed, self._access.max_qpu_seconds, self._options),
                    entry=Entry.of(digest_of(head, *arrays.values()), "qaoa"),
                    program=program,
                    facts={**head, **facts},
                    shape=(size, request.n_bits),
                    seconds=_JOB_SECONDS + self._options.n_answered(size) * self._shot_seconds(circuit),
                )
            )
        return orders

    def _placing(self, request: Request) -> dict[str, Any]:
        """Where a circuit lies, as far as it was asked for."""
        given: dict[str, Any] = {}
        if self.target.layout is not None:
            given["layout"] = list(self.target.layout)
        if request.copies.n > 1:
            given["copies"] = [list(region) for region in request.copies.regions]
        return given

    def _shot_seconds(self, circuit: QuantumCircuit) -> float:
        from qiskit.exceptions import QiskitError

        backend = self._runtime.backend
        delay = getattr(backend, "default_rep_delay", None)
        try:
            duration = float(circuit.estimate_duration(backend.target, unit="s"))
        except QiskitError:  # a gate without a duration; the delay is far longer
            duration = 0.0
        return duration + (_REPETITION if delay is None else float(delay))


@contextlib.contextmanager
def connected(access: Access, placing: Mapping[str, Any], options: Options = NO_OPTIONS) -> Iterator[Ibm]:
    """A backend of IBM's service for the time of a block.

    Parameters
    ----------
    placing : of `Target`, beside the backend
    options : of Qiskit Runtime's sampler

    Raises
    ------
    MissingExtraError
        If qiskit-ibm-runtime is not installed.
    InputError
        If there is no token or it is refused, or no such backend.
    RunError
        If the service cannot be reached.
    """
    try:
        import qiskit_ibm_runtime  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("device 'ibm'", extra="ibm", module="qiskit_ibm_runtime") from error
    try:
        runtime = patiently(
            lambda: opened(access), lambda: "IBM's service", access.retries, access.retry_pause
        )
    except RunError as error:
        if isinstance(error.__cause__, TokenRefused):
            raise InputError(str(error.__cause__)) from error.__cause__
        raise
    yield Ibm(access, runtime, Target(runtime.backend, None, None, **placing), options)


def _shots(orders: Sequence[Order]) -> str:
    n = len(orders)
    return f"{sum(order.shape[0] for order in orders)} shots in {n} job{'s' * (n > 1)}"
