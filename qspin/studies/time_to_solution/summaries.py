"""Times to solution over instances and sizes: medians at the best run length, and how these grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from qspin.benchmark import ScalingFit, fit_scaling, time_to_solution
from qspin.benchmark.time_to_solution import best_length
from qspin.studies.series import told
from qspin.studies.time_to_solution.runs import Row

__all__ = ["Scaling", "Summary", "best_times", "grouped_by", "lines_of", "scalings", "summarised"]

_RESAMPLES = 1_000
_INTERVAL = (0.025, 0.975)

T = TypeVar("T")


class Summary(NamedTuple):
    """A backend on all instances of a problem, at the run length whose median is best.

    Parameters
    ----------
    problem : label
    of_problem : values of its axes
    backend : with the values of its axes but the run length
    is_inside : whether shorter and longer runs were tried and are worse
    n_bounds : instances without a success
    median, low, high : over instances, with a 95 % interval by bootstrap; of one instance, with that of its
        success probability
    """

    problem: str
    of_problem: Mapping[str, Any]
    n_spins: int
    backend: str
    backend_label: str
    length: float
    is_inside: bool
    n_instances: int
    n_bounds: int
    median: float
    low: float
    high: float

    @property
    def place(self) -> str:
        """The problem with its size and whatever else is swept."""
        return f"{self.problem}, {self.point}"

    @property
    def point(self) -> str:
        """Its size and whatever else is swept."""
        rest = [f"{name} = {told(value)}" for name, value in self.of_problem.items()]
        size = [] if "n_spins" in self.of_problem else [f"{self.n_spins} spins"]
        return ", ".join([*size, *rest])


class Scaling(NamedTuple):
    """How the median time of a backend grows with size, by both laws."""

    problem: str
    backend: str
    fits: Mapping[str, ScalingFit]

    @property
    def better(self) -> ScalingFit:
        return min(self.fits.values(), key=lambda fit: fit.residual)


def grouped_by(things: Iterable[T], key: Callable[[T], Hashable]) -> dict[Any, list[T]]:
    """Things by a key, both in the order in which they first come."""
    found: dict[Any, list[T]] = {}
    for thing in things:
        found.setdefault(key(thing), []).append(thing)
    return found


def summarised(rows: Sequence[Row], *, seed: int = 0) -> list[Summary]:
    """Medians over instances with 95 % intervals by bootstrap, at the best run length.

    Instances without a success count as slower than all others; where they are half or more, the median is
    infinite, a lower bound. Cells without a time are left out.
    """
    rng = np.random.default_rng(seed)
    timed = [row for row in rows if row.tts is not None]
    groups = grouped_by(timed, lambda r: (r.problem, repr(r.of_problem), r.backend_name))
    return [_summary(group, rng) for group in groups.values()]


def _summary(rows: Sequence[Row], rng: np.random.Generator) -> Summary:
    by_length: dict[float, list[Row]] = grouped_by(rows, lambda row: row.length)
    length, is_inside = _best_length(by_length)
    first, own = rows[0], by_length[length]
    values = np.array([row.seconds for row in own])
    low, high = _interval(own, values, rng)
    return Summary(
        first.problem, first.of_problem, int(np.median([row.n_spins for row in rows])), first.backend_name,
        first.backend, length, is_inside or len(by_length) == 1, len(values), int(np.isinf(values).sum()),
        float(np.median(values)), low, high,
    )  # fmt: skip


def _interval(
    rows: Sequence[Row], seconds: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, float]:
    """Of the median over instances, or of the one there is."""
    if len(rows) == 1 and rows[0].tts is not None:
        return rows[0].tts.low, rows[0].tts.high
    drawn = np.median(seconds[rng.integers(0, len(seconds), (_RESAMPLES, len(seconds)))], axis=1)
    low, high = np.quantile(drawn, _INTERVAL, method="nearest")
    return float(low), float(high)


def _best_length(by_length: Mapping[float, Sequence[Row]]) -> tuple[float, bool]:
    """The length with the shortest time of all instances together, and whether it lies inside the range."""
    pooled = {}
    for length, group in by_length.items():
        times = [row.tts for row in group if row.tts is not None]
        successes = sum(time.probability.successes for time in times)
        runs = sum(time.probability.runs for time in times)
        seconds = float(np.median([time.seconds_a_run for time in times]))
        pooled[length] = time_to_solution(successes, runs, seconds)
    best = best_length(pooled)
    return (best.length if math.isfinite(best.length) else max(by_length)), best.is_inside


def lines_of(summaries: Sequence[Summary]) -> dict[tuple[str, str], list[Summary]]:
    """Of every problem and backend the summaries that differ in size, ascending in N.

    Axes of a problem along which its size stays the same make lines of their own; the first name of a key is
    then that of the problem with their values.
    """
    found: dict[tuple[str, str], list[Summary]] = {}
    for problem, own in grouped_by(summaries, lambda s: s.problem).items():
        others = [name for name in own[0].of_problem if not _is_size(name, own)]
        for summary in own:
            rest = [f"{name} = {told(summary.of_problem[name])}" for name in others]
            found.setdefault((", ".join([problem, *rest]), summary.backend), []).append(summary)
    return {key: sorted(line, key=lambda s: s.n_spins) for key, line in found.items()}


def _is_size(name: str, summaries: Sequence[Summary]) -> bool:
    """Whether the number of spins changes along an axis while all others stay."""

    def rest(summary: Summary) -> str:
        return repr({k: v for k, v in summary.of_problem.items() if k != name})

    return any(len({s.n_spins for s in group}) > 1 for group in grouped_by(summaries, rest).values())


def scalings(lines: Mapping[tuple[str, str], Sequence[Summary]]) -> list[Scaling]:
    """Fits to every line that has a time at three sizes or more."""
    found = []
    for (problem, backend), line in lines.items():
        known = [s for s in line if math.isfinite(s.median)]
        if len({s.n_spins for s in known}) >= 3:
            fits = fit_scaling([s.n_spins for s in known], [s.median for s in known])
            found.append(Scaling(problem, backend, fits))
    return found


def best_times(summaries: Sequence[Summary], rows: Sequence[Row]) -> dict[str, list[float]]:
    """Time of each backend on each instance that all of them were tried on, at the run length that its
    summary chose.
    """
    chosen = {(s.problem, repr(s.of_problem), s.backend): s.length for s in summaries}
    times: dict[str, dict[tuple[str, str, str], float]] = {}
    for row in rows:
        key = (row.problem, repr(row.of_problem), row.backend_name)
        if row.tts is not None and row.length == chosen[key]:
            instance = (row.problem, repr(row.of_problem), repr(row.instance))
            times.setdefault(row.backend_name, {})[instance] = row.seconds
    if not times:
        return {}
    common = [key for key in next(iter(times.values())) if all(key in own for own in times.values())]
    return {backend: [own[key] for key in common] for backend, own in times.items()}
