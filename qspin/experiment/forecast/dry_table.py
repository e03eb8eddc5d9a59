"""A dry run in words: a table, and a line below it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qspin.experiment.forecast.dry_run import DryRun, Row

__all__ = ["duration_text", "in_words", "memory_text"]

_HEAD = ("", "task", "there", "to do", "each", "all", "memory", "known from")
_UNKNOWN = "not known"
_ROUNDING = 0.05  # of a duration, as `duration_text` tells it
_STEPS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def in_words(dry: DryRun) -> str:
    """All of it, for a terminal of 80 columns or more."""
    is_paid = any(row.limits or row.paid_seconds != 0.0 for row in dry.rows)
    head = (*_HEAD[:-1], *(("charged",) if is_paid else ()), _HEAD[-1])
    lines = list(_aligned([head, *(_cells(row, is_paid) for row in dry.rows)]))
    limits = sorted({f"{row.backend or row.problem}: {row.limits}" for row in dry.rows if row.limits})
    return "\n".join([*lines, "", *limits, *dry.remarks, _bottom(dry)])


def _cells(row: Row, is_paid: bool) -> tuple[str, ...]:
    what = f"{row.problem} with {row.backend}" if row.backend else row.problem
    charged = "" if not row.n_to_do else _UNKNOWN if row.paid_seconds is None else f"{row.paid_seconds:.3g} s"
    return (
        row.action,
        what,
        str(row.n_there),
        str(row.n_to_do),
        _each(row),
        _all(row),
        "" if row.action == "report" else memory_text(row.memory),
        *((charged,) if is_paid else ()),
        row.known_from,
    )


def _each(row: Row) -> str:
    if not row.n_to_do:
        return ""
    return _UNKNOWN if row.seconds_each is None else duration_text(row.seconds_each)


def _all(row: Row) -> str:
    if not row.n_to_do:
        return ""
    if row.seconds is None:
        return _UNKNOWN
    return ("over " if row.n_unknown else "") + duration_text(row.seconds)


def _bottom(dry: DryRun) -> str:
    n_to_do = dry.n_tasks - dry.n_there
    if not n_to_do and all(row.n_to_do == 0 for row in dry.rows):
        return f"{dry.n_tasks} tasks, all of them there: nothing to do in {dry.folder}"
    workers = f"{dry.n_workers} workers" if dry.n_workers > 1 else "1 worker"
    time = f"{'at least' if dry.n_unknown else 'about'} {duration_text(dry.seconds)}"
    if dry.n_unknown and not dry.seconds:
        time = "an unknown time"
    charged = "an unknown time" if dry.paid_seconds is None else f"{dry.paid_seconds:.3g} s"
    charged = charged if dry.paid_seconds != 0 else "nothing"
    memory = memory_text(dry.memory_largest or None)
    together = f", {memory_text(dry.memory_together)} together" if dry.n_workers > 1 else ""
    return (
        f"{dry.n_tasks} tasks, {dry.n_there} of them there: {time} with {dry.engine}, {workers}"
        f"{_untimed(dry)}{_starting(dry)}; memory of "
        f"the largest {memory}{together}; {charged} is charged. Run folder: {dry.folder}"
    )


def _starting(dry: DryRun) -> str:
    """What no row has, where it is more than what durations are rounded by."""
    if dry.starting < _ROUNDING * dry.seconds:
        return ""
    whose = "workers" if dry.n_workers > 1 else "the worker"
    return f", {duration_text(dry.starting)} of imports and compiling at the start of {whose} among them"


def _untimed(dry: DryRun) -> str:
    """How much of what is to be done the time leaves out."""
    unknown = sum(row.n_unknown for row in dry.rows if row.action != "report")
    told = [f"{unknown} of {dry.n_tasks - dry.n_there} tasks to do"] if unknown else []
    told += ["the report"] if dry.n_unknown > unknown else []
    have = "has" if told == ["the report"] else "have"
    return f" ({' and '.join(told)} {have} never been timed here)" if told else ""


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        words = [
            cell.ljust(width) if k < 2 or k == len(row) - 1 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(words).rstrip()


def duration_text(seconds: float) -> str:
    """Two figures: ``0.4 ms``, ``12 s``, ``3 min 20 s``, ``2 d 4 h``."""
    if seconds < 1.0:
        return f"{1e3 * seconds:.2g} ms" if seconds < 0.1 else f"{seconds:.1g} s"
    if seconds < 60:
        return f"{seconds:.2g} s"
    for (large, name), (small, below) in itertools.pairwise(_STEPS):
        if seconds >= large:
            whole = int(seconds // large)
            rest = int((seconds - whole * large) // small)
            return f"{whole} {name} {rest} {below}" if rest else f"{whole} {name}"
    return f"{seconds:.2g} s"


def memory_text(n_bytes: int | None) -> str:
    """``12 MiB``, ``1.5 GiB``."""
    if n_bytes is None:
        return _UNKNOWN
    return f"{n_bytes / 2**20:.0f} MiB" if n_bytes < 2**30 else f"{n_bytes / 2**30:.1f} GiB"
