"""Instance files: rudy (G-set, Biq Mac), COO, dimod's COO and BQM files, and our own npz.

========== ================= =========================================================================
format     suffixes          content
========== ================= =========================================================================
rudy       .rudy .mc .gset   ``n m``, then ``i j w`` with vertices from 1; J_ij = w_ij, no fields
coo        .coo              ``i j J`` from 0, a diagonal entry is a field, a lone first number is N
dimod-coo  .coo              the same with a line ``# vartype=SPIN`` or ``BINARY``; labels are the numbers
bqm        .bqm              dimod's binary file, `dimod.BinaryQuadraticModel.to_file`
npz        .npz              everything, labels and offset included
========== ================= =========================================================================

In rudy files a maximum cut is a ground state: ``cut(s) = (sum of weights - E(s)) / 2``. Repeated entries of a
pair add up, as they do in scipy and dimod.
"""

from __future__ import annotations

import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qspin.errors import InputError, nearest_name
from qspin.files import atomic_path, atomic_write
from qspin.problem import IsingProblem, labels_from_json, labels_to_json

__all__ = ["FORMATS", "read_problem", "write_problem"]

_VARTYPE = re.compile(r"^#.*vartype\s*[:=]\s*(\w+)", re.IGNORECASE)
_NPZ_FORMAT = 1


def read_problem(path: str | os.PathLike[str], format: str | None = None) -> IsingProblem:
    """Read an instance file.

    Parameters
    ----------
    path : the file
    format : one of `FORMATS`; default by suffix, and by its first line for ``.coo``

    Raises
    ------
    InputError
        If the file is missing, cut short or malformed; the message names the line.
    """
    source = Path(path)
    name = format or _format_of(source, reading=True)
    if name not in FORMATS:
        raise InputError(f"no format {name!r}: {nearest_name(name, FORMATS)}")
    try:
        return FORMATS[name].read(source)
    except UnicodeDecodeError:
        raise InputError(f"{source} is not a text file; expected format {name}") from None
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror or error}") from error


def write_problem(problem: IsingProblem, path: str | os.PathLike[str], format: str | None = None) -> None:
    """Write an instance file that `read_problem` reads back as an equal problem, whole or not at all.

    Raises
    ------
    InputError
        If the format cannot hold the problem: rudy has no fields, and only bqm and npz keep an offset or
        labels that are not ``0 .. N-1``.
    RunError
        If the file cannot be written.
    """
    target = Path(path)
    name = format or _format_of(target, reading=False)
    if name not in FORMATS:
        raise InputError(f"no format {name!r}: {nearest_name(name, FORMATS)}")
    FORMATS[name].write(problem, target)


def _format_of(path: Path, *, reading: bool) -> str:
    named = [name for name, form in FORMATS.items() if path.suffix.lower() in form.suffixes]
    if not named:
        suffixes = " ".join(suffix for form in FORMATS.values() for suffix in form.suffixes)
        raise InputError(
            f"the format of {path.name!r} does not show in its suffix (known: {suffixes}); "
            f"pass format=, one of {', '.join(FORMATS)}"
        )
    if named[0] == "coo" and reading and path.is_file():
        with path.open(encoding="utf-8", errors="replace") as lines:
            if _VARTYPE.match(lines.readline()):
                return "dimod-coo"
    return named[0]


class _Row(NamedTuple):
    """One line of a text file that is neither blank nor a comment, and how to complain about it."""

    path: Path
    number: int
    text: str

    def error(self, message: str) -> InputError:
        return InputError(f"{self.path}, line {self.number}: {message}; got {self.text!r}")

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def integer(self, word: str, what: str) -> int:
        try:
            return int(word)
        except ValueError:
            raise self.error(f"expected {what} as an integer") from None

    def entry(self, *, default: float | None = None) -> tuple[int, int, float]:
        """``i j value``; the value may be left out where there is a default."""
        words = self.words
        if len(words) == 2 and default is not None:
            words = [*words, str(default)]
        if len(words) != 3:
            raise self.error("expected 'i j value'" + (", cut short?" if len(words) < 3 else ""))
        i, j = (self.integer(word, "a spin number") for word in words[:2])
        try:
            value = float(words[2])
        except ValueError:
            raise self.error("expected a number as the third value") from None
        if not math.isfinite(value):
            raise self.error("expected a finite value")
        return i, j, value


def _rows(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if (text := line.strip()) and not text.startswith("#"):
                yield _Row(path, number, text)


def _read_rudy(path: Path) -> IsingProblem:
    rows = _rows(path)
    header = next(rows, None)
    if header is None:
        raise InputError(f"{path} is empty; expected a first line 'n m', vertices and edges")
    if len(header.words) < 2:
        raise header.error("expected a first line 'n m', vertices and edges")
    n, m = (header.integer(word, "vertices and edges") for word in header.words[:2])
    entries: list[tuple[int, int, float]] = []
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
            f"{path}, line {last.number}: the file is cut short: its first line says {m} edges, "
            f"{len(entries)} came"
        )
    return _from_entries(n, entries)


def _read_coo(path: Path) -> IsingProblem:
    n: int | None = None
    entries: list[tuple[int, int, float]] = []
    for row in _rows(path):
        if n is None and not entries and len(row.words) == 1:
            n = row.integer(row.words[0], "the number of spins")
            continue
        i, j, value = row.entry()
        if min(i, j) < 0 or (n is not None and max(i, j) >= n):
            raise row.error("expected spin numbers " + ("from 0" if n is None else f"from 0 to {n - 1}"))
        entries.append((i, j, value))
    if n is None and not entries:
        raise InputError(f"{path} is empty; expected lines 'i j J'")
    size = n if n is not None else 1 + max(max(i, j) for i, j, _ in entries)
    return _from_entries(size, entries)


def _from_entries(n: int, entries: list[tuple[int, int, float]]) -> IsingProblem:
    """A problem from (i, j, J) counted from 0, diagonal entries as fields."""
    i, j, values = (np.array(column) for column in zip(*entries, strict=True)) if entries else ([], [], [])
    i, j, values = np.asarray(i, int), np.asarray(j, int), np.asarray(values, float)
    pair = i != j
    fields = np.bincount(i[~pair], weights=values[~pair], minlength=n) if n else None
    return IsingProblem.from_edges(n, i[pair], j[pair], values[pair], fields)


def _read_dimod_coo(path: Path) -> IsingProblem:
    with path.open(encoding="utf-8") as lines:
        header = _VARTYPE.match(lines.readline())
    vartype = header.group(1).upper() if header else None
    if vartype not in {"SPIN", "BINARY"}:
        raise InputError(f"{path}, line 1: expected '# vartype=SPIN' or '# vartype=BINARY'")
    entries: dict[tuple[int, int], float] = {}
    for row in _rows(path):
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
    problem = _from_entries(len(labels), [(index[i], index[j], v) for (i, j), v in complete.items()])
    return IsingProblem(problem.couplings, problem.fields, labels=labels)


def _read_bqm(path: Path) -> IsingProblem:
    import dimod

    with path.open("rb") as file:
        try:
            return IsingProblem.from_bqm(dimod.BinaryQuadraticModel.from_file(file))
        except (ValueError, EOFError, KeyError, TypeError) as error:
            raise InputError(f"{path} is not a whole dimod BQM file: {error}") from error


def _read_npz(path: Path) -> IsingProblem:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["format"]) != _NPZ_FORMAT:
                raise InputError(
                    f"{path} has npz format {stored['format']}; this version reads {_NPZ_FORMAT}"
                )
            fields, labels = stored["fields"], labels_from_json(str(stored["labels"]))
            return IsingProblem.from_edges(
                len(fields), stored["i"], stored["j"], stored["couplings"], fields,
                float(stored["offset"]), labels,
            )  # fmt: skip
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a whole problem file of qspin: {error}") from error


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


def _write_rudy(problem: IsingProblem, path: Path) -> None:
    _refuse(problem, path, fields=False, labels=False)
    lines = [f"{problem.n_spins} {problem.n_couplings}", *_lines(problem, first=1)]
    atomic_write(path, "\n".join(lines) + "\n")


def _write_coo(problem: IsingProblem, path: Path) -> None:
    _refuse(problem, path, fields=True, labels=False)
    fields = (f"{i} {i} {_number(h)}" for i, h in enumerate(problem.fields.tolist()) if h)
    atomic_write(path, "\n".join([str(problem.n_spins), *fields, *_lines(problem, first=0)]) + "\n")


def _write_dimod_coo(problem: IsingProblem, path: Path) -> None:
    _refuse(problem, path, fields=True, labels=True)
    labels = problem.labels
    fields = [f"{labels[i]} {labels[i]} {_number(h)}" for i, h in enumerate(problem.fields.tolist())]
    couplings = [
        f"{labels[i]} {labels[j]} {_number(value)}"
        for i, j, value in zip(*(column.tolist() for column in problem.edges), strict=True)
    ]
    atomic_write(path, "\n".join(["# vartype=SPIN", *fields, *couplings]) + "\n")


def _write_bqm(problem: IsingProblem, path: Path) -> None:
    labels_to_json(problem.labels)  # refuses labels that no file can hold
    with problem.to_bqm().to_file() as content:
        atomic_write(path, content.read())


def _write_npz(problem: IsingProblem, path: Path) -> None:
    i, j, couplings = problem.edges
    labels = labels_to_json(problem.labels)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, format=_NPZ_FORMAT, i=i, j=j, couplings=couplings,
            fields=problem.fields, offset=problem.offset, labels=labels,
        )  # fmt: skip


class _Format(NamedTuple):
    suffixes: tuple[str, ...]
    read: Callable[[Path], IsingProblem]
    write: Callable[[IsingProblem, Path], None]


FORMATS = {
    "rudy": _Format((".rudy", ".mc", ".gset"), _read_rudy, _write_rudy),
    "coo": _Format((".coo",), _read_coo, _write_coo),
    "dimod-coo": _Format((), _read_dimod_coo, _write_dimod_coo),
    "bqm": _Format((".bqm",), _read_bqm, _write_bqm),
    "npz": _Format((".npz",), _read_npz, _write_npz),
}
