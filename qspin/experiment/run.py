"""Run a config: build the problems, sample every pair of problem and backend, analyse, report.

A backend that fails costs its tasks only: why is written down, the others go on, and the report says what is
missing.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from threadpoolctl import threadpool_limits

from qspin.checkpoint import checkpointing, discard_damaged
from qspin.errors import InputError, QspinError, RunError
from qspin.experiment.analyse import analyse
from qspin.experiment.config import RunConfig
from qspin.experiment.folder import held, recorded
from qspin.experiment.problem_specs import FileSpec, MlpSpec, Training
from qspin.experiment.report import write_report
from qspin.experiment.store import RunFolder, Task, make_tasks
from qspin.networks.training import TrainingRecord
from qspin.problem import IsingProblem
from qspin.progress import Listener, listening
from qspin.sampler import is_paid
from qspin.samples import SampleSet
from qspin.sampling import sampled

__all__ = [
    "Reporter",
    "SilentReporter",
    "check_tasks",
    "refuse_failures",
    "report_on",
    "run_experiment",
    "sample_whole",
]

_SHOWN_FAILURES = 3


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
        For unusable input, or where another process works in the folder; before anything is changed.
    RunError
        If something failed underway; what was finished is kept. Where tasks failed, all others are done and
        the report is written.
    """
    show = reporter or SilentReporter()
    static = _static(config, folder)
    twins = {
        label: spec.placeholder() for label, spec in config.problems.items() if isinstance(spec, MlpSpec)
    }
    check_tasks(make_tasks(config, {**static, **twins}))
    folder.refuse_foreign(config)
    folder.refuse_changed(static)
    _refuse_stale(config, static)
    if folder.is_finished_run_of(config):
        return folder
    with held(folder.path):
        if not folder.create(config, resume=resume):
            _finish(config, folder, static, show)
    return folder


def _finish(config: RunConfig, folder: RunFolder, static: dict[str, IsingProblem], show: Reporter) -> None:
    """Everything that is not there yet, in a folder that is ours."""
    trainings = config.trainings
    show.begin(len(trainings) + len(config.problems) * len(config.backends) + 1)
    records = {key: _train(key, folder, show) for key in trainings}
    problems = _built(config, static, records)
    for label, problem in problems.items():
        folder.save_problem(label, problem)
    failures = [failure for task in make_tasks(config, problems) if (failure := _sample(task, folder, show))]
    with show.step("analysing and writing the report"):
        if folder.unfinished_tasks() < len(config.problems) * len(config.backends):
            report_on(folder)
    refuse_failures(failures, len(problems) * len(config.backends), "tasks")


def report_on(folder: RunFolder) -> Path:
    """Analyse what a folder holds and write its report, also of an unfinished run; raises as `write_report`.

    Returns
    -------
    path of the page
    """
    with threadpool_limits(1, "blas"):  # its matrices are small: threads would only wait for each other
        found = analyse(folder)
        with folder.reporting(of=found):
            return write_report(folder, found)


def _static(config: RunConfig, folder: RunFolder) -> dict[str, IsingProblem]:
    """Problems that need no training; where an instance file is gone, as the folder keeps it."""
    problems = {}
    for label, spec in config.problems.items():
        if isinstance(spec, MlpSpec):
            continue
        kept = None
        if isinstance(spec, FileSpec) and not spec.is_there:
            kept = folder.stored_problem(label)
            kept = kept if kept is not None and kept.digest == spec.digest else None
        problems[label] = spec.build() if kept is None else kept
    return problems


def _refuse_stale(config: RunConfig, static: dict[str, IsingProblem]) -> None:
    """Refuse a file that changed after the config, which it decides on, was made."""
    for label, spec in config.problems.items():
        if isinstance(spec, FileSpec) and static[label].digest != spec.known_digest:
            raise InputError(
                f"problem {label!r}: {spec.path} has changed since this config was read; load the config "
                "again"
            )


def refuse_failures(failures: Sequence[str], n_all: int, what: str) -> None:
    """Raise RunError for what failed, which names the first few."""
    if not failures:
        return
    shown = "; ".join(failures[:_SHOWN_FAILURES]) + ("; …" if len(failures) > _SHOWN_FAILURES else "")
    raise RunError(
        f"{len(failures)} of {n_all} {what} failed, the others are done: {shown}. Tracebacks are in the "
        "folder failures"
    )


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


def check_tasks(tasks: Iterable[Task]) -> None:
    """Let samplers that can tell in advance refuse a problem before any of them starts to work.

    A check that itself breaks tells nothing: sampling will show, and costs that task only.
    """
    for task in tasks:
        if (check := getattr(task.sampler, "check", None)) is None:
            continue
        try:
            check(task.problem)
        except QspinError:
            raise
        except (Exception, SystemExit) as error:
            warnings.warn(
                f"the check of backend {task.backend_label!r} failed ({type(error).__name__}: {error}); its "
                "tasks are tried",
                RuntimeWarning,
                stacklevel=2,
            )


def sample_whole(task: Task) -> SampleSet:
    """Samples of a task; a sampler that was interrupted and returned what there was interrupts here too.

    Raises
    ------
    QspinError
        As `sampled`.
    """
    samples = sampled(task.sampler, task.problem, seed=task.seed, backend=task.backend_label)
    if samples.info["status"] == "interrupted":
        raise KeyboardInterrupt
    return samples


def _sample(task: Task, folder: RunFolder, show: Reporter) -> str | None:
    """Sample a task that has no samples yet; what failed, if it did."""
    with show.step(f"sampling {task.label}") as tell, listening(tell):
        if folder.has_samples(task):
            return None
        checkpoint = folder.checkpoint_file(task)
        if not is_paid(task.sampler):  # that of a purchase knows what was bought
            discard_damaged(checkpoint)
        with recorded(folder.path, task.digest, task.label) as outcome, checkpointing(checkpoint):
            sample_whole(task).save(folder.sample_file(task))
        return outcome.failure
