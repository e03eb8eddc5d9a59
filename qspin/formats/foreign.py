"""Text formats of other programs, which qspin reads and does not write: qbsolv, Matrix Market, CSV."""

from __future__ import annotations

from typing import NamedTuple

from qspin.errors import InputError
from qspin.formats.source import Entry, Row, Source, from_entries
from qspin.problem import IsingProblem

__all__ = ["read_csv", "read_mtx", "read_qbsolv"]


def read_qbsolv(source: Source) -> IsingProblem:
    """``p qubo 0 maxNodes nNodes nCouplers``, then ``i i Q_ii`` and ``i j Q_ij`` with i < j, from 0.

    Spins are the nodes that the file names; they keep their numbers as labels. E(x) = sum Q_ij x_i x_j.
    """
    counts: list[int] | None = None
    qubo: dict[tuple[int, int], float] = {}
    n_nodes, n_rows = 0, 0
    for row in source.rows():
        if row.words[0] == "c":
            continue
        if counts is None:
            counts = _qbsolv_header(row)
            continue
        i, j, value = row.entry()
        if not (0 <= i < counts[0] and 0 <= j < counts[0]):
            raise row.error(f"expected node numbers from 0 to {counts[0] - 1}")
        if i > j:
            raise row.error("expected i < j for a coupler; qbsolv has each pair once")
        if (i, j) in qubo:
            raise row.error("expected each node and each coupler once")
        qubo[i, j] = value
        n_nodes, n_rows = n_nodes + (i == j), n_rows + 1
    if counts is None:
        raise InputError(f"{source.path} is empty; expected a line 'p qubo 0 maxNodes nNodes nCouplers'")
    if [n_nodes, n_rows - n_nodes] != counts[1:]:
        raise InputError(
            f"{source.path} says {counts[1]} nodes and {counts[2]} couplers, {n_nodes} and "
            f"{n_rows - n_nodes} came; is it cut short?"
        )
    labels = sorted({k for pair in qubo for k in pair})
    return IsingProblem.from_qubo({(k, k): 0.0 for k in labels} | qubo)


def _qbsolv_header(row: Row) -> list[int]:
    words = row.words
    if len(words) != 6 or words[:2] != ["p", "qubo"]:
        raise row.error("expected a line 'p qubo 0 maxNodes nNodes nCouplers'")
    if words[2] not in ("0", "unconstrained"):
        raise row.error("expected a problem without constraints, 'p qubo 0 ...'")
    counts = [row.integer(word, "numbers of nodes and couplers") for word in words[3:]]
    if min(counts) < 0:
        raise row.error("expected numbers of nodes and couplers")
    return counts


class _Market(NamedTuple):
    """First line and size line of a Matrix Market file."""

    is_array: bool
    has_values: bool
    is_half: bool
    n: int
    n_entries: int


def read_mtx(source: Source) -> IsingProblem:
    """A symmetric matrix of couplings in Matrix Market's format, coordinates or a full array."""
    rows = source.rows(comment="%")
    market = _market(source, next(rows, None))
    n = market.n
    if market.is_array:
        values = [row.real(word, "a number") for row in rows for word in row.words]
        if len(values) == market.n_entries:
            places = ((i, j) for j in range(n) for i in range(j if market.is_half else 0, n))
            entries = [(i, j, value) for (i, j), value in zip(places, values, strict=True)]
        came = len(values)
    else:
        source.require_spins(n, 0)
        entries = [_coordinate(row, market) for row in rows]
        came = len(entries)
    if came != market.n_entries:
        raise InputError(
            f"{source.path} should hold {market.n_entries} entries, {came} came; is it cut short?"
        )
    return _symmetric(source, n, entries, market.is_half)


def _market(source: Source, size: Row | None) -> _Market:
    first = source.text().split("\n", 1)[0][:200].lower().split()
    layout, field, symmetry = first[2:] if len(first) == 5 else ("", "", "")
    if (
        first[:2] != ["%%matrixmarket", "matrix"]
        or layout not in {"coordinate", "array"}
        or field not in {"real", "integer", "pattern"}
        or symmetry not in {"symmetric", "general"}
        or (layout, field) == ("array", "pattern")
    ):
        raise InputError(
            f"{source.path}, line 1: expected '%%MatrixMarket matrix coordinate real symmetric', or array, "
            f"integer, pattern, general in their places; got {' '.join(first)!r}"
        )
    if size is None:
        raise InputError(f"{source.path} is cut short: it has no line with its size")
    counts = [size.integer(word, "rows and columns") for word in size.words]
    is_array, is_half = layout == "array", symmetry == "symmetric"
    if len(counts) != (2 if is_array else 3) or counts[0] != counts[1] or min(counts) < 0:
        raise size.error("expected the size of a square matrix")
    n = counts[0]
    full = n * (n + 1) // 2 if is_half else n * n
    return _Market(is_array, field != "pattern", is_half, n, full if is_array else counts[2])


def _coordinate(row: Row, market: _Market) -> Entry:
    i, j, value = row.entry(default=None if market.has_values else 1.0)
    if not (1 <= i <= market.n and 1 <= j <= market.n):
        raise row.error(f"expected rows and columns from 1 to {market.n}")
    if market.is_half and i < j:
        raise row.error("expected the lower triangle of a symmetric matrix")
    return i - 1, j - 1, value


def _symmetric(source: Source, n: int, entries: list[Entry], half: bool) -> IsingProblem:
    """Refuses a diagonal, and halves that differ."""
    values: dict[tuple[int, int], float] = {}
    for i, j, value in entries:
        if (i, j) in values:
            raise InputError(f"{source.path} holds the entry ({i + 1}, {j + 1}) twice")
        if i == j and value:
            raise InputError(
                f"{source.path} has {value:g} at ({i + 1}, {i + 1}), but couplings have no diagonal. If "
                "fields were meant, write a .coo file, whose diagonal they are"
            )
        values[i, j] = value
    for (i, j), value in [] if half else values.items():
        if (other := values.get((j, i), 0.0)) != value:
            raise InputError(
                f"{source.path} is not symmetric: {value:g} at ({i + 1}, {j + 1}), {other:g} at ({j + 1}, "
                f"{i + 1}). A triangle is called symmetric in the first line, not general"
            )
    return from_entries(source, n, [(i, j, value) for (i, j), value in values.items() if i > j])


def read_csv(source: Source) -> IsingProblem:
    """A full matrix of couplings, one row a line, separated by commas; lists of couplings are refused."""
    rows = [(row, [word.strip() for word in row.text.split(",")]) for row in source.rows()]
    n = len(rows)
    if not rows:
        raise InputError(f"{source.path} is empty; expected a square matrix of couplings")
    for row, words in rows:
        if len(words) != n:
            hint = "; write a list of couplings as .coo, 'i j J' counted from 0" if len(words) == 3 else ""
            raise row.error(f"expected a square matrix, {n} numbers in each of {n} lines{hint}")
    what = "numbers separated by commas"
    try:
        return IsingProblem([[row.real(word, what) for word in words] for row, words in rows])
    except InputError as error:
        raise type(error)(f"{source.path}: {error}") from error
