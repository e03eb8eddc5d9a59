"""States and triangles of a model at its own temperature: beside their nulls, and beside its controls."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis.landscape import HEAVY
from qspin.significance import STANDARD_ERRORS
from qspin.studies.cells import by_place
from qspin.studies.inspection.draws import student_p_value
from qspin.studies.inspection.found import CHAINS, sure_at
from qspin.studies.inspection.numbers import corrected
from qspin.studies.inspection.words import NULLS, told_p, told_student
from qspin.studies.landscape.glass import Place
from qspin.studies.wording import at_temperature, some, with_error
from qspin.study import Column, Finding, ProblemLine, Results, Table

__all__ = ["STATISTICS", "Beside", "beside_controls", "state_findings", "states_table"]

STATISTICS: Mapping[str, Mapping[str, str]] = {
    "find_states": {"participation": "effective number of states", "separation": "their separation"},
    "ultrametricity": {"effect": "ultrametric effect", "spread": "spread of overlaps over that of the null"},
}
"""Measure -> its variables that are held against those of controls, in words."""

_WEIGHT = 1.7
_MIRRORED = 0.95  # of the overlap within states, that their overlap has to reach with the other sign
_FEWEST_STATES = 3  # between which triangles may have three different sides
_FEWEST = 3  # draws, of which a spread means something

Floats = NDArray[np.float64]


class Beside(NamedTuple):
    """One statistic of a model and of draws of a control, at one temperature.

    Parameters
    ----------
    control, role : of the draws
    temperature : of the row of the model
    words : what it is
    own : of the model
    draws : those of which it is known (n,)
    is_sure : whether the replicas of the model, and those of all draws, agree there
    p_value : by Student, corrected for the statistics and controls of a backend; NaN where it is not known
    """

    backend: str
    control: str
    role: str
    temperature: float
    statistic: str
    words: str
    own: float
    draws: Floats
    is_sure: bool
    p_value: float = math.nan


# -- beside controls -----------------------------------------------------------------------------


def beside_controls(
    results: Results, line: ProblemLine, controls: Sequence[tuple[str, ProblemLine]], temperature: float
) -> list[Beside]:
    """Every statistic of `STATISTICS` with every backend that keeps configurations."""
    found: list[Beside] = []
    for backend in results.asked.backends:
        own = list(_statistics(results, line, controls, temperature, backend))
        p_values = corrected([one.p_value for one in own])
        found += [one._replace(p_value=p) for one, p in zip(own, p_values, strict=True)]
    return found


def _statistics(
    results: Results,
    line: ProblemLine,
    controls: Sequence[tuple[str, ProblemLine]],
    temperature: float,
    backend: str,
) -> Iterator[Beside]:
    chains = by_place(results, CHAINS)
    found = {measure: by_place(results, measure) for measure in STATISTICS}
    for role, control in controls:
        doubts = [chains.get((label, backend)) for label in (line.label, control.label)]
        for measure, statistics in STATISTICS.items():
            model, draws = (found[measure].get((label, backend)) for label in (line.label, control.label))
            if model is None or draws is None or not model.points or len(draws.points) < _FEWEST:
                continue
            own = model.points[0].result
            is_sure = bool(sure_at(doubts, 1 / temperature)[0])
            at = float(own["temperature"].values[0])
            for name, words in statistics.items():
                values = np.array([float(point.result[name].values[0]) for point in draws.points])
                value, known = float(own[name].values[0]), values[np.isfinite(values)]
                p_value = math.nan
                if is_sure and len(known) >= _FEWEST:
                    p_value = float(student_p_value(np.array(value), np.zeros(()), known))
                yield Beside(
                    backend, control.label, role, at, name, words, value, known, is_sure, p_value
                )  # fmt: skip


# -- sentences -----------------------------------------------------------------------------------


def state_findings(places: Sequence[Place], beside: Sequence[Beside]) -> list[Finding]:
    """Of every landscape its states and its triangles, each with the p-value of its null; then all
    statistics beside those of each control."""
    several = len({place.backend for place in places}) > 1
    texts: list[str] = []
    for place in places:
        texts += _of_place(place, several)
    for backend in dict.fromkeys(one.backend for one in beside):
        for control in dict.fromkeys(one.control for one in beside):
            own = [one for one in beside if (one.backend, one.control) == (backend, control)]
            texts += [_of_control(own, several)] if own else []
    return [Finding(text, _WEIGHT) for text in texts]


def _of_place(place: Place, several: bool) -> Iterator[str]:
    """At the one temperature that was looked at."""
    if not place.rows or {"find_states", "ultrametricity"} - set(place.found):
        return
    states, triangles = (place.found[name].isel(beta=0) for name in ("find_states", "ultrametricity"))
    where = at_temperature(place.rows[0].temperature) + (f" with {place.backend}" if several else "")
    doubt = f" Samples are doubtful: {some(place.doubts, 1)}." if place.doubts else ""
    told_of_triangles = functools.partial(_triangles, n_heavy=_n_heavy(states))
    for name, found, words in (("States", states, _states), ("Triangles", triangles, told_of_triangles)):
        if reason := str(found["reason"].values):
            yield f"{name} at {where} cannot be told: {reason}."
        else:
            yield f"{name} at {where}: {words(found)}.{doubt}"


def _states(found: xr.Dataset) -> str:
    n, weights = int(found["n_configurations"]), found["weights"].values
    weights = weights[np.isfinite(weights)]
    if len(weights) == 1:
        return f"{n} independent configurations are one state: no clusters of them lie apart"
    shares = [with_error(w, math.sqrt(w * (1 - w) / n)) for w in weights]
    states = f"{len(weights)} states of weights {some(shares, 5, once=False)}"
    nulls, own = found["nulls"].values, float(found["separation"])
    return (
        f"{n} independent configurations fall into {states}, {_apart(found)}: "
        f"overlaps within them exceed those between them by {own:.3f}, where spins are dealt anew by "
        f"{_of_nulls(nulls)} ({_rank(int((nulls >= own).sum()), len(nulls))}){_mirrored(found)}"
    )


def _apart(found: xr.Dataset) -> str:
    """Whether clusters count as states, and what is missing where they do not."""
    if found["is_significant"]:
        return "further apart than clusters of noise"
    least = float(found["null_separation"]) + STANDARD_ERRORS * float(found["null_deviation"])
    if float(found["separation"]) > least:
        return f"further apart than clusters of noise, but no two of them hold {HEAVY:.0%}"
    return "no further apart than those of noise"


def _mirrored(found: xr.Dataset) -> str:
    """Whether the two heaviest states are one, but for the signs of all spins."""
    (one, between), (_, other) = found["overlaps"].values[:2, :2]
    if _n_heavy(found) < 2 or not -between >= _MIRRORED * math.sqrt(max(one, 0.0) * max(other, 0.0)):
        return ""
    return (
        f"; the two heaviest are mirror images of each other, of overlap {between:.3f}, as fields leave them "
        "that hardly tell them apart"
    )


def _n_heavy(found: xr.Dataset) -> int:
    """States that hold a share that counts."""
    return int((found["weights"].values >= HEAVY).sum())


def _triangles(found: xr.Dataset, n_heavy: int) -> str:
    """Beside their null, and whether there are states enough for them to say something."""
    nulls, own, effect = found["nulls"].values, float(found["k_mean"]), float(found["effect"])
    side = "less" if effect >= 0 else "more"
    verdict = "they are ultrametric" if found["is_detected"] else "they do not count as ultrametric"
    if found["is_detected"] and n_heavy < _FEWEST_STATES:
        verdict += f", but triangles of two states are in any case, and no third one holds {HEAVY:.0%}"
    return (
        f"the two smaller ones of three overlaps differ by {own:.3f} in the mean, by their ranks, "
        f"{abs(effect):.0%} {side} than where spins are dealt anew, {_of_nulls(nulls)} "
        f"({_rank(int((nulls <= own).sum()), len(nulls))}), and overlaps spread "
        f"{float(found['spread']):.3g} times as wide as there: {verdict}"
    )


def _of_nulls(nulls: Floats) -> str:
    return f"{nulls.mean():.3f} with a standard deviation of {nulls.std(ddof=1):.2g}"


def _rank(n_beyond: int, n_nulls: int) -> str:
    """By the rank among so many nulls, of which some lie as far."""
    p = told_p((1 + n_beyond) / (n_nulls + 1))
    return p if n_beyond else f"{p}, the least that {n_nulls} sets can show"


def _of_control(own: Sequence[Beside], several: bool) -> str:
    first = own[0]
    where = at_temperature(first.temperature) + (f" with {first.backend}" if several else "")
    head = f"States and triangles at {where} beside {len(first.draws)} {NULLS[first.role]}"
    if not first.is_sure:
        return f"{head} are without a verdict: replicas of the model or of some of the others disagree there."
    parts = [
        f"{one.words} {one.own:.3g} against {one.draws.mean():.3g} with a standard deviation of "
        f"{one.draws.std(ddof=1):.2g} ({told_student(one.p_value)})"
        for one in own
        if len(one.draws) >= _FEWEST
    ]
    return f"{head}: {'; '.join(parts)}."


def states_table(beside: Sequence[Beside]) -> Table:
    """Every statistic beside that of each control."""
    columns = [
        Column("backend", is_text=True),
        Column("control", "against", is_text=True),
        Column("temperature", "T", ".3g"),
        Column("words", "statistic", is_text=True),
        Column("statistic", is_shown=False),
        Column("own", "of the model", ".3g"),
        Column("mean", "of the draws", ".3g"),
        Column("deviation", "their deviation", ".2g"),
        Column("n_draws", "draws"),
        Column("p_value", "p, corrected", _told),
        Column("in_equilibrium", "replicas agree"),
    ]
    rows = [_row(one) for one in beside]
    note = (
        "p-values are corrected for the statistics and controls of a backend (Holm). Weights of states have "
        "the errors of independent configurations; replicas that agree may all still be on their way."
    )
    return Table("states", "States and triangles beside the controls", columns, rows, note)


def _told(row: Mapping[str, Any]) -> str:
    return "–" if row["p_value"] is None else told_student(row["p_value"]).removeprefix("Student ")


def _row(one: Beside) -> dict[str, Any]:
    rest = {name: getattr(one, name) for name in ("backend", "control", "temperature", "words", "statistic")}
    return {
        **rest,
        "own": one.own if one.own == one.own else None,
        "mean": float(one.draws.mean()) if len(one.draws) else None,
        "deviation": float(one.draws.std(ddof=1)) if len(one.draws) > 1 else None,
        "n_draws": len(one.draws),
        "p_value": one.p_value if one.p_value == one.p_value else None,
        "in_equilibrium": one.is_sure,
    }
