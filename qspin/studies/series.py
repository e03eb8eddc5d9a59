"""Cells as labelled series, for figures and tables: axes become labels, instances are averaged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import xarray as xr

from qspin.errors import InputError
from qspin.plot import Styles, style_of
from qspin.studies.cells import by_place
from qspin.studies.matching import MATCHED, placed
from qspin.study import INSTANCE, Cell, Point, Results

__all__ = [
    "Panel",
    "Series",
    "by_backend",
    "by_problem",
    "datasets_of",
    "free_name",
    "panels",
    "series_of",
    "together",
    "told",
]

_MOST_TOGETHER = 12  # series in one panel: as many as there are colours


@dataclass(frozen=True)
class Series:
    """What was measured on one problem with one backend at one point of the axes.

    Parameters
    ----------
    at : values of the axes that differ, but for instances
    results : label of a measure -> result, averaged over instances
    instances : label of a measure -> results of the single instances, in order
    label : problem, backend and values of axes, as far as they tell the series of a study apart
    """

    problem: str
    backend: str
    at: Mapping[str, Any]
    results: Mapping[str, xr.Dataset]
    instances: Mapping[str, Sequence[xr.Dataset]] = field(default_factory=dict)
    label: str = ""

    def name(self, *parts: str) -> str:
        """Some parts of the label, out of ``problem`` and ``backend``, before the values of the axes."""
        return " · ".join([*(str(getattr(self, part)) for part in parts), *map(_value, self.at.items())])

    def told_as(self, *parts: str) -> str:
        """`name`, and of how many instances it is the average."""
        n = self.n_instances
        return self.name(*parts) + (f" (average of {n})" if n > 1 else "")

    @property
    def n_instances(self) -> int:
        return max(map(len, self.instances.values()), default=1)

    def curve(self, name: str) -> xr.Dataset | None:
        """The result that holds a variable."""
        return next((result for result in self.results.values() if name in result), None)


def told(value: Any) -> str:
    """A value of an axis for people.

    Examples
    --------
    >>> told(0.1 + 0.2), told([4, 4, 4]), told("pegasus")
    ('0.3', '4 × 4 × 4', 'pegasus')
    """
    if isinstance(value, list | tuple):
        return " × ".join(map(told, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _value(item: tuple[str, Any]) -> str:
    return f"{item[0]} = {told(item[1])}"


def series_of(results: Results, labels: Sequence[str]) -> list[Series]:
    """All that was measured under some labels, problem by problem, backend by backend, point by point.

    Instances are averaged as the measure takes it; where they have no temperature in common, each is a series
    of its own. Results of backends without a thermostat stand at the temperatures of the reference that
    cells called ``effective_temperature`` hold, if there are any.

    Parameters
    ----------
    results : of a study
    labels : under which it wanted measures
    """
    fits = by_place(results, MATCHED)
    found: dict[tuple[str, str, str], Series] = {}
    for label in labels:
        for cell in results.cells(label):
            for at, own, single in _averages(cell, fits.get((cell.problem, cell.backend))):
                key = (cell.problem, cell.backend, repr(at))
                series = found.setdefault(key, Series(cell.problem, cell.backend, at, {}, {}))
                found[key] = Series(
                    cell.problem, cell.backend, at,
                    {**series.results, label: own}, {**series.instances, label: single},
                )  # fmt: skip
    order = list(results.asked.problems), list(results.asked.backends)
    ordered = sorted(found.values(), key=lambda s: (order[0].index(s.problem), order[1].index(s.backend)))
    return _labelled(ordered)


def _labelled(series: Sequence[Series]) -> list[Series]:
    parts = ["problem", *(["backend"] if len({s.backend for s in series}) > 1 else [])]
    return [Series(s.problem, s.backend, s.at, s.results, s.instances, s.name(*parts)) for s in series]


def _averages(cell: Cell, fits: Cell | None) -> Iterable[tuple[dict[str, Any], xr.Dataset, list[xr.Dataset]]]:
    """Values on the axes that differ, the average over instances, and the results of these."""
    many = {axis.name for axis in cell.axes if len(axis.values) > 1} - {INSTANCE}
    axes = [axis.name for axis in cell.axes]
    fit_of: dict[str, xr.Dataset] = {}
    for point in () if fits is None else fits.points:  # which may have axes of the reference besides
        fit_of.setdefault(_key(point, axes), point.result)
    groups: dict[str, tuple[dict[str, Any], list[Any], list[xr.Dataset]]] = {}
    for point in cell.points:
        at = {name: value for name, value in point.at.items() if name in many}
        fit = fit_of.get(_key(point, axes))
        own = point.result if fit is None or fits is None else placed(point.result, fit, str(fits.reference))
        group = groups.setdefault(repr(at), (at, [], []))
        group[1].append(point.at.get(INSTANCE))
        group[2].append(own)
    for at, numbers, single in groups.values():
        if len(single) == 1:
            yield at, single[0], single
            continue
        try:
            yield at, cell.measure.average(single), single
        except InputError:  # nothing in common to be averaged over: they stay single
            for number, own in zip(numbers, single, strict=True):
                yield {**at, INSTANCE: number}, own, [own]


def _key(point: Point, axes: Sequence[str]) -> str:
    return repr([(name, point.at.get(name)) for name in axes])


# -- panels --------------------------------------------------------------------------------------


class Panel(NamedTuple):
    """Series that are drawn on one Axes.

    Parameters
    ----------
    title : of the panel, empty where there is one
    series : label in the legend -> series
    styles : by the same labels; one label looks alike in all panels of a figure
    """

    title: str
    series: Mapping[str, Series]
    styles: Styles

    def curves(self, label: str) -> dict[str, xr.Dataset]:
        """Label in the legend -> result of a measure."""
        return {name: s.results[label] for name, s in self.series.items() if label in s.results}


def panels(series: Sequence[Series]) -> list[Panel]:
    """All in one panel where they are few and of one problem or one backend, else a panel a problem, in which
    the colour tells backends apart.
    """
    one = len({s.problem for s in series}) == 1 or len({s.backend for s in series}) == 1
    return together(series) if one and len(series) <= _MOST_TOGETHER else by_problem(series)


def together(series: Sequence[Series]) -> list[Panel]:
    """All in one panel."""
    return _panels(series, lambda s: "", lambda s: s.label)


def by_problem(series: Sequence[Series]) -> list[Panel]:
    """A panel a problem."""
    return _panels(series, lambda s: s.problem, lambda s: s.name("backend"))


def by_backend(series: Sequence[Series]) -> list[Panel]:
    """A panel a backend."""
    return _panels(series, lambda s: s.backend, lambda s: s.name("problem"))


def _panels(
    series: Sequence[Series], title: Callable[[Series], str], label: Callable[[Series], str]
) -> list[Panel]:
    labels = list(dict.fromkeys(map(label, series)))
    styles = {name: style_of(k) for k, name in enumerate(labels)}
    groups: dict[str, dict[str, Series]] = {}
    for one in series:
        groups.setdefault(title(one), {})[label(one)] = one
    return [Panel(name, own, {key: styles[key] for key in own}) for name, own in groups.items()]


# -- files ---------------------------------------------------------------------------------------


def datasets_of(series: Sequence[Series]) -> dict[str, xr.Dataset]:
    """All results of each series, by a name that files may have: side by side where they are over the same
    temperatures, else one by one.
    """
    found: dict[str, xr.Dataset] = {}
    for one in series:
        parts = [one.problem, one.backend, *(f"{name}-{told(value)}" for name, value in one.at.items())]
        name = re.sub(r"[^\w.-]+", "_", "-".join(parts))
        facts = {"problem": one.problem, "backend": one.backend, "n_instances": one.n_instances}
        facts |= {key: told(value) for key, value in one.at.items()}
        try:
            merged = xr.merge(one.results.values(), compat="override", join="exact", combine_attrs="drop")
            found[free_name(name, found)] = merged.assign_attrs(facts)
        except ValueError:  # over different temperatures, where instances are missing in some of them
            for label, result in one.results.items():
                found[free_name(f"{name}-{label}", found)] = result.assign_attrs(facts)
    return found


def free_name(name: str, taken: Mapping[str, Any]) -> str:
    """The name, or with a number behind it where it is taken."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free
