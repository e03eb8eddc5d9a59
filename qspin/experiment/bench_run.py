"""Run a benchmark: every cell is one file, written whole, so that a benchmark stopped anywhere resumes.

::

    config.yaml        the resolved config
    cells/DIGEST.json  one sampling: lowest energy of every run, clocks, warnings
    failures/DIGEST.txt    why a cell was not measured
    results.csv        a row a cell: success probability and time to solution, with intervals
    summary.csv        a row for problem, size and backend: the best run length, over all instances
    figures/*.svg      time to solution over size, performance profile
    report.html        the same to read
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qspin.benchmark import TimeToSolution, lowest_without_offset, runs_of, seconds_of, time_to_solution
from qspin.benchmark.time_to_solution import best_length
from qspin.errors import InputError
from qspin.experiment.bench_config import BenchConfig
from qspin.experiment.folder import (
    CONFIG,
    DamagedHead,
    checked_place,
    clear_leftovers,
    failure_of,
    held,
    is_new,
    read_head,
    recorded,
    write_head,
)
from qspin.experiment.run import Reporter, SilentReporter, check_tasks, refuse_failures, sample_whole
from qspin.experiment.store import Task, independent
from qspin.files import atomic_write
from qspin.problem import IsingProblem
from qspin.progress import listening
from qspin.provenance import library_versions
from qspin.registry import get_backend
from qspin.sampler import is_paid
from qspin.settings import settings_of
from qspin.spectrum import energy_tolerance, without_offset

__all__ = ["BenchFolder", "Cell", "Row", "Summary", "cells_of", "run_benchmark", "summarised", "tabulated"]

_EXACT = 20  # spins up to which the lowest energy is enumerated
_KIND = "bench"


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

    def __post_init__(self) -> None:
        """Raises InputError for a path that can be no folder."""
        checked_place(self.path)

    @classmethod
    def default(cls, config: BenchConfig, parent: Path = Path("runs")) -> BenchFolder:
        return cls(parent / f"{config.name}-{config.digest[:10]}")

    @property
    def report_file(self) -> Path:
        return self.path / "report.html"

    def cell_file(self, cell: Cell) -> Path:
        return self.path / "cells" / f"{cell.task.digest}.json"

    def refuse_foreign(self, config: BenchConfig) -> None:
        """Refuse a folder that is neither new nor of this benchmark; nothing is changed.

        Raises
        ------
        InputError
            If it holds other files, a run or another benchmark.
        """
        if is_new(self.path):
            return
        if not (self.path / CONFIG).is_file():
            raise InputError(f"{self.path} exists and is no benchmark; choose another with --out")
        try:
            kind, known, _ = read_head(self.path)
        except DamagedHead as damage:  # what it was of may still be known
            kind, known = _KIND, damage.digest
        if kind != _KIND or known not in (config.digest, ""):
            what = "another benchmark" if kind == _KIND else "a run"
            raise InputError(f"{self.path} holds {what}: choose another folder with --out")

    def create(self, config: BenchConfig, cells: Sequence[Cell], *, resume: bool) -> None:
        """Prepare the folder.

        Raises
        ------
        InputError
            As `refuse_foreign`; or if it holds an unfinished benchmark and `resume` was not asked for.
        """
        self.refuse_foreign(config)
        if is_new(self.path):
            clear_leftovers(self.path)
            self._write_head(config)
            return
        whole = self._has_whole_head()
        if not resume and not whole:
            read_head(self.path)  # raises
        if not resume and any(self.measured(cell) is None for cell in cells):
            raise InputError(f"{self.path} holds an unfinished benchmark: add --resume to finish it")
        clear_leftovers(self.path)
        if not whole:
            self._write_head(config)

    def _write_head(self, config: BenchConfig) -> None:
        write_head(self.path, _KIND, config.resolved(), config.digest)

    def _has_whole_head(self) -> bool:
        try:
            read_head(self.path)
        except DamagedHead:
            return False
        return True

    def measured(self, cell: Cell) -> dict[str, Any] | None:
        """What was measured in a cell; None if nothing was, or its file is damaged: measured again then."""
        try:
            found = json.loads(self.cell_file(cell).read_text(encoding="utf-8"))
            whole = _is_whole(found)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if whole else None

    def failures(self, cells: Iterable[Cell]) -> list[str]:
        """What failed, a sentence for each cell that was not measured."""
        missing = [cell for cell in cells if self.measured(cell) is None]
        return [text for cell in missing if (text := failure_of(self.path, cell.task.digest)) is not None]


def _is_whole(found: dict[str, Any]) -> bool:
    """Whether a cell holds what tables need; raises KeyError or TypeError where it is something else."""
    offset_free = found["lowest_without_offset"]
    numbers = [*found["lowest"], *offset_free, found["seconds_a_run"], *found["clocks"].values()]
    texts = found["warnings"]
    return (
        len(offset_free) == len(found["lowest"]) > 0
        and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
        and isinstance(texts, list)
        and all(isinstance(text, str) for text in texts)
    )


def run_benchmark(
    config: BenchConfig, folder: BenchFolder, *, resume: bool = False, reporter: Reporter | None = None
) -> list[Row]:
    """Measure all cells that are not there yet, and tabulate.

    Returns
    -------
    a row for each cell that could be measured; `BenchFolder.failures` tells why others could not

    Raises
    ------
    InputError
        For unusable input, or where another process works in the folder; before anything is changed.
    RunError
        If every cell failed. KeyboardInterrupt leaves the cell that was being measured for later.
    """
    show = reporter or SilentReporter()
    cells = cells_of(config)
    check_tasks(cell.task for cell in cells)
    folder.refuse_foreign(config)
    with held(folder.path):
        folder.create(config, cells, resume=resume)
        show.begin(len(cells) + 1)
        failures = [failure for cell in cells if (failure := _measured(cell, config, folder, show))]
        if len(failures) == len(cells):
            refuse_failures(failures, len(cells), "cells")
        with show.step("references and tables"):
            return tabulated(config, folder, cells)


def _measured(cell: Cell, config: BenchConfig, folder: BenchFolder, show: Reporter) -> str | None:
    """Measure a cell that was not measured yet; what failed, if it did."""
    name = f"{cell.problem}, {cell.n_spins} spins, instance {cell.instance}, {cell.task.backend_label}"
    with show.step(name) as tell, listening(tell):
        if folder.measured(cell) is not None:
            return None
        with recorded(folder.path, cell.task.digest, name) as outcome:
            text = json.dumps(_measure(cell, config), indent=1, allow_nan=False)
            atomic_write(folder.cell_file(cell), text + "\n")
        return outcome.failure


def cells_of(config: BenchConfig) -> list[Cell]:
    """Every cell, in the order of the config."""
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

    What may cost money is not warmed up.
    """
    task = cell.task
    if not is_paid(task.sampler):
        sample_whole(replace(task, problem=IsingProblem(np.zeros((2, 2)))))
    samples = sample_whole(task)
    return {
        "lowest": runs_of(samples, math.inf).lowest.tolist(),
        "lowest_without_offset": lowest_without_offset(samples, task.problem).tolist(),
        "seconds_a_run": seconds_of(samples, config.clock),
        "clocks": samples.info["clocks"],
        "warnings": [remark.text for remark in samples.remarks],
        "settings": samples.info.get("settings", {}),
        "versions": library_versions(),
    }


def tabulated(config: BenchConfig, folder: BenchFolder, cells: Sequence[Cell]) -> list[Row]:
    """Success and time to solution of every cell, against the lowest energy that is known of its instance."""
    measured = [(cell, found) for cell in cells if (found := folder.measured(cell)) is not None]
    lowest: dict[str, float] = {}  # without offset, by problem: two shapes of one size are two problems
    exact: set[str] = set()
    for cell, found in measured:
        place = cell.task.problem.digest
        if place not in exact and cell.n_spins <= _EXACT:
            bare = without_offset(cell.task.problem)
            lowest[place] = float(get_backend("exact").enumerate(bare).ground_energy)  # type: ignore[attr-defined]
            exact.add(place)
        elif place not in exact:
            lowest[place] = min(lowest.get(place, math.inf), min(found["lowest_without_offset"]))
    rows = []
    for cell, found in measured:
        problem = cell.task.problem
        reference = lowest[problem.digest]
        energies = np.array(found["lowest_without_offset"])
        aim = reference + config.target.gap * abs(reference)
        reached = int((energies <= aim + energy_tolerance(without_offset(problem))).sum())
        tts = time_to_solution(
            reached, len(energies), found["seconds_a_run"], target=config.target.probability
        )
        residual = (float(energies.mean()) - reference) / max(cell.n_spins, 1)
        rows.append(
            Row(
                cell, reference + problem.offset, problem.digest in exact, min(found["lowest"]), residual,
                tts, found["clocks"], [*found["warnings"], *_otherwise(cell, found)],
            )
        )  # fmt: skip
    return rows


def _otherwise(cell: Cell, found: dict[str, Any]) -> list[str]:
    """What to know of a cell that was measured with other threads or limits than the benchmark ended with."""
    now = settings_of(cell.task.sampler)
    then = found.get("settings") or now
    changed = [f"{name} = {then.get(name)}" for name in now if then.get(name) != now[name]]
    return [f"measured with {', '.join(changed)}"] if changed else []


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
