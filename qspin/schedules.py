"""Schedules of quantum annealers: how strong driver and problem are at each fraction s of an anneal.

Everywhere the Hamiltonian is H(s) / h = -Gamma(s) sum sigma^x + kappa(s) E(sigma^z), with E the energy of the
problem. A file states A(s) and B(s) in GHz as D-Wave does, H / h = -A/2 sum sigma^x + B/2 E, so that Gamma =
A / 2 and kappa = B / 2. Schedules by name are shapes of ours, in units of the couplings: Gamma = G (1 - s)^2
or G (1 - s), kappa = s.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError, nearest_name, shown
from qspin.files import checked_path

__all__ = ["GHZ_A_MILLIKELVIN", "SHAPES", "Course", "Schedule", "read_schedule", "schedule_of"]

Floats = NDArray[np.float64]
Points = Sequence[tuple[float, float]]

GHZ_A_MILLIKELVIN = 0.02083661912
"""k_B T / h of a millikelvin, GHz: exact constants of the SI."""

SHAPES: dict[str, Callable[[Any], Any]] = {
    "quadratic": lambda s: (1 - s) ** 2,
    "linear": lambda s: 1 - s,
}
"""Of the transverse field in schedules that have a name."""

_EXPECTED = "a schedule is a CSV file with a header and the columns s, A(s) (GHz), B(s) (GHz)"
_COLUMN = re.compile(r"\s*([A-Za-z]+)\s*(?:\(s\))?\s*(?:[(\[]\s*(.*?)\s*[)\]])?\s*")
_UNITS = {"s": ("", "normalized"), "a": ("", "ghz"), "b": ("", "ghz")}
_LARGEST_FILE = 2**26  # bytes; recorded schedules have 30 thousand


@dataclass(frozen=True, eq=False)
class Schedule:
    """How strong the terms of the Hamiltonian are at each anneal fraction.

    Parameters
    ----------
    name : of the shape, or of the file
    s : fractions between which both are smooth, ascending from 0 to 1 (n,)
    fields : of fractions (...): Gamma and kappa (...), GHz or units of the couplings
    in_ghz : whether they are GHz
    """

    name: str
    s: Floats
    fields: Callable[[Floats], tuple[Floats, Floats]] = field(repr=False)
    in_ghz: bool

    def course(self, points: Points) -> Course:
        """The schedule in time, where s goes through `points` (time, s), linear between them.

        Raises
        ------
        InputError
            If times do not ascend, or a fraction lies outside 0 to 1.
        """
        times, fractions = np.asarray(points, dtype=np.float64).reshape(-1, 2).T
        if (
            len(times) < 2
            or not (np.diff(times) > 0).all()
            or not ((fractions >= 0) & (fractions <= 1)).all()
        ):
            raise InputError(
                "an anneal goes through two or more points (time, s) with ascending times and s between 0 "
                f"and 1; got {shown([tuple(map(float, point)) for point in points])}"
            )
        ends = np.concatenate(
            [
                _crossings(self.s, *piece)
                for piece in zip(times[:-1], times[1:], fractions[:-1], fractions[1:], strict=True)
            ]
            + [times[-1:]]
        )
        middles = 0.5 * (ends[:-1] + ends[1:])
        at_ends = self.fields(np.interp(ends, times, fractions))
        at_middles = self.fields(np.interp(middles, times, fractions))
        pieces = [_parabolas(e[:-1], m, e[1:]) for e, m in zip(at_ends, at_middles, strict=True)]
        return Course(ends, np.stack(pieces), self.in_ghz)


@dataclass(frozen=True, eq=False)
class Course:
    """A schedule in time: Gamma and kappa are parabolas between `times`.

    Parameters
    ----------
    times : ascending (n + 1,), ns where the schedule is in GHz
    pieces : coefficients of 1, x, x^2 (2, n, 3), where x goes from 0 to 1 in each piece; Gamma first
    in_ghz : whether they are GHz
    """

    times: Floats
    pieces: Floats
    in_ghz: bool

    @property
    def duration(self) -> float:
        return float(self.times[-1] - self.times[0])

    def fields(self, times: ArrayLike) -> Floats:
        """Gamma and kappa at these times, (2, ...)."""
        k, x = self._places(times)
        return np.einsum("f...c,c...->f...", self.pieces[:, k], np.stack([np.ones_like(x), x, x**2]))

    def integrals(self, times: ArrayLike) -> Floats:
        """Of Gamma and kappa from the beginning to these times, (2, ...); turns where they are GHz."""
        k, x = self._places(times)
        within = np.einsum("f...c,c...->f...", self.pieces[:, k], np.stack([x, x**2 / 2, x**3 / 3]))
        return self._before[:, k] + self._lengths[k] * within

    @cached_property
    def _lengths(self) -> Floats:
        return np.diff(self.times)

    @cached_property
    def _before(self) -> Floats:
        """Integrals up to the beginning of each piece (2, n)."""
        whole = self._lengths * (self.pieces @ np.array([1, 1 / 2, 1 / 3]))
        return np.cumsum(whole, axis=1) - whole

    def _places(self, times: ArrayLike) -> tuple[NDArray[np.intp], Floats]:
        """The piece of each time, and where in it."""
        given = np.asarray(times, dtype=np.float64)
        k = np.clip(np.searchsorted(self.times, given, side="right") - 1, 0, len(self.times) - 2)
        return k, (given - self.times[k]) / self._lengths[k]


def schedule_of(given: Any, transverse_field: float = 1.0) -> Schedule:
    """What a schedule is given by: itself, the name of a shape, or the path of a file.

    Parameters
    ----------
    transverse_field : G of the shapes

    Raises
    ------
    InputError
        If it is none of them, or the file is no schedule.

    Examples
    --------
    >>> schedule_of("linear").course([(0, 0), (4, 1)]).integrals(4.0).tolist()
    [2.0, 2.0]
    """
    if isinstance(given, Schedule):
        return given
    if isinstance(given, str) and given in SHAPES:
        shape = SHAPES[given]
        return Schedule(given, np.array([0.0, 1.0]), lambda s: (transverse_field * shape(s), s), False)
    if isinstance(given, str) and not os.path.exists(given):
        raise InputError(
            f"schedule is the path of a file or the name of a shape; there is no file {given!r}: "
            f"{nearest_name(given, SHAPES)}",
            key=("schedule",),
        )
    return read_schedule(given)


def read_schedule(path: str | os.PathLike[str]) -> Schedule:
    """A schedule from a CSV file as D-Wave publishes them; further columns are left alone.

    Parameters
    ----------
    path : of a file with the columns s, A(s) (GHz) and B(s) (GHz). From row to row s ascends, from 0 to 1, A
        does not rise and B does not fall; a byte-order mark may stand before the header

    Raises
    ------
    InputError
        If it is anything else; the message says what was expected and what came.
    """
    rows = _rows(checked_path(path))
    columns = _columns(rows[0][1], path)
    if len(rows) < 3:
        raise InputError(f"{path}: a schedule has two rows or more; got {len(rows) - 1}", key=("schedule",))
    values = np.array([_numbers(row, columns, line, path) for line, row in rows[1:]]).T
    lines = [line for line, _ in rows[1:]]
    _check_order(values, lines, path)
    s, a, b = values
    return Schedule(
        Path(path).stem, s, lambda at: (0.5 * np.interp(at, s, a), 0.5 * np.interp(at, s, b)), True
    )


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Rows with the numbers of their lines; blank ones left out."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path} holds more than 64 MiB; {_EXPECTED}", key=("schedule",))
        text = path.read_text(encoding="utf-8-sig")
        rows = [
            (k, row) for k, row in enumerate(csv.reader(text.splitlines()), 1) if any(map(str.strip, row))
        ]
    except OSError as error:
        raise InputError(f"no schedule at {path} can be read: {error.strerror}", key=("schedule",)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no text in UTF-8 ({error}); {_EXPECTED}", key=("schedule",)) from error
    if not rows:
        raise InputError(f"{path} is empty; {_EXPECTED}", key=("schedule",))
    return rows


def _columns(header: list[str], path: Any) -> list[int]:
    """Where s, A and B stand."""
    places = {}
    for k, cell in enumerate(header):
        match = _COLUMN.fullmatch(cell)
        name = match[1].lower() if match else ""
        if match is None or name not in _UNITS or name in places:
            continue
        if (unit := (match[2] or "").strip()).lower() not in _UNITS[name]:
            expected = _UNITS[name][1].replace("ghz", "GHz")
            raise InputError(
                f"{path}: column {cell.strip()!r} must be in units of {expected}; got {unit!r}",
                key=("schedule",),
            )
        places[name] = k
    if len(places) < len(_UNITS):
        raise InputError(f"{_EXPECTED}; the header of {path} is {shown(','.join(header))}", key=("schedule",))
    return [places[name] for name in _UNITS]


def _numbers(row: list[str], columns: list[int], line: int, path: Any) -> list[float]:
    try:
        values = [float(row[k]) for k in columns]
    except (ValueError, IndexError):
        values = [np.nan]
    if not np.isfinite(values).all():
        raise InputError(
            f"{path}, line {line}: expected finite numbers s, A and B; got {shown(','.join(row))}",
            key=("schedule",),
        )
    return values


def _check_order(values: Floats, lines: list[int], path: Any) -> None:
    s, a, b = values
    steps = np.diff(values)
    if (a < 0).any():
        k = int(np.flatnonzero(a < 0)[0])
        raise InputError(
            f"{path}, line {lines[k]}: A must not be negative; got {a[k]:.9g}", key=("schedule",)
        )
    for wrong, rule, column in (
        (steps[0] <= 0, "s must ascend", s),
        (steps[1] > 0, "A must not rise with s", a),
        (steps[2] < 0, "B must not fall with s", b),
    ):
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{path}, line {lines[k + 1]}: {rule}; got {column[k]:.9g}, then {column[k + 1]:.9g}",
                key=("schedule",),
            )
    if abs(s[0]) > 1e-9 or abs(s[-1] - 1) > 1e-9:
        raise InputError(f"{path}: s must go from 0 to 1; got {s[0]:.9g} to {s[-1]:.9g}", key=("schedule",))


def _crossings(knots: Floats, start: float, end: float, first: float, last: float) -> Floats:
    """`start`, and the times until `end` at which s, from `first` to `last`, passes a knot."""
    inside = knots[(knots > min(first, last)) & (knots < max(first, last))]
    times = start + (end - start) * (inside - first) / (last - first) if len(inside) else inside
    return np.unique(np.concatenate([[start], times[(times > start) & (times < end)]]))


def _parabolas(left: Floats, middle: Floats, right: Floats) -> Floats:
    """Coefficients (n, 3) of parabolas through values at x = 0, 1/2 and 1."""
    return np.stack([left, 4 * middle - 3 * left - right, 2 * (left + right) - 4 * middle], axis=1)
