"""A stand-in for D-Wave's cloud: as much of its REST interface as the cloud client uses, on loopback, with
faults.

It answers with a thermal sampler, seeded by what it was sent, so that the same problem has the same answer.
Its chip has no faults unless it is given some, which are then the same in every programming. With
``QSPIN_SOLVER=FILE`` it is the solver that was recorded there, for all tests that do not ask for another.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import json
import os
import secrets
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from dwave.cloud.testing.mocks import qpu_problem_timing_data, qpu_zephyr_solver_data
from qspin_backends.annealer.control import ControlErrors
from qspin_backends.annealer.description import access_seconds
from qspin_backends.annealer.device import Program
from qspin_backends.annealer.physics import Substitute

import qspin

TOKEN = "DEV-0123456789abcdef-this-must-stay-secret"
RECORDED = json.loads(Path(file).read_text()) if (file := os.environ.get("QSPIN_SOLVER")) else None
SOLVER = "Advantage2_stand_in" if RECORDED is None else RECORDED["identity"]["name"]
TEMPERATURE = 0.4  # units of its couplings

STAGES = ("solvers", "submit", "label", "poll", "answer", "cancel")


@dataclass
class Fault:
    """What goes wrong at a stage, for so many requests.

    kinds : ``drop`` (no reply), ``delay`` (a late reply), an HTTP status, ``malformed`` (no JSON),
        ``truncated`` (an answer that lacks reads), ``kill`` (calls `Sapi.kill`, no reply), ``orphan``
        (the same, and then does what was asked for), ``failed`` (the solver refuses the problem)
    after : for ``submit``: whether the problem is accepted before it goes wrong
    """

    stage: str
    kind: str | int
    times: int = 1
    after: bool = False
    skip: int = 0  # requests of that stage that go well first


@dataclass
class Problem:
    id: str
    job: dict[str, Any]
    due: float
    submitted_on: str
    listed: float = 0.0
    status: str = "PENDING"
    answer: dict[str, Any] | None = None
    solved_on: str | None = None


@dataclass
class Sapi:
    """State of the server, shared by its threads.

    properties : of the solver, beside those it has anyway
    recorded : what the cloud once said of a solver, whole: its identity, description and properties
    chip : how its qubits and couplers err
    misread : probabilities that a qubit that is up is read down, and the other way round
    warming : by how much each problem is annealed at a higher temperature than the one before it
    """

    latency: float = 0.05
    accepting: float = 0.0  # seconds that a request is under way before its problem is accepted
    listing: float = 0.0  # seconds for which an accepted problem is missing in the list by label
    m: int = 2
    faults: list[Fault] = field(default_factory=list)
    problems: dict[str, Problem] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    kill: Callable[[], None] = lambda: None
    properties: dict[str, Any] = field(default_factory=dict)
    recorded: dict[str, Any] | None = field(default_factory=lambda: RECORDED)
    chip: ControlErrors = field(default_factory=ControlErrors)
    misread: tuple[float, float] = (0.0, 0.0)
    warming: float = 0.0
    url: str = ""
    lock: Any = field(default_factory=threading.Lock)

    @property
    def bought(self) -> int:
        """Problems that were accepted and not cancelled: what a user would pay for."""
        return sum(problem.status != "CANCELLED" for problem in self.problems.values())

    @property
    def name(self) -> str:
        """Of the solver."""
        return SOLVER if self.recorded is None else self.recorded["identity"]["name"]

    def solver(self) -> dict[str, Any]:
        if self.recorded is not None:
            state = {"status": "ONLINE", "avg_load": 0.0}
            return state | self.recorded | {"properties": self.recorded["properties"] | self.properties}
        parameters = [
            "annealing_time", "anneal_schedule", "answer_mode", "auto_scale", "fast_anneal", "flux_biases",
            "flux_drift_compensation", "initial_state", "num_reads", "reduce_intersample_correlation",
            "reinitialize_state",
        ]  # fmt: skip
        data = qpu_zephyr_solver_data(self.m, name=SOLVER)
        data["properties"].update(
            {
                "category": "qpu",
                "h_range": [-4.0, 4.0],
                "j_range": [-1.0, 1.0],
                "extended_j_range": [-2.0, 1.0],
                "per_qubit_coupling_range": [-18.0, 15.0],
                "num_reads_range": [1, 50],
                "problem_run_duration_range": [0.0, 1e6],
                "annealing_time_range": [0.5, 2000.0],
                "fast_anneal_time_range": [0.005, 2000.0],
                "default_annealing_time": 20.0,
                "max_anneal_schedule_points": 12,
                "problem_timing_data": qpu_problem_timing_data(),
                "parameters": dict.fromkeys(parameters, ""),
                **self.properties,
            }
        )
        data["identity"]["version"]["graph_id"] = f"zephyr_{self.m}"
        return data

    def fault(self, stage: str) -> Fault | None:
        with self.lock:
            self.requests.append(stage)
            for fault in self.faults:
                if fault.stage == stage:
                    if fault.skip:
                        fault.skip -= 1
                    elif fault.times:
                        fault.times -= 1
                        return fault
        return None

    def accept(self, job: dict[str, Any]) -> Problem:
        with self.lock:
            now = time.time()
            problem = Problem(
                f"{len(self.problems):08d}-id", job, now + self.latency, _now(), now + self.listing
            )
            self.problems[problem.id] = problem
        return problem

    def advance(self, problem: Problem) -> None:
        """Solve what is due."""
        with self.lock:
            if problem.status == "PENDING" and time.time() >= problem.due:
                problem.answer = answer(self, problem)
                problem.solved_on = _now()
                problem.status = "COMPLETED"

    def status(self, problem: Problem, *, with_answer: bool = False) -> dict[str, Any]:
        self.advance(problem)
        message = {
            "id": problem.id,
            "type": problem.job["type"],
            "solver": problem.job["solver"],
            "label": problem.job.get("label"),
            "status": problem.status,
            "submitted_on": problem.submitted_on,
        }
        if problem.solved_on:
            message["solved_on"] = problem.solved_on
        if with_answer and problem.answer is not None:
            message["answer"] = problem.answer
        return message

    def cancel(self, problem: Problem) -> dict[str, Any]:
        with self.lock:
            if problem.status != "PENDING":
                return {"error_code": 409, "error_msg": "Problem has been finished."}
            problem.status = "CANCELLED"
            self.cancelled.append(problem.id)
        return self.status(problem)


def programmed(job: dict[str, Any], properties: dict[str, Any]) -> tuple[dict[int, float], dict[Any, float]]:
    """Fields and couplings of a job, by the names of qubits."""
    linear = _doubles(job["data"]["lin"])
    quadratic = iter(_doubles(job["data"]["quad"]))
    fields = {q: h for q, h in zip(properties["qubits"], linear, strict=True) if not np.isnan(h)}
    return fields, {(u, v): next(quadratic) for u, v in properties["couplers"] if u in fields and v in fields}


def realised(sapi: Sapi, problem: Problem) -> Program:
    """What a chip makes of a job, faults included."""
    fields, couplings = programmed(problem.job, sapi.solver()["properties"])
    qubits, params = np.array(sorted(fields)), problem.job["params"]
    ends = np.searchsorted(qubits, np.array(list(couplings), dtype=np.int64).reshape(-1, 2))
    values = np.array([fields[qubit] for qubit in qubits.tolist()]), np.array(list(couplings.values()))
    program = Program(qubits, values[0], ends, values[1], params["num_reads"], params, 0, {})
    return sapi.chip.disturbed(program, np.random.default_rng(0))


def answer(sapi: Sapi, problem: Problem) -> dict[str, Any]:
    """Reads of a thermal sampler in the ``qp`` format."""
    program, sent = realised(sapi, problem), problem.job
    n_reads, biases = program.n_reads, program.parameters.get("flux_biases")
    text = sent["data"]["lin"] + sent["data"]["quad"] + str(n_reads) + (str(biases) if biases else "")
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:3], "little")
    reads = Substitute("thermal", 200, 0.0).sample(
        program.to_bqm(),
        num_reads=n_reads,
        seed=seed,
        temperature=TEMPERATURE + sapi.warming * int(problem.id.split("-")[0]),
    )
    spins = program.spins_of(reads)
    wrong = np.random.default_rng(seed).random(spins.shape)
    spins[wrong < np.where(spins > 0, *sapi.misread)] *= -1
    return {
        "format": "qp",
        "num_variables": sapi.solver()["properties"]["num_qubits"],
        "active_variables": _packed("i", program.qubits.tolist()),
        "energies": _packed("d", [0.0] * n_reads),
        "solutions": base64.b64encode(np.packbits(spins > 0, axis=1).tobytes()).decode(),
        "timing": timing(sapi, program),
    }


def timing(sapi: Sapi, program: Program) -> dict[str, float]:
    """In microseconds; of a recorded solver by the model that it publishes."""
    if sapi.recorded is None:
        return {"qpu_access_time": 15000.0 + 100.0 * program.n_reads, "qpu_programming_time": 15000.0}
    others = {name: value for name, value in program.parameters.items() if name != "num_reads"}
    timed = dataclasses.replace(program, parameters=others)
    seconds, _ = access_seconds(sapi.solver()["properties"] | {"quota_conversion_rate": 1}, [timed])
    return {} if seconds is None else {"qpu_access_time": 1e6 * seconds}


class Handler(BaseHTTPRequestHandler):
    sapi: Sapi
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        parts = [part for part in url.path.split("/") if part][2:]
        if parts[0] == "solvers":
            named = parts[2:] and parts[2] != self.sapi.name
            reply: Any = self.sapi.solver() if parts[2:] else [self.sapi.solver()]
            self.serve("solvers", lambda: reply, found=not named)
        elif "label" in query:
            self.serve("label", lambda: self.labelled(query["label"][0]))
        elif "id" in query:
            self.serve("poll", lambda: self.polled(query))
        else:
            problem = self.sapi.problems.get(parts[1])
            self.serve(
                "answer", lambda: self.sapi.status(problem, with_answer=True), found=problem is not None
            )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "deflate":
            body = zlib.decompress(body)
        self.serve("submit", lambda: [self.submitted(job) for job in json.loads(body)])

    def do_DELETE(self) -> None:
        problem = self.sapi.problems[urlsplit(self.path).path.rstrip("/").split("/")[-1]]
        self.serve("cancel", lambda: self.sapi.cancel(problem))

    def submitted(self, job: dict[str, Any]) -> dict[str, Any]:
        properties = self.sapi.solver()["properties"]
        least, most = properties["num_reads_range"]
        assert least <= job["params"]["num_reads"] <= most
        assert set(job["params"]) <= set(properties["parameters"])
        assert job["params"]["answer_mode"] == "raw"
        assert job["params"]["auto_scale"] is False
        time.sleep(self.sapi.accepting)
        return self.sapi.status(self.sapi.accept(job))

    def labelled(self, label: str) -> list[dict[str, Any]]:
        return [
            self.sapi.status(problem)
            for problem in self.sapi.problems.values()
            if problem.job.get("label") == label and time.time() >= problem.listed
        ]

    def polled(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        asked = [self.sapi.problems[key] for key in query["id"][0].split(",")]
        until = time.time() + float(query.get("timeout", ["0"])[0])
        while time.time() < until and any(self.sapi.status(p)["status"] == "PENDING" for p in asked):
            time.sleep(0.01)
        return [self.sapi.status(problem) for problem in asked]

    def serve(self, stage: str, reply: Callable[[], Any], *, found: bool = True) -> None:
        """Reply, unless something is to go wrong."""
        if self.headers.get("X-Auth-Token") != TOKEN:
            return self.send(401, {"error_code": 401, "error_msg": "Invalid token or access denied"})
        if not found:
            return self.send(404, {"error_code": 404, "error_msg": "There is no such thing"})
        fault = self.sapi.fault(stage)
        if fault is None:
            return self.send(200, reply())
        if fault.after:
            content = reply()
        if fault.kind == "delay":
            time.sleep(0.5)
            return self.send(200, reply())
        if fault.kind == "malformed":
            return self.send(200, "<html>not what was asked for</html>")
        if fault.kind == "truncated":
            content = reply()
            content["answer"] = {**content["answer"], "solutions": content["answer"]["solutions"][:4]}
            return self.send(200, content)
        if fault.kind == "failed":
            return self.send(200, [{"error_code": 400, "error_msg": "Problem is not well formed"}])
        if isinstance(fault.kind, int):
            return self.send(
                fault.kind, {"error_code": fault.kind, "error_msg": f"fault {fault.kind}, {TOKEN}"}
            )
        if fault.kind in ("kill", "orphan"):
            self.sapi.kill()
        if fault.kind == "orphan":
            reply()
        self.close_connection = True
        return None

    def send(self, code: int, content: Any) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        media = self.headers.get("Accept", "application/json").split(";")[0]
        self.send_response(code)
        self.send_header("Content-Type", f"{media}; version=3.0.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)


@contextlib.contextmanager
def serving(sapi: Sapi) -> Iterator[Sapi]:
    """The server, on a free port of loopback, for the time of a block."""
    handler = type("BoundHandler", (Handler,), {"sapi": sapi})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that were killed
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    own = secrets.token_hex(8)  # the cloud client keeps properties of solvers on disk, by address
    sapi.url = f"http://127.0.0.1:{server.server_address[1]}/sapi/{own}/"
    try:
        yield sapi
    finally:
        server.shutdown()
        server.server_close()


def environment(sapi: Sapi, folder: Path) -> dict[str, str]:
    """Variables that lead a process to the stand-in, as a user would set them."""
    config = folder / "dwave.conf"
    config.write_text("[defaults]\npoll_strategy = backoff\npoll_backoff_min = 0.02\n")
    return {
        "DWAVE_API_ENDPOINT": sapi.url,
        "DWAVE_API_TOKEN": TOKEN,
        "DWAVE_CONFIG_FILE": str(config),
        "QSPIN_DATA_DIR": str(folder / "data"),
    }


def qpu(**settings: Any) -> Any:
    """Two scales in two gauges: four programmings."""
    defaults = {"betas": [0.5, 1.0], "n_reads": 20, "n_gauges": 2, "retry_pause": 0.01}
    return qspin.get_backend("annealer", device="qpu", **{**defaults, **settings})


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()  # noqa: UP017


def _doubles(text: str) -> list[float]:
    binary = base64.b64decode(text)
    return list(struct.unpack(f"<{len(binary) // 8}d", binary))


def _packed(kind: str, values: list[Any]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}{kind}", *values)).decode()
