"""Run a config: plan its tasks, let an executor do them, conclude, and write the report.

A task that fails costs itself and what needs it: why is written down, the others go on, and the report says
what is missing.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from qspin.engine import StoredWork
from qspin.errors import InputError, QspinError, RunError
from qspin.events import Event, Kind, Reporter, silent, step
from qspin.executor import Graph
from qspin.experiment.conclude import concluded
from qspin.experiment.config.execution import Execution
from qspin.experiment.config.lines import Line
from qspin.experiment.config.looked_at import preparations_of
from qspin.experiment.config.run_config import RunConfig
from qspin.experiment.placing import has_moved, refuse_unfit_store
from qspin.experiment.plan import RunPlan, planned
from qspin.experiment.reporting import reporting, write_report, written
from qspin.experiment.run_folder import RunFolder
from qspin.experiment.sizes import report_timing, sized
from qspin.showing import logged
from qspin.source import Source
from qspin.study import ProblemLine
from qspin.timings import keep_timing

__all__ = ["report_on", "run_experiment"]

_SHOWN_FAILURES = 3


def run_experiment(
    config: RunConfig, folder: RunFolder, *, resume: bool = False, reporter: Reporter | None = None
) -> RunFolder:
    """Bring a run folder to its end; what was finished before is not repeated.

    Several processes may do so at the same time: each task is done by one of them, and one writes the report.

    Parameters
    ----------
    config : what to run
    folder : where; new, or of an earlier run of the same config
    resume : go on with an unfinished run
    reporter : told about every step, such as `progress` shows in a notebook or on a terminal; default silent

    Raises
    ------
    InputError
        For unusable input; before anything is changed.
    RunError
        If something failed underway; what was finished is kept. Where tasks failed, all others are done and
        the report is written.
    """
    show = reporter or silent
    refuse_unfit(config)
    folder.refuse_foreign(config)
    refuse_unfit_store(folder.path, config)
    if folder.is_finished_run_of(config) and not has_moved(folder.path, config):
        return folder
    plan = sized(planned(config))  # what cannot be planned is told before anything is written
    create = partial(folder.create, config, resume=resume, plan=plan, reporter=show)
    is_over: list[bool] = []
    with folder.joined(lambda others: is_over.append(create(others=others))):
        if not any(is_over):
            with logged(folder.log_file, show) as tell:
                _finish(folder, tell)
    return folder


def _finish(folder: RunFolder, show: Reporter) -> None:
    """Everything that is not there yet and no other process does."""
    failures = _executed(folder, folder.plan.graph, folder.config.execution, show)
    with step(show, "concluding and writing the report"):  # of failures too, where there is nothing else
        _conclude(folder, show)
    _refuse_failures(folder, failures)


def report_on(folder: RunFolder, reporter: Reporter | None = None) -> Path:
    """Measure and conclude from the samples that a folder holds, also of an unfinished run.

    Measures that lack are made by the default executor: the folder may be somebody else's, and a scheduler
    that it names would be trusted like a program.

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
    failures = _executed(folder, Graph.of(wanted), Execution(), show)
    _conclude(folder, show, anew=True)
    _refuse_failures(folder, failures)
    return folder.report_file


def _executed(folder: RunFolder, graph: Graph, execution: Execution, show: Reporter) -> Mapping[str, str]:
    """Have the tasks of a graph done; what failed, by key."""
    executor, store = execution.executor(), folder.store
    show(Event(Kind.BEGIN, n=len(graph), counts=graph.counts))
    with StoredWork(store.path, show, is_shared=store.is_shared) as work:
        return executor.run(graph, work, show)


def _conclude(folder: RunFolder, show: Reporter, *, anew: bool = False) -> None:
    """Write the report of what there is, if another process has not.

    Parameters
    ----------
    anew : write it in any case
    """
    with reporting(folder, show):
        report = None if anew else written(folder)
        if report is None:
            began = time.perf_counter()
            report = write_report(folder, lambda: concluded(folder))
            keep_timing(report_timing(folder.config, folder.plan, time.perf_counter() - began))
        else:
            show(Event(Kind.NOTE, remark=f"the report was written by {report.by}"))
    if report.faults:
        lacking = f"{len(report.faults)} of its parts: {'; '.join(report.faults)}"
        raise RunError(f"the report {folder.report_file} lacks {lacking}")


def _refuse_failures(folder: RunFolder, failures: Mapping[str, str]) -> None:
    """Raise RunError for what failed, which names the first few."""
    if not failures:
        return
    plan, store = folder.plan, folder.store
    first = [key for key in failures if not any(need in failures for need in plan.tasks[key].needs)]
    n_waiting = len(failures) - len(first)
    waiting = f", {n_waiting} that need them wait" if n_waiting else ""
    others = ", the others are done" if len(failures) < len(plan.tasks) else ""
    raise RunError(
        f"{len(first)} of {len(plan.tasks)} tasks failed{waiting}{others}: "
        f"{_grouped(first, failures, plan)}. Why is in the folder {store.shown(store.failures_folder)}"
    )


def _grouped(keys: Sequence[str], failures: Mapping[str, str], plan: RunPlan) -> str:
    """The first few failures; those of the same reason are told once."""
    alike: dict[str, list[str]] = {}
    for key in keys:
        alike.setdefault(failures[key].removeprefix(plan.tasks[key].label), []).append(failures[key])
    told = [f"{own[0]} ({len(own) - 1} more so)" if len(own) > 1 else own[0] for own in alike.values()]
    return "; ".join([*told[:_SHOWN_FAILURES], *(["…"] if len(told) > _SHOWN_FAILURES else [])])


def refuse_unfit(config: RunConfig) -> None:
    """Look at the outlines of all problems, and let samplers that can tell in advance refuse them.

    Preparations refuse the backends that they use, and samplers what they are to sample. Of instances of one
    kind the first stands for all. A check of a backend that itself breaks tells nothing: sampling will show,
    and costs that task only.

    Raises
    ------
    InputError
        For a problem that cannot be made, or that a backend cannot sample; for an executor that cannot work.
    """
    if (check := getattr(config.execution.executor(), "check", None)) is not None:
        check()
    try:
        _refuse_unfit(config)
    except InputError as error:
        raise config.located(error) from error.__cause__


def _refuse_unfit(config: RunConfig) -> None:
    for problem in config.problem_lines.values():
        for at, source in problem.corners:
            _check_preparations(problem, source, config)
            outline = ProblemLine(problem.label, problem.name, source).outline
            for backend in config.backend_lines.values():
                if (problem.label, backend.label) in config.left_out:
                    continue
                for point, sampler in backend.corners:
                    if all(point[name] == index for name, index in at.items() if name in point):
                        _check(backend.label, sampler, outline)


def _check_preparations(line: Line, source: Source, config: RunConfig) -> None:
    """Let them refuse the backends that they use; of a circle the plan tells."""
    for own in preparations_of(source):
        try:
            own.check({name: config.backend_lines[name].made() for name in own.uses})
        except InputError as error:
            raise InputError(f"problems.{line.label}: {error}", key=("problems", line.label)) from error


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
