"""What executors cost beside the tasks themselves. As a script, one of::

python tests/benchmarks/bench_executors.py seconds [--executor NAME] [--tasks 400] [--workers 2]
python tests/benchmarks/bench_executors.py nothing [--executor NAME] [--tasks 10000]
python tests/benchmarks/bench_executors.py digits [--executor NAME] [--problems 12]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = """
import json, resource, sys, time
start = time.perf_counter()
from pathlib import Path
from qspin.events import Kind
from qspin.experiment import RunFolder, load_config, run_experiment
config = load_config(sys.argv[1])
seconds, began, done = [], [], []
def tell(event):
    if event.kind == Kind.DONE and event.action == "sample":
        seconds.append(event.seconds)
    if event.kind == Kind.BEGIN:
        began.append(time.perf_counter())
    if event.kind == Kind.START and event.label.startswith("concluding"):
        done.append(time.perf_counter())
run_experiment(config, RunFolder(Path(sys.argv[2])), resume=Path(sys.argv[2]).exists(), reporter=tell)
print(json.dumps({
    "seconds": time.perf_counter() - start, "tasks": sum(seconds),
    "executing": done[0] - began[0] if done else 0.0,
    "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
}))
"""


def run(config: dict[str, Any], folder: Path, **environment: str) -> dict[str, float]:
    """Seconds of one run in a process of its own: in all, of tasks that sample, until all tasks are done."""
    file = folder.with_suffix(".yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-c", RUN, str(file), str(folder)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **environment}
    )
    return json.loads(done.stdout.splitlines()[-1])


def of_one_second(n_tasks: int, execution: dict[str, Any]) -> dict[str, Any]:
    """Tempering of so many instances, each about a second on one core."""
    tempering = {
        "name": "tempering", "betas": {"geometric": [0.3, 3.0, 10]}, "n_replicas": 8, "n_burn_in": 1000,
        "n_sweeps": 18_000, "n_draws": 100, "n_threads": 1,
    }  # fmt: skip
    return {
        "schema": 2, "name": "seconds", "backends": {"tempering": tempering},
        "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 64, "instances": n_tasks}},
        "studies": {}, "execution": execution,
    }  # fmt: skip


def seconds(folder: Path, n_tasks: int, executor: str, n_workers: int) -> str:
    """Wall time of tasks that take a second, over what it would be without any loss."""
    settings = {"engine": executor} | ({} if executor == "in_process" else {"n_workers": n_workers})
    run(of_one_second(n_workers, settings), folder / "warm")
    found = run(of_one_second(n_tasks, settings), folder / "run")
    ideal = found["tasks"] / (1 if executor == "in_process" else n_workers)
    return (
        f"{n_tasks} tasks of {found['tasks'] / n_tasks:.2f} s, {executor}, {n_workers} workers: "
        f"{found['executing']:.1f} s, {found['executing'] / ideal:.3f} of the ideal {ideal:.1f} s"
    )


def nothing(folder: Path, n_tasks: int, executor: str, _: int) -> str:
    """Tasks that do nothing, half of them samples, half of them measures: a run, and one more on what is
    there."""
    config = {
        "schema": 2, "name": "nothing", "problems": {"pair": {"kind": "pair", "instances": n_tasks // 2}},
        "backends": {"up": {"name": "up"}}, "studies": {"count": {}}, "execution": {"engine": executor},
    }  # fmt: skip
    with registered(folder / "site") as paths:
        first = run(config, folder / "run", PYTHONPATH=paths)
        (folder / "run" / "report.html").unlink()
        again = run(config, folder / "run", PYTHONPATH=paths)
    return (
        f"{n_tasks} tasks that do nothing, {executor}: {first['seconds']:.1f} s, of which "
        f"{first['executing']:.1f} s executing; resumed {again['seconds']:.1f} s; "
        f"{max(first['gib'], again['gib']):.2f} GiB"
    )


@contextlib.contextmanager
def registered(folder: Path) -> Iterator[str]:
    """The kinds of `nothing` by entry points, for all processes with this PYTHONPATH."""
    info = folder / "qspin_nothing-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: qspin-nothing\nVersion: 1.0\n")
    sys.path.insert(0, str(Path(__file__).parent))
    from nothing import KINDS

    text = ""
    for group, names in KINDS.items():
        text += f"[{group}]\n" + "".join(f"{name} = nothing:{of}\n" for name, of in names.items())
    (info / "entry_points.txt").write_text(text)
    here = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    yield os.pathsep.join([str(folder), str(Path(__file__).parent), *filter(None, here)])


def digits(folder: Path, n_problems: int, executor: str, n_workers: int) -> str:
    """The example of the digits with so many problems, on one core and on several."""
    config = yaml.safe_load((ROOT / "configs" / "digits.yaml").read_text())
    kinds = list(config["problems"].items())
    config["problems"] = {
        f"{label}-{k}": {**problem, "seed": k}
        for k in range(n_problems // len(kinds))
        for label, problem in kinds
    }
    walls = {}
    for count in (1, n_workers):
        engine = "in_process" if count == 1 else executor
        config["execution"] = {"engine": engine} | ({} if count == 1 else {"n_workers": count})
        command = f"0-{count - 1}" if count > 1 else "0"
        found = pinned(config, folder / f"on-{count}", command)
        walls[count] = found["executing"]
    return (
        f"digits with {n_problems} problems: {walls[1]:.1f} s on one core, {walls[n_workers]:.1f} s on "
        f"{n_workers}: {walls[1] / walls[n_workers]:.2f}x"
    )


def pinned(config: dict[str, Any], folder: Path, cores: str) -> dict[str, float]:
    """A run on these cores only."""
    before = os.sched_getaffinity(0)
    first, _, last = cores.partition("-")
    os.sched_setaffinity(0, range(int(first), int(last or first) + 1))
    try:
        return run(config, folder)
    finally:
        os.sched_setaffinity(0, before)


CASES = {"seconds": (seconds, 400), "nothing": (nothing, 10_000), "digits": (digits, 12)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--executor", default="processes")
    parser.add_argument("--tasks", "--problems", type=int)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    case, most = CASES[asked.case]
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        print(case(Path(place), asked.tasks or most, asked.executor, asked.workers), flush=True)
