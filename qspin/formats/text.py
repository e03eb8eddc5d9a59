"""Text formats that qspin reads and writes: rudy, COO and dimod's COO."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qspin.errors import InputError
from qspin.files import atomic_write
from qspin.formats.source import Entry, Source, from_entries
from qspin.problem import IsingProblem

__all__ = [
    "read_coo",
    "read_dimod_coo",
    "read_rudy",
    "vartype_of",
    "write_coo",
    "write_dimod_coo",
    "write_rudy",
]

_VARTYPE = re.compile(r"^\s*#.*?vartype\s*[:=]\s*([-\w.]+)", re.IGNORECASE)


def read_rudy(source: Source) -> IsingProblem:
    rows = source.rows()
    header = next(rows, None)
    if header is None:
        raise InputError(f"{source.path} is empty; expected a first line 'n m', vertices and edges")
    if len(header.words) < 2:
        raise header.error("expected a first line 'n m', vertices and edges")
    n, m = (header.integer(word, "vertices and edges") for word in header.words[:2])
    if min(n, m) < 0:
        raise header.error("expected a first line 'n m', numbers of vertices and edges")
    source.require_spins(n, 0)
    entries: list[Entry] = []
    last = header
    for row in rows:
        i, j, weight = row.entry(default=1.0)
        if not (1 <= i <= n and 1 <= j <= n):
            raise row.error(f"expected vertices from 1 to {n}")
        if i == j:
            raise row.error("expected two different vertices, not a loop")
        if len(entries) == m:
            raise row.error(f"expected the end of the file after {m} edges, as its first line says")
        entries.append((i - 1, j - 1, weight))
        last = row
    if len(entries) < m:
        raise InputError(
            f"{source.path}, line {last.number}: the file is cut short: its first line says {m} edges, "
            f"{len(entries)} came"
        )
    return from_entries(source, n, entries)


def read_coo(source: Source) -> IsingProblem:
    if (vartype := vartype_of(source)) not in {None, "SPIN"}:
        raise InputError(
            f"{source.path} says vartype={vartype}, so it is no plain COO file; leave format= out, or give "
            "format='dimod-coo'"
        )
    n: int | None = None
    entries: list[Entry] = []
    for row in source.rows():
        if n is None and not entries and len(row.words) == 1:
            n = row.integer(row.words[0], "the number of spins")
            if n < 0:
                raise row.error("expected the number of spins")
            continue
        i, j, value = row.entry()
        if min(i, j) < 0 or (n is not None and max(i, j) >= n):
            raise row.error("expected spin numbers " + ("from 0" if n is None else f"from 0 to {n - 1}"))
        entries.append((i, j, value))
    if n is None and not entries:
        raise InputError(f"{source.path} is empty; expected lines 'i j J'")
    size = n if n is not None else 1 + max(max(i, j) for i, j, _ in entries)
    return from_entries(source, size, entries)


def vartype_of(source: Source) -> str | None:
    """The vartype that the comments of a COO file state, upper case; None if they state none.

    As dimod reads it: in any comment, not only in the first line.

    Raises
    ------
    InputError
        If two comments contradict each other, or one states another vartype than SPIN or BINARY.
    """
    found: str | None = None
    for number, line in enumerate(io.StringIO(source.text(), newline=None), start=1):
        if not (header := _VARTYPE.match(line)):
            continue
        vartype = header.group(1).upper()
        if vartype not in {"SPIN", "BINARY"}:
            raise InputError(
                f"{source.path}, line {number}: expected '# vartype=SPIN' or '# vartype=BINARY'; got "
                f"{header.group(1)[:40]!r}"
            )
        if found not in {None, vartype}:
            raise InputError(
                f"{source.path}, line {number}: says vartype={vartype}, but {found} stands above"
            )
        found = vartype
    return found


def read_dimod_coo(source: Source) -> IsingProblem:
    vartype = vartype_of(source)
    if vartype is None:
        raise InputError(f"{source.path}: expected a line '# vartype=SPIN' or '# vartype=BINARY'")
    entries: dict[tuple[int, int], float] = {}
    for row in source.rows():
        i, j, value = row.entry()
        if min(i, j) < 0:
            raise row.error("expected spin numbers from 0")
        key = (min(i, j), max(i, j))
        entries[key] = entries.get(key, 0.0) + value
    labels = sorted({k for pair in entries for k in pair})
    complete = {(k, k): 0.0 for k in labels} | entries
    if vartype == "BINARY":
        return IsingProblem.from_qubo(complete)
    index = {label: k for k, label in enumerate(labels)}
    numbered = [(index[i], index[j], value) for (i, j), value in complete.items()]
    problem = from_entries(source, len(labels), numbered)
    return IsingProblem(problem.couplings, problem.fields, labels=labels)


def _lines(problem: IsingProblem, first: int) -> Iterator[str]:
    for i, j, value in zip(*(column.tolist() for column in problem.edges), strict=True):
        yield f"{i + first} {j + first} {_number(value)}"


def _number(value: float) -> str:
    """The shortest decimal that reads back as the same float; without exponent, which dimod does not read."""
    return np.format_float_positional(value, trim="-")


def _refuse(problem: IsingProblem, path: Path, *, fields: bool, labels: bool) -> None:
    """Refuse what a text format would lose; the flags say what it can hold."""
    lost = []
    if not fields and problem.fields.any():
        lost.append("fields")
    if problem.offset:
        lost.append("the offset")
    if not isinstance(problem.labels, range) and not (
        labels and all(type(k) is int and k >= 0 for k in problem.labels)
    ):
        lost.append("the labels")
    if lost:
        raise InputError(f"{path.name} cannot hold {' and '.join(lost)} of this problem; write .npz or .bqm")


def write_rudy(problem: IsingProblem, path: Path) -> None:
    _refuse(problem, path, fields=False, labels=False)
    lines = [f"{problem.n_spins} {problem.n_couplings}", *_lines(problem, first=1)]
    atomic_write(path, "\n".join(lines) + "\n")


def write_coo(problem: IsingProblem, path: Path) -> None:
    _refuse(problem, path, fields=True, labels=False)
    fields = (f"{i} {i} {_number(h)}" for i, h in enumerate(problem.fields.tolist()) if h)
    atomic_write(path, "\n".join([str(problem.n_spins), *fields, *_lines(problem, first=0)]) + "\n")


def write_dimod_coo(problem: IsingProblem, path: Path) -> None:
    _refuse(problem, path, fields=True, labels=True)
    labels = problem.labels
    fields = [f"{labels[i]} {labels[i]} {_number(h)}" for i, h in enumerate(problem.fields.tolist())]
    couplings = [
        f"{labels[i]} {labels[j]} {_number(value)}"
        for i, j, value in zip(*(column.tolist() for column in problem.edges), strict=True)
    ]
    atomic_write(path, "\n".join(["# vartype=SPIN", *fields, *couplings]) + "\n")
