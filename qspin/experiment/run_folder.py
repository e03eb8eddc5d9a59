"""The run folder: what lies where, written whole or not at all, readable at every moment.

::

    config.yaml          the resolved config, every default spelled out, as the run was last gone on with
    environment.json     versions, platform
    prepared/ samples/ measures/ failures/    one file a task, named by its key: see `qspin.engine.store`
    results/             what studies found: NetCDF, and CSV of every table of the report
    analysis.nc          one group /PROBLEM/BACKEND/MEASURE, axes of the sweep as dimensions
    metrics.csv          all curves as one table, a row a temperature
    remarks.txt          what to know before trusting it, a line for each kind of remark
    figures/             the figures of the report as SVG and PDF
    report.html          everything a reader needs in one file
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from qspin.engine import Store
from qspin.errors import InputError
from qspin.executor import Task
from qspin.experiment.config import RunConfig, config_from_plain
from qspin.experiment.folder import (
    CONFIG,
    DamagedHead,
    checked_place,
    clear_leftovers,
    is_new,
    read_head,
    write_head,
)
from qspin.experiment.plan import RunPlan, planned
from qspin.experiment.results import StoredResults
from qspin.files import atomic_write
from qspin.problem import IsingProblem
from qspin.provenance import library_versions
from qspin.samples import SampleSet

__all__ = ["RunFolder"]

_KIND = "run"

_PACKAGES = (
    "qspin", "numpy", "scipy", "numba", "xarray", "h5netcdf", "arviz-stats", "dimod", "dwave-samplers",
    "networkx", "torch", "scikit-learn", "matplotlib", "qiskit", "qiskit-aer",
)  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """A run folder on disk."""

    path: Path

    def __post_init__(self) -> None:
        """Raises InputError for a path that can be no folder."""
        checked_place(self.path)

    @classmethod
    def default(cls, config: RunConfig, parent: Path = Path("runs")) -> RunFolder:
        """``runs/NAME-DIGEST``."""
        return cls(parent / f"{config.name}-{config.digest[:10]}")

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """An existing run folder.

        Raises
        ------
        InputError
            If there is none at `path`.
        """
        folder = cls(Path(path))
        if not (folder.path / CONFIG).is_file():
            raise InputError(f"{path} is no run folder: it has no config.yaml; expected what qspin run wrote")
        return folder

    # -- whose it is -----------------------------------------------------------------------------

    def refuse_foreign(self, config: RunConfig) -> None:
        """Refuse a folder that is neither new nor of this config; nothing is changed.

        Raises
        ------
        InputError
            If the folder holds other files, or belongs to another config.
        """
        if is_new(self.path):
            return
        if not (self.path / CONFIG).is_file():
            raise InputError(f"{self.path} exists and is no run folder; choose another with --out")
        try:
            head = read_head(self.path)
            known, name = head.digest, f"{head.plain.get('name')}, "
        except DamagedHead as damage:  # what it was of may still be known
            known, name = damage.digest or config.digest, ""
        if known != config.digest:
            raise InputError(
                f"{self.path} holds a run of another config ({name}digest {known[:10]}; now "
                f"{config.digest[:10]}): choose another folder with --out"
            )

    def create(self, config: RunConfig, *, resume: bool, plan: RunPlan | None = None) -> bool:
        """Prepare the folder for a run; True if it holds a finished run of this config already.

        Parameters
        ----------
        plan : of the config, if it was made already

        Raises
        ------
        InputError
            As `refuse_foreign`; or if it holds an unfinished run and `resume` was not asked for.
        """
        self.refuse_foreign(config)
        if is_new(self.path):
            clear_leftovers(self.path)
        elif self.is_finished_run_of(config):
            return True
        elif not resume:
            read_head(self.path)  # a damaged one is told first
            raise InputError(f"{self.path} holds an unfinished run of this config: add --resume to finish it")
        else:
            clear_leftovers(self.path)
            self.report_file.unlink(missing_ok=True)  # a report of the part that was there
        write_head(self.path, _KIND, config.resolved(), config.digest)
        self._write_environment()
        for name in ("plan", "_read"):
            vars(self).pop(name, None)
        vars(self)["config"] = config  # paths, threads and budgets may be others now
        if plan is not None:
            vars(self)["plan"] = plan
        return False

    @property
    def is_finished(self) -> bool:
        """The report is written last, after all tasks; a report of a part of them does not count."""
        return (
            self.report_file.is_file()
            and not self._part.exists()
            and not self.n_missing
            and not self.faults()
        )

    def is_finished_run_of(self, config: RunConfig) -> bool:
        """Whether there is nothing left to do here for this config."""
        try:
            head = read_head(self.path) if (self.path / CONFIG).is_file() else None
        except DamagedHead:
            return False
        return head is not None and head.digest == config.digest and self.is_finished

    @property
    def _part(self) -> Path:
        """There while the report may be one of a part."""
        return self.path / ".report-of-a-part"

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Around the writing of a report.

        Only one that is whole, in all its parts, counts as the end of a run: a report of a part, or one that
        was written while the run went on, would make a run that is then killed pass for finished.
        """
        self._part.touch()
        yield
        if not self.n_missing:
            self._part.unlink()

    # -- what it holds ---------------------------------------------------------------------------

    @cached_property
    def config(self) -> RunConfig:
        """Raises InputError if its file is damaged."""
        return config_from_plain(read_head(self.path).plain)

    @cached_property
    def plan(self) -> RunPlan:
        """The tasks of its config."""
        return planned(self.config)

    @property
    def store(self) -> Store:
        """What its tasks gave."""
        return Store(self.path)

    def results(self, study: str) -> StoredResults:
        """What the study of this label concludes from."""
        return StoredResults(study, self.config.asked, self.plan, self.store, self._read)

    @cached_property
    def _read(self) -> dict[str, Any]:
        """Results by key, for all studies."""
        return {}

    def samples(self, problem: str, backend: str, at: Mapping[str, Any] | None = None) -> SampleSet:
        """Samples of a cell, at the point with these values on the axes of the sweep.

        Raises
        ------
        InputError
            If there is no such cell or point, or it has no samples.
        """
        self._require(problem, backend)
        found = self.results("").samples(problem, backend, at)
        if found is None:
            raise InputError(
                f"{problem} with {backend} has no samples yet in {self.path}; --resume makes them"
            )
        return found

    def problem(self, label: str, at: Mapping[str, Any] | None = None) -> IsingProblem:
        """The problem under a label, built anew; raises as `samples`."""
        self._require(label, next(iter(self.config.backends)))
        return self.results("").problem(label, at)

    def _require(self, problem: str, backend: str) -> None:
        if (problem, backend) not in self.plan.cells:
            raise InputError(
                f"no cell ({problem!r}, {backend!r}); problems: {', '.join(self.config.problems)}; backends: "
                f"{', '.join(self.config.backends)}"
            )

    def tasks(self) -> list[Task]:
        """The tasks that sample, problem by problem."""
        return list(self.plan.samples())

    @property
    def n_missing(self) -> int:
        """Tasks that gave nothing yet."""
        store = self.store
        return sum(not store.file(task.action, task.key).is_file() for task in self.plan.tasks.values())

    @property
    def n_unfinished(self) -> int:
        """Tasks that were begun, and whose work is kept as far as it came."""
        store = self.store
        begun = (task for task in self.plan.tasks.values() if store.checkpoint(task).is_file())
        return sum(not store.file(task.action, task.key).is_file() for task in begun)

    def faults(self) -> list[str]:
        """What failed or is damaged, a sentence each, with the task or the file; --resume makes it anew."""
        found = [] if self._environment() else ["environment.json is damaged"]
        store = self.store
        failures = store.failures()
        for task in self.plan.tasks.values():
            fault = store.fault(task)
            if fault is not None:
                file = store.file(task.action, task.key).relative_to(self.path).as_posix()
                found.append(f"{task.label}: its file {file} is damaged: {fault}")
            elif task.key in failures:
                found.append(failures[task.key])
        return found

    @property
    def report_file(self) -> Path:
        return self.path / "report.html"

    @property
    def remarks_file(self) -> Path:
        return self.path / "remarks.txt"

    @property
    def results_folder(self) -> Path:
        return self.path / "results"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def environment(self) -> dict[str, Any]:
        """Where the run was finished; ``unknown`` all over if that file is damaged."""
        lost = dict.fromkeys(("python", "platform", "cpus"), "unknown")
        return self._environment() or {**lost, "versions": {"qspin": "unknown"}}

    def _environment(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.path / "environment.json").read_text(encoding="utf-8"))
            whole = {"python", "platform", "cpus", "versions"} <= set(found) and "qspin" in found["versions"]
        except (OSError, ValueError, TypeError):
            return None
        return found if whole else None

    def _write_environment(self) -> None:
        """Where the run was finished: written anew when it goes on elsewhere or with other versions."""
        environment = {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "versions": library_versions(_PACKAGES),
        }
        atomic_write(self.path / "environment.json", json.dumps(environment, indent=2) + "\n")
