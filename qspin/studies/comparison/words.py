"""Verdicts in sentences, in a matrix and in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr

from qspin.analysis.curves import STANDARD_ERRORS, at_reached, compare_curves
from qspin.studies.comparison.verdicts import Row
from qspin.studies.series import told
from qspin.studies.wording import some, with_error, without_numbers
from qspin.study import INSTANCE, Finding, Tone, Verdict

__all__ = ["bottom_line", "matrix", "sentences", "summary"]

_MOST_SENTENCES = 15  # that stand for themselves; of more, a summary is what weighs
_NAMED = 3  # backends of the bottom line

_Curves = Mapping[tuple[str, str, str], xr.Dataset]
"""Problem, backend and place (as `Row.cell`) -> mean |q| over the temperature."""


def sentences(rows: Sequence[Row], curves: _Curves, level: float) -> list[Finding]:
    """What every cell says, and over all problems where these are many.

    Parameters
    ----------
    rows : judged
    curves : of all backends; those of the reference under the place of the backend that is held against it
    """
    cells = _by_cell(rows)
    many = len(cells) > _MOST_SENTENCES
    found = [Finding(text, 2.0) for text in summary(rows, level)] if many else []
    for group in cells.values():
        other = any(row.is_other for row in group)
        weight = (0.5 if other else 0.2) if many else (1.5 if other else 1.0)
        found.append(Finding(_of_cell(group, curves), weight))
    return found


def _by_cell(rows: Sequence[Row]) -> dict[tuple[str, str, str], list[Row]]:
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.cell, []).append(row)
    return groups


def _of_cell(rows: Sequence[Row], curves: _Curves) -> str:
    """The verdict on one backend against the reference, told once, and how it shows in mean |q|."""
    first = rows[0]
    head = f"On {_place(first)}, {first.backend} and {first.reference} "
    known = [row for row in rows if row.is_compared]
    if not known:
        reasons = {without_numbers(row.verdict): row.verdict for row in reversed(rows)}
        texts = [text.removeprefix("not compared: ") for text in reasons.values()]
        return f"{head}were not compared: {'; '.join(texts)}."
    if INSTANCE in first.place:
        return head + _of_instances(known) + _left_out(rows, known)
    shows = _in_mean_overlap(
        curves.get(first.cell), curves.get((first.problem, first.reference, first.cell[2])),
        any(row.is_other for row in known),
    )  # fmt: skip
    return f"{head}{_told_apart(known)}.{shows}{_left_out(rows, known)}"


def _place(row: Row) -> str:
    rest = [f"{name} = {told(value)}" for name, value in row.place.items() if name != INSTANCE]
    return ", ".join([row.problem, *rest])


def _told_apart(known: Sequence[Row]) -> str:
    others, same = [row for row in known if row.is_other], [row for row in known if not row.is_other]
    parts = []
    if others:
        least = min(row.p_corrected for row in others)
        views = ", ".join(dict.fromkeys(row.telling for row in others))
        parts.append(
            f"are not the same ensemble at T = {_where(others)} (p = {least:.2g} at best, told by {views})"
        )
    if same:
        lowest = min(row.p_corrected for row in same)
        parts.append(f"are not told apart at T = {_where(same)} (p = {lowest:.2g} at least)")
    return " and ".join(parts)


def _of_instances(known: Sequence[Row]) -> str:
    """Of a family: in how many instances the two are the same."""
    instances = {repr(row.place[INSTANCE]) for row in known}
    others = [row for row in known if row.is_other]
    n_same = len(instances) - len({repr(row.place[INSTANCE]) for row in others})
    low, high = (pick(row.temperature for row in known) for pick in (min, max))
    text = (
        f"are not told apart in {n_same} of {len(instances)} instances, at temperatures from "
        f"T = {low:.3g} to {high:.3g}"
    )
    if others:
        least = min(row.p_corrected for row in others)
        views = ", ".join(dict.fromkeys(row.telling for row in others))
        text += f"; in the other {len(instances) - n_same} p is {least:.2g} at best, told by {views}"
    return f"{text}."


def _left_out(rows: Sequence[Row], known: Sequence[Row]) -> str:
    unknown = len(rows) - len(known)
    return f" {unknown} of {len(rows)} comparisons could not be made." if unknown else ""


def _where(rows: Sequence[Row]) -> str:
    return ", ".join(row.where for row in rows)


# -- in mean |q| ---------------------------------------------------------------------------------


def _in_mean_overlap(own: xr.Dataset | None, reference: xr.Dataset | None, is_other: bool) -> str:
    """Whether mean |q| alone tells two backends apart."""
    if own is None or reference is None:
        return ""
    has_thermostat = np.isfinite(own["beta"].values).any()
    if not has_thermostat and "temperature_error" not in own.coords:
        return ""
    c = compare_curves(own, reference) if has_thermostat else at_reached(own, reference)
    if c is None or not len(c.temperature):
        return ""
    if np.isnan(c.error).any():
        return " Mean |q| has no error bar: that needs at least three replicas."
    if c.significant.any():
        k = c.largest
        return (
            f" Mean |q| differs by more than {STANDARD_ERRORS:g} standard errors at "
            f"{int(c.significant.sum())} of {len(c.temperature)} temperatures, most at "
            f"T = {c.temperature[k]:.3g}: {with_error(c.first[k], c.first_error[k])} against "
            f"{with_error(c.second[k], c.second_error[k])}."
        )
    return " Mean |q| alone does not show it." if is_other else ""


# -- over all problems ---------------------------------------------------------------------------


def summary(rows: Sequence[Row], level: float) -> list[str]:
    """One sentence for each pair of backends over all problems."""
    texts = []
    for (backend, reference), own in _pairs(rows):
        known = [row for row in own if row.is_compared]
        others = sum(row.is_other for row in known)
        n_problems = len({row.problem for row in own})
        texts.append(
            f"{backend} and {reference} were compared {len(known)} times on {n_problems} "
            f"problem{'s' if n_problems > 1 else ''}: not the same ensemble in {others} (p at most {level:g} "
            f"after correction), not told apart in {len(known) - others}"
            + (f"; {len(own) - len(known)} more could not be compared." if len(known) < len(own) else ".")
        )
    return texts


def _pairs(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    for pair in dict.fromkeys((row.backend, row.reference) for row in rows):
        yield pair, [row for row in rows if (row.backend, row.reference) == pair]


def bottom_line(rows: Sequence[Row]) -> Finding | None:
    """Which backend samples the ensemble of the reference, and at which temperature."""
    known = [row for row in rows if row.is_compared]
    if not known:
        return _not_compared(rows)
    pairs = list(_pairs(known))
    parts = [_in_short(backend, own) for (backend, _), own in pairs[:_NAMED]]
    if len(pairs) > _NAMED:
        parts.append(f"{len(pairs) - _NAMED} more backends are told below")
    return Finding(f"Held against {known[0].reference}: {'; '.join(parts)}.")


def _not_compared(rows: Sequence[Row]) -> Finding | None:
    """Why nobody knows, of the first backend."""
    if not rows:
        return None
    backends = some(dict.fromkeys(row.backend for row in rows))
    return Finding(f"{backends} could not be held against {rows[0].reference}: {rows[0].verdict}.")


def _in_short(backend: str, rows: Sequence[Row]) -> str:
    same = [row for row in rows if not row.is_other]
    n, where = len(rows), _span(same or rows)
    if len(same) == n:
        return f"{backend} is not told apart ({n} of {n} comparison{'s' if n > 1 else ''}, {where})"
    if not same:
        return f"{backend} is another ensemble ({n} of {n}, {where})"
    return f"{backend} is another ensemble in {n - len(same)} of {n}, not told apart in the rest ({where})"


def _span(rows: Sequence[Row]) -> str:
    """Temperatures, the coldest and the hottest where there are more than two."""
    ordered = sorted(rows, key=lambda row: row.temperature)
    shown = list(dict.fromkeys(row.where for row in ordered))
    if len(shown) <= 2:
        return f"T = {', '.join(shown)}"
    return f"T = {shown[0]} to {shown[-1]}"


# -- the matrix ----------------------------------------------------------------------------------


def matrix(rows: Sequence[Row]) -> list[Verdict]:
    """A cell of the matrix for every problem and backend that was compared or should have been."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.problem, row.backend), []).append(row)
    found = [_verdict(*key, group) for key, group in groups.items()]
    judges = dict.fromkeys((row.problem, row.reference) for row in rows)
    return [*(Verdict(problem, reference, "reference") for problem, reference in judges), *found]


def _verdict(problem: str, backend: str, rows: Sequence[Row]) -> Verdict:
    known = [row for row in rows if row.is_compared]
    detail = some(dict.fromkeys(row.verdict for row in known or rows))
    if not known:
        return Verdict(problem, backend, "not compared", Tone.OPEN, detail)
    points = {repr(row.place) for row in known}
    other = {repr(row.place) for row in known if row.is_other}
    doubtful = any(row.doubts for row in known)
    tone = Tone.BAD if other else Tone.OPEN if doubtful else Tone.GOOD
    if len(points) > 1:
        return Verdict(problem, backend, f"same in {len(points) - len(other)} of {len(points)}", tone, detail)
    n_other = sum(row.is_other for row in known)
    text = "same" if not n_other else "not the same"
    if 0 < n_other < len(known):
        text += f" at {n_other} of {len(known)} T"
    elif len(known) == 1 or known[0].temperature_error > 0:
        text += f", {_span(known)}"
    return Verdict(problem, backend, text, tone, detail)
