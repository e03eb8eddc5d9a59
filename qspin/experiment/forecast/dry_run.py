"""What a run would do: its tasks, which of them are there, time, memory and what is charged.

Nothing is written in the run folder, sampled for it or bought. Sources are asked for outlines alone, and
samplers for what they would take; where nothing is known of how long something takes, a pilot of about a
second looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from qspin.engine.actions import preparation_of
from qspin.engine.threads import n_cores
from qspin.executor import Task, refusals_of, workers_of
from qspin.experiment.config.run_config import RunConfig
from qspin.experiment.folder import is_new
from qspin.experiment.forecast.course import forecast
from qspin.experiment.forecast.pilot import Pilots
from qspin.experiment.forecast.trials import Call, Making, Sampling
from qspin.experiment.placing import refuse_unfit_store, store_of
from qspin.experiment.plan import RunPlan, planned
from qspin.experiment.run import refuse_unfit
from qspin.experiment.run_folder import RunFolder
from qspin.experiment.sizes import Sizes, report_timing
from qspin.memory import machine_memory
from qspin.timings import Estimate, Timings, keep_timing

if TYPE_CHECKING:
    import pandas

__all__ = ["DryRun", "Row", "dry_run"]

_MOST_PILOTS = 8


@dataclass(frozen=True)
class Row:
    """Tasks of one kind: those that sample a problem on a backend, prepare what has one title, or measure.

    Parameters
    ----------
    action : ``prepare``, ``sample``, ``measure`` or ``report``
    problem, backend : labels; others than samples have a title in the place of a problem, and no backend
    n_tasks : for samples, points of the sweep
    n_there : that are done already
    seconds_each : of one that is to be done, in the mean, by the clock on the wall; None: not known
    seconds : of all that are to be done, one after the other
    known_from : how times are known; empty where they are not
    n_unknown : tasks to be done of whose time nothing is known
    memory : bytes of the largest; None: not known
    paid_seconds : that are expected to be charged for those to be done; None: not known
    limits : set on them, in words
    """

    action: str
    problem: str
    backend: str
    n_tasks: int
    n_there: int
    seconds_each: float | None
    seconds: float | None
    known_from: str
    n_unknown: int
    memory: int | None
    paid_seconds: float | None
    limits: str = ""

    @property
    def n_to_do(self) -> int:
        """Tasks that are not there."""
        return self.n_tasks - self.n_there


@dataclass(frozen=True)
class DryRun:
    """What a run would do; `table` is its rows, and ``str`` all of it in words.

    Parameters
    ----------
    folder : of the run
    engine : name of the executor
    n_workers : that it would have
    rows : by kind of task
    seconds : from the start to the end, by the clock on the wall; without what is not known
    n_unknown : tasks to be done of whose time nothing is known
    memory_largest, memory_together : bytes of the largest task, and of as many of the largest as run at once
    paid_seconds : expected to be charged; None where a part of it is not known
    remarks : to be known beside
    starting : seconds, summed over workers, in which each imports, loads and compiles; those of `rows` are
        without them
    """

    folder: str
    engine: str
    n_workers: int
    rows: tuple[Row, ...]
    seconds: float
    n_unknown: int
    memory_largest: int
    memory_together: int
    paid_seconds: float | None
    remarks: tuple[str, ...] = ()
    starting: float = 0.0

    @property
    def n_tasks(self) -> int:
        """Of the run, the report left out."""
        return sum(row.n_tasks for row in self.rows if row.action != "report")

    @property
    def n_there(self) -> int:
        """That are done already."""
        return sum(row.n_there for row in self.rows if row.action != "report")

    def table(self) -> pandas.DataFrame:
        """A row for each kind of task, columns as in `Row`; NaN and None are not known."""
        import pandas

        return pandas.DataFrame([{**asdict(row), "n_to_do": row.n_to_do} for row in self.rows])

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "n_tasks": self.n_tasks, "n_there": self.n_there}

    def __str__(self) -> str:
        from qspin.experiment.forecast.dry_table import in_words

        return in_words(self)


def dry_run(config: RunConfig, folder: RunFolder | None = None, *, pilots: bool = True) -> DryRun:
    """What `run_experiment` would do.

    Parameters
    ----------
    config : of the run
    folder : where it would be; default ``runs/NAME-DIGEST``
    pilots : whether to try for about a second what nothing is known of; of at most eight kernels

    Raises
    ------
    InputError
        For what `run_experiment` would refuse before it starts; an unfinished run needs no ``resume`` here.
    """
    refuse_unfit(config)
    folder = RunFolder.default(config) if folder is None else folder
    folder.refuse_foreign(config)
    refuse_unfit_store(folder.path, config)
    return _Look(config, folder, pilots).all()


class _Look:
    """Everything that is asked for one dry run."""

    def __init__(self, config: RunConfig, folder: RunFolder, pilots: bool):
        self._config, self._folder = config, folder
        plan = planned(config)
        store = store_of(folder.path, config)
        self._sizes = Sizes(plan, store)
        tasks = {task.key: self._sizes.of(task) for task in plan.graph}
        self._plan: RunPlan = replace(plan, tasks=tasks)
        self._there = {task.key for task in tasks.values() if store.has(task)}
        self._to_do = [task for task in tasks.values() if task.key not in self._there]
        executor = config.execution.executor()
        self._refusals = refusals_of(executor, self._to_do)
        self._n_cores = n_cores()
        self._n_workers = workers_of(executor, len(self._to_do))
        self._n_threads = max(1, self._n_cores // self._n_workers)
        self._timings = Timings.kept()
        if pilots:
            self._pilot()
        self._estimates = {task.key: e for task in self._to_do if (e := self._estimate(task)) is not None}
        self._paid = {task.key: self._charged(task) for task in self._to_do if task.is_paid}

    def all(self) -> DryRun:
        report = self._report()
        largest = sorted((task.memory for task in self._to_do), reverse=True)
        course = forecast(self._to_do, self._estimates, self._n_workers, self._n_cores)
        charged = list(self._paid.values())
        rows = (*self._rows(), report)
        return DryRun(
            folder=str(self._folder.path),
            engine=self._config.execution.engine,
            n_workers=self._n_workers,
            rows=rows,
            seconds=course.seconds + (report.seconds or 0.0),
            n_unknown=sum(row.n_unknown for row in rows),
            memory_largest=max(largest, default=0),
            memory_together=sum(largest[: self._n_workers]),
            paid_seconds=None if None in charged else float(sum(s or 0.0 for s in charged)),
            remarks=tuple(self._remarks(largest)),
            starting=course.starting,
        )

    # -- one task --------------------------------------------------------------------------------

    def _estimate(self, task: Task) -> Estimate | None:
        if not task.kernel:
            return None
        problem = task.settings.get("problem")
        n_spins, n_couplings = (0, 0) if problem is None else self._sizes.shape(problem)
        return self._timings.estimate(task.kernel, task.work, n_spins=n_spins, n_couplings=n_couplings)

    def _charged(self, task: Task) -> float | None:
        """Seconds that are expected to be charged."""
        told = self._sizes.workload(task)
        return None if told is None else told.paid_seconds

    def _pilot(self) -> None:
        """Try what nothing is known of, the first task of each kernel."""
        unknown: dict[str, Task] = {}
        for task in self._to_do:
            if task.action != "measure" and task.kernel and self._estimate(task) is None:
                unknown.setdefault(task.kernel, task)
        with Pilots() as pilots:
            for task in list(unknown.values())[:_MOST_PILOTS]:
                call, told = self._call(task), None if task.is_paid else self._sizes.workload(task)
                if call is None or told is None:
                    continue
                found = pilots.timing(call, told, task.n_threads or self._n_threads)
                if found is not None:
                    self._timings.add(found)
                    keep_timing(found)

    def _call(self, task: Task) -> Call | None:
        """What a task does, as far as that can be tried before others are done."""
        if task.action == "sample":
            outline = self._sizes.outline(task.settings["problem"])
            return None if outline is None else Sampling(self._sizes.sampler(task), outline)
        if "shared" in task.settings or task.settings["prepared"]:
            return None
        return Making(*preparation_of(task))

    # -- rows ------------------------------------------------------------------------------------

    def _rows(self) -> Iterable[Row]:
        """Preparations, samples of each problem on each backend, and all measures."""
        tasks = self._plan.tasks
        alike: dict[str, list[Task]] = {}
        for task in tasks.values():
            if task.action == "prepare":
                alike.setdefault(task.group or task.label, []).append(task)
        for title, own in alike.items():
            yield self._row("prepare", title, "", own)
        for (problem, backend), cell in self._plan.cells.items():
            samples = {point.sample: tasks[point.sample] for point in cell.points}
            yield self._row("sample", problem, backend, list(samples.values()))
        if measures := [task for task in tasks.values() if task.action == "measure"]:
            yield self._row("measure", "all of these", "", measures)

    def _row(self, action: str, problem: str, backend: str, tasks: Sequence[Task]) -> Row:
        to_do = [task for task in tasks if task.key not in self._there]
        known = [self._estimates[task.key] for task in to_do if task.key in self._estimates]
        seconds = [
            self._estimates[task.key].seconds(min(task.n_threads or self._n_threads, task.n_parts))
            for task in to_do
            if task.key in self._estimates
        ]
        charged = [self._paid[task.key] for task in to_do if task.is_paid]
        return Row(
            action=action,
            problem=problem,
            backend=backend,
            n_tasks=len(tasks),
            n_there=len(tasks) - len(to_do),
            seconds_each=sum(seconds) / len(seconds) if seconds else None,
            seconds=sum(seconds) if known or not to_do else None,
            known_from=str(max(known, key=lambda e: e.n_known)) if known else "",
            n_unknown=len(to_do) - len(known),
            memory=max((task.memory for task in tasks), default=0) or None,
            paid_seconds=None if None in charged else float(sum(s or 0.0 for s in charged)),
            limits=_limits(tasks),
        )

    def _report(self) -> Row:
        """The page at the end, which is written anew where there is anything to do."""
        what = report_timing(self._config, self._plan, 0.0)
        estimate = self._timings.estimate(what.kernel, what.work)
        n = int(not self._folder.is_finished_run_of(self._config))
        seconds = n * (estimate.seconds() + estimate.starting) if estimate is not None else None
        known_from = "" if estimate is None else str(estimate)
        unknown = n if estimate is None else 0
        return Row("report", "", "", 1, 1 - n, seconds, seconds, known_from, unknown, None, 0.0)

    def _remarks(self, largest: Sequence[int]) -> Iterable[str]:
        machine = machine_memory()
        if machine is not None and largest and largest[0] > machine:
            yield "the largest task takes more memory than this machine has"
        yield from self._not_sampled()
        yield from self._refused()
        if any(estimate.is_pilot for estimate in self._estimates.values()):
            yield "pilots tell times without imports and compiling, which each worker does once more"
        elsewhere = {e.machine for e in self._estimates.values() if e.machine}
        for name in sorted(elsewhere):
            yield f"times are those of another machine ({name})"
        if self._to_do and self._there:
            resume = "" if is_new(self._folder.path) else ": run with --resume"
            yield f"what is there is not done again{resume}"

    def _not_sampled(self) -> Iterable[str]:
        """Problems that a backend would sample if it were not there to train."""
        for backend in self._config.backends:
            own = [label for label in self._config.problems if (label, backend) in self._plan.left_out]
            if own:
                yield f"{backend} trains, and no study wants its samples of {', '.join(own)}: none are made"

    def _refused(self) -> Iterable[str]:
        """Tasks that the executor will not begin, and those that need them."""
        if not self._refusals:
            return
        refused: list[Task] = []
        lost: set[str] = set()
        for task in self._to_do:  # in an order in which they can be done
            if lost.intersection(task.needs):
                lost.add(task.key)
            elif task.key in self._refusals:
                lost.add(task.key)
                refused.append(task)
        first, n_waiting = refused[0], len(lost) - len(refused)
        waiting = f", {n_waiting} that need them wait" if n_waiting else ""
        told = f"{first.label}: {self._refusals[first.key]}"
        yield f"{len(refused)} of {len(self._to_do)} tasks to do would fail{waiting}: {told}"


def _limits(tasks: Sequence[Task]) -> str:
    """Set on what may be charged."""
    limits: set[tuple[float, str]] = set()
    for task in tasks:
        is_sample = task.action == "sample"
        backends = [task.settings["backend"]] if is_sample else task.settings.get("samplers", {}).values()
        for backend in backends if task.is_paid else ():
            if (limit := backend["settings"].get("max_qpu_seconds")) is not None:
                limits.add((limit, "task" if is_sample else "call"))
    return ", ".join(f"at most {limit:g} s a {what} (max_qpu_seconds)" for limit, what in sorted(limits))
