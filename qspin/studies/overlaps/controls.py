"""How much is scale, how much structure: problems that learned, held against the same before they did and
against draws of the same numbers without their arrangement. Sources say what these are (`Source.controls`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from qspin.analysis import compare_curves
from qspin.analysis.curves import STANDARD_ERRORS, Comparison, Curve
from qspin.studies.control_lines import is_control
from qspin.studies.series import Series
from qspin.studies.tables import value_columns
from qspin.studies.wording import with_error
from qspin.study import INSTANCE, Asked, Column, Finding, Table

__all__ = ["Control", "control_findings", "control_table", "controls_of"]

_WEIGHT = 2.5


class Control(NamedTuple):
    """A problem that learned, its null and, if it is there, what it was before, with one backend.

    Parameters
    ----------
    learned, before, null : labels; `before` is empty where the draws are looked at alone
    temperature : where the problem and what it was before differ most, or where it lies farthest from the
        draws of its null
    own, start : mean |q| there of the problem and of what it was before (NaN where that is unknown)
    own_error, start_error : their standard errors
    draws : mean |q| there of the draws of the null, (n,); none where it was not sampled
    null_error : standard error of their mean, over draws, or that of the only one
    """

    backend: str
    learned: str
    before: str
    null: str
    temperature: float
    own: float
    own_error: float
    start: float
    start_error: float
    draws: NDArray[np.float64]
    null_error: float

    @property
    def mean(self) -> float:
        return float(self.draws.mean()) if len(self.draws) else float("nan")

    @property
    def spread(self) -> float:
        """Standard deviation of the draws; NaN of fewer than two."""
        return float(self.draws.std(ddof=1)) if len(self.draws) > 1 else float("nan")

    @property
    def doubt(self) -> float:
        """Distance from the mean of the null up to which nothing is called a difference.

        Of one draw so many standard errors; of several, as far as another draw would lie as rarely (Student's
        t).
        """
        n = len(self.draws)
        if n < 2:
            return STANDARD_ERRORS * float(np.hypot(self.own_error, self.null_error))
        return float(stats.t.isf(stats.norm.sf(STANDARD_ERRORS), n - 1)) * self.scale * np.sqrt(1 + 1 / n)

    @property
    def scale(self) -> float:
        """What distances from the draws are measured by: their spread, or the error of the problem where that
        is larger, since draws have errors of the same kind.
        """
        return max(self.spread, self.own_error)

    @property
    def share(self) -> float:
        """How much of the way from before the null goes as well."""
        return (self.mean - self.start) / (self.own - self.start)

    @property
    def share_error(self) -> float:
        """Its standard error."""
        way = float(np.hypot(self.null_error, self.start_error))
        shift = self.share * float(np.hypot(self.own_error, self.start_error))
        return float(np.hypot(way, shift)) / abs(self.own - self.start)

    @property
    def n_above(self) -> int:
        """Draws that lie above the problem."""
        return int((self.draws > self.own).sum())


def controls_of(asked: Asked, series: Sequence[Series]) -> list[Control]:
    """Every problem that has a null, with every backend."""
    lines = [line for line in asked.problems.values() if {axis.name for axis in line.axes} <= {INSTANCE}]
    found = []
    for line in lines:
        wanted = line.source.controls()
        nulls = [other for other in lines if is_control(other, wanted.get("null"), any_draw=True)]
        before = next((other for other in lines if is_control(other, wanted.get("before"))), None)
        for backend in asked.backends:
            own = {s.problem: s for s in series if s.backend == backend and not s.at}
            for null in nulls:
                if line.label in own and null.label in own:
                    start = own.get(before.label) if before is not None else None
                    found += list(_controls(own[line.label], start, own[null.label]))
    return found


def _controls(own: Series, before: Series | None, null: Series) -> Iterator[Control]:
    """Where the problem and what it was before differ most; and where it lies farthest from several draws, or
    from one if that is all there is.
    """
    curve, average = own.curve("q_abs"), null.curve("q_abs")
    start = None if before is None else before.curve("q_abs")
    if curve is None or average is None:
        return
    shift = None if start is None else compare_curves(curve, start)
    is_moved = shift is not None and _is_moved(shift)
    if before is not None and shift is not None and is_moved:
        k = shift.largest
        there = compare_curves(curve, average, at=shift.temperature[[k]])
        if there is not None:
            values = float(shift.second[k]), float(shift.second_error[k])
            yield _control(own, null, there, _draws(null, there.temperature), before.problem, values)
    farthest = _farthest(curve, average, null) if null.n_instances > 1 or not is_moved else None
    if farthest is not None and (there := compare_curves(curve, average, at=[farthest])) is not None:
        yield _control(own, null, there, _draws(null, there.temperature))


def _is_moved(shift: Comparison) -> bool:
    return bool(shift.significant.any()) and not bool(np.isnan(shift.error).any())


def _control(
    own: Series,
    null: Series,
    there: Comparison,
    draws: NDArray[np.float64],
    before: str = "",
    start: tuple[float, float] = (float("nan"), float("nan")),
) -> Control:
    return Control(
        own.backend, own.problem, before, null.problem, float(there.temperature[0]), float(there.first[0]),
        float(there.first_error[0]), *start, draws[np.isfinite(draws)], float(there.second_error[0]),
    )  # fmt: skip


def _farthest(curve: xr.Dataset, average: xr.Dataset, null: Series) -> float | None:
    """The temperature at which the problem lies most standard deviations of the draws from their mean; of one
    draw, where they differ most.
    """
    shared = compare_curves(curve, average)
    if shared is None:
        return None
    if null.n_instances == 1:
        return None if np.isnan(shared.error).any() else float(shared.temperature[shared.largest])
    draws = _draws(null, shared.temperature)
    scale = np.maximum(draws.std(axis=0, ddof=1), shared.first_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.abs(shared.first - draws.mean(axis=0)) / scale
    known = np.isfinite(away)
    return float(shared.temperature[np.argmax(np.where(known, away, -1.0))]) if known.any() else None


def _draws(null: Series, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean |q| of the single draws at some temperatures (draw, temperature); NaN where one is not known."""
    single = next((own for own in null.instances.values() if "q_abs" in own[0]), [])
    found = [Curve(draw).at(at)[0] for draw in single if "q_abs" in draw]
    return np.array(found).reshape(-1, len(at))


# -- in words ------------------------------------------------------------------------------------


def control_findings(controls: Sequence[Control]) -> list[Finding]:
    """How much of what was learned the null shows as well, and where the problem lies among its draws."""
    found = []
    for control in controls:
        if not control.before:
            if len(control.draws) > 1:  # of one, the pair of curves is told
                found.append(Finding(_among_draws(control), _WEIGHT))
        elif len(control.draws):
            found.append(Finding(_share(control), _WEIGHT))
        else:
            text = f"{control.null} was not sampled where {control.learned} and {control.before} differ most."
            found.append(Finding(f"With {control.backend}, {text}", 0.5))
    return found


def _share(c: Control) -> str:
    n = len(c.draws)
    draws = f" on average over {n} draws" if n > 1 else ""
    head = (
        f"With {c.backend}, at T = {c.temperature:.3g}, where {c.learned} and {c.before} differ most, "
        f"{c.null} shows {with_error(100 * c.share, 100 * c.share_error)} % of that difference{draws}. "
    )
    shift = abs(c.own - c.start)
    doubt = c.doubt / shift if n > 1 else STANDARD_ERRORS * c.share_error
    if abs(c.share - 1) <= doubt:
        return head + "The growth of the weights explains it; nothing of it can be laid to their arrangement."
    if c.share > 1:
        return head + "The arrangement of the trained weights works against the growth of their size there."
    if c.share <= STANDARD_ERRORS * c.share_error:
        return head + "The growth of the weights does not explain it; their arrangement does."
    return head + "That part is the growth of the weights alone; the rest needs their arrangement."


def _among_draws(c: Control) -> str:
    """How many standard deviations of the draws away, and its rank."""
    n = len(c.draws)
    side = "above" if c.own > c.mean else "below"
    beyond = n - c.n_above if side == "above" else c.n_above
    rank = f"{side} all of them" if beyond == n else f"{side} {beyond} of them"
    head = (
        f"With {c.backend}, {c.learned} lies farthest from {n} draws of {c.null} at T = {c.temperature:.3g}: "
        f"mean |q| is {with_error(c.own, c.own_error)}, that of the draws {with_error(c.mean, c.null_error)} "
        f"on average with a standard deviation of {c.spread:.2g}"
    )
    unit = "of them" if c.scale == c.spread else "of its standard errors"
    away = f"{abs(c.own - c.mean) / c.scale:.1f} {unit} {rank}"
    if abs(c.own - c.mean) > c.doubt:
        return f"{head}; {away}, which no draw would be."
    return f"{head}; {away}, as one of {n} draws may be."


def control_table(controls: Sequence[Control]) -> list[Table]:
    """What the sentences say, a row for each problem, null and backend; no table without any."""
    if not controls:
        return []
    columns = [
        Column("learned", "problem", is_text=True),
        Column("backend", is_text=True),
        Column("null", "against draws of", is_text=True),
        Column("before", "before", is_text=True),
        Column("temperature", "T", ".3g"),
        *value_columns("own", "mean |q|"),
        *value_columns("start", "mean |q| before"),
        *value_columns("mean", "mean |q| of the draws"),
        Column("n_draws", "draws"),
        Column("spread", "their standard deviation", ".2g"),
        Column("n_above", "draws above it"),
        *value_columns("share", "share of the difference"),
    ]
    return [Table("controls", "Scale or structure", columns, [_row(control) for control in controls])]


def _row(c: Control) -> dict[str, Any]:
    has_share = bool(c.before) and len(c.draws) > 0
    return {
        "learned": c.learned,
        "backend": c.backend,
        "null": c.null,
        "before": c.before or None,
        "temperature": c.temperature,
        "own": c.own,
        "own_error": c.own_error,
        "start": c.start,
        "start_error": c.start_error,
        "mean": c.mean,
        "mean_error": c.null_error,
        "n_draws": len(c.draws),
        "spread": c.spread,
        "n_above": c.n_above,
        "share": c.share if has_share else None,
        "share_error": c.share_error if has_share else None,
    }
