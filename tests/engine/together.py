"""Two processes, or more, run one folder at the same time: each task is done once, and every file is whole.

As a script, so many times::

    python tests/engine/together.py 20
    python tests/engine/together.py 20 processes 3
"""

from __future__ import annotations

import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))

from killing import results

from qspin.experiment import RunFolder

CONFIG: dict[str, Any] = {
    "schema": 2,
    "name": "together",
    "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 10, "instances": 12}},
    "backends": {
        "short": {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 2, "n_sweeps": 2_000},
        "long": {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 2, "n_sweeps": 60_000},
    },
    "studies": {"overlaps": {}},
}
SECONDS = 300  # that any process may take
_COUNTING = """
import os

def counted(source, target, **options):
    replace(source, target, **options)
    place, name = os.path.split(str(target))
    kind = os.path.relpath(place, os.environ["QSPIN_COUNTED"])
    if kind in ("prepared", "samples", "measures") and not name.endswith(".checkpoint"):
        with open(os.environ["QSPIN_COUNTS"], "a") as file:
            file.write(f"{name}\\n")

replace, os.replace = os.replace, counted
"""
"""Notes in a file what is put in its place, in every process: this is imported when Python starts."""


def started(folder: Path, config: Path, executor: str, counts: Path) -> subprocess.Popen[str]:
    """A process that runs a config; what it says is caught."""
    run = ["-m", "qspin", "run", str(config), "--out", str(folder), "--executor", executor]
    (counts.parent / "site").mkdir(exist_ok=True)
    (counts.parent / "site" / "sitecustomize.py").write_text(_COUNTING)
    variables = {"QSPIN_COUNTS": str(counts), "QSPIN_COUNTED": str(folder)}
    path = os.pathsep.join([str(counts.parent / "site"), *map(os.path.abspath, filter(None, sys.path))])
    return subprocess.Popen(
        [sys.executable, *run], env={**os.environ, **variables, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def trial(folder: Path, executor: str, n_processes: int, number: int) -> tuple[list[str], dict[str, bytes]]:
    """Start several at once, or one a little later; what should not have happened, and what came out."""
    config, counts, run = folder / "together.yaml", folder / "counts", folder / "run"
    config.write_text(yaml.safe_dump(CONFIG))
    rng = random.Random(number)
    processes = []
    for _ in range(n_processes):
        processes.append(started(run, config, executor, counts=counts))
        time.sleep(rng.choice([0.0, rng.uniform(0.0, 2.0)]))
    said = [process.communicate(timeout=SECONDS)[1] for process in processes]
    faults = [
        f"a process failed: {text.strip()[-500:]}"
        for process, text in zip(processes, said, strict=True)
        if process.returncode
    ]
    return faults + _faults(run, counts), results(run)


def _faults(run: Path, counts: Path) -> list[str]:
    done = collections.Counter(counts.read_text().split("\n")[:-1])
    twice = [line for line, n in done.items() if n > 1]
    finished = RunFolder.open(run)
    told: Mapping[str, list[Any]] = {
        "tasks done twice": twice,
        "tasks not counted": [key for key in finished.plan.tasks if not any(key in line for line in done)],
        "tasks lacking": [t.label for t in finished.plan.tasks.values() if not finished.store.has(t)],
        "damaged files": [str(file) for file in run.glob("damaged/*")],
        "half-written files": [str(file) for file in run.rglob(".*partial*")],
        "claims left": [file.name for file in run.glob("claims/*.claim")],
        "faults": finished.faults(),
        "unfinished": [] if finished.is_finished else [str(run)],
    }
    return [f"{len(found)} {name}: {found[:3]}" for name, found in told.items() if found]


def main(n_trials: int, executor: str = "in_process", n_processes: int = 2) -> int:
    """Prints every trial with a fault, and the sums. Exit code 1 if there was one."""
    start, faults, expected = time.monotonic(), 0, None
    for number in range(n_trials):
        with tempfile.TemporaryDirectory() as name:
            found, came = trial(Path(name), executor, n_processes, number)
        expected = came if expected is None else expected
        if came != expected:
            found.append("its results differ from those of the first trial")
        faults += bool(found)
        if found:
            print(f"trial {number}: {json.dumps(found)}", flush=True)
    seconds = time.monotonic() - start
    print(f"{n_processes} processes of {executor}, {n_trials} times, {seconds:.0f} s: {faults} with a fault")
    return int(faults > 0)


if __name__ == "__main__":
    n_times, *rest = sys.argv[1:] or ["5"]
    engine = rest[0] if rest else "in_process"
    sys.exit(main(int(n_times), engine, int(rest[1]) if len(rest) > 1 else 2))
