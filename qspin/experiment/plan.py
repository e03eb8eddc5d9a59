"""From a config to a graph of tasks: prepare, sample, measure; and where each study finds what it wanted.

Tasks are keys and plain settings. A key is a digest of everything that decides on what the task gives: of a
problem its kind, version and settings and those of its preparations; of samples the problem, the backend with
its `samples_version` and the settings that decide, and the run's seed; of a measure its name, version and
settings and the samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from qspin import registry
from qspin.engine.keys import digest, key_of, seed_of
from qspin.errors import InputError
from qspin.executor import Graph, Task
from qspin.experiment.config.lines import At, Line
from qspin.experiment.config.run_config import RunConfig, backend_identity
from qspin.sampler import finds_settings, is_paid, pilots
from qspin.settings import deciding_settings, settings_of
from qspin.source import Preparation
from qspin.study import Axis, Wanted

__all__ = ["CellPlan", "PointPlan", "RunPlan", "planned"]


class PointPlan(NamedTuple):
    """One point of a cell.

    Parameters
    ----------
    at : axis -> value
    problem : plain spec with its key and the keys of its preparations
    sample : key of its samples
    """

    at: dict[str, Any]
    problem: dict[str, Any]
    sample: str


class CellPlan(NamedTuple):
    """A problem on a backend, at all points of their axes."""

    problem: str
    backend: str
    axes: tuple[Axis, ...]
    points: list[PointPlan]


class WantedPlan(NamedTuple):
    """A measure that a study wants of a cell, and the key of its result at every point."""

    wanted: Wanted
    cell: CellPlan
    keys: list[str]


@dataclass
class RunPlan:
    """What a run does.

    Parameters
    ----------
    tasks : in the order in which they were thought of
    cells : (problem, backend) -> its points
    wanted : label of a study -> what it wants
    left_out : (problem, backend) that nobody looks at and are not sampled; see `RunConfig.left_out`
    prepared : key of a preparation -> its title and the labels of the problems that want it
    wanting : key of a preparation -> values on the axes of each point that wants it
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    cells: dict[tuple[str, str], CellPlan] = field(default_factory=dict)
    wanted: dict[str, list[WantedPlan]] = field(default_factory=dict)
    left_out: frozenset[tuple[str, str]] = frozenset()
    prepared: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    wanting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """Tasks in an order in which they can be done."""
        return Graph.of(list(self.tasks.values()))

    def samples(self) -> Iterator[Task]:
        """The tasks that sample."""
        return (task for task in self.tasks.values() if task.action == "sample")

    def add(self, task: Task) -> str:
        self.tasks.setdefault(task.key, task)
        return task.key


class _ProblemPoint(NamedTuple):
    at: At
    spec: dict[str, Any]
    line: str
    label: str


class _Whose(NamedTuple):
    """The point of a problem that wants a preparation, with its values on the axes."""

    label: str
    spec: dict[str, Any]
    values: dict[str, Any]


class _BackendPoint(NamedTuple):
    at: At
    spec: dict[str, Any]
    identity: dict[str, Any]
    is_paid: bool


def planned(config: RunConfig) -> RunPlan:
    """The plan of a run; nothing is built or sampled for it."""
    plan = RunPlan(left_out=config.left_out)
    shares = any(own.shares_ladders for _, own in config.plans.values())
    is_timed = any(own.is_timed for _, own in config.plans.values())
    points = {label: _problem_points(line, plan, config) for label, line in config.problem_lines.items()}
    shared = _shared_settings(config, points, plan) if shares else {}
    samplers = {
        label: [_backend_point(line, at, shared.get(label)) for at in line.points()]
        for label, line in config.backend_lines.items()
    }
    copies: dict[str, Iterator[int]] = {}
    for label, line in config.problem_lines.items():
        for backend, own in config.backend_lines.items():
            if (label, backend) not in plan.left_out:
                plan.cells[label, backend] = CellPlan(label, backend, _joint_axes(line, own), [])
        for point, (backend, own) in itertools.product(points[label], config.backend_lines.items()):
            cell = plan.cells.get((label, backend))
            for sampler in _at_once(samplers[backend], point.at):
                sample = _sample_task(config.seed, point, own, sampler, copies, is_timed)
                if cell is None:
                    continue  # a draw of its own all the same: seeds of others do not hang on who looks
                values = _values([*line.axes, *own.axes], {**sampler.at, **point.at})
                cell.points.append(PointPlan(values, point.spec, plan.add(sample)))
    for study, (_, asked) in config.plans.items():
        plan.wanted[study] = [_wanted(w, plan) for w in asked.wanted]
    _told_apart(plan)
    plan.tasks = _problem_by_problem(plan)
    return plan


def _problem_by_problem(plan: RunPlan) -> dict[str, Task]:
    """The same tasks, those of one problem together, so that it is built once."""
    order: dict[str, int] = {}
    for task in plan.tasks.values():
        if task.action != "prepare":
            order.setdefault(task.settings["problem"]["key"], len(order))
    ranked = sorted(
        plan.tasks.values(),
        key=lambda task: -1 if task.action == "prepare" else order[task.settings["problem"]["key"]],
    )
    return {task.key: task for task in ranked}


# -- problems ------------------------------------------------------------------------------------


def _problem_points(line: Line, plan: RunPlan, config: RunConfig) -> list[_ProblemPoint]:
    return [_problem_point(line, at, plan, config) for at in line.points()]


def _problem_point(line: Line, at: At, plan: RunPlan, config: RunConfig) -> _ProblemPoint:
    source = line.made(at)
    spec: dict[str, Any] = {"kind": line.name, "settings": {**line.settings_at(at), **settings_of(source)}}
    values = _values(line.axes, at)
    whose = _Whose(line.label, spec, values)
    prepared = {
        need: _prepare_task(own, (need,), (), whose, config, plan) for need, own in source.needs().items()
    }
    key = key_of("problem", line.name, source.version, source.identity(), prepared)
    spec |= {"key": key, "prepared": prepared}
    return _ProblemPoint(at, spec, line.label, line.label + _told(values))


def _prepare_task(
    preparation: Preparation,
    path: tuple[str, ...],
    above: tuple[Any, ...],
    whose: _Whose,
    config: RunConfig,
    plan: RunPlan,
) -> str:
    """Key of a preparation, which is planned with all that it needs itself.

    Parameters
    ----------
    path : of needs from the source to it
    above : identities of the preparations on this path
    """
    label, identity = whose.label, preparation.identity()
    if identity in above:
        raise InputError(
            f"problems.{label}: its preparations need one another in a circle: {' -> '.join(path)}",
            key=("problems", label),
        )
    needs = {
        need: _prepare_task(own, (*path, need), (*above, identity), whose, config, plan)
        for need, own in preparation.needs().items()
    }
    lines = {name: config.backend_lines[name] for name in preparation.uses}
    used = {k: backend_identity(v.name, v.made(), v.settings_at({})) for k, v in lines.items()}
    key = key_of("prepare", preparation.version, identity, needs, used)
    samplers = {name: _backend_spec(line, {}) for name, line in lines.items()}
    settings = {"source": dict(whose.spec), "path": list(path), "prepared": needs, "samplers": samplers}
    paid = [line.name for line in lines.values() if is_paid(line.made())]
    lane, title = paid[0] if paid else "", preparation.title
    needed = tuple(needs.values())
    plan.add(Task(key, "prepare", settings, needed, title, bool(paid), lane=lane, group=title))
    users = plan.prepared.setdefault(key, (preparation.title, []))[1]
    if label not in users:
        users.append(label)
    plan.wanting.setdefault(key, []).append(whose.values)
    return key


def _told_apart(plan: RunPlan) -> None:
    """Label preparations of one title by the values, such as instances, that each has alone."""
    alike: dict[str, list[str]] = {}
    for key, (title, _) in plan.prepared.items():
        alike.setdefault(title, []).append(key)
    for title, keys in alike.items():
        of_each = {key: _agreed(plan.wanting[key]) for key in keys}
        for key, values in of_each.items():
            own = {
                name: value
                for name, value in values.items()
                if any(other.get(name, value) != value for other in of_each.values())
            }
            plan.tasks[key] = replace(plan.tasks[key], label=title + _told(own))


def _agreed(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values that are the same at all points."""
    return {
        name: value
        for name, value in points[0].items()
        if all(name in point and point[name] == value for point in points)
    }


def _shared_settings(
    config: RunConfig, points: Mapping[str, list[_ProblemPoint]], plan: RunPlan
) -> dict[str, str]:
    """Backend -> key of the settings that it finds for all problems together, where it finds any."""
    everything = list({point.spec["key"]: point for line in points.values() for point in line}.values())
    if len(everything) < 2:
        return {}
    chosen = [point.spec for point in pilots(everything)]
    needs = tuple(dict.fromkeys(key for spec in chosen for key in spec["prepared"].values()))
    found = {}
    for label, line in config.backend_lines.items():
        if not finds_settings(line.made()) or all((own, label) in plan.left_out for own in points):
            continue
        spec = _backend_spec(line, {})
        identity = backend_identity(line.name, line.made(), line.settings_at({}))
        keys = [pilot["key"] for pilot in chosen]
        seed = seed_of("shared", identity, keys, config.seed)
        settings = {"backend": spec, "problems": chosen, "seed": seed}
        task = Task(
            key_of("shared", identity, keys, config.seed), "prepare", {"shared": settings}, needs,
            f"settings of {label} for {len(everything)} problems together",
        )  # fmt: skip
        found[label] = plan.add(task)
    return found


# -- samples -------------------------------------------------------------------------------------


def _backend_point(line: Line, at: At, shared: str | None) -> _BackendPoint:
    """A sampler, once for all problems.

    Parameters
    ----------
    shared : key of settings that it shares with those of other problems
    """
    sampler, given = line.made(at), line.settings_at(at)
    spec = _backend_spec(line, at) | ({} if shared is None else {"shared": shared})
    return _BackendPoint(at, spec, backend_identity(line.name, sampler, given), is_paid(sampler))


def _at_once(points: Iterable[_BackendPoint], at: At) -> Iterator[_BackendPoint]:
    """Points of a backend at a point of the problem: axes that both have stand where the problem has them."""
    return (point for point in points if all(point.at[k] == at[k] for k in point.at if k in at))


def _backend_spec(line: Line, at: At) -> dict[str, Any]:
    return {"name": line.name, "settings": {**line.settings_at(at), **settings_of(line.made(at))}}


def _sample_task(
    run_seed: int,
    point: _ProblemPoint,
    line: Line,
    sampler: _BackendPoint,
    copies: dict[str, Iterator[int]],
    is_timed: bool,
) -> Task:
    base = [point.spec["key"], sampler.identity, run_seed]
    copy = next(copies.setdefault(digest(base), itertools.count()))  # equal tasks draw independently
    parts = [*base, copy] if copy else base
    shared = sampler.spec.get("shared")
    settings = {
        "problem": point.spec, "backend": sampler.spec, "backend_label": line.label, "seed": seed_of(*parts),
        "is_timed": is_timed,
    }  # fmt: skip
    lane = str(sampler.spec["name"]) if sampler.is_paid else ""
    own = {name: index for name, index in sampler.at.items() if name not in point.at}
    return Task(
        key_of("sample", *parts, shared), "sample", settings,
        tuple(point.spec["prepared"].values()) + (() if shared is None else (shared,)),
        f"{point.label} with {line.label}{_told(_values(line.axes, own))}", sampler.is_paid,
        lane=lane, n_threads=sampler.spec["settings"].get("n_threads"),
        group=f"{point.line} with {line.label}",
    )  # fmt: skip


def _joint_axes(problem: Line, backend: Line) -> tuple[Axis, ...]:
    return tuple({axis.name: axis for axis in [*problem.shown_axes, *backend.shown_axes]}.values())


def _values(axes: Any, at: At) -> dict[str, Any]:
    return {axis.name: axis.values[at[axis.name]] for axis in axes if axis.name in at}


def _told(values: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in values.items())})" if values else ""


# -- measures ------------------------------------------------------------------------------------


def _wanted(wanted: Wanted, plan: RunPlan) -> WantedPlan:
    cell = plan.cells[wanted.problem, wanted.backend]
    measure = registry.get_measure(wanted.measure, **wanted.settings)
    identity = [wanted.measure, measure.version, deciding_settings(measure)]
    own = {"measure": wanted.measure, "settings": settings_of(measure)}
    against = f" against {wanted.reference}" if wanted.reference else ""
    references = _references(plan, wanted)
    keys = []
    for point in cell.points:
        reference = _beside(references[point.problem["key"]], point).sample if references else None
        key = key_of("measure", identity, point.sample, reference)
        label = f"{wanted.measure} of {plan.tasks[point.sample].label}{against}"
        settings = {**own, "problem": point.problem, "samples": point.sample, "reference": reference}
        needs = (*point.problem["prepared"].values(), point.sample, *filter(None, [reference]))
        group = f"{wanted.measure} of {wanted.problem} with {wanted.backend}{against}"
        plan.add(Task(key, "measure", settings, needs, label, is_shown=measure.against, group=group))
        keys.append(key)
    return WantedPlan(wanted, cell, keys)


def _references(plan: RunPlan, wanted: Wanted) -> dict[str, list[PointPlan]]:
    """Key of a problem -> points of the reference on it; nothing where none is wanted."""
    found: dict[str, list[PointPlan]] = {}
    if wanted.reference is not None:
        for point in plan.cells[wanted.problem, wanted.reference].points:
            found.setdefault(point.problem["key"], []).append(point)
    return found


def _beside(references: Sequence[PointPlan], point: PointPlan) -> PointPlan:
    """The one that a point is held against: the same on all axes that they share, the last one on those of
    the reference alone."""
    same = [
        other
        for other in references
        if all(point.at[name] == value for name, value in other.at.items() if name in point.at)
    ]
    return same[-1]
