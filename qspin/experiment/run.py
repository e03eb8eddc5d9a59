"""Run a config: plan its tasks, let an executor do them, conclude, and write the report.

A task that fails costs itself and what needs it: why is written down, the others go on, and the report says
what is missing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from qspin.engine import StoredWork
from qspin.errors import QspinError, RunError
from qspin.events import Event, Kind, Reporter, silent, step
from qspin.executor import Graph
from qspin.experiment.conclude import concluded
from qspin.experiment.config import RunConfig
from qspin.experiment.folder import held
from qspin.experiment.lines import Line
from qspin.experiment.plan import RunPlan, planned
from qspin.experiment.run_folder import RunFolder
from qspin.experiment.sizes import sized
from qspin.study import INSTANCE, ProblemLine

__all__ = ["report_on", "run_experiment"]

_SHOWN_FAILURES = 3


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
    show = reporter or silent
    refuse_unfit(config)
    folder.refuse_foreign(config)
    if folder.is_finished_run_of(config):
        return folder
    plan = sized(planned(config))  # what cannot be planned is told before anything is written
    with held(folder.path):
        if not folder.create(config, resume=resume, plan=plan):
            _finish(folder, show)
    return folder


def _finish(folder: RunFolder, show: Reporter) -> None:
    """Everything that is not there yet, in a folder that is ours."""
    plan = folder.plan
    executor = folder.config.execution.executor()
    show(Event(Kind.BEGIN, n=len(plan.tasks)))
    failures = executor.run(plan.graph, StoredWork(folder.path), show)
    with step(show, "concluding and writing the report"):  # of failures too, where there is nothing else
        _conclude(folder)
    _refuse_failures(plan, failures)


def report_on(folder: RunFolder, reporter: Reporter | None = None) -> Path:
    """Measure and conclude from the samples that a folder holds, also of an unfinished run.

    Returns
    -------
    path of the page

    Raises
    ------
    RunError
        If a part of it failed; the page is written without that part and says so.
    """
    plan, store = folder.plan, folder.store
    there = {key for key, task in plan.tasks.items() if task.action != "measure" and store.has(task)}
    wanted = [replace(plan.tasks[key], needs=()) for key in there]
    wanted += [t for t in plan.tasks.values() if t.action == "measure" and there.issuperset(t.needs)]
    show = reporter or silent
    show(Event(Kind.BEGIN, n=len(wanted)))
    executor = folder.config.execution.executor()
    failures = executor.run(Graph.of(wanted), StoredWork(folder.path), show)
    page = _conclude(folder)
    _refuse_failures(plan, failures)
    return page


def _conclude(folder: RunFolder) -> Path:
    with folder.reporting():
        if faults := concluded(folder):
            lacking = f"{len(faults)} of its parts: {'; '.join(faults)}"
            raise RunError(f"the report {folder.report_file} lacks {lacking}")
    return folder.report_file


def _refuse_failures(plan: RunPlan, failures: Mapping[str, str]) -> None:
    """Raise RunError for what failed, which names the first few."""
    if not failures:
        return
    first = [
        text for key, text in failures.items() if not any(need in failures for need in plan.tasks[key].needs)
    ]
    n_waiting = len(failures) - len(first)
    waiting = f", {n_waiting} that need them wait" if n_waiting else ""
    shown = "; ".join(first[:_SHOWN_FAILURES]) + ("; …" if len(first) > _SHOWN_FAILURES else "")
    raise RunError(
        f"{len(first)} of {len(plan.tasks)} tasks failed{waiting}, the others are done: {shown}. Tracebacks "
        "are in the folder failures"
    )


def refuse_unfit(config: RunConfig) -> None:
    """Look at the outlines of all problems, and let samplers that can tell in advance refuse them.

    Of instances of one kind the first stands for all. A check that itself breaks tells nothing: sampling will
    show, and costs that task only.

    Raises
    ------
    InputError
        For a problem that cannot be made, or that a backend cannot sample.
    """
    for problem in config.problem_lines.values():
        for at in _corners(problem):
            outline = ProblemLine(problem.label, problem.name, problem.made(at)).outline
            for backend in config.backend_lines.values():
                for point in _corners(backend):
                    if all(point[name] == index for name, index in at.items() if name in point):
                        _check(backend.label, backend.made(point), outline)


def _corners(line: Line) -> Iterator[dict[str, int]]:
    """Points of a line, one for all instances."""
    return (at for at in line.points() if at.get(INSTANCE, 0) == 0)


def _check(label: str, sampler: object, outline: object) -> None:
    if (check := getattr(sampler, "check", None)) is None:
        return
    try:
        check(outline)
    except QspinError:
        raise
    except (Exception, SystemExit) as error:
        warnings.warn(
            f"the check of backend {label!r} failed ({type(error).__name__}: {error}); its tasks are tried",
            RuntimeWarning,
            stacklevel=2,
        )
