"""The run folder: what lies where, written whole or not at all, readable at every moment.

::

    config.yaml          the resolved config, every default spelled out, as the run was last gone on with
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

import dataclasses
import hashlib
import itertools
import json
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from qspin.errors import InputError
from qspin.experiment.config import RunConfig, config_from_plain
from qspin.experiment.problem_specs import Training
from qspin.files import PARTIAL, atomic_write
from qspin.formats import read_problem, write_problem
from qspin.networks.training import TrainingRecord
from qspin.problem import IsingProblem
from qspin.sampler import Sampler
from qspin.samples import SampleSet, library_versions

__all__ = ["RunFolder", "Task", "independent", "make_tasks"]

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

    def create(self, config: RunConfig, *, resume: bool) -> bool:
        """Prepare the folder for a run; True if it holds a finished run of this config already.

        Raises
        ------
        InputError
            If the folder belongs to another config, holds other files, or holds an unfinished run of this
            config and `resume` was not asked for. Nothing is changed then.
        """
        if not self._config_file.is_file():
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise InputError(f"{self.path} exists and is no run folder; choose another with --out")
            self._write_head(config)
            return False
        if self.config.digest != config.digest:
            raise InputError(
                f"{self.path} holds a run of another config ({self.config.name}, digest "
                f"{self.config.digest[:10]}; now {config.digest[:10]}): choose another folder with --out"
            )
        if self.is_finished:
            return True
        if not resume:
            raise InputError(f"{self.path} holds an unfinished run of this config: add --resume to finish it")
        for leftover in [*self.path.rglob(f".*{PARTIAL}*"), self.report_file]:
            leftover.unlink(missing_ok=True)  # also a report of the part that was there
        self._write_head(config)  # paths, threads and budgets may be others now
        vars(self).pop("config")
        return False

    def _write_head(self, config: RunConfig) -> None:
        """What makes a folder a run folder."""
        text = yaml.safe_dump(config.resolved(), sort_keys=False, allow_unicode=True)
        atomic_write(self._config_file, text)
        self._write_environment()

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
        return self.path / "config.yaml"

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
        return self.report_file.is_file() and not self.unfinished_tasks()

    def is_finished_run_of(self, config: RunConfig) -> bool:
        """Whether there is nothing left to do here for this config."""
        return self._config_file.is_file() and self.config.digest == config.digest and self.is_finished

    @cached_property
    def config(self) -> RunConfig:
        return config_from_plain(yaml.safe_load(self._config_file.read_text(encoding="utf-8")))

    @cached_property
    def environment(self) -> dict[str, Any]:
        return json.loads((self.path / "environment.json").read_text(encoding="utf-8"))

    def sample_file(self, task: Task) -> Path:
        return self.path / "samples" / f"{task.digest}.nc"

    def checkpoint_file(self, task: Task) -> Path:
        """Unfinished work of a task."""
        return self.sample_file(task).with_suffix(".checkpoint")

    def has_samples(self, task: Task) -> bool:
        return self.sample_file(task).is_file()

    def has_whole_samples(self, task: Task) -> bool:
        """Whether the sample file is there and can be read; a damaged one is to be sampled again."""
        try:
            return self.has_samples(task) and self.samples(task).info["problem"] == task.problem.digest
        except InputError:
            return False

    def samples(self, task: Task) -> SampleSet:
        return SampleSet.load(self.sample_file(task))

    def save_problem(self, label: str, problem: IsingProblem) -> None:
        write_problem(problem, self._problem_file(label))

    def stored_problem(self, label: str) -> IsingProblem | None:
        """What was sampled under a label, None if nothing was."""
        file = self._problem_file(label)
        return read_problem(file) if file.is_file() else None

    def refuse_changed(self, problems: dict[str, IsingProblem]) -> None:
        """Refuse to go on where a problem is no longer the one that was sampled, say from an edited file.

        Raises
        ------
        InputError
            Naming the problem.
        """
        for label, problem in problems.items():
            if self.stored_problem(label) not in (None, problem):
                raise InputError(
                    f"problem {label!r} is no longer the one that {self.path} was made from (has its file "
                    "changed?): choose another folder with --out"
                )

    def tasks(self) -> list[Task]:
        """The tasks whose problem has been built, in the order of the config."""
        config = self.config
        stored = ((label, self.stored_problem(label)) for label in config.problems)
        return make_tasks(config, {label: problem for label, problem in stored if problem is not None})

    def unfinished_tasks(self) -> int:
        """How many tasks have no samples yet."""
        config = self.config
        done = sum(self.has_samples(task) for task in self.tasks())
        return len(config.problems) * len(config.backends) - done

    def training_record(self, training: Training) -> TrainingRecord | None:
        file = self._training_file(training)
        return TrainingRecord.load(file) if file.is_file() else None

    def save_training(self, training: Training, record: TrainingRecord) -> None:
        record.save(self._training_file(training))

    def _problem_file(self, label: str) -> Path:
        return self.path / "problems" / f"{label}.npz"

    def _training_file(self, training: Training) -> Path:
        text = json.dumps(training.model_dump(mode="json"), sort_keys=True)
        return self.path / "training" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"


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
