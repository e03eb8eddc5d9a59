"""Successes and times of single cells: every sampling held against the lowest energy that is known."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.benchmark import (
    Proportion,
    TimeToSolution,
    success_probability,
    time_to_solution,
    time_to_target,
)
from qspin.studies.series import told
from qspin.study import INSTANCE, Cell, Point, Remark, Results

__all__ = ["CLOCKS", "Goal", "Row", "run_length", "tabulated"]

CLOCKS = ("compile", "prepare", "queue", "device", "sample")
"""Clocks that a sampler may have, in seconds of the whole sampling."""


class Goal(NamedTuple):
    """What counts as a success, and how it is timed; see `qspin.studies.time_to_solution`.

    Parameters
    ----------
    given : label of a problem -> energy to reach, offset included
    is_ground : whether the ground energy is aimed at where it is known, else the lowest that was found
    length : axis of the run length, None where it is to be found
    """

    probability: float
    gap: float
    clock: str
    given: Mapping[str, float]
    is_ground: bool = True
    length: str | None = None


class Row(NamedTuple):
    """One sampling.

    Parameters
    ----------
    problem, backend : labels
    of_problem, of_backend : values of their axes, but for the instance and the run length
    instance : NaN-free plain value of that axis, 0 where there is none
    length : of a run, 0 where none is varied
    best, reference : lowest energy found, and that held against, offset included
    proof : how the reference is known: given, known, enumerated, or found
    residual : mean over runs of (lowest energy - reference) / N
    ratio : mean lowest energy over the reference, both without the offset; 1 for ground states, 0 for random
        spins, NaN where the reference is not negative
    probability : of a run to succeed
    tts : None where the clock was not running, or runs stopped above what success is held against
    clocks : seconds of the whole sampling
    remarks : on this cell
    stopped_above : energy, offset included, at which runs were to stop (target_energy), where that lies above
        what success is held against; NaN elsewhere
    """

    problem: str
    backend: str
    of_problem: Mapping[str, Any]
    of_backend: Mapping[str, Any]
    n_spins: int
    instance: Any
    length: float
    best: float
    reference: float
    proof: str
    residual: float
    ratio: float
    probability: Proportion
    tts: TimeToSolution | None
    clocks: Mapping[str, float]
    remarks: tuple[Remark, ...] = ()
    stopped_above: float = math.nan

    @property
    def is_stopped_above(self) -> bool:
        """Whether runs stopped before they could tell how long it takes."""
        return not math.isnan(self.stopped_above)

    @property
    def backend_name(self) -> str:
        """The backend with the values of its axes but the run length."""
        return ", ".join([self.backend, *(f"{name} = {told(v)}" for name, v in self.of_backend.items())])

    @property
    def seconds(self) -> float:
        """Time to solution: infinite without a success, NaN where there is none to tell."""
        if self.tts is None:
            return math.nan
        return math.inf if self.tts.is_bound else self.tts.seconds


class _Place(NamedTuple):
    """One sampling before it is judged."""

    cell: Cell
    point: Point
    of_problem: Mapping[str, Any]
    of_backend: Mapping[str, Any]
    length: float

    @property
    def instance(self) -> Any:
        return self.point.at.get(INSTANCE, 0)

    @property
    def problem_key(self) -> tuple[str, str, str]:
        """Of one problem: cells that have it in common are held against one energy."""
        return self.cell.problem, repr(dict(self.of_problem)), repr(self.instance)


def run_length(results: Results, cell: Cell, length: str | None) -> str | None:
    """The axis over which the best run length is chosen: the one that was named, else the first with numbers
    that belongs to the backend alone.
    """
    of_problem = {axis.name for axis in results.asked.problems[cell.problem].axes}
    for axis in cell.axes:
        is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in axis.values)
        if axis.name == length or (length is None and is_number and axis.name not in of_problem):
            return axis.name if is_number else None
    return None


def tabulated(results: Results, goal: Goal) -> list[Row]:
    """Every sampling, held against the lowest energy that is known of its problem."""
    places = list(_places(results, goal))
    proven = _proven(results)
    lowest: dict[tuple[str, str, str], float] = {}
    for place in places:
        found = float(place.point.result["energy"].values.min())
        lowest[place.problem_key] = min(lowest.get(place.problem_key, math.inf), found)
    rows = []
    for place in places:
        offset = float(place.point.result.attrs["offset"])
        value, proof = proven.get(place.problem_key, (math.nan, "")) if goal.is_ground else (math.nan, "")
        if (given := goal.given.get(place.cell.problem)) is not None:
            value, proof = given - offset, "given"
        if not proof:
            value, proof = lowest[place.problem_key], "found"
        rows.append(_row(results, place, goal, value, proof))
    return rows


def _places(results: Results, goal: Goal) -> Iterator[_Place]:
    for cell in results.cells("lowest_energies"):
        own = {axis.name for axis in results.asked.problems[cell.problem].axes}
        length = run_length(results, cell, goal.length)
        for point in cell.points:
            of_problem = {k: v for k, v in point.at.items() if k in own and k != INSTANCE}
            of_backend = {k: v for k, v in point.at.items() if k not in own and k not in (INSTANCE, length)}
            yield _Place(cell, point, of_problem, of_backend, float(point.at[length]) if length else 0.0)


def _proven(results: Results) -> dict[tuple[str, str, str], tuple[float, str]]:
    """Ground energies without the offset, as far as they are known, and how."""
    found = {}
    for cell in results.cells("ground_energy"):
        own = {axis.name for axis in results.asked.problems[cell.problem].axes}
        for point in cell.points:
            of_problem = {k: v for k, v in point.at.items() if k in own and k != INSTANCE}
            place = _Place(cell, point, of_problem, {}, 0.0)
            value = float(point.result["ground_energy"])
            found[place.problem_key] = (value, str(point.result.attrs["proof"]))
    return found


def _row(results: Results, place: _Place, goal: Goal, reference: float, proof: str) -> Row:
    result, n_spins = place.point.result, int(place.point.result.attrs["n_spins"])
    energies = result["energy"].values
    offset, tolerance = (float(result.attrs[name]) for name in ("offset", "tolerance"))
    aim = reference + goal.gap * abs(reference)
    succeeded = energies <= aim + tolerance
    reached = int(succeeded.sum())
    seconds = json.loads(result.attrs["seconds"])
    stopped = float(result.attrs.get("target", -math.inf))
    is_above = stopped > aim + tolerance
    a_run = 0.0 if is_above else seconds.get(goal.clock, 0.0)
    tts = _time(result, succeeded, aim + tolerance, a_run, goal.probability)
    above = stopped + offset if is_above else math.nan
    mean = float(energies.mean())
    return Row(
        place.cell.problem, place.cell.backend, place.of_problem, place.of_backend, n_spins, place.instance,
        place.length, float(energies.min()) + offset, reference + offset, proof,
        (mean - reference) / max(n_spins, 1), mean / reference if reference < 0 else math.nan,
        success_probability(reached, len(energies)), tts,
        {clock: seconds[clock] * len(energies) for clock in CLOCKS if clock in seconds},
        (_stopped_above(place, above, aim + offset),) if is_above else _remarks(goal, seconds, tts),
        above,
    )  # fmt: skip


def _time(
    result: xr.Dataset, succeeded: NDArray[np.bool_], aim: float, a_run: float, probability: float
) -> TimeToSolution | None:
    """Time to solution from runs that took `a_run` seconds on average; None where the clock was not running.

    Runs that stopped where they succeeded, at the aim or beyond it, tell when that was; those that stopped
    above it are not to come here.
    """
    if not a_run > 0:
        return None
    if "sweeps" in result and (sweeps := result["sweeps"].values).any():
        return time_to_target(sweeps, succeeded, a_run / float(sweeps.mean()), target=probability)
    return time_to_solution(int(succeeded.sum()), len(succeeded), a_run, target=probability)


def _stopped_above(place: _Place, stopped: float, aim: float) -> Remark:
    return Remark(
        "stopped-above-target",
        f"runs stop at the energy {stopped:.10g} (target_energy), above {aim:.10g}, which success is held "
        "against: they tell no time to it. Give the energy where they stop as "
        f"studies.time_to_solution.target of {place.cell.problem}",
    )


def _remarks(goal: Goal, seconds: Mapping[str, float], tts: TimeToSolution | None) -> tuple[Remark, ...]:
    if tts is not None:
        return ()
    running = ", ".join(sorted(name for name, value in seconds.items() if value > 0)) or "none"
    return (
        Remark(
            "no-clock",
            f"there is no time to solution: the clock {goal.clock} was not running ({running} was)",
        ),
    )
