"""The QPU: `DWaveSampler`, a budget, and a journal that lets no paid read be lost or bought twice."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from qspin.errors import InputError, RunError
from qspin.sampler import Remark, scrubbed
from qspin_backends.annealer.cloud import CloudProblem
from qspin_backends.annealer.description import access_seconds
from qspin_backends.annealer.device import Hardware, Program, Request
from qspin_backends.annealer.faults import TOKEN_HELP, learn_tokens, translated
from qspin_backends.common.faults import TokenRefused, one_line, patiently
from qspin_backends.common.journal import Answer, Entry, digest_of, plain
from qspin_backends.common.paid import Terms
from qspin_backends.common.purchase import Order, bought, refuse_beyond, unanswered

__all__ = ["Access", "Qpu", "connected"]

_CLOSING_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Access(Terms):
    """How to reach a QPU, and what it may cost; see the settings of `Annealer`."""

    solver: str | Mapping[str, Any] | None
    region: str | None
    topology: str | None


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

    is_paid: ClassVar[bool] = True

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
        """What is charged, by D-Wave's timing model; None where the solver does not publish what it needs."""
        return self._expected(request.programs)[0]

    def remarks(self, request: Request) -> list[Remark]:
        return []

    def computing_seconds(self, request: Request) -> float | None:
        return None

    def work(self, request: Request) -> tuple[str, float]:
        return "qpu", float(sum(program.n_reads for program in request.programs))

    def check(self, request: Request) -> None:
        """Refuse what would cost more than allowed; answers that are on disk cost nothing."""
        limit = self._access.max_qpu_seconds
        if limit is None:
            return
        later = dataclasses.replace(request, programs=request.later)
        orders = [*unanswered(self._orders(request)), *self._orders(later)]
        if any(order.seconds is None for order in orders):
            raise InputError(
                f"solver {self._sampler.solver.name} does not publish what an estimate of its access time "
                f"needs ({self._expected(request.programs)[1]}), so max_qpu_seconds cannot be held: leave it "
                "out, or choose another solver",
                key=("max_qpu_seconds",),
            )
        refuse_beyond(limit, orders, what="QPU access time", counted=_anneals, remedy=_cheaper(orders))

    def kept(self, request: Request) -> list[Answer] | None:
        answers = [order.entry.answer(order.shape) for order in self._orders(request)]
        found = [answer for answer in answers if answer is not None]
        if len(found) < len(answers):
            return None
        return [Answer(answer.spins, {**answer.facts, "from_journal": True}) for answer in found]

    def anneal(self, request: Request) -> Iterator[Answer]:
        """One program after the other; the answer of each is on disk before the next is sent."""
        self.check(request)
        return bought(self._orders(request), self._access.retries, self._access.retry_pause)

    def correlations(self, request: Request, program: Program) -> None:
        """Nobody knows: it is asked to find out."""

    def _expected(self, programs: Sequence[Program]) -> tuple[float | None, str]:
        """Seconds that are charged, or None and why they are not known."""
        return access_seconds(self.properties, programs)

    def _orders(self, request: Request) -> list[Order]:
        solver = {name: self.identity[name] for name in ("name", "graph_id")}
        facts = {"solver": self.identity, "purpose": request.purpose, "record": request.record}
        return [
            Order(
                job=CloudProblem(self._sampler, program),
                entry=Entry.of(_key_of(program, solver, request.purpose, k), "annealer"),
                program={
                    "qubits": program.qubits,
                    "fields": program.fields,
                    "couplers": program.couplers,
                    "couplings": program.couplings,
                },
                facts={
                    "n_reads": program.n_reads,
                    "parameters": plain(program.parameters),
                    "origin": program.origin,
                    **facts,
                },
                shape=(program.n_reads, len(program.qubits)),
                seconds=self._expected([program])[0],
            )
            for k, program in enumerate(request.programs)
        ]


def _key_of(program: Program, solver: Mapping[str, Any], purpose: Mapping[str, Any], position: int) -> str:
    """Digest of a program, the solver it goes to, what for, and its place in the request."""
    head = {
        "solver": solver,
        "purpose": purpose,
        "position": position,
        "n_reads": program.n_reads,
        "parameters": plain(program.parameters),
    }
    return digest_of(head, program.qubits, program.fields, program.couplers, program.couplings)


def _anneals(orders: Sequence[Order]) -> str:
    """How many, and those among them that calibrate."""
    n = len(orders)
    told = f"{sum(order.shape[0] for order in orders)} anneals in {n} programming{'s' * (n > 1)}"
    calibrating = [order.shape[0] for order in orders if "calibration" in order.facts["origin"]]
    if not calibrating:
        return told
    return f"{told}, of which {sum(calibrating)} in {len(calibrating)} calibrate the device,"


def _cheaper(orders: Sequence[Order]) -> str:
    """What would cost less, of what was asked for."""
    rounds = {str(order.facts["origin"].get("calibration", "")) for order in orders} - {""}
    ways = ["n_reads", "n_gauges"]
    ways += ["n_shim"] * bool(rounds - {"readout"}) + ["shim_reads"] * bool(rounds)
    without = ", leave readout_mitigation out" if "readout" in rounds else ""
    return f"Lower {', '.join(ways)} or the number of betas{without}, raise n_copies"


def _opened(access: Access) -> Any:
    """A `DWaveSampler`."""
    from dwave.cloud.config.exceptions import ConfigFileError
    from dwave.cloud.exceptions import SolverNotFoundError
    from dwave.system import DWaveSampler

    learn_tokens()
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
            raise InputError(f"Ocean's config file cannot be used: {one_line(error)}") from None
        except ValueError as error:
            if "token not defined" in str(error):
                raise InputError(f"device 'qpu' needs a D-Wave API token: {TOKEN_HELP}") from None
            raise InputError(f"the QPU cannot be reached as configured: {one_line(error)}") from scrubbed(
                error
            )

    try:
        sampler = patiently(
            translated()(opened), lambda: "the list of solvers", access.retries, access.retry_pause
        )
    except RunError as error:
        if isinstance(error.__cause__, TokenRefused):
            raise InputError(str(error.__cause__)) from error.__cause__
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
