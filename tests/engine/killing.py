"""Runs that are killed at random moments, for any executor; another process finishes them.

A run samples, buys from a stand-in, measures and reports. Whoever is killed, the client, a worker or a
scheduler, nothing that was finished may be done again, nothing bought twice, and what comes out is bit for
bit what an undisturbed run gives. As a script, so many kills of one executor::

    python tests/engine/killing.py in_process 60
    python tests/engine/killing.py processes 60
    python tests/engine/killing.py dask 60
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "backends" / "annealer")]

from cluster import LoopbackCluster, loopback_cluster  # noqa: E402
from sapi import Sapi, environment, serving  # noqa: E402

from qspin.engine.storage.archive import read_dataset  # noqa: E402
from qspin.experiment import RunFolder  # noqa: E402
from qspin.instances import sherrington_kirkpatrick  # noqa: E402
from qspin.registry import get_backend  # noqa: E402

SLOW = {"name": "tempering", "betas": [0.5, 1.0, 1.5], "n_replicas": 2, "n_burn_in": 500, "n_draws": 20}
CONFIG: dict[str, Any] = {
    "schema": 2,
    "name": "killed",
    "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 12, "instances": 4}},
    "backends": {
        "short": {**SLOW, "n_sweeps": 20_000},
        "long": {**SLOW, "n_sweeps": 400_000},
        "bought": {"name": "annealer", "device": "qpu", "betas": [1.0], "n_reads": 10, "n_gauges": 1},
    },
    "studies": {"overlaps": {}},
}
N_BOUGHT = 4
SECONDS = 300  # that any process may take


@dataclass(frozen=True)
class Kill:
    """Who dies when.

    Parameters
    ----------
    victim : ``client``, ``worker`` or ``scheduler``
    share : of the time that an undisturbed run takes, after which it dies
    """

    victim: str
    share: float

    @classmethod
    def drawn(cls, number: int, victims: tuple[str, ...]) -> Kill:
        """Victims in turn, at any time."""
        return cls(victims[number % len(victims)], random.Random(number).uniform(0.05, 1.0))


@dataclass
class Outcome:
    """Of one trial.

    Parameters
    ----------
    was_killed : whether there was still somebody to kill
    faults : what should not have happened, a sentence each
    """

    was_killed: bool
    faults: list[str] = field(default_factory=list)


@dataclass
class Engine:
    """An executor, and who works for it.

    Parameters
    ----------
    name : of the executor
    cluster : of loopback, where it has one
    """

    name: str
    cluster: LoopbackCluster | None = None

    @property
    def execution(self) -> dict[str, Any]:
        """As a config has it."""
        if self.cluster is None:
            return {"engine": self.name}
        return {"engine": self.name, "scheduler": self.cluster.address, "patience": 15}

    def strike(self, process: subprocess.Popen[str], victim: str, rng: random.Random) -> bool:
        """Kill somebody; whether there was one."""
        if process.poll() is not None:
            return False
        if self.cluster is not None and victim != "client":
            self._strike_cluster(self.cluster, victim, rng)
            return True
        targets = [process.pid]
        if victim == "worker":
            targets = [pid for pid in descendants(process.pid) if is_worker(pid)]
        if not targets:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(targets), signal.SIGKILL)
            return True
        return False

    @staticmethod
    def _strike_cluster(cluster: LoopbackCluster, victim: str, rng: random.Random) -> None:
        """Another one comes late."""
        if victim == "worker":
            cluster.kill(cluster.workers.pop(rng.randrange(len(cluster.workers))))
        elif cluster.scheduler is not None:
            cluster.kill(cluster.scheduler)
            cluster.start_scheduler()
        cluster.start_worker("late")


@contextlib.contextmanager
def engine_of(name: str, folder: Path) -> Iterator[Engine]:
    """An executor that can be used; one of Dask with a scheduler and two workers on loopback."""
    if name != "dask":
        yield Engine(name)
        return
    with loopback_cluster(folder / "cluster") as cluster:
        yield Engine(name, cluster)


def victims_of(executor: str) -> tuple[str, ...]:
    """Who can be killed: all that works in the process of the run has no workers."""
    known = {"in_process": ("client",), "dask": ("client", "worker", "scheduler")}
    return known.get(executor, ("client", "worker"))


def started(
    folder: Path, variables: Mapping[str, str], *options: str, engine: Engine
) -> subprocess.Popen[str]:
    """A process that runs the config in a folder; what it says is caught."""
    config = folder.parent / "killed.yaml"
    config.write_text(yaml.safe_dump({**CONFIG, "execution": engine.execution}))
    return subprocess.Popen(
        [sys.executable, "-m", "qspin", "run", str(config), "--out", str(folder), *options],
        env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has just ended
            for child in map(int, file.read_text().split()):
                found += [child, *descendants(child)]
    return found


def is_worker(pid: int) -> bool:
    """Whether a descendant does tasks: started by multiprocessing, and not what keeps count of its
    resources."""
    with contextlib.suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"multiprocessing" in line and b"resource_tracker" not in line
    return False


def finished_objects(folder: Path) -> dict[str, tuple[int, int]]:
    """Objects of a store, and what changes when one is written again."""
    places = ("prepared/*.npz", "samples/*.nc", "measures/*.npz")
    files = (file for place in places for file in folder.glob(place) if not file.name.startswith("."))
    return {str(f.relative_to(folder)): (f.stat().st_mtime_ns, f.stat().st_ino) for f in files}


def results(folder: Path) -> dict[str, bytes]:
    """All that comes out of a run and does not tell when or where: samples, measures and tables, as bytes."""
    run = RunFolder.open(folder)
    found: dict[str, bytes] = {}
    for task in run.plan.tasks.values():
        if task.action == "sample":
            dataset = run.store.samples(task.key).dataset
        else:
            dataset = read_dataset(run.store.file(task.action, task.key))
        names = sorted(name for name in map(str, dataset.variables) if not name.startswith("seconds"))
        found[task.key] = b"".join(name.encode() + dataset[name].values.tobytes() for name in names)
    tables = [folder / "metrics.csv", *sorted((folder / "results").glob("*.csv"))]
    return found | {file.name: file.read_bytes() for file in tables}


@contextlib.contextmanager
def shop(folder: Path) -> Iterator[tuple[Sapi, dict[str, str]]]:
    """A stand-in that sells, and the variables that lead to it."""
    with serving(Sapi()) as sapi:
        yield sapi, environment(sapi, folder)


def undisturbed(folder: Path, executor: str) -> tuple[float, dict[str, bytes]]:
    """Seconds that a run takes, and what comes out."""
    with shop(folder) as (sapi, variables), engine_of(executor, folder) as engine:
        start = time.monotonic()
        process = started(folder / "run", variables, engine=engine)
        _, said = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said
        seconds = time.monotonic() - start
        assert sapi.bought == N_BOUGHT
    return seconds, results(folder / "run")


def trial(kill: Kill, folder: Path, executor: str, seconds: float, expected: Mapping[str, bytes]) -> Outcome:
    """One kill, and a process that goes on where one is needed."""
    run = folder / "run"
    with shop(folder) as (sapi, variables), engine_of(executor, folder) as engine:
        process = started(run, variables, engine=engine)
        with watched(process) as workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(kill.share * seconds)
            outcome = Outcome(engine.strike(process, kill.victim, random.Random(repr(kill))))
            _, said = process.communicate(timeout=SECONDS)
        outcome.faults += _left(workers)
        done = finished_objects(run) if run.is_dir() else {}
        if kill.victim == "worker" and process.returncode != 0:
            outcome.faults.append(f"the run did not go on without a worker: {said.strip()[-500:]}")
        if process.returncode != 0:
            second = started(run, variables, "--resume", engine=engine)
            _, said = second.communicate(timeout=SECONDS)
            if second.returncode != 0:
                outcome.faults.append(f"the second process failed: {said.strip()[-500:]}")
                return outcome
        outcome.faults += _compared(run, done, expected)
        if sapi.bought != N_BOUGHT:
            outcome.faults.append(f"{sapi.bought} bought; expected {N_BOUGHT}")
    return outcome


@contextlib.contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[set[int]]:
    """All processes that one has started in the meantime."""
    found: set[int] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.1):
            found.update(descendants(process.pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        is_over.set()
        thread.join()


def _left(workers: set[int], seconds: float = 20.0) -> list[str]:
    """Workers that live on without their client."""
    end = time.monotonic() + seconds
    while (alive := [pid for pid in workers if is_worker(pid)]) and time.monotonic() < end:
        time.sleep(0.1)
    return [f"{len(alive)} workers live on"] if alive else []


def _compared(run: Path, done: Mapping[str, tuple[int, int]], expected: Mapping[str, bytes]) -> list[str]:
    now, faults = finished_objects(run), []
    again = [name for name, stamp in done.items() if now.get(name) != stamp]
    faults += [f"{len(again)} finished tasks were done again: {again[:3]}"] if again else []
    found = results(run)
    differing = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
    faults += [f"{len(differing)} results are lost or differ: {differing[:3]}"] if differing else []
    lacking = [] if RunFolder.open(run).is_finished else ["the run does not count as finished"]
    left = [str(file.relative_to(run)) for file in run.rglob(".*partial*")]
    damaged = [str(file.relative_to(run)) for file in run.glob("damaged/*")]
    claims = [file.name for file in run.glob("claims/*.claim")]
    told = {"half-written files": left, "damaged files": damaged, "claims left": claims}
    return faults + lacking + [f"{name}: {files[:3]}" for name, files in told.items() if files]


def compile_kernels() -> None:
    """Those that are killed have none to compile, and no more has the run that tells how long they take."""
    settings = {key: value for key, value in SLOW.items() if key != "name"}
    get_backend(SLOW["name"], **settings, n_sweeps=20).sample(sherrington_kirkpatrick(12, seed=0), seed=0)


def main(executor: str, n_kills: int) -> int:
    """Prints every trial with a fault, and the sums. Exit code 1 if there was one."""
    victims, start, killed, faults, number = victims_of(executor), time.monotonic(), 0, 0, 0
    compile_kernels()
    with tempfile.TemporaryDirectory() as name:
        seconds, expected = undisturbed(Path(name), executor)
    print(f"undisturbed: {seconds:.1f} s, {len(expected)} results", flush=True)
    while killed < n_kills:
        kill = Kill.drawn(number, victims)
        with tempfile.TemporaryDirectory() as name:
            outcome = trial(kill, Path(name), executor, seconds, expected)
        number += 1
        killed += outcome.was_killed
        faults += bool(outcome.faults)
        if outcome.faults:
            print(f"trial {number - 1}, {kill}: {json.dumps(outcome.faults)}", flush=True)
        if number % 10 == 0:
            print(f"{killed} kills in {number} trials, {faults} with a fault so far", flush=True)
    seconds = time.monotonic() - start
    print(f"{executor}: {killed} kills in {number} trials, {seconds:.0f} s: {faults} with a fault")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10))
