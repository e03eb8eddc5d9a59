"""Rows of the tables that runs wrote, asked for in SQL: DuckDB reads the files themselves."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qspin.errors import InputError, MissingExtraError, nearest_name, shown
from qspin.experiment.runs.listing import Run
from qspin.files import atomic_path

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["METRICS", "Rows", "rows_of", "write_parquet"]

METRICS = "metrics"
"""The table of all curves, which every report writes; the others are those of its studies."""

_ADDED = ("run", "name", "digest", "solver")
_FILE = "file of the row"  # a name that no table has
_TYPES = {
    "BIGINT": r"regexp_full_match({}, '-?[0-9]{{1,18}}')",
    "HUGEINT": r"regexp_full_match({}, '-?[0-9]{{1,38}}')",
    "DOUBLE": "TRY_CAST({} AS DOUBLE) IS NOT NULL",
    "BOOLEAN": "lower({}) IN ('true', 'false')",
}
"""Type of a column -> what holds for each of its values; the first that does, else text."""


@dataclass(frozen=True)
class Rows:
    """What was found.

    Parameters
    ----------
    frame : a row of a table each, with the run it comes from
    n_without : runs that have no such table
    n_yet : those of them that are not finished, and may still write it
    unreadable : files that are no tables, with what DuckDB says
    """

    frame: pd.DataFrame
    n_without: int = 0
    n_yet: int = 0
    unreadable: dict[Path, str] = field(default_factory=dict)


def rows_of(
    runs: Sequence[Run],
    *,
    table: str = METRICS,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    sort: Sequence[str] = (),
) -> Rows:
    """Rows of one table of many runs; tables with other columns are united by their names.

    Parameters
    ----------
    table : ``metrics``, or one of the folder ``results`` without its suffix
    where : a condition in SQL; default all rows
    columns : to show; default all, and first ``run``, ``name``, ``digest`` and, beside ``backend``,
        ``solver``, the registered name of the backend that has this label. One that a table has itself is
        called ``qspin_run`` and so on
    sort : columns to sort by; a minus in front of one: descending

    Raises
    ------
    InputError
        For a table or column that no run has, and for what is no condition in SQL.
    MissingExtraError
        Without DuckDB.
    """
    files = {run: file for run in runs if (file := _tables(run).get(table)) is not None}
    if not files:
        known = Counter(name for run in runs for name in _tables(run))
        raise InputError(f"no run has a table {table!r}; {nearest_name(table, known)}", key=("table",))
    with _connected() as database:
        unreadable = _load(database, list(files.values()))
        _describe(database, files)
        _lock(database)
        known_columns = [row[0] for row in database.execute("DESCRIBE rows").fetchall()]
        chosen = _known(known_columns, columns or known_columns, "columns")
        order = [
            f"{_quoted(*_known(known_columns, [name.removeprefix('-')], 'sort'))}"
            f"{' DESC' if name.startswith('-') else ''} NULLS LAST"
            for name in sort
        ]
        query = f"SELECT {', '.join(map(_quoted, chosen))} FROM rows"
        try:
            if where is not None:
                _refuse_statements(database, where)
                query += f" WHERE (\n{where}\n)"
            query += f" ORDER BY {', '.join(order)}" if order else ""
            frame = database.execute(query).df()
        except _errors() as error:
            fault = f"where {shown(where)}: {_said(error)}"
            if not _names_candidates(error):
                fault += f"; columns of {table}: {', '.join(known_columns)}"
            raise InputError(fault, key=("where",)) from None
    n_yet = sum(run not in files and not run.has_whole_report for run in runs)
    return Rows(frame, len(runs) - len(files), n_yet, unreadable)


def write_parquet(frame: pd.DataFrame, file: Path) -> None:
    """Write a table as one Parquet file, whole or not at all.

    Raises
    ------
    MissingExtraError
        Without DuckDB.
    StorageError
        If it cannot be written.
    """
    with _connected() as database, atomic_path(file) as temporary:
        database.register("frame", frame)
        place = str(temporary).replace("'", "''")
        database.execute(f"COPY frame TO '{place}' (FORMAT parquet)")


# -- tables and where they lie -------------------------------------------------------------------


def _tables(run: Run) -> dict[str, Path]:
    """Name -> file of every table of a run."""
    found = {file.stem: file for file in run.folder.results_folder.glob("*.csv")}
    metrics = run.path / "metrics.csv"
    return found | ({METRICS: metrics} if metrics.is_file() else {})


# -- the database --------------------------------------------------------------------------------


@contextlib.contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that loads no extensions."""
    try:
        import duckdb
    except ImportError:
        raise MissingExtraError("asking for rows of runs", extra="duckdb", module="duckdb") from None
    never = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    with duckdb.connect(":memory:", config={**never, "python_enable_replacements": "false"}) as database:
        yield database


def _errors() -> type[Exception]:
    import duckdb

    return duckdb.Error


def _names_candidates(error: Exception) -> bool:
    """Whether DuckDB says itself what may have been meant: it does so for names that it does not find."""
    import duckdb

    return isinstance(error, duckdb.BinderException)


def _load(database: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> dict[Path, str]:
    """Make a table ``text`` of all files, every value as text; what cannot be read is told.

    Types that are guessed file by file would make text of a column of numbers that is empty in one run.
    """
    try:
        _read(database, files)
    except _errors():
        unreadable = {file: told for file in files if (told := _fault(database, file)) is not None}
        if not unreadable:  # each is a table, and not all of them together
            raise
        readable = [file for file in files if file not in unreadable]
        if not readable:
            told = "; ".join(f"{file}: {fault}" for file, fault in unreadable.items())
            raise InputError(f"no table can be read: {told}") from None
        _read(database, readable)
        return unreadable
    return {}


def _read(database: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    database.execute(
        "CREATE OR REPLACE TABLE text AS SELECT * FROM read_csv($files, header=true, delim=',', quote='\"', "
        "escape='\"', all_varchar=true, union_by_name=true, filename=$name)",
        {"files": [_literal(file) for file in files], "name": _FILE},
    )


def _literal(file: Path) -> str:
    """The path of one file, not a pattern for several."""
    return re.sub(r"([*?\[])", r"[\1]", str(file))


def _fault(database: duckdb.DuckDBPyConnection, file: Path) -> str | None:
    try:
        _read(database, [file])
    except _errors() as error:
        return _said(error)
    return None


def _describe(database: duckdb.DuckDBPyConnection, files: Mapping[Run, Path]) -> None:
    """Make the table ``rows``: columns with the types of their values, behind what is known of the runs."""
    names = [row[0] for row in database.execute("DESCRIBE text").fetchall() if row[0] != _FILE]
    database.execute(f"CREATE TABLE runs ({_quoted(_FILE)} TEXT, run TEXT, name TEXT, digest TEXT)")
    database.executemany(
        "INSERT INTO runs VALUES (?, ?, ?, ?)",
        [(str(file), run.name, run.title, run.digest) for run, file in files.items()],
    )
    added = {name: f"runs.{name}" for name in _ADDED[:3]}
    joins = f"text LEFT JOIN runs USING ({_quoted(_FILE)})"
    if "backend" in names:
        database.execute(f"CREATE TABLE solvers ({_quoted(_FILE)} TEXT, backend TEXT, solver TEXT)")
        solvers = [(str(file), *own) for run, file in files.items() for own in _solvers(run)]
        if solvers:
            database.executemany("INSERT INTO solvers VALUES (?, ?, ?)", solvers)
        joins += f" LEFT JOIN solvers USING ({_quoted(_FILE)}, backend)"
        added["solver"] = "solvers.solver"
    taken = {name.lower() for name in names}
    free = {f"qspin_{name}" if name in taken else name: place for name, place in added.items()}
    shown_first = [f"{place} AS {_quoted(name)}" for name, place in free.items()]
    typed = [f"CAST(text.{_quoted(n)} AS {_type(database, n)}) AS {_quoted(n)}" for n in names]
    database.execute(
        f"CREATE TABLE rows AS SELECT {', '.join([*shown_first, *typed])} FROM {joins} ORDER BY text.rowid"
    )
    for name in ("text", "runs", *(["solvers"] if "solver" in added else [])):
        database.execute(f"DROP TABLE {name}")


def _solvers(run: Run) -> Iterator[tuple[str, str]]:
    for label, spec in (run.plain.get("backends") or {}).items():
        yield str(label), str(spec["name"])


def _type(database: duckdb.DuckDBPyConnection, column: str) -> str:
    own = _quoted(column)
    counts = ", ".join(f"count_if({test.format(own)})" for test in _TYPES.values())
    n_values, *fitting = database.execute(f"SELECT count({own}), {counts} FROM text").fetchall()[0]
    return next((one for one, n in zip(_TYPES, fitting, strict=True) if n == n_values > 0), "TEXT")


def _lock(database: duckdb.DuckDBPyConnection) -> None:
    """From here on no file can be read or written, and this cannot be changed."""
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _refuse_statements(database: duckdb.DuckDBPyConnection, where: str) -> None:
    """Raises InputError, or an error of DuckDB, for what is not one expression."""
    statements = database.extract_statements(f"SELECT\n{where}\n")
    if len(statements) != 1:
        raise InputError(
            f"where {shown(where)} is {len(statements)} statements; expected one condition, such as "
            "backend = 'annealer' and q_abs > 0.5",
            key=("where",),
        )


def _said(error: Exception) -> str:
    """What DuckDB says, on one line, without the query that it repeats."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())


def _known(known: Sequence[str], asked: Sequence[str], key: str) -> list[str]:
    """Columns as they are called, whatever their case.

    Raises
    ------
    InputError
        For one that is not there, with the nearest name.
    """
    by_case = {name.lower(): name for name in known}
    for name in asked:
        if name.lower() not in by_case:
            raise InputError(f"no column {name!r}; {nearest_name(name, known)}", key=(key,))
    return [by_case[name.lower()] for name in asked]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
