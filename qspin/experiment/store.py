"""The run folder: what lies where, written whole or not at all, readable at every moment.

::

    config.yaml          the resolved config, every default spelled out, as the run was last gone on with
    failures/DIGEST.txt  why a task has no samples
    environment.json     versions, platform
    problems/LABEL.npz   the problems that were sampled
    training/DIGEST.npz  trainings, every epoch
    samples/DIGEST.nc    one sample set a task, named by the digest of problem, settings that decide and seed
    samples/DIGEST.checkpoint    unfinished work of a task
    analysis.nc          one group /PROBLEM/BACKEND a task
    metrics.csv          the same as one table, a row a temperature
    figures/             the figures of the report as SVG
    report.html          everything a reader needs in one file
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import platform
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from qspin.errors import InputError
from qspin.experiment.config import RunConfig, config_from_plain
from qspin.experiment.folder import (
    CONFIG,
    DamagedHead,
    checked_place,
    clear_leftovers,
    failure_of,
    is_new,
    read_head,
    write_head,
)
from qspin.experiment.problem_specs import Training
from qspin.files import atomic_write
from qspin.formats import read_problem, write_problem
from qspin.networks.training import TrainingRecord
from qspin.problem import IsingProblem
from qspin.provenance import library_versions
from qspin.sampler import Sampler
from qspin.samples import SampleSet
from qspin.sampling import check_samples

__all__ = ["RunFolder", "Task", "independent", "make_tasks"]

_KIND = "run"

_PACKAGES = (
    "qspin", "numpy", "scipy", "numba", "xarray", "h5netcdf", "arviz-stats", "dimod", "dwave-samplers",
    "networkx", "torch", "scikit-learn", "matplotlib", "qiskit", "qiskit-aer",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One cell of the product problems x backends.

    Parameters
    ----------
    backend : its name with the settings that decide
    copy : how many tasks of the run came before with the same problem and backend, under other labels
    """

    problem_label: str
    backend_label: str
    problem: IsingProblem
    sampler: Sampler
    backend: dict[str, Any]
    run_seed: int
    copy: int = 0

    @cached_property
    def seed(self) -> int:
        """Sampling seed of this task: of the run's seed and of what is sampled how, not of its place in the
        config, so that adding a problem changes no other task; copies draw independently."""
        return int(self._hash("seed")[:12], 16)

    @cached_property
    def digest(self) -> str:
        """Names the sample file: problem, backend with the settings that decide, seed."""
        return self._hash("task")[:16]

    @property
    def label(self) -> str:
        return f"{self.problem_label} with {self.backend_label}"

    def _hash(self, purpose: str) -> str:
        copy = [self.copy] if self.copy else []
        text = json.dumps([purpose, self.problem.digest, self.backend, self.run_seed, *copy], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


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
        if not folder._config_file.is_file():
            raise InputError(f"{path} is no run folder: it has no config.yaml; expected what qspin run wrote")
        return folder

    def refuse_foreign(self, config: RunConfig) -> None:
        """Refuse a folder that is neither new nor of this config; nothing is changed.

        Raises
        ------
        InputError
            If the folder holds other files, or belongs to another config or to a benchmark.
        """
        if is_new(self.path):
            return
        if not self._config_file.is_file():
            raise InputError(f"{self.path} exists and is no run folder; choose another with --out")
        try:
            if read_head(self.path).kind not in (_KIND, ""):
                raise InputError(f"{self.path} holds a benchmark: choose another folder with --out")
            known, name = self.config.digest, f"{self.config.name}, "
        except DamagedHead as damage:  # what it was of may still be known
            known, name = damage.digest or config.digest, ""
        if known != config.digest:
            raise InputError(
                f"{self.path} holds a run of another config ({name}digest {known[:10]}; now "
                f"{config.digest[:10]}): choose another folder with --out"
            )

    def create(self, config: RunConfig, *, resume: bool) -> bool:
        """Prepare the folder for a run; True if it holds a finished run of this config already.

        Raises
        ------
        InputError
            As `refuse_foreign`; or if it holds an unfinished run and `resume` was not asked for.
        """
        self.refuse_foreign(config)
        if is_new(self.path):
            clear_leftovers(self.path)
            self._write_head(config)
            return False
        if self.is_finished_run_of(config):
            return True
        if not resume:
            read_head(self.path)  # a damaged one is told first
            raise InputError(f"{self.path} holds an unfinished run of this config: add --resume to finish it")
        clear_leftovers(self.path)
        self.report_file.unlink(missing_ok=True)  # a report of the part that was there
        self._write_head(config)  # paths, threads and budgets may be others now
        vars(self).pop("config", None)
        return False

    def _write_head(self, config: RunConfig) -> None:
        """What makes a folder a run folder: before it is there, nothing else is."""
        write_head(self.path, _KIND, config.resolved(), config.digest)
        self._write_environment()

    def _head_fault(self) -> str | None:
        """What is wrong with the config file."""
        try:
            read_head(self.path)
        except DamagedHead as damage:
            return str(damage)
        return None

    def _write_environment(self) -> None:
        """Where the run was finished: written anew when it goes on elsewhere or with other versions."""
        environment = {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "versions": library_versions(_PACKAGES),
        }
        atomic_write(self.path / "environment.json", json.dumps(environment, indent=2) + "\n")

    # -- what it holds ---------------------------------------------------------------------------

    @property
    def _config_file(self) -> Path:
        return self.path / CONFIG

    @property
    def analysis_file(self) -> Path:
        return self.path / "analysis.nc"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def report_file(self) -> Path:
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def is_finished(self) -> bool:
        """The report is written last, after all samples; a report of a part of them does not count."""
        whole = self.report_file.is_file() and not self._part.exists()
        return whole and not self.unfinished_tasks() and not self.faults()

    @property
    def _part(self) -> Path:
        """There while the report may be one of a part."""
        return self.path / ".report-of-a-part"

    @contextlib.contextmanager
    def reporting(self, of: Collection[Any]) -> Iterator[None]:
        """Around the writing of a report on `of` so many results.

        Only one that is whole, in all its parts, counts as the end of a run: a report of a part, or one that
        was written while the run went on, would make a run that is then killed pass for finished.
        """
        self._part.touch()
        yield
        if len(of) == len(self.config.problems) * len(self.config.backends):
            self._part.unlink()

    def is_finished_run_of(self, config: RunConfig) -> bool:
        """Whether there is nothing left to do here for this config."""
        if not self._config_file.is_file() or self._head_fault() is not None:
            return False
        ours = read_head(self.path).kind in (_KIND, "")
        return ours and self.config.digest == config.digest and self.is_finished

    def faults(self) -> list[str]:
        """What failed or is damaged, a sentence each, with the task or the file; --resume makes it anew."""
        found = [] if self._environment() else ["environment.json is damaged"]
        for label in self.config.problems:
            if self._problem_file(label).is_file() and self.stored_problem(label) is None:
                found.append(f"{label}: its file in problems is damaged")
        for training in self.config.trainings:
            if self._training_file(training).is_file() and self.training_record(training) is None:
                found.append(f"{self._training_file(training).name}: this training is damaged")
        for task in self.tasks():
            if self.has_samples(task):
                continue
            fault = self._sample_fault(task) or failure_of(self.path, task.digest)
            found += [] if fault is None else [fault]
        return found

    @cached_property
    def config(self) -> RunConfig:
        """Raises InputError if its file is damaged."""
        return config_from_plain(read_head(self.path).plain)

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

    def sample_file(self, task: Task) -> Path:
        return self.path / "samples" / f"{task.digest}.nc"

    def checkpoint_file(self, task: Task) -> Path:
        """Unfinished work of a task."""
        return self.sample_file(task).with_suffix(".checkpoint")

    def has_samples(self, task: Task) -> bool:
        """Whether the sample file is there and whole; a damaged one is to be sampled again."""
        return self.sample_file(task).is_file() and self._sample_fault(task) is None

    def _sample_fault(self, task: Task) -> str | None:
        """What is wrong with a sample file that is there; read once, unless it changes."""
        file = self.sample_file(task)
        if (stamp := _stamp(file)) is None:
            return None
        if self._looked_at.get(file, (None, None))[0] != stamp:
            self._looked_at[file] = (stamp, self._looked_into(task)[1])
        return self._looked_at[file][1]

    def _looked_into(self, task: Task) -> tuple[SampleSet | None, str | None]:
        """Samples of a file that is whole, or what is wrong with it."""
        try:
            samples = self.samples(task)
            check_samples(samples, task.problem, energies=False)
        except InputError as error:
            return None, f"{task.label}: its sample file is damaged: {error}"
        return samples, None

    @cached_property
    def _looked_at(self) -> dict[Path, tuple[tuple[int, int, int] | None, str | None]]:
        return {}

    def samples(self, task: Task) -> SampleSet:
        return SampleSet.load(self.sample_file(task))

    def whole_samples(self, task: Task) -> SampleSet | None:
        """The same, None where `has_samples` says no; the file is read once for both answers."""
        file = self.sample_file(task)
        if (stamp := _stamp(file)) is None:
            return None
        samples, fault = self._looked_into(task)
        self._looked_at[file] = (stamp, fault)
        return samples

    def save_problem(self, label: str, problem: IsingProblem) -> None:
        write_problem(problem, self._problem_file(label))

    def stored_problem(self, label: str) -> IsingProblem | None:
        """What was sampled under a label; None if it has not been built, or its file is damaged: it is then
        built again."""
        file = self._problem_file(label)
        try:
            return read_problem(file) if file.is_file() else None
        except InputError:
            return None

    def refuse_changed(self, problems: dict[str, IsingProblem]) -> None:
        """Refuse to go on where a problem is no longer the one that was sampled, say from an edited file.

        Raises
        ------
        InputError
            Naming the problem.
        """
        for label, problem in problems.items():
            if self.stored_problem(label) not in (None, problem):  # a damaged one is written anew
                raise InputError(
                    f"problem {label!r} is no longer the one that {self.path} was made from (has its file "
                    "changed?): choose another folder with --out"
                )

    def tasks(self) -> list[Task]:
        """The tasks whose problem has been built and can be read, in the order of the config."""
        stored = ((label, self.stored_problem(label)) for label in self.config.problems)
        return make_tasks(self.config, {label: found for label, found in stored if found is not None})

    def unfinished_tasks(self) -> int:
        """How many tasks have no samples yet."""
        config = self.config
        done = sum(self.has_samples(task) for task in self.tasks())
        return len(config.problems) * len(config.backends) - done

    def training_record(self, training: Training) -> TrainingRecord | None:
        """None if it has not run, or its file is damaged: it is then trained again."""
        file = self._training_file(training)
        try:
            return TrainingRecord.load(file) if file.is_file() else None
        except InputError:
            return None

    def save_training(self, training: Training, record: TrainingRecord) -> None:
        record.save(self._training_file(training))

    def _problem_file(self, label: str) -> Path:
        return self.path / "problems" / f"{label}.npz"

    def _training_file(self, training: Training) -> Path:
        text = json.dumps(training.model_dump(mode="json"), sort_keys=True)
        return self.path / "training" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None if it is not there."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def make_tasks(config: RunConfig, problems: dict[str, IsingProblem]) -> list[Task]:
    """The product problems x backends."""
    return independent(
        Task(
            problem_label,
            backend_label,
            problem,
            sampler,
            config.backends[backend_label].identity(sampler),
            config.seed,
        )
        for problem_label, problem in problems.items()
        for backend_label, sampler in config.samplers.items()
    )


def independent(tasks: Iterable[Task]) -> list[Task]:
    """Tasks of equal content numbered in their order, so that each is sampled with a seed of its own."""
    numbers: dict[str, Iterator[int]] = {}
    return [
        dataclasses.replace(task, copy=next(numbers.setdefault(task.digest, itertools.count())))
        for task in tasks
    ]
