"""IBM hardware: the sampler primitive (V2) of Qiskit Runtime, bought through the journal that annealers use.

Its class is `qiskit_ibm_runtime.executor_sampler.Sampler`, which replaces `SamplerV2` from version 0.50 on.

Tokens come from the environment (QISKIT_IBM_TOKEN) or from a saved account, never from settings.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, MissingExtraError, RunError
from qspin.problem import IsingProblem
from qspin_backends.common.faults import (
    Cancelled,
    Failed,
    Malformed,
    Passing,
    Refused,
    TokenRefused,
    Unknown,
    one_line,
    patiently,
)
from qspin_backends.common.journal import Answer, Entry, digest_of
from qspin_backends.common.purchase import Order, bought, refuse_beyond, unanswered
from qspin_backends.qaoa.aer import measured_errors
from qspin_backends.qaoa.circuit import spins_of, summary
from qspin_backends.qaoa.device import Request
from qspin_backends.qaoa.target import Target

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Access", "Ibm", "Runtime", "connected"]

TOKEN_HELP = (
    "set it in the environment (QISKIT_IBM_TOKEN) or save an account once with "
    "QiskitRuntimeService.save_account; it is read from there only, and never stored"
)
_JOB_SECONDS = 2.0  # of every job beside its shots, by IBM's guide to usage
_REPETITION = 250e-6  # seconds between shots, where a backend does not say
_SHOTS_A_JOB = 100_000  # where a backend does not say
_PASSING_CODES = (408, 409, 429)


@dataclass(frozen=True)
class Access:
    """How to reach IBM hardware, and what it may cost; see the settings of `Qaoa`."""

    backend: str | None
    channel: str | None
    instance: str | None
    max_qpu_seconds: float | None
    retries: int
    retry_pause: float


class Runtime:
    """What is asked of IBM's service; every method may raise a `Fault`.

    Parameters
    ----------
    service : a `QiskitRuntimeService`, or its local twin over fake backends
    backend : one of its backends
    """

    def __init__(self, service: Any, backend: Any):
        self._service = service
        self.backend = backend
        self.is_local = bool(getattr(service, "is_local", False))

    def submitted(
        self, circuit: QuantumCircuit, n_shots: int, label: str, seed: int, limit: float | None
    ) -> Any:
        """A job that runs."""
        from qiskit_ibm_runtime.executor_sampler import Sampler

        sampler = Sampler(mode=self.backend)
        sampler.options.environment.job_tags = [label]
        if limit is not None and not self.is_local:
            sampler.options.max_execution_time = max(1, math.ceil(limit))
        if self.is_local:
            sampler.options.simulator.seed_simulator = seed
        with translated():
            return sampler.run([circuit], shots=n_shots)

    def by_label(self, label: str) -> Any | None:
        """The job that was sent under a label."""
        if self.is_local:
            return None
        with translated():
            return next(iter(self._service.jobs(job_tags=[label], limit=1)), None)

    def by_id(self, job_id: str) -> Any:
        if self.is_local:
            raise Cancelled("Cancelled: a job of the local service ends with its process")
        with translated():
            return self._service.job(job_id)


class _Job:
    """A circuit as a job of IBM's service; see `common.purchase.Job`."""

    noun: ClassVar[str] = "job"

    def __init__(
        self, runtime: Runtime, circuit: QuantumCircuit, n_shots: int, seed: int, limit: float | None
    ):
        self._runtime = runtime
        self._circuit, self._n_shots, self._seed, self._limit = circuit, n_shots, seed, limit
        self._job: Any = None

    @property
    def server(self) -> str:
        return str(self._runtime.backend.name)

    def send(self, label: str) -> str | None:
        self._job = self._runtime.submitted(self._circuit, self._n_shots, label, self._seed, self._limit)
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
            shape = (bits.num_shots, bits.num_bits)
            spins = spins_of(bits.get_bitstrings(), n_bits) if shape[1] == n_bits else None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Malformed(f"Malformed: an answer without shots ({type(error).__name__})") from error
        if spins is None or shape[0] != self._n_shots:
            raise Malformed(
                f"Malformed: {shape[0]} shots of {shape[1]} bits came, {self._n_shots} of {n_bits} were "
                "asked for"
            )
        return Answer(spins, {"job_id": str(self._job.job_id()), **self._usage()})

    def cancel(self, job_id: str) -> bool:
        job = self._runtime.by_id(job_id) if self._job is None else self._job
        with translated():
            return job.cancel() is not False

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

    def __init__(self, access: Access, runtime: Runtime, target: Target):
        self._access = access
        self._runtime = runtime
        self._target = target

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
        self._target.check(problem.n_spins)

    def readout_errors(self, circuit: QuantumCircuit) -> list[tuple[float, float]]:
        return measured_errors(circuit, self._runtime.backend)

    def transpiled(self, circuit: QuantumCircuit) -> QuantumCircuit:
        return self._target.transpiled(circuit)

    def expected_seconds(self, request: Request) -> float | None:
        """2 s for every job, and for every shot the circuit and the delay before the next."""
        return (
            None if self._runtime.is_local else sum(order.seconds or 0.0 for order in self._orders(request))
        )

    def refuse_cost(self, request: Request) -> None:
        """Refuse what would cost more than allowed; answers that are on disk cost nothing."""
        orders = unanswered(self._orders(request))
        refuse_beyond(self._access.max_qpu_seconds, orders, what="QPU time", remedy="Lower n_shots or depth")

    def answers(self, request: Request) -> Iterator[Answer]:
        self.refuse_cost(request)
        return bought(self._orders(request), self._access.retries, self._access.retry_pause)

    def _orders(self, request: Request) -> list[Order]:
        circuit = request.circuit
        largest = shots_a_job(self._runtime.backend)
        n_jobs = -(-request.n_shots // largest)
        sizes = [len(part) for part in np.array_split(np.empty(request.n_shots), n_jobs)]
        streams = np.random.SeedSequence(request.seed).spawn(n_jobs)
        tilts = np.zeros(0) if request.tilts is None else request.tilts.tilts
        arrays = {"gamma": request.angles.gamma, "beta": request.angles.beta, "tilts": tilts}
        program: dict[str, NDArray[Any]] = {**arrays, "circuit": _written(circuit)}
        facts = {"device": self._facts, "record": request.record, "circuit": summary(circuit)}
        orders = []
        for k, (size, stream) in enumerate(zip(sizes, streams, strict=True)):
            head = {
                "backend": self._facts["name"],
                "channel": self._facts["channel"],
                "purpose": request.purpose,
                "position": k,
                "n_shots": size,
                "optimization_level": self._target.optimization_level,
                "transpiler_seed": self._target.seed,
            }
            seed = int(stream.generate_state(1, np.uint32)[0])
            orders.append(
                Order(
                    job=_Job(self._runtime, circuit, size, seed, self._access.max_qpu_seconds),
                    entry=Entry.of(digest_of(head, *arrays.values()), "qaoa"),
                    program=program,
                    facts={**head, **facts},
                    shape=(size, request.problem.n_spins),
                    seconds=_JOB_SECONDS + size * self._shot_seconds(circuit),
                )
            )
        return orders

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
def connected(access: Access, options: Mapping[str, Any]) -> Iterator[Ibm]:
    """A backend of IBM's service for the time of a block.

    Parameters
    ----------
    options : of `Target`, beside the backend

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
    yield Ibm(access, runtime, Target(runtime.backend, None, None, **options))


def shots_a_job(backend: Any) -> int:
    """The most that one job may ask for."""
    configuration = getattr(backend, "configuration", None)
    stated = None if configuration is None else getattr(configuration(), "max_shots", None)
    return int(stated or _SHOTS_A_JOB)


def opened(access: Access) -> Runtime:
    """Raises InputError, or a `Fault` for what `patiently` knows."""
    from qiskit.providers.exceptions import QiskitBackendNotFoundError
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.exceptions import IBMAccountError, IBMInputValueError

    given = {name: value for name in ("channel", "instance") if (value := getattr(access, name))}
    with translated(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # snapshots that are not of typical machines
        try:
            service = QiskitRuntimeService(**given)
        except IBMAccountError as error:
            raise InputError(
                f"device 'ibm' needs an IBM Quantum account: {short(error)}; {TOKEN_HELP}"
            ) from None
        except (IBMInputValueError, ValueError) as error:
            raise InputError(f"IBM's service cannot be reached as configured: {short(error)}") from None
        try:
            backend = service.least_busy() if access.backend is None else service.backend(access.backend)
        except QiskitBackendNotFoundError as error:
            names = ", ".join(sorted(backend.name for backend in service.backends())) or "none"
            raise InputError(
                f"no backend {access.backend!r} is available to this account; there are: {names}",
                key=("backend",),
            ) from error
    return Runtime(service, backend)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise a `Fault` in place of what Qiskit Runtime raises."""
    from ibm_cloud_sdk_core import ApiException
    from qiskit_ibm_runtime.exceptions import (
        IBMError,
        IBMInputValueError,
        IBMNotAuthorizedError,
        RuntimeInvalidStateError,
        RuntimeJobFailureError,
        RuntimeJobMaxTimeoutError,
        RuntimeJobNotFound,
    )
    from requests.exceptions import RequestException

    try:
        yield
    except ApiException as error:  # of the service that turns API keys into tokens
        if error.status_code in (400, 401, 403):
            raise TokenRefused(
                f"the token was refused ({error.status_code}): renew it, and {TOKEN_HELP}"
            ) from error
        raise Passing(f"{type(error).__name__}: {short(error)}") from error
    except (RuntimeJobFailureError, RuntimeJobMaxTimeoutError) as error:
        raise Failed(f"the job failed: {short(error)}") from error
    except RuntimeInvalidStateError as error:
        raise Cancelled(f"Cancelled: {short(error)}") from error
    except RuntimeJobNotFound as error:
        raise Unknown(f"the service does not know it: {short(error)}") from error
    except IBMInputValueError as error:
        raise Refused(f"the service refused it: {short(error)}") from error
    except (IBMError, RequestException) as error:
        code = _status(error)
        if isinstance(error, IBMNotAuthorizedError) or code in (401, 403):
            raise TokenRefused(
                f"the token was refused ({code or 401}): renew it, and {TOKEN_HELP}"
            ) from error
        if code is not None and 400 <= code < 500 and code not in _PASSING_CODES:
            raise Refused(f"the service refused it ({code}): {short(error)}") from error
        raise Passing(f"{type(error).__name__}: {short(error)}") from error


def _refused(code: int) -> str:
    return f"the token was refused ({code}): renew it, and {TOKEN_HELP}"


def _status(error: BaseException) -> int | None:
    """HTTP status of an error, or of the one that it was raised for."""
    for cause in (error, error.__cause__, error.__context__):
        code = getattr(cause, "status_code", None)
        if code is None:
            code = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(code, int) and code > 0:
            return code
    return None


def short(error: BaseException) -> str:
    """What an error says, on one line, and without the token."""
    return one_line(error, _tokens())


def _tokens() -> set[str]:
    found = {os.environ.get("QISKIT_IBM_TOKEN")}
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.exceptions import IBMError

    with contextlib.suppress(IBMError, OSError, ValueError, AttributeError):  # one that cannot be read
        found |= {account.get("token") for account in QiskitRuntimeService.saved_accounts().values()}
    return {token for token in found if token}


def _written(circuit: QuantumCircuit) -> NDArray[np.uint8]:
    """The circuit as Qiskit writes it to files (QPY)."""
    from qiskit import qpy

    content = io.BytesIO()
    qpy.dump(circuit, content)
    return np.frombuffer(content.getvalue(), dtype=np.uint8)
