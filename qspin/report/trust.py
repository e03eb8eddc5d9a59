"""What to know before trusting a run: the same remark on many cells is one remark, the most serious first.

Remarks are the same where they differ in their numbers alone; those are told as ranges, true of every cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from qspin.remarks import Level, Remark

__all__ = ["Group", "grouped", "summary"]

_NAMED = 3  # problems of a group that are named for each backend
_LEVELS = list(Level)
_NUMBER = re.compile(r"(?<![\w.])([-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|inf)(?:\(\d[\d.]*\))?%?)(?!\.?\w)")


class Group(NamedTuple):
    """Remarks of one code and level whose texts differ in their numbers alone.

    Parameters
    ----------
    told : (problem, backend, text), each once
    n_all : cells of the run
    """

    code: str
    level: Level
    told: tuple[tuple[str, str, str], ...]
    n_all: int

    @property
    def text(self) -> str:
        """Of all; numbers in which they differ as a range, from the least to the greatest."""
        texts = [_NUMBER.split(text) for text in dict.fromkeys(text for *_, text in self.told)]
        return "".join(
            _range(parts) if k % 2 else parts[0] for k, parts in enumerate(zip(*texts, strict=True))
        )

    @property
    def cells(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((problem, backend) for problem, backend, _ in self.told))

    @property
    def where(self) -> str:
        """On how many cells, and which: ``3 of 36 cells (annealer on a, b, c)``."""
        if len(self.cells) == 1:
            return " with ".join(self.cells[0])
        return f"{len(self.cells)} of {self.n_all} cells ({self.which(_NAMED)})"

    def which(self, most: int | None = None) -> str:
        """The problems of each backend, so many of them by name; default all."""
        by_backend: dict[str, list[str]] = {}
        for problem, backend in self.cells:
            by_backend.setdefault(backend, []).append(problem)
        return "; ".join(f"{name} on {_some(problems, most)}" for name, problems in by_backend.items())

    @property
    def is_cut(self) -> bool:
        """Whether `where` leaves out names."""
        return len(self.cells) > 1 and self.which() != self.which(_NAMED)

    @property
    def is_one_text(self) -> bool:
        """Whether all cells are told the same."""
        return len({text for *_, text in self.told}) == 1

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def grouped(remarks: Iterable[tuple[str, str, Remark]], n_all: int) -> list[Group]:
    """Remarks that differ in their numbers alone as one group, the most serious first, then the most common.

    Parameters
    ----------
    remarks : (problem, backend, remark), in the order of the config
    n_all : cells of the run

    Examples
    --------
    >>> broken, worse = (Remark("broken-chains", f"{n} of 5 reads broke") for n in (3, 4))
    >>> late = Remark("late", "late", Level.SERIOUS)
    >>> for group in grouped([("a", "x", worse), ("b", "x", broken), ("b", "y", late)], 4):
    ...     print(group.level, group)
    serious b with y: late
    caution 2 of 4 cells (x on a, b): 3 to 4 of 5 reads broke
    """
    kinds: dict[tuple[str, Level, str], dict[tuple[str, str, str], None]] = {}
    for problem, backend, remark in remarks:
        kind = remark.code, remark.level, _NUMBER.sub("#", remark.text)
        kinds.setdefault(kind, {})[problem, backend, remark.text] = None
    groups = [Group(code, level, tuple(told), n_all) for (code, level, _), told in kinds.items()]
    return sorted(groups, key=lambda group: (_LEVELS.index(group.level), -len(group.cells)))


def _range(numbers: Sequence[str]) -> str:
    """``3 to 16`` for numbers as texts, of which the unit is told behind each."""
    ordered = sorted(dict.fromkeys(numbers), key=lambda text: float(re.split(r"[(%]", text)[0]))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def summary(groups: Sequence[Group], n_failures: int, n_done: int = 0, n_tasks: int = 0) -> tuple[Level, str]:
    """One sentence on the whole, or on the part that there is, and how serious it is."""
    level, told = _summary(groups, n_failures)
    if n_done >= n_tasks:
        return level, told
    part = f"This page is of a part, {n_done} of {n_tasks} tasks; the rest may say otherwise."
    return min(level, Level.CAUTION, key=_LEVELS.index), f"{part} {told}"


def _summary(groups: Sequence[Group], n_failures: int) -> tuple[Level, str]:
    counts = {level: sum(group.level is level for group in groups) for level in Level}
    parts = [
        _counted(n_failures, "failure", "failures"),
        _counted(counts[Level.SERIOUS], "serious remark", "serious remarks"),
        _counted(counts[Level.CAUTION], "caution", "cautions"),
    ]
    told = [part for part in parts if part]
    if not told:
        return (
            Level.NOTE,
            "No sampler and no study has a remark: no sign against it, and no proof.",
        )
    worst = groups[0] if groups and groups[0].level is not Level.NOTE else None
    first = f" First of all, {worst}." if worst is not None else ""
    is_serious = n_failures > 0 or counts[Level.SERIOUS] > 0
    return Level.SERIOUS if is_serious else Level.CAUTION, f"{', '.join(told).capitalize()}.{first}"


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}" if n else ""


def _some(names: list[str], most: int | None) -> str:
    more = 0 if most is None else len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
