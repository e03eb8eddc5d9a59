"""The run folder: what lies where, written whole or not at all, readable at every moment.

::

    config.yaml          the resolved config, every default spelled out, as the run was last gone on with
    environment.json     versions, platform
    prepared/ samples/ measures/ failures/    one file a task, named by its key: see `qspin.engine.store`; not
                         here but in `execution.store`, where the config names one
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
from typing import Any, NamedTuple

from qspin.engine import Store
from qspin.engine.keys import digest
from qspin.engine.marker import is_store, refuse_newer, refuse_no_store
from qspin.engine.presence import Presence
from qspin.engine.store import set_aside
from qspin.errors import InputError, RunError
from qspin.events import Event, Kind, Reporter, silent
from qspin.executor import Task
from qspin.experiment.config import RunConfig, config_from_plain
from qspin.experiment.folder import (
    CONFIG,
    PROCESSES,
    DamagedHead,
    checked_place,
    is_new,
    read_head,
    write_head,
)
from qspin.experiment.plan import RunPlan, planned
from qspin.experiment.results import StoredResults
from qspin.files import atomic_write, clear_leftovers
from qspin.problem import IsingProblem
from qspin.provenance import library_versions
from qspin.samples import SampleSet

__all__ = ["RunFolder"]

_KIND = "run"

_PACKAGES = (
    "qspin", "numpy", "scipy", "numba", "xarray", "h5netcdf", "arviz-stats", "dimod", "dwave-samplers",
    "networkx", "torch", "scikit-learn", "matplotlib", "qiskit", "qiskit-aer",
)  # fmt: skip


class WrittenReport(NamedTuple):
    """Of a report that is there.

    Parameters
    ----------
    by : who wrote it
    of : digest of what it was made from
    faults : which of its parts failed, a sentence each
    """

    by: str
    of: str
    faults: list[str]


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

    def refuse_unfit_store(self, config: RunConfig) -> None:
        """Refuse a place for objects that is none, or where those of this run do not lie; nothing is changed.

        Raises
        ------
        InputError
            If the store is of a newer format, missing, or holds other files; or if the run was begun with
            another one, which is still there.
        """
        now, known = self._store_of(config), self._known_store()
        if now.is_shared:
            refuse_no_store(now.path)
        refuse_newer(now.path)
        if known is not None and known.path != Path(os.path.abspath(now.path)) and is_store(known.path):
            raise InputError(
                f"the objects of the run in {self.path} lie in {known.path}, not in {now.path}: go on with "
                f"--set execution.store={known.path}, or choose another folder with --out"
            )
        if now.is_shared and not now.path.is_dir():
            if known is not None:
                raise InputError(self._no_store(now))
            if not now.path.parent.is_dir():
                raise InputError(
                    f"execution.store: {now.path.parent} is not there, so that no store can be made in it; "
                    "make that folder, or name another store"
                )

    def _known_store(self) -> Store | None:
        """Where the objects of a run lie that was begun; None if there is none, or that cannot be told."""
        if not (self.path / CONFIG).is_file():
            return None
        try:
            place = read_head(self.path).plain["execution"]["store"]
        except (DamagedHead, KeyError, TypeError):
            return None
        return Store(self._absolute) if place is None else Store(Path(place))

    def _no_store(self, store: Store) -> str:
        return (
            f"the store {store.path} of the run in {self.path} is not there: mount or restore it, or run the "
            "config again with --resume and --set execution.store=PATH that says where it is now"
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
            return True
        if is_begun and not (resume or others):
            read_head(self.path)  # a damaged one is told first
            raise InputError(f"{self.path} holds an unfinished run of this config: add --resume to finish it")
        if others:
            told = f"the work in {self.path} is shared with {'; '.join(others)}"
            reporter(Event(Kind.NOTE, remark=told))
        else:
            self._clear()
            for file in (self.report_file, self._record):  # of the part that was there
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
            write_head(self.path, _KIND, config.resolved(), config.digest)
            self._write_environment()
        self._store_of(config).path.mkdir(exist_ok=True)

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
        if head is None or head.digest != config.digest:
            return False
        as_now = RunFolder(self.path)
        vars(as_now)["config"] = config
        return as_now.is_finished

    @property
    def _part(self) -> Path:
        """There while the report may be one of a part."""
        return self.path / ".report-of-a-part"

    @property
    def _record(self) -> Path:
        return self.path / ".report.json"

    @contextlib.contextmanager
    def reporting(self, reporter: Reporter = silent) -> Iterator[None]:
        """Around the writing of a report, which one process does at a time; told if another one does."""
        presence = Presence(self.path / PROCESSES)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(presence.held("report.lock", 0))
            except RunError:
                remark = f"another process writes the report of {self.path}, which is waited for"
                reporter(Event(Kind.NOTE, remark=remark))
                held.enter_context(presence.held("report.lock"))
            yield

    def written(self) -> WrittenReport | None:
        """The report, if it is of everything that there is now."""
        try:
            record = WrittenReport(**json.loads(self._record.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return record if self.report_file.is_file() and record.of == self._contents() else None

    def write_report(self, write: Callable[[], list[str]]) -> WrittenReport:
        """Let a report be written of what there is now.

        Only one that is whole, in all its parts, counts as the end of a run: a report of a part, or one that
        was written while the run went on, would make a run that is then killed pass for finished.

        Parameters
        ----------
        write : does it, and tells which parts failed
        """
        self._record.unlink(missing_ok=True)
        atomic_write(self._part, "")
        of = self._contents()
        report = WrittenReport(f"process {os.getpid()} on {platform.node()}", of, write())
        atomic_write(self._record, json.dumps(report._asdict()) + "\n")
        if not report.faults and not self.n_missing:
            self._part.unlink()
        return report

    def _contents(self) -> str:
        """Digest of what a report is made from."""
        store = self.store
        there = [key for key, t in self.plan.tasks.items() if store.file(t.action, t.key).is_file()]
        return digest(there, self.faults())

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
        store = self._store_of(self.config)
        if store.is_shared and not store.path.is_dir():
            raise InputError(self._no_store(store))
        return store

    def _store_of(self, config: RunConfig) -> Store:
        if config.store is None or config.store == self._absolute:
            return Store(self.path)
        return Store(config.store, is_shared=True)

    @property
    def _absolute(self) -> Path:
        return Path(os.path.abspath(self.path))

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
                file = store.shown(store.file(task.action, task.key))
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
