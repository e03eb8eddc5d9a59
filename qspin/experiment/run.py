"""Run a config: build the problems, sample every pair of problem and backend, analyse, report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from qspin.checkpoint import checkpointing
from qspin.errors import RunError
from qspin.experiment.analyse import analyse
from qspin.experiment.config import RunConfig
from qspin.experiment.problem_specs import FileSpec, MlpSpec, Training
from qspin.experiment.report import write_report
from qspin.experiment.store import RunFolder, Task, make_tasks
from qspin.networks.training import TrainingRecord
from qspin.problem import IsingProblem
from qspin.progress import Listener, listening

__all__ = ["Reporter", "SilentReporter", "run_experiment"]


class Reporter(Protocol):
    """Shows a person how far a run is."""

    def begin(self, n_steps: int) -> None: ...

    def step(self, description: str) -> contextlib.AbstractContextManager[Listener]:
        """Around one step; what it yields takes the fraction of the step that is done, and a remark."""
        ...


class SilentReporter:
    def begin(self, n_steps: int) -> None:
        pass

    @contextlib.contextmanager
    def step(self, description: str) -> Iterator[Listener]:
        yield lambda fraction, remark: None


def run_experiment(
    config: RunConfig, folder: RunFolder, *, resume: bool = False, reporter: Reporter | None = None
) -> RunFolder:
    """Bring a run folder to its end; what was finished before is not repeated.

    Parameters
    ----------
    config : what to run
    folder : where; new, or of an earlier run of the same config
    resume : go on with an unfinished run
    reporter : told about every step

    Raises
    ------
    InputError
        For unusable input, before the folder is made.
    RunError
        If the work failed underway; finished steps are kept.
    """
    show = reporter or SilentReporter()
    static = _static(config, folder)
    twins = {
        label: spec.placeholder() for label, spec in config.problems.items() if isinstance(spec, MlpSpec)
    }
    _check_tasks(make_tasks(config, {**static, **twins}))
    folder.refuse_changed(static)
    if folder.create(config, resume=resume):
        return folder
    trainings = _trainings(config)
    show.begin(len(trainings) + len(config.problems) * len(config.backends) + 1)
    records = {key: _train(key, folder, show) for key in trainings}
    problems = _built(config, static, records)
    for label, problem in problems.items():
        folder.save_problem(label, problem)
    for task in make_tasks(config, problems):
        _sample(task, folder, show)
    with show.step("analysing and writing the report"):
        write_report(folder, analyse(folder))
    return folder


def _static(config: RunConfig, folder: RunFolder) -> dict[str, IsingProblem]:
    """Problems that need no training; where an instance file is gone, as the folder keeps it."""
    problems = {}
    for label, spec in config.problems.items():
        if isinstance(spec, MlpSpec):
            continue
        kept = None
        if isinstance(spec, FileSpec) and spec.digest is not None and not spec.is_there:
            kept = folder.stored_problem(label)
        problems[label] = kept if kept is not None and kept.digest == spec.digest else spec.build()
    return problems


def _trainings(config: RunConfig) -> list[Training]:
    """Each training once, though several problems may share it."""
    wanted: list[Training] = []
    for spec in config.problems.values():
        if isinstance(spec, MlpSpec) and spec.training not in wanted:
            wanted.append(spec.training)
    return wanted


def _train(training: Training, folder: RunFolder, show: Reporter) -> TrainingRecord:
    shape = "-".join(map(str, training.layers))
    with show.step(f"training {shape} on {training.dataset}") as tell, listening(tell):
        if (record := folder.training_record(training)) is None:
            record = training.run()
            folder.save_training(training, record)
    return record


def _built(
    config: RunConfig, static: dict[str, IsingProblem], records: dict[Training, TrainingRecord]
) -> dict[str, IsingProblem]:
    """All problems, in the order of the config."""
    return {
        label: spec.build(records[spec.training]) if isinstance(spec, MlpSpec) else static[label]
        for label, spec in config.problems.items()
    }


def _check_tasks(tasks: list[Task]) -> None:
    """Let samplers that can tell in advance refuse a problem before any of them starts to work."""
    for task in tasks:
        if (check := getattr(task.sampler, "check", None)) is not None:
            check(task.problem)


def _sample(task: Task, folder: RunFolder, show: Reporter) -> None:
    with show.step(f"sampling {task.label}") as tell, listening(tell):
        if folder.has_whole_samples(task):
            return
        with checkpointing(folder.checkpoint_file(task)):
            samples = task.sampler.sample(task.problem, seed=task.seed)
        if samples.info["status"] == "interrupted":
            raise KeyboardInterrupt
        if samples.info.get("problem") != task.problem.digest:
            raise RunError(
                f"backend {task.backend_label!r} returned samples of another problem than it was given"
            )
        samples.save(folder.sample_file(task))
