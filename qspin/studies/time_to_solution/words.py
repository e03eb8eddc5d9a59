"""Times to solution in sentences, in a matrix and in one line; and what to know before trusting them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from qspin.studies.time_to_solution.runs import Row
from qspin.studies.time_to_solution.summaries import Scaling, Summary, grouped_by
from qspin.studies.time_to_solution.tables import seconds_text
from qspin.study import Finding, Level, Remark, Tone, Verdict

__all__ = ["bottom_line", "cell_verdicts", "findings", "impossible", "remarks"]

_MOST_SENTENCES = 15  # of one kind that stand for themselves
_NAMED = 3  # backends of the bottom line
_EXACT = ("known", "enumerated")

_Told = tuple[str, str, Remark]
"""Problem, backend, remark."""


def findings(rows: Sequence[Row], summaries: Sequence[Summary], fits: Sequence[Scaling]) -> list[Finding]:
    """How times grow, who is fastest, and what was reached."""
    return [*_growth(fits), *_rivals(summaries), *_reached(rows)]


def _growth(fits: Sequence[Scaling]) -> Iterator[Finding]:
    for fit in fits:
        yield Finding(
            f"{fit.backend} on {fit.problem}: the median time to solution grows as "
            f"{fit.fits['exponential']} or {fit.fits['power']}, 95 % intervals of the exponent; the "
            f"{fit.better.law} law leaves less.",
            1.2,
        )


def _rivals(summaries: Sequence[Summary]) -> list[Finding]:
    """The two fastest on every problem and size."""
    found = []
    for group in grouped_by(summaries, lambda s: (s.problem, repr(s.of_problem))).values():
        known = sorted((s for s in group if math.isfinite(s.median)), key=lambda s: s.median)
        if len(known) < 2:
            continue
        first, second = known[:2]
        apart = first.high < second.low
        how = (
            f"{second.median / first.median:.3g} times faster than {second.backend}"
            if apart
            else f"not told apart from {second.backend}"
        )
        found.append(
            f"{first.place}: {first.backend} is {how} ({first.median:.3g} s, {second.median:.3g} s)."
        )
    weight = 0.8 if len(found) <= _MOST_SENTENCES else 0.2
    return [Finding(text, weight) for text in found]


def _reached(rows: Sequence[Row]) -> Iterator[Finding]:
    """What every backend reached, over all problems."""
    for backend, own in grouped_by(rows, lambda row: row.backend_name).items():
        problems, reached = grouped_by(own, _problem), _n_reached(own)
        exact = all(row.proof in _EXACT for row in own)
        what = "the ground energy" if exact else "the lowest energy that is known"
        if all(row.is_stopped_above for row in own):
            yield Finding(
                f"{backend} stops above {what} (target_energy), so that no time to it is told.", 0.6
            )
            continue
        if len(problems) > 1:
            where = f"{what} on {reached} of {len(problems)} problems, {_times(own)}"
        elif reached:
            where = f"{what} {_times(own)}"
        else:
            where = f"{what} in no run"
        yield Finding(f"{backend} reached {where}.", 0.6)


def _problem(row: Row) -> tuple[str, str, str]:
    return row.problem, repr(row.of_problem), repr(row.instance)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


def _times(rows: Sequence[Row]) -> str:
    """The best time on every problem: one, or their median and range."""
    best = [_best_time(group) for group in grouped_by(rows, _problem).values()]
    known = [time for time in best if not math.isnan(time)]
    if not known:
        return "without a time"
    if len(known) == 1:
        return f"in {seconds_text(known[0])}" if math.isfinite(known[0]) else "in no run"
    median = float(np.median(known))
    return f"median time {seconds_text(median)}" if math.isfinite(median) else "half of them in no run"


def _best_time(rows: Sequence[Row]) -> float:
    known = [row.seconds for row in rows if not math.isnan(row.seconds)]
    return min(known, default=math.nan)


def bottom_line(rows: Sequence[Row], probability: float) -> Finding:
    """The best energy, and the time to it."""
    problems = grouped_by(rows, _problem)
    until = f"until found with probability {probability:g}"
    if len(problems) == 1:
        return Finding(f"{_of_one(rows)} {until}.")
    backends = grouped_by(rows, lambda row: row.backend_name)
    parts = [
        f"{backend} on {_n_reached(own)} of {len(grouped_by(own, _problem))} ({_times(own)})"
        for backend, own in list(backends.items())[:_NAMED]
    ]
    exact = sum(all(row.proof in _EXACT for row in group) for group in problems.values())
    more = f" and {len(backends) - _NAMED} more backends" if len(backends) > _NAMED else ""
    return Finding(
        f"The lowest energy, proven on {exact} of {_count(len(problems), 'problem')}, is reached by "
        f"{', '.join(parts)}{more}; times are {until}."
    )


def _n_reached(rows: Sequence[Row]) -> int:
    return sum(any(map(_is_reached, group)) for group in grouped_by(rows, _problem).values())


def _of_one(rows: Sequence[Row]) -> str:
    """One problem: its energy, how it is known, and how long each backend took."""
    best = min(rows, key=lambda row: row.best)
    proof = {
        "known": "the ground energy, known by construction",
        "enumerated": "the ground energy, enumerated",
    }
    what = (
        proof.get(best.proof, "the lowest that was found") if _is_reached(best) else "not the ground energy"
    )
    times = [
        f"{backend} {seconds_text(_best_time(own))}"
        for backend, own in grouped_by(rows, lambda row: row.backend_name).items()
    ]
    return (
        f"E/N = {best.best / max(best.n_spins, 1):.4f}, {what}; {', '.join(times[:3])}"
        f"{' and others' if len(times) > 3 else ''}"
    )


def _is_reached(row: Row) -> bool:
    return row.probability.successes > 0


# -- the matrix ----------------------------------------------------------------------------------


def cell_verdicts(rows: Sequence[Row]) -> Iterator[Verdict]:
    """Of every problem and backend the time to the best energy, or in how many problems it was reached."""
    for (problem, backend), own in grouped_by(rows, lambda row: (row.problem, row.backend)).items():
        problems = grouped_by(own, _problem)
        if all(row.is_stopped_above for row in own):
            text = "stops above it"
        elif len(problems) > 1:
            text = f"reached in {_n_reached(own)} of {len(problems)}"
        elif any(map(_is_reached, own)):
            text = f"reached in {seconds_text(_best_time(own))}".replace("in no time", "")
        else:
            text = "not reached"
        best = min(own, key=lambda row: row.best)
        detail = (
            f"best E/N {best.best / max(best.n_spins, 1):.4f}, held against "
            f"{best.reference / max(best.n_spins, 1):.4f} ({best.proof})"
        )
        yield Verdict(problem, backend, text.strip(), Tone.OPEN, detail)


# -- what to know --------------------------------------------------------------------------------


def remarks(rows: Sequence[Row], summaries: Sequence[Summary]) -> Iterator[_Told]:
    """Of cells whose times are bounds, or whose lowest energies are not proven."""
    for row in rows:
        for remark in row.remarks:
            yield row.problem, row.backend, remark
    for s in summaries:
        if not s.is_inside:
            yield s.problem, s.backend_label, Remark(
                "length-at-edge",
                f"at {s.point}, the shortest or longest run length that was tried is best, so the time is an "
                "upper bound of the optimal one",
            )  # fmt: skip
        if s.n_bounds:
            yield s.problem, s.backend_label, Remark(
                "no-success",
                f"at {s.point}, {_without_success(s)}",
            )  # fmt: skip
    for (problem, backend), own in grouped_by(rows, lambda row: (row.problem, row.backend)).items():
        sizes = sorted({row.n_spins for row in own if row.proof == "found"})
        if sizes:
            which = ", ".join(map(str, sizes))
            yield problem, backend, Remark(
                "not-proven",
                f"the lowest energy is the best that was found, not proven (N = {which})",
                Level.NOTE,
            )  # fmt: skip


def _without_success(summary: Summary) -> str:
    if summary.n_instances == 1:
        return "no run succeeded, so the time is a lower bound"
    times = "its time is a lower bound" if summary.n_bounds == 1 else "their times are lower bounds"
    return f"{summary.n_bounds} of {summary.n_instances} instances without a success; {times}"


def impossible(rows: Sequence[Row]) -> Iterator[str]:
    """Energies below what is known to be the lowest: one of the two is wrong."""
    for row in rows:
        lower = row.reference - row.best
        if row.proof in _EXACT and lower > 1e-9 * max(abs(row.reference), abs(row.best)):
            yield (
                f"{row.problem} with {row.backend}: found energy {row.best:.10g}, below the ground energy "
                f"{row.reference:.10g} ({row.proof}); one of them is wrong"
            )
