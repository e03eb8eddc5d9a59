"""The run folder: what lies where, written whole or not at all, readable at every moment.

::

    config.yaml          the resolved config, every default spelled out, as the run was last gone on with
    environment.json     versions, platform
    log.jsonl            what happened, an event a line: see `qspin.showing.log`
    prepared/ samples/ measures/ failures/    one file a task, named by its key: see `qspin.engine.storage`;
                         not here but in `execution.store`, where the config names one
    results/             what studies found: NetCDF, and CSV of every table of the report
    analysis.nc          one group /PROBLEM/BACKEND/MEASURE, axes of the sweep as dimensions
    metrics.csv          all curves as one table, a row a temperature
    remarks.txt          what to know before trusting it, a line for each kind of remark
    figures/             the figures of the report as SVG and PDF
    report.html          everything a reader needs in one file
    .report.json         who wrote it, of what
    .processes/          who works here
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from qspin.engine import Store
from qspin.engine.storage.presence import Presence
from qspin.engine.storage.store import set_aside
from qspin.errors import InputError
from qspin.events import Event, Kind, Reporter, silent
from qspin.executor import Task
from qspin.experiment.config.run_config import RunConfig, config_from_plain
from qspin.experiment.folder import (
    CONFIG,
    PROCESSES,
    DamagedHead,
    checked_place,
    is_new,
    read_head,
    write_head,
)
from qspin.experiment.placing import has_moved, require_store, store_of
from qspin.experiment.plan import RunPlan, planned
from qspin.experiment.results import StoredResults
from qspin.files import atomic_write, checked_path, clear_leftovers
from qspin.problem import IsingProblem
from qspin.provenance import library_versions
from qspin.samples import SampleSet
from qspin.showing import LOG

__all__ = ["KIND", "RunFolder"]

KIND = "run"
"""That the first line of its config says."""

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
        folder = cls(checked_path(path))
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

    def create(
        self,
        config: RunConfig,
        *,
        resume: bool,
        plan: RunPlan | None = None,
        others: Sequence[str] = (),
        reporter: Reporter = silent,
    ) -> bool:
        """Prepare the folder for a run; True if it holds a finished run of this config already.

        Parameters
        ----------
        plan : of the config, if it was made already
        others : processes that work here now; what they use stays as it is
        reporter : told what was mended, and who they are

        Raises
        ------
        InputError
            As `refuse_foreign`; or if it holds an unfinished run at which nobody works, and `resume` was not
            asked for.
        """
        self.refuse_foreign(config)
        is_begun = not is_new(self.path)
        if is_begun and self.is_finished_run_of(config):
            if has_moved(self.path, config):
                write_head(self.path, KIND, config.resolved(), config.digest)
            return True
        if is_begun and not (resume or others):
            read_head(self.path)  # a damaged one is told first
            raise InputError(f"{self.path} holds an unfinished run of this config: add --resume to finish it")
        if others:
            told = f"the work in {self.path} is shared with {'; '.join(others)}"
            reporter(Event(Kind.NOTE, remark=told))
        else:
            self._clear()
            for file in (self.report_file, self.record_file):  # of the part that was there
                file.unlink(missing_ok=True)
        self._write_head(config, is_begun, is_shared=bool(others), reporter=reporter)
        for name in ("plan", "_read"):
            vars(self).pop(name, None)
        vars(self)["config"] = config  # paths, threads and budgets may be others now
        if plan is not None:
            vars(self)["plan"] = plan
        return False

    def _write_head(self, config: RunConfig, is_begun: bool, *, is_shared: bool, reporter: Reporter) -> None:
        """Config and environment: as they are now, or as they are where others work and they are whole."""
        if is_begun:
            try:
                read_head(self.path)
            except DamagedHead:
                moved = set_aside(self.path / CONFIG, self.path / "damaged")
                told = f"{self.path / CONFIG} was damaged: it is now {moved}, and is written anew"
                reporter(Event(Kind.NOTE, remark=told))
                is_shared = False
        if is_begun and self._environment() is None:
            told = f"{self._environment_file} was damaged or missing, and is written anew"
            reporter(Event(Kind.NOTE, remark=told))
            is_shared = False
        if not is_shared:
            write_head(self.path, KIND, config.resolved(), config.digest)
            self._write_environment()
        store_of(self.path, config).path.mkdir(exist_ok=True)

    @contextlib.contextmanager
    def joined(self, begin: Callable[[list[str]], object]) -> Iterator[None]:
        """Around the work of this process here, which others may share.

        Parameters
        ----------
        begin : told who does, while nobody can come or go; what it raises passes

        Raises
        ------
        InputError
            If nothing can be written or locked here.
        """
        presence = Presence(self.path / PROCESSES)
        presence.enter(begin)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # of a folder that is away; the lock goes with this process
                presence.leave(self._clear)

    def _clear(self) -> None:
        """Remove what killed processes left; only while nobody else works here."""
        clear_leftovers(self.path, self.results_folder, self.figures)

    @property
    def is_finished(self) -> bool:
        """The report is written last, after all tasks; a report of a part of them does not count."""
        return self.has_whole_report and not self.n_missing and not self.faults()

    @property
    def has_whole_report(self) -> bool:
        """Whether there is a report, and it was written of a run that had come to its end."""
        return self.report_file.is_file() and not self.part_file.exists()

    def is_finished_run_of(self, config: RunConfig) -> bool:
        """Whether there is nothing left to do here for this config."""
        try:
            head = read_head(self.path) if (self.path / CONFIG).is_file() else None
        except DamagedHead:
            return False
        if head is None or head.digest != config.digest:
            return False
        as_now = RunFolder(self.path)
        vars(as_now)["config"] = config
        return as_now.is_finished

    @property
    def part_file(self) -> Path:
        """There while the report may be one of a part."""
        return self.path / ".report-of-a-part"

    @property
    def record_file(self) -> Path:
        """Who wrote the report, and of what."""
        return self.path / ".report.json"

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
        """What its tasks gave. Raises InputError if it lies elsewhere and is not there."""
        store = store_of(self.path, self.config)
        require_store(self.path, store)
        return store

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
        if (problem, backend) in self.plan.left_out:
            raise InputError(
                f"{problem} with {backend} is not sampled: {backend} trains, and no study wants these "
                "samples; name a study that does"
            )
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
        if problem not in self.config.problems or backend not in self.config.backends:
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
                file = store.shown(store.file(task.action, task.key))
                found.append(f"{task.label}: its file {file} is damaged: {fault}")
            elif task.key in failures:
                found.append(failures[task.key])
        return found

    @property
    def report_file(self) -> Path:
        return self.path / "report.html"

    @property
    def log_file(self) -> Path:
        return self.path / LOG

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

    @property
    def _environment_file(self) -> Path:
        return self.path / "environment.json"

    def _environment(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._environment_file.read_text(encoding="utf-8"))
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
        atomic_write(self._environment_file, json.dumps(environment, indent=2) + "\n")
