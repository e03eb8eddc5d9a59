"""What was measured of quenches: states of one sampler at one time, on all instances of a problem."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from qspin.settings import settings_of
from qspin.studies.series import told
from qspin.study import INSTANCE, Asked, Axis, BackendLine, Cell, Results

__all__ = ["CORRELATIONS", "DENSITIES", "OVERLAPS", "Clock", "State", "clock_of", "families_in", "states_of"]

CORRELATIONS = "pair_correlations"
OVERLAPS = "overlap_curve"
DENSITIES = "overlap_distribution"
"""Measures of a state, and the labels under which their cells are found."""

_SCALE = "coupling_scale"
_NANOSECONDS = 1e3  # of a microsecond


class Clock(NamedTuple):
    """What stands for the time of a backend.

    Parameters
    ----------
    axis : that runs over it; None where there is a single time
    is_time : whether it is the time of the quench, and not the length of some other dynamics
    """

    axis: str | None
    is_time: bool


def clock_of(line: BackendLine, time: str) -> Clock:
    """The axis of that name, else the first that runs over numbers.

    Parameters
    ----------
    time : name of the axis, or of the setting, that is the time of a quench
    """
    if any(axis.name == time for axis in line.axes) or _setting(line, time) is not None:
        return Clock(time, True)
    return Clock(next((axis.name for axis in line.axes if _is_numeric(axis)), None), False)


def _setting(line: BackendLine, time: str) -> float | None:
    value = settings_of(line.sampler).get(time)
    return float(value) if isinstance(value, int | float) else None


def _is_numeric(axis: Axis) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in axis.values)


@dataclass(frozen=True)
class State:
    """One sampler at one time, on all instances of a problem.

    Parameters
    ----------
    where : values of the axes of the problem, but for instances
    settings : of the other axes of the backend, its temperature or factor on the couplings among them where
        there are several
    time : nanoseconds where it is that of the quench, else in units of its axis; None where there is none
    is_time : which of the two
    correlations, overlaps, densities : by number of the instance, one row each
    """

    problem: str
    backend: str
    where: Mapping[str, Any]
    settings: Mapping[str, Any]
    time: float | None
    is_time: bool
    scale: float = 1.0
    correlations: Mapping[Any, xr.Dataset] = dataclasses.field(default_factory=dict)
    overlaps: Mapping[Any, xr.Dataset] = dataclasses.field(default_factory=dict)
    densities: Mapping[Any, xr.Dataset] = dataclasses.field(default_factory=dict)

    def held(self, label: str) -> Mapping[Any, xr.Dataset]:
        """What a measure found."""
        return {CORRELATIONS: self.correlations, OVERLAPS: self.overlaps, DENSITIES: self.densities}[label]

    @property
    def place(self) -> tuple[str, str]:
        """Of which problem, as a key."""
        return self.problem, repr(dict(self.where))

    @property
    def family(self) -> tuple[str, str, str]:
        """What states that differ in their time alone share."""
        return *self.place, repr((self.backend, dict(self.settings)))

    @property
    def problem_name(self) -> str:
        return " · ".join([self.problem, *(f"{k} = {told(v)}" for k, v in self.where.items())])

    @property
    def backend_name(self) -> str:
        return " · ".join([self.backend, *(f"{k} = {told(v)}" for k, v in self.settings.items())])

    @property
    def is_exact(self) -> bool:
        """Whether the distribution that it is drawn from is known."""
        return bool(self.correlations) and all("exact" in own for own in self.correlations.values())

    @property
    def n_spins(self) -> int:
        every = [*self.correlations.values(), *self.overlaps.values(), *self.densities.values()]
        return int(every[0].attrs["n_spins"])


def states_of(results: Results, time: str) -> list[State]:
    """All states, in the order of the config.

    Parameters
    ----------
    time : as `clock_of` takes it
    """
    found: dict[str, State] = {}
    for label in (CORRELATIONS, OVERLAPS, DENSITIES):
        for cell in results.cells(label):
            for state, instance, result in _of_cell(cell, results.asked, time):
                key = repr((state.family, state.time))
                own = found.setdefault(key, state)
                own.held(label)[instance] = result  # type: ignore[index]
    return list(found.values())


def _of_cell(cell: Cell, asked: Asked, time: str) -> Iterator[tuple[State, Any, xr.Dataset]]:
    """An empty state, the number of the instance and a result of one row, of all points and rows."""
    line = asked.backends[cell.backend]
    clock = clock_of(line, time)
    own = {axis.name for axis in asked.problems[cell.problem].axes}
    many = {axis.name for axis in cell.axes if len(axis.values) > 1}
    for point in cell.points:
        at = dict(point.at)
        instance = at.pop(INSTANCE, 0)
        value = at.pop(clock.axis, None) if clock.axis is not None else None
        if clock.is_time and value is None:
            value = _setting(line, time)
        moment = None if value is None else float(value) * (_NANOSECONDS if clock.is_time else 1)
        where = {k: v for k, v in at.items() if k in own and k in many}
        others = {k: v for k, v in at.items() if k not in own and k in many}
        for row, extra, scale in _rows(point.result):
            state = State(
                cell.problem,
                cell.backend,
                where,
                {**others, **extra},
                moment,
                clock.is_time,
                scale,
                {},
                {},
                {},
            )
            yield state, instance, point.result.isel(beta=[row])


def _rows(result: xr.Dataset) -> Iterator[tuple[int, dict[str, Any], float]]:
    """Number, what tells it from the others, and factor on the couplings of each row."""
    n = result.sizes["beta"]
    scales = result[_SCALE].values if _SCALE in result else np.ones(n)
    for row in range(n):
        extra: dict[str, Any] = {}
        if n > 1 and _SCALE in result:
            extra = {"factor": float(scales[row])}
        elif n > 1:
            extra = {"T": round(float(result["temperature"].values[row]), 6)}
        yield row, extra, float(scales[row])


def families_in(states: Sequence[State]) -> dict[tuple[str, str, str], list[State]]:
    """States that differ in their time alone, by what they share, ascending in time."""
    found: dict[tuple[str, str, str], list[State]] = {}
    for state in states:
        found.setdefault(state.family, []).append(state)
    return {k: sorted(own, key=lambda s: -1.0 if s.time is None else s.time) for k, own in found.items()}
