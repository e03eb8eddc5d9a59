"""How far the correlations of every sampler are from those of the reference, time by time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from qspin.analysis import correlation_distance
from qspin.analysis.correlations import CorrelationDistance, Reads
from qspin.analysis.resampling import confidence_factor, jackknife
from qspin.errors import InputError
from qspin.studies.quench.states import State

__all__ = ["Error", "best_of", "errors_of", "lines_of", "reference_of"]


class Error(NamedTuple):
    """Correlation error of a sampler at one time of the reference.

    Parameters
    ----------
    state : whose it is
    time : of the reference, nanoseconds; NaN where it has none
    value, low, high : eps, of several instances the root of the mean square, and a 95 % interval
    squared, squared_error : eps^2 without the bias of finite reads, and its standard error
    raw : eps without any correction, root mean square
    null, null_high : what exact reads would show of `raw`, and what one in twenty of them exceeds
    p_value : of a `raw` as large from exact reads, of all instances together
    n_instances : that were averaged
    is_reference : whether the reads are those of the reference itself
    """

    state: State
    time: float
    value: float
    low: float
    high: float
    squared: float
    squared_error: float
    raw: float
    null: float
    null_high: float
    p_value: float
    n_instances: int
    is_reference: bool


def reference_of(states: Sequence[State], label: str | None) -> str | None:
    """Label of the backend that others are held against: the one that is named, else the first whose
    distribution is known exactly; None where there is none.
    """
    if label is not None:
        return label if any(state.backend == label for state in states) else None
    return next((state.backend for state in states if state.is_exact), None)


def errors_of(states: Sequence[State], reference: str) -> tuple[list[Error], list[str]]:
    """Errors of all samplers at all times of the reference, and why some could not be told.

    A sampler whose time is that of the quench is held against the reference at the same time; one with
    another dynamics, or none, at every time.
    """
    exact: dict[tuple[str, str], list[State]] = {}
    for state in states:
        if state.backend == reference and state.correlations:
            exact.setdefault(state.place, []).append(state)
    found, reasons = [], []
    for state in states:
        for other in _beside(state, exact.get(state.place, ()), reference):
            try:
                found.append(_error(state, other, is_reference=state.backend == reference))
            except InputError as error:
                reasons.append(f"{state.backend_name} on {state.problem_name}: {error}")
    return found, list(dict.fromkeys(reasons))


def _beside(state: State, references: Sequence[State], reference: str) -> Iterator[State]:
    """The states of the reference that one is held against."""
    if not state.correlations:
        return
    own = [r for r in references if math.isclose(r.scale, state.scale)] or list(references)
    for other in own:
        is_own = state.backend == reference
        if is_own and not (state.is_exact and other.family == state.family):
            continue  # reads can be held against the distribution that they are drawn from, not themselves
        if not (is_own or state.is_time) or _same(state.time, other.time):
            yield other


def _same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else math.isclose(one, other, rel_tol=1e-9)


def _error(state: State, reference: State, *, is_reference: bool) -> Error:
    shared = [k for k in state.correlations if k in reference.correlations]
    if not shared:
        raise InputError("no instance was measured with the reference as well")
    found = [
        correlation_distance(Reads.of(state.correlations[k]), Reads.of(reference.correlations[k]))
        for k in shared
    ]
    squared, error, reach = _mean_square(found)
    value, low, high = (math.sqrt(max(x, 0.0)) for x in (squared, squared - reach, squared + reach))
    return Error(
        state=state,
        time=math.nan if reference.time is None else reference.time,
        value=value,
        low=low,
        high=high,
        squared=squared,
        squared_error=error,
        raw=_root_mean(found, "raw"),
        null=_root_mean(found, "null"),
        null_high=_root_mean(found, "null_high"),
        p_value=_together([one.p_value for one in found]),
        n_instances=len(found),
        is_reference=is_reference,
    )


def _mean_square(found: Sequence[CorrelationDistance]) -> tuple[float, float, float]:
    """Mean of eps^2, its standard error, and half of its 95 % interval."""
    if len(found) == 1:
        (one,) = found
        return one.squared, one.error, max(one.high**2 - one.squared, 0.0)
    mean, error = (float(x) for x in jackknife([one.squared for one in found]))
    return mean, error, error * confidence_factor(len(found))


def _root_mean(found: Sequence[CorrelationDistance], name: str) -> float:
    return float(np.sqrt(np.mean([getattr(one, name) ** 2 for one in found])))


def _together(p_values: Sequence[float]) -> float:
    """Fisher's method; NaN where one is not known."""
    from scipy import stats

    if not np.isfinite(p_values).all():
        return math.nan
    statistic = -2 * np.log(np.maximum(p_values, 1e-300)).sum()
    return float(stats.chi2.sf(statistic, 2 * len(p_values)))


def best_of(errors: Sequence[Error]) -> list[Error]:
    """Of each backend on each problem, at each time, its setting with the smallest error."""
    found: dict[tuple[Any, ...], Error] = {}
    for error in errors:
        key = (error.state.place, error.state.backend, error.time)
        if key not in found or error.squared < found[key].squared:
            found[key] = error
    return list(found.values())


def lines_of(errors: Sequence[Error]) -> Mapping[tuple[str, str], list[Error]]:
    """(problem, backend), as they are told -> errors, ascending in time."""
    found: dict[tuple[str, str], list[Error]] = {}
    for error in errors:
        found.setdefault((error.state.problem_name, error.state.backend), []).append(error)
    return {key: sorted(own, key=lambda e: e.time) for key, own in found.items()}
