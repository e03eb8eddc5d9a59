"""How much there is to do in the tasks of a plan: work and memory, told by samplers from outlines.

Nothing is sampled or bought, and no network is reached. Of instances of one kind the first stands for all.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from qspin.engine.actions import preparation_of, sampler_of, source_from
from qspin.engine.keys import digest
from qspin.engine.storage.store import Store
from qspin.errors import QspinError
from qspin.executor import Task
from qspin.experiment.config.run_config import RunConfig
from qspin.experiment.plan import RunPlan
from qspin.problem import IsingProblem
from qspin.sampler import Sampler, Workload, workload_of
from qspin.timings import Timing

__all__ = ["Sizes", "report_timing", "sized"]

Plain = Mapping[str, Any]
T = TypeVar("T")

_DIGITS = 8
_POINTS_A_CELL = 100  # of a sweep, that take as long in a report as one more problem or backend
_HANDLED = 2**24  # of blocks in which samples are checked, and of what a measure makes of few of them
_COPIES = 3  # of samples that a measure takes: themselves, and what it makes of them on the way


def sized(plan: RunPlan) -> RunPlan:
    """The same plan, with what each task takes where that can be told before."""
    sizes = Sizes(plan)
    return replace(plan, tasks={key: sizes.of(task) for key, task in plan.tasks.items()})


def report_timing(config: RunConfig, plan: RunPlan, seconds: float) -> Timing:
    """How long it took to conclude and to write the report."""
    n_points = sum(len(cell.points) for cell in plan.cells.values())
    work = len(plan.cells) + n_points / _POINTS_A_CELL
    return Timing(f"report of {', '.join(sorted(config.plans))}", work, seconds)


class Sizes:
    """What is known of the tasks of a plan; whoever can tell is asked once.

    Parameters
    ----------
    store : that may hold settings which backends share
    """

    def __init__(self, plan: RunPlan, store: Store | None = None):
        self._plan, self._store = plan, store
        self._samplers: dict[str, Sampler] = {}
        self._texts: dict[int, str] = {}
        self._outlines: dict[str, IsingProblem | None] = {}
        self._shapes: dict[str, tuple[int, int]] = {}
        self._told: dict[tuple[str, ...], Workload | None] = {}

    def of(self, task: Task) -> Task:
        """The task with what it takes, as far as that is known."""
        return {"sample": self._sample, "measure": self._measure, "prepare": self._prepare}[task.action](task)

    def workload(self, task: Task) -> Workload | None:
        """Of a task that samples or prepares; None where its sampler or preparation does not tell."""
        if "shared" in task.settings:
            return None
        is_sample = task.action == "sample"
        names = self._sample_names(task) if is_sample else self._preparation_names(task)
        if names not in self._told:
            self._told[names] = self._of_sample(task) if is_sample else self._of_preparation(task)
        return self._told[names]

    def sampler(self, task: Task) -> Sampler:
        """Of a task that samples. Settings that backends share and nobody has found yet are stood for by some
        of the same size, where the sampler has them."""
        spec = task.settings["backend"]
        name = self._text(spec)
        if name not in self._samplers:
            self._samplers[name] = self._made(spec)
        return self._samplers[name]

    def _made(self, spec: Plain) -> Sampler:
        if (key := spec.get("shared")) is None:
            return sampler_of(spec)
        finder = self._plan.tasks[key]
        if self._store is not None and self._store.has(finder):
            return sampler_of(spec, self._store)
        own = sampler_of({name: value for name, value in spec.items() if name != "shared"})
        if (expect := getattr(own, "expected_settings", None)) is None:
            return own
        outlines = [self.outline(problem) for problem in finder.settings["shared"]["problems"]]
        settings = {**spec["settings"], **expect([outline for outline in outlines if outline is not None])}
        return sampler_of({"name": spec["name"], "settings": settings})

    def shape(self, problem: Plain) -> tuple[int, int]:
        """Spins and couplings of a problem; (0, 0) where it has no outline."""
        name = self._outline_name(problem)
        if name not in self._shapes:
            outline = self.outline(problem)
            self._shapes[name] = (0, 0) if outline is None else (outline.n_spins, outline.n_couplings)
        return self._shapes[name]

    # -- tasks -----------------------------------------------------------------------------------

    def _sample(self, task: Task) -> Task:
        if task.is_paid:
            return task
        if (told := self.workload(task)) is None:  # those of the same settings and size take as long
            n_spins, n_couplings = self.shape(task.settings["problem"])
            spec = task.settings["backend"]
            kernel = f"{spec['name']} {digest(spec)[:_DIGITS]}"
            return replace(task, kernel=kernel, work=float(n_spins + 2 * n_couplings))
        memory = int(told.memory + told.kept + _HANDLED)
        return replace(task, kernel=told.kernel, work=told.work, memory=memory, n_parts=told.n_parts)

    def _measure(self, task: Task) -> Task:
        keys = [key for key in (task.settings["samples"], task.settings.get("reference")) if key]
        loaded = [self._plan.tasks[key] for key in keys]
        told = [None if sample.is_paid else self.workload(sample) for sample in loaded]
        kept = sum(one.kept for one in told if one is not None)
        memory = _COPIES * kept + _HANDLED if kept else 0
        return replace(task, kernel=f"measure {task.settings['measure']}", work=float(kept), memory=memory)

    def _prepare(self, task: Task) -> Task:
        if "shared" in task.settings:
            shared = task.settings["shared"]
            work = sum(n_spins + 2 * m for n_spins, m in map(self.shape, shared["problems"]))
            return replace(task, kernel=f"shared settings of {shared['backend']['name']}", work=float(work))
        if task.is_paid or (told := self.workload(task)) is None:
            return replace(task, kernel=f"prepare {task.group}", work=1.0)
        return replace(
            task, kernel=told.kernel, work=told.work, memory=int(told.memory), n_parts=told.n_parts
        )

    # -- asked once ------------------------------------------------------------------------------

    def _sample_names(self, task: Task) -> tuple[str, ...]:
        return self._outline_name(task.settings["problem"]), self._text(task.settings["backend"])

    def _of_sample(self, task: Task) -> Workload | None:
        sampler, outline = self.sampler(task), self.outline(task.settings["problem"])
        if outline is None:
            return None
        return _told(lambda: workload_of(sampler, outline), type(sampler).__name__)

    def _preparation_names(self, task: Task) -> tuple[str, ...]:
        source, path, samplers = (task.settings[name] for name in ("source", "path", "samplers"))
        return self._outline_name(source), *path, self._text(samplers)

    def _of_preparation(self, task: Task) -> Workload | None:
        preparation, samplers = preparation_of(task)
        return _told(lambda: preparation.workload(samplers), task.label)

    def outline(self, problem: Plain) -> IsingProblem | None:
        """Kept until another is asked for: tasks of one problem stand together."""
        name = self._outline_name(problem)
        if name not in self._outlines:
            self._outlines.clear()
            self._outlines[name] = _told(source_from(problem).outline, str(problem["kind"]))
        return self._outlines[name]

    def _outline_name(self, problem: Plain) -> str:
        """The same for all instances."""
        if id(problem) not in self._texts:
            instance = source_from(problem).instance_key
            settings = {k: v for k, v in problem["settings"].items() if k != instance}
            self._texts[id(problem)] = json.dumps([problem["kind"], settings], sort_keys=True, default=str)
        return self._texts[id(problem)]

    def _text(self, spec: Plain) -> str:
        """Of settings that many tasks of a plan share."""
        if id(spec) not in self._texts:
            self._texts[id(spec)] = json.dumps(spec, sort_keys=True, default=str)
        return self._texts[id(spec)]


def _told(tell: Callable[[], T], who: str) -> T | None:
    """What somebody tells; None where it cannot be told: the task itself will say why."""
    try:
        return tell()
    except QspinError:
        return None
    except (Exception, SystemExit) as error:  # of a third party
        warnings.warn(
            f"what {who} takes cannot be told ({type(error).__name__}: {error}); its tasks are tried",
            RuntimeWarning,
            stacklevel=3,
        )
        return None
