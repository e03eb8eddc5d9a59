"""IBM's service: how it is reached, what is asked of it, and what it raises, in the terms of `common.faults`.

Tokens come from the environment (QISKIT_IBM_TOKEN) or from a saved account, never from settings.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qspin.errors import InputError
from qspin.sampler import keep_secret, scrubbed, strip_tokens
from qspin_backends.common.faults import (
    Cancelled,
    Failed,
    Passing,
    Refused,
    TokenRefused,
    Unknown,
    one_line,
)
from qspin_backends.common.paid import Terms

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["NO_OPTIONS", "Access", "Options", "Runtime", "opened", "shots_a_job", "translated"]

TOKEN_HELP = (
    "set it in the environment (QISKIT_IBM_TOKEN) or save an account once with "
    "QiskitRuntimeService.save_account; it is read from there only, and never stored"
)
_SHOTS_A_JOB = 100_000  # where a backend does not say
_FRAMES = 32  # random frames of twirled shots, at most; as many as Qiskit Runtime takes
_TWIRLED = ("cx", "cz", "ecr")  # Clifford gates of two qubits, which frames are pulled through
_PASSING_CODES = (408, 409, 429)


@dataclass(frozen=True, kw_only=True)
class Access(Terms):
    """How to reach IBM hardware, and what it may cost; see the settings of `Qaoa`."""

    backend: str | None
    channel: str | None
    instance: str | None


@dataclass(frozen=True)
class Options:
    """Of Qiskit Runtime's sampler, by the names that it has for them.

    Parameters
    ----------
    dynamical_decoupling : sequence of pulses, or None
    twirling : of two-qubit gates and measurements
    """

    dynamical_decoupling: str | None = None
    twirling: bool = False

    def check(self, backend: Any) -> None:
        """Raises InputError if a backend has not what an option needs."""
        gates = backend.target
        if self.dynamical_decoupling is not None and not _is_timed(gates):
            raise InputError(
                f"dynamical_decoupling fills idle times with X gates, and {backend.name} states no "
                "duration of them; leave it out",
                key=("dynamical_decoupling",),
            )
        if self.twirling and not set(_TWIRLED) & set(gates.operation_names):
            raise InputError(
                f"twirling needs a two-qubit gate out of {', '.join(_TWIRLED)}; {backend.name} has none of "
                "them; leave it out",
                key=("twirling",),
            )

    def plain(self, n_shots: int) -> dict[str, dict[str, Any]]:
        """What differs from the defaults of the sampler, group by group; nothing for none."""
        groups: dict[str, dict[str, Any]] = {}
        if self.dynamical_decoupling is not None:
            groups["dynamical_decoupling"] = {"enable": True, "sequence_type": self.dynamical_decoupling}
        if self.twirling:
            n_frames, each = _frames(n_shots)
            groups["twirling"] = {
                "enable_gates": True,
                "enable_measure": True,
                "num_randomizations": n_frames,
                "shots_per_randomization": each,
            }
        return groups

    def n_answered(self, n_shots: int) -> int:
        """Shots that come where that many are wanted: every frame has as many."""
        n_frames, each = _frames(n_shots)
        return n_frames * each if self.twirling else n_shots


NO_OPTIONS = Options()
"""As Qiskit Runtime runs circuits by itself."""


def _frames(n_shots: int) -> tuple[int, int]:
    """How many random frames, and shots of each."""
    each = -(-n_shots // _FRAMES)
    return -(-n_shots // each), each


def _is_timed(gates: Any) -> bool:
    """Whether a device states how long an X takes, on any of its qubits."""
    known = gates["x"] if "x" in gates.operation_names else None
    return any(at is not None and at.duration is not None for at in (known or {}).values())


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
        self,
        circuit: QuantumCircuit,
        n_shots: int,
        label: str,
        seed: int,
        limit: float | None,
        **options: Mapping[str, Any],
    ) -> Any:
        """A job that runs.

        Parameters
        ----------
        options : of Qiskit Runtime's sampler, group by group
        """
        from qiskit_ibm_runtime.executor_sampler import Sampler

        sampler = Sampler(mode=self.backend)
        for group, values in options.items():
            for name, value in values.items():
                setattr(getattr(sampler.options, group), name, value)
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


def opened(access: Access) -> Runtime:
    """Raises InputError, or a `Fault` for what `patiently` knows."""
    from qiskit.providers.exceptions import QiskitBackendNotFoundError
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.exceptions import IBMAccountError, IBMInputValueError

    learn_tokens()
    given = {name: value for name in ("channel", "instance") if (value := getattr(access, name))}
    with translated(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # snapshots that are not of typical machines
        try:
            service = QiskitRuntimeService(**given)
        except IBMAccountError as error:
            raise InputError(
                f"device 'ibm' needs an IBM Quantum API key: {TOKEN_HELP} ({one_line(error)})"
            ) from None
        except (IBMInputValueError, ValueError) as error:
            raise InputError(f"IBM's service cannot be reached as configured: {one_line(error)}") from None
        try:
            backend = service.least_busy() if access.backend is None else service.backend(access.backend)
        except QiskitBackendNotFoundError as error:
            names = ", ".join(sorted(backend.name for backend in service.backends())) or "none"
            raise InputError(
                f"no backend {access.backend!r} is available to this account; there are: {names}",
                key=("backend",),
            ) from error
    return Runtime(service, backend)


def shots_a_job(backend: Any) -> int:
    """The most that one job may ask for."""
    configuration = getattr(backend, "configuration", None)
    stated = None if configuration is None else getattr(configuration(), "max_shots", None)
    return int(stated or _SHOTS_A_JOB)


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
            ) from scrubbed(error)
        raise Passing(f"{type(error).__name__}: {one_line(error)}") from scrubbed(error)
    except (RuntimeJobFailureError, RuntimeJobMaxTimeoutError) as error:
        raise Failed(f"the job failed: {one_line(error)}") from scrubbed(error)
    except RuntimeInvalidStateError as error:
        raise Cancelled(f"Cancelled: {one_line(error)}") from scrubbed(error)
    except RuntimeJobNotFound as error:
        raise Unknown(f"the service does not know it: {one_line(error)}") from scrubbed(error)
    except IBMInputValueError as error:
        raise Refused(f"the service refused it: {one_line(error)}") from scrubbed(error)
    except (IBMError, RequestException) as error:
        code = _status(error)
        if isinstance(error, IBMNotAuthorizedError) or code in (401, 403):
            raise TokenRefused(
                f"the token was refused ({code or 401}): renew it, and {TOKEN_HELP}"
            ) from scrubbed(error)
        if code is not None and 400 <= code < 500 and code not in _PASSING_CODES:
            raise Refused(f"the service refused it ({code}): {one_line(error)}") from scrubbed(error)
        raise Passing(f"{type(error).__name__}: {one_line(error)}") from scrubbed(error)


def _status(error: BaseException) -> int | None:
    """HTTP status of an error, or of the one that it was raised for."""
    for cause in (error, error.__cause__, error.__context__):
        code = getattr(cause, "status_code", None)
        if code is None:
            code = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(code, int) and code > 0:
            return code
    return None


def learn_tokens() -> None:
    """Before anything is sent: strip the token of the environment, and get to know those that are saved."""
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.exceptions import IBMError

    strip_tokens()
    with contextlib.suppress(IBMError, OSError, ValueError, AttributeError):  # one that cannot be read
        for account in QiskitRuntimeService.saved_accounts().values():
            keep_secret(account.get("token"))
