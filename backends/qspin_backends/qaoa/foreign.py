"""A backend of any vendor as a device: simulators run at once, all others are bought through the journal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, RunError
from qspin.problem import IsingProblem
from qspin.sampler import Remark, scrubbed
from qspin_backends.common.faults import Cancelled, Failed, Fault, Malformed, Passing, Unknown, one_line
from qspin_backends.common.journal import Answer, Entry, digest_of
from qspin_backends.common.paid import Terms
from qspin_backends.common.purchase import Order, bought
from qspin_backends.qaoa import vendor
from qspin_backends.qaoa.aer import measured_errors
from qspin_backends.qaoa.circuit import spins_of, summary, written
from qspin_backends.qaoa.device import Request
from qspin_backends.qaoa.target import Target

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Foreign"]

_SEEDS = 2**31 - 1


class Foreign:
    """A ``BackendV2``; see `Device`.

    Parameters
    ----------
    backend : from `vendor.opened`
    path : that it was imported from
    target : what circuits are transpiled to
    terms : of purchases
    """

    def __init__(self, backend: Any, path: str, target: Target, terms: Terms):
        self._backend, self._path = backend, path
        self.target = target
        self._terms = terms

    @property
    def is_paid(self) -> bool:
        return not vendor.is_simulator(self._backend)

    @cached_property
    def _facts(self) -> dict[str, Any]:
        import qiskit

        backend = self._backend
        return {
            "name": str(backend.name),
            "path": self._path,
            "version": str(getattr(backend, "backend_version", None) or ""),
            "n_qubits": int(backend.num_qubits),
            "qiskit": qiskit.__version__,
            "is_simulator": vendor.is_simulator(backend),
            "takes_seed": vendor.takes(backend, "seed_simulator"),
        }

    def identity(self, problem: IsingProblem, depth: int, n_shots: int) -> Mapping[str, Any]:
        return self._facts

    def check(self, problem: IsingProblem, depth: int, n_shots: int) -> None:
        self.target.check(problem.n_spins)
        if self.is_paid and self._terms.max_qpu_seconds is not None:
            raise InputError(
                f"max_qpu_seconds cannot be held: {self._facts['name']} does not say before how long shots "
                "take, nor what they cost; leave it out to buy them all the same",
                key=("max_qpu_seconds",),
            )

    def readout_errors(self, circuit: QuantumCircuit) -> list[tuple[float, float]]:
        gates = self._backend.target
        if "measure" not in gates.operation_names or None in gates["measure"]:
            raise InputError(
                f"readout_mitigation needs readout errors, and {self._facts['name']} states none; leave it "
                "out",
                key=("readout_mitigation",),
            )
        return measured_errors(circuit, self._backend)

    def expected_seconds(self, request: Request) -> float | None:
        return None

    def work(self, problem: IsingProblem, depth: int, gates: int, n_shots: int) -> tuple[str, float, int]:
        if self.is_paid:
            return "backend", float(n_shots), 0
        n = problem.n_spins
        return "backend simulator", gates * 2.0**n * n_shots, 16 * 2**n

    def refuse_cost(self, requests: Sequence[Request]) -> None:
        pass  # it is not known, see `check`

    def answers(self, request: Request) -> Iterator[Answer]:
        if self.is_paid:
            orders = list(self._orders(request))
            return bought(orders, self._terms.retries, self._terms.retry_pause)
        return self._simulated(request)

    def remarks(self) -> list[Remark]:
        """What a reader must know of a backend that decides by itself what is random."""
        if self.is_paid or self._facts["takes_seed"]:
            return []
        text = f"{self._facts['name']} takes no seed: the same seed gives other shots"
        return [Remark("unseeded", text)]

    def _simulated(self, request: Request) -> Iterator[Answer]:
        """Copies share no qubit: each is run alone, where together they would be too many to simulate."""
        circuits = request.copies.circuits or (request.circuit,)
        for size, seed in _parts(self._backend, request):
            start = time.perf_counter()
            streams = np.random.SeedSequence(seed).generate_state(len(circuits), np.uint32) % _SEEDS
            seeds = [seed] if len(circuits) == 1 else streams.tolist()
            read = [self._run(*one, size) for one in zip(circuits, seeds, strict=True)]
            facts = {"n_shots": size, "seed": seed, "seconds": time.perf_counter() - start}
            spins = np.concatenate([answer.spins for answer in read], axis=1)
            yield Answer(spins, {**read[0].facts, **facts})

    def _run(self, circuit: QuantumCircuit, seed: int, n_shots: int) -> Answer:
        job = _Job(self._backend, circuit, n_shots, seed)
        try:
            job.send("")
            return job.answer()
        except Fault as fault:
            raise RunError(f"{self._facts['name']}: {fault}") from fault

    def _orders(self, request: Request) -> Iterator[Order]:
        circuit = request.circuit
        arrays = {"gamma": request.angles.gamma, "beta": request.angles.beta}
        arrays["tilts"] = np.zeros(0) if request.tilts is None else request.tilts.tilts
        program: dict[str, NDArray[Any]] = {**arrays, "circuit": written(circuit)}
        facts = {"device": self._facts, "record": request.record, "circuit": summary(circuit)}
        for k, (size, seed) in enumerate(_parts(self._backend, request)):
            head = {
                "backend": self._facts["name"],
                "path": self._path,
                "purpose": request.purpose,
                "position": k,
                "n_shots": size,
                "optimization_level": self.target.optimization_level,
                "transpiler_seed": self.target.seed,
                "layout": None if self.target.layout is None else list(self.target.layout),
                "copies": [list(region) for region in request.copies.regions],
            }
            entry = Entry.of(digest_of(head, *arrays.values()), "qaoa")
            yield Order(
                job=_Job(self._backend, circuit, size, seed, entry),
                entry=entry,
                program=program,
                facts={**head, **facts},
                shape=(size, request.n_bits),
                seconds=None,
            )


def _parts(backend: Any, request: Request) -> Iterator[tuple[int, int]]:
    """Shots and seed of every run: a simulator with a seed repeats its shots."""
    n_runs = -(-request.n_shots // vendor.largest_run(backend))
    sizes = [len(part) for part in np.array_split(np.empty(request.n_shots), n_runs)]
    for size, stream in zip(sizes, np.random.SeedSequence(request.seed).spawn(n_runs), strict=True):
        yield size, int(stream.generate_state(1, np.uint32)[0]) % _SEEDS


class _Job:
    """A circuit as a job of a vendor; see `common.purchase.Job`.

    No label can be sent along by `BackendV2`, so a job whose id was never noted cannot be found again; it is
    not sent a second time before somebody has looked.
    """

    noun: ClassVar[str] = "job"

    def __init__(
        self, backend: Any, circuit: QuantumCircuit, n_shots: int, seed: int, entry: Entry | None = None
    ):
        self._backend, self._circuit = backend, circuit
        self._n_shots, self._seed = n_shots, seed
        self._entry = entry
        self._job: Any = None

    @property
    def server(self) -> str:
        return str(self._backend.name)

    @property
    def outlives_process(self) -> bool:
        return True

    def send(self, label: str) -> str | None:
        given = {"memory": True, "seed_simulator": self._seed}
        options = {name: value for name, value in given.items() if vendor.takes(self._backend, name)}
        with _translated():
            self._job = self._backend.run(self._circuit, shots=self._n_shots, **options)
            return str(self._job.job_id())

    def find(self, label: str) -> str | None:
        assert self._entry is not None
        raise RunError(
            f"a job may have been sent to {self.server} whose id never came: look there whether it runs. "
            f"Remove {self._entry.file} to send it again"
        )

    def fetch(self, job_id: str) -> None:
        retrieve = vendor.retriever(self._backend)
        if self._job is not None and str(self._job.job_id()) == job_id:
            return
        if retrieve is None:
            raise Unknown(f"{self.server} has no way to find a job by its id")
        with _translated():
            self._job = retrieve(job_id)

    def answer(self) -> Answer:
        from qiskit.providers import JobStatus

        with _translated():
            result = self._job.result()
            if self._job.status() == JobStatus.CANCELLED:
                raise Cancelled("Cancelled: the job had been cancelled")
        if not getattr(result, "success", True):
            raise Failed(f"the job failed: {one_line(RuntimeError(str(getattr(result, 'status', ''))))}")
        n_bits = self._circuit.num_clbits
        try:
            spins = spins_of(_bitstrings(result, self._seed), n_bits)
        except Exception as error:  # whatever a vendor answers with
            raise Malformed(f"Malformed: an answer without shots ({type(error).__name__})") from error
        if spins.shape != (self._n_shots, n_bits):
            raise Malformed(f"Malformed: {len(spins)} shots came, {self._n_shots} were asked for")
        return Answer(spins, {"job_id": str(self._job.job_id())})

    def cancel(self, job_id: str) -> bool:
        if self._job is None:
            self.fetch(job_id)
        with _translated():
            return bool(self._job.cancel())


def _bitstrings(result: Any, seed: int) -> list[str]:
    """Of every shot; where a backend tells counts alone, in random order."""
    with contextlib.suppress(Exception):
        return [text.replace(" ", "") for text in result.get_memory()]
    counts = {text.replace(" ", ""): int(n) for text, n in result.get_counts().items()}
    listed = np.repeat(list(counts), list(counts.values()))
    return list(np.random.default_rng(seed).permutation(listed))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise a `Fault` in place of what a vendor raises: what the network did passes, all else does not."""
    try:
        yield
    except (Fault, RunError, InputError):
        raise
    except _network_errors() as error:
        raise Passing(f"{type(error).__name__}: {one_line(error)}") from scrubbed(error)
    except Exception as error:  # of a vendor: it may be anything, and another attempt would cost another job
        raise Failed(f"{type(error).__name__}: {one_line(error)}") from scrubbed(error)


def _network_errors() -> tuple[type[Exception], ...]:
    """What usual clients raise when the network fails: requests makes OSErrors, httpx has its own."""
    httpx = sys.modules.get("httpx")
    return (OSError, TimeoutError) if httpx is None else (OSError, TimeoutError, httpx.TransportError)
