"""Run a benchmark: every cell is one file, written whole, so that a benchmark stopped anywhere resumes.

::

    config.yaml        the resolved config
    cells/DIGEST.json  one sampling: lowest energy of every run, clocks, warnings
    results.csv        a row a cell: success probability and time to solution, with intervals
    summary.csv        a row for problem, size and backend: the best run length, over all instances
    figures/*.svg      time to solution over size, performance profile
    report.html        the same to read
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from qspin.benchmark import TimeToSolution, runs_of, seconds_of, time_to_solution
from qspin.benchmark.time_to_solution import best_length
from qspin.errors import InputError
from qspin.experiment.bench_config import BenchConfig
from qspin.experiment.run import Reporter, SilentReporter
from qspin.experiment.store import Task, independent
from qspin.files import atomic_write
from qspin.problem import IsingProblem
from qspin.progress import listening
from qspin.registry import get_backend
from qspin.samples import library_versions
from qspin.spectrum import energy_tolerance

__all__ = ["BenchFolder", "Cell", "Row", "Summary", "run_benchmark", "summarised", "tabulated"]

_EXACT = 20  # spins up to which the lowest energy is enumerated
_ON_THIS_MACHINE = (None, "simulated", "aer")  # values of the setting `device` that cost nothing


class Cell(NamedTuple):
    """One sampling of a benchmark."""

    problem: str
    n_spins: int
    instance: int
    backend: str
    length: int
    task: Task


class Row(NamedTuple):
    """A cell with its time to solution; `best`: lowest energy it found, `reference`: lowest known."""

    cell: Cell
    reference: float
    is_exact: bool
    best: float
    residual: float
    tts: TimeToSolution
    clocks: dict[str, float]
    warnings: list[str]


class Summary(NamedTuple):
    """A backend on all instances of a size, at the run length whose median is best."""

    problem: str
    n_spins: int
    backend: str
    length: float
    is_inside: bool
    n_instances: int
    n_bounds: int
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class BenchFolder:
    """The folder of a benchmark."""

    path: Path

    @classmethod
    def default(cls, config: BenchConfig, parent: Path = Path("runs")) -> BenchFolder:
        return cls(parent / f"{config.name}-{config.digest[:10]}")

    @property
    def report_file(self) -> Path:
        return self.path / "report.html"

    def cell_file(self, cell: Cell) -> Path:
        return self.path / "cells" / f"{cell.task.digest}.json"

    def create(self, config: BenchConfig, *, resume: bool) -> None:
        """Prepare the folder.

        Raises
        ------
        InputError
            If it belongs to something else, or holds an unfinished benchmark and `resume` was not asked for.
        """
        head = self.path / "config.yaml"
        if not head.is_file():
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise InputError(f"{self.path} exists and is no benchmark; choose another with --out")
            atomic_write(head, yaml.safe_dump(config.resolved(), sort_keys=False, allow_unicode=True))
            atomic_write(self.path / "digest.txt", config.digest + "\n")
            return
        known = self.path / "digest.txt"
        if not known.is_file() or known.read_text(encoding="utf-8").strip() != config.digest:
            raise InputError(f"{self.path} holds another benchmark: choose another folder with --out")
        if not resume and not self.report_file.is_file():
            raise InputError(f"{self.path} holds an unfinished benchmark: add --resume to finish it")

    def measured(self, cell: Cell) -> dict[str, Any] | None:
        """What was measured in a cell, if it was."""
        try:
            return json.loads(self.cell_file(cell).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None


def run_benchmark(
    config: BenchConfig, folder: BenchFolder, *, resume: bool = False, reporter: Reporter | None = None
) -> list[Row]:
    """Measure all cells that are not there yet, and tabulate.

    Raises
    ------
    InputError
        For unusable input, before the folder is made.
    """
    show = reporter or SilentReporter()
    cells = _cells(config)
    for cell in cells:
        if (check := getattr(cell.task.sampler, "check", None)) is not None:
            check(cell.task.problem)
    folder.create(config, resume=resume)
    show.begin(len(cells) + 1)
    for cell in cells:
        name = f"{cell.problem}, {cell.n_spins} spins, instance {cell.instance}, {cell.task.backend_label}"
        with show.step(name) as tell, listening(tell):
            if folder.measured(cell) is None:
                atomic_write(folder.cell_file(cell), json.dumps(_measure(cell, config), indent=1) + "\n")
    with show.step("references and tables"):
        return tabulated(config, folder, cells)


def _cells(config: BenchConfig) -> list[Cell]:
    places = list(_places(config))
    tasks = independent(task for *_, task in places)
    return [Cell(*place[:-1], task) for place, task in zip(places, tasks, strict=True)]


def _places(config: BenchConfig) -> Iterator[tuple[str, int, int, str, int, Task]]:
    """What cells are made of, before equal ones are told apart."""
    identities = {
        label: family.identities(config.samplers[label]) for label, family in config.backends.items()
    }
    for label in config.problems:
        for n_spins, instance, problem in config.problems_of(label):
            for backend, samplers in config.samplers.items():
                for (length, sampler), settings in zip(samplers, identities[backend], strict=True):
                    named = backend if not length else f"{backend} ({length})"
                    task = Task(
                        f"{label}-{n_spins}-{instance}", named, problem, sampler, settings, config.seed
                    )
                    yield label, n_spins, instance, backend, length, task


def _measure(cell: Cell, config: BenchConfig) -> dict[str, Any]:
    """Sample once; the first call of a process compiles, so a sampler warms up on a tiny problem before.

    Hardware is not warmed up: it would be paid for.
    """
    if getattr(cell.task.sampler, "device", None) in _ON_THIS_MACHINE:
        cell.task.sampler.sample(IsingProblem(np.zeros((2, 2))), seed=0)
    samples = cell.task.sampler.sample(cell.task.problem, seed=cell.task.seed)
    return {
        "lowest": runs_of(samples, math.inf).lowest.tolist(),
        "seconds_a_run": seconds_of(samples, config.clock),
        "clocks": samples.info["clocks"],
        "warnings": samples.info["warnings"],
        "settings": samples.info.get("settings", {}),
        "versions": library_versions(),
    }


def tabulated(config: BenchConfig, folder: BenchFolder, cells: Sequence[Cell]) -> list[Row]:
    """Success and time to solution of every cell, against the lowest energy that is known of its instance."""
    measured = [(cell, found) for cell in cells if (found := folder.measured(cell)) is not None]
    lowest: dict[str, float] = {}  # by problem: two shapes of one size are two problems
    exact: set[str] = set()
    for cell, found in measured:
        place = cell.task.problem.digest
        if place not in exact and cell.n_spins <= _EXACT:
            lowest[place] = float(get_backend("exact").enumerate(cell.task.problem).ground_energy)  # type: ignore[attr-defined]
            exact.add(place)
        elif place not in exact:
            lowest[place] = min(lowest.get(place, math.inf), min(found["lowest"]))
    rows = []
    for cell, found in measured:
        reference = lowest[cell.task.problem.digest]
        energies = np.array(found["lowest"])
        problem = cell.task.problem
        aim = reference + config.target.gap * abs(reference - problem.offset)
        reached = int((energies <= aim + energy_tolerance(problem)).sum())
        tts = time_to_solution(
            reached, len(energies), found["seconds_a_run"], target=config.target.probability
        )
        residual = (float(energies.mean()) - reference) / max(cell.n_spins, 1)
        rows.append(
            Row(
                cell, reference, cell.task.problem.digest in exact, float(energies.min()), residual, tts,
                found["clocks"], found["warnings"],
            )
        )  # fmt: skip
    return rows


def summarised(rows: list[Row], *, n_resamples: int = 1_000, seed: int = 0) -> list[Summary]:
    """Medians over instances with 95 % intervals by bootstrap, at the best run length.

    Instances without a success count as slower than all others; where they are half or more, the median is
    infinite, a lower bound.
    """
    groups: dict[tuple[str, int, str], dict[float, list[Row]]] = {}
    for row in rows:
        key = (row.cell.problem, row.cell.n_spins, row.cell.backend)
        groups.setdefault(key, {}).setdefault(row.cell.length, []).append(row)
    rng = np.random.default_rng(seed)
    found = []
    for (problem, n_spins, backend), by_length in groups.items():
        medians = {}
        for length, group in by_length.items():
            successes = sum(row.tts.probability.successes for row in group)
            runs = sum(row.tts.probability.runs for row in group)
            seconds = float(np.median([row.tts.seconds_a_run for row in group]))
            medians[length] = time_to_solution(successes, runs, seconds)
        best = best_length(medians)
        length = best.length if math.isfinite(best.length) else max(by_length)
        values = np.array([math.inf if row.tts.is_bound else row.tts.seconds for row in by_length[length]])
        drawn = np.median(values[rng.integers(0, len(values), (n_resamples, len(values)))], axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
        inside = best.is_inside or len(by_length) == 1
        found.append(
            Summary(
                problem, n_spins, backend, length, inside, len(values),
                int(np.isinf(values).sum()), float(np.median(values)), float(low), float(high),
            )
        )  # fmt: skip
    return found
