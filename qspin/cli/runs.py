"""The command that tells which runs there are, asks their tables, and tidies up."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qspin.cli.app import Debug, app
from qspin.cli.ending import errors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["runs"]

_MOST_ROWS = 60  # on the screen
_WIDTH = 160  # where there is no screen
_WIDEST = 60  # column; what is longer is folded


@app.command()
def runs(
    path: Annotated[Path, typer.Argument(help="Folder of run folders, or one of them.")] = Path("runs"),
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="Rows of tables, such as: backend = 'annealer' and q_abs > 0.5."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Columns of the rows; default all that fit.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="metrics (default) or a table of the folder results."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="A,-B,...", help="Sort by these columns; minus: descending.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Everything as CSV, to standard output.")] = False,
    parquet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Everything as a Parquet file.")
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="Delete a run folder, after a question; repeatable."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what no config needs any more, after a question.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without a question.")] = False,
    debug: Debug = False,
) -> None:
    """List the runs below a path, find rows of their tables, or tidy up."""
    with errors(debug):
        from qspin.errors import InputError

        if remove or prune:
            asked: dict[str, object] = {
                "--where": where,
                "--columns": columns,
                "--table": table,
                "--sort": sort,
            }
            asked |= {"--csv": csv or None, "--parquet": parquet}
            if given := [name for name, value in asked.items() if value is not None]:
                raise InputError(f"--remove and --prune take no {given[0]}: they list what they delete")
            _tidy(path, remove or [], prune, yes)
            return
        frame, about = _found(path, where, _names(columns), table, _names(sort) or [])
        for line in about:
            typer.echo(line, err=True)
        if parquet is not None:
            from qspin.experiment.runs.rows import write_parquet

            write_parquet(frame, parquet)
            typer.echo(f"{len(frame)} rows: {parquet}", err=csv)
        if csv:
            frame.to_csv(sys.stdout, index=False)
            sys.stdout.flush()
        elif parquet is None:
            _show(frame, where or "", chosen=columns is not None)


def _names(text: str | None) -> list[str] | None:
    """Names with commas between them."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _found(
    path: Path, where: str | None, columns: list[str] | None, table: str | None, sort: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """What was asked for, and what to say about it."""
    from qspin.experiment.runs.listing import listed, runs_below
    from qspin.experiment.runs.rows import METRICS, rows_of

    found = runs_below(path)
    if where is None and columns is None and table is None:
        return listed(found, sort), []
    name = table or METRICS
    rows = rows_of(found, table=name, where=where, columns=columns, sort=sort)
    about = [f"left out, no table: {file}: {fault}" for file, fault in rows.unreadable.items()]
    if rows.n_without:
        yet = f"; {rows.n_yet} of them {'are' if rows.n_yet > 1 else 'is'} not finished" if rows.n_yet else ""
        about.append(f"{rows.n_without} of {len(found)} runs have no table {name}{yet}")
    return rows.frame, about


# -- a table on the screen -----------------------------------------------------------------------


def _show(frame: pd.DataFrame, where: str, *, chosen: bool) -> None:
    """As many rows and columns as fit, what does not is counted; all columns where they were chosen."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    width = console.width if console.is_terminal else _WIDTH
    first = frame.head(_MOST_ROWS)
    cells = {name: [_text(name, value) for value in first[name]] for name in _ordered(frame, where, chosen)}
    widths = {name: min(max(map(len, [_title(name), *own])), _WIDEST) for name, own in cells.items()}
    shown = list(cells) if chosen else _fitting(widths, width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        is_number = frame[name].dtype.kind in "iuf"
        table.add_column(
            _title(name), justify="right" if is_number else "left", overflow="fold", max_width=_WIDEST
        )
    for row in zip(*(cells[name] for name in shown), strict=True):
        table.add_row(*row)
    Console(width=width, markup=False, highlight=False).print(table)
    if hidden := [name for name in cells if name not in shown]:
        typer.echo(f"{len(hidden)} more columns (choose with --columns): {', '.join(hidden)}", err=True)
    if (more := len(frame) - len(first)) > 0:
        typer.echo(f"{more} more rows (all: --csv or --parquet FILE)", err=True)
    if frame.empty:
        typer.echo("no rows", err=True)


def _ordered(frame: pd.DataFrame, where: str, chosen: bool) -> list[str]:
    """Columns as they were chosen; else those that the condition speaks of first behind the run, and empty
    ones not at all."""
    words = set(re.findall(r"\w+", where.lower()))
    names = list(map(str, frame.columns))
    there = names if chosen or frame.empty else [name for name in names if frame[name].notna().any()]
    first = ("run", "problem", "backend")
    rank = {name: 0 if name in first else 1 if name.lower() in words else 2 for name in there}
    return there if chosen or not where else sorted(there, key=rank.__getitem__)


def _fitting(widths: dict[str, int], width: int) -> list[str]:
    """The first columns that fit beside each other; at least one."""
    chosen: list[str] = []
    used = 0
    for name, own in widths.items():
        used += own + 2
        if chosen and used > width + 2:
            break
        chosen.append(name)
    return chosen


def _title(name: str) -> str:
    return "size" if name == "bytes" else name


def _text(name: str, value: Any) -> str:
    """A value in a cell; numbers with five digits."""
    import pandas as pd

    from qspin.experiment.runs.listing import told_size

    if pd.isna(value):
        return ""
    if name == "bytes":
        return told_size(int(value))
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    return f"{value:.5g}" if isinstance(value, float) else str(value)


# -- what is deleted -----------------------------------------------------------------------------


def _tidy(path: Path, remove: Sequence[str], prune: bool, yes: bool) -> None:
    """Say what would go, ask, and delete it."""
    from qspin.errors import InputError
    from qspin.experiment.runs.listing import runs_below, told_size
    from qspin.experiment.runs.tidying import delete, prunable, removable

    found = runs_below(path)
    whole = {plan.place: plan for plan in (removable(found, name) for name in remove)}
    parts = [plan for plan in prunable(found) if plan.place not in whole] if prune else []
    plans = [*whole.values(), *parts]
    sizes = [plan.size for plan in plans]
    for plan, (n, _) in zip(plans, sizes, strict=True):
        if n or plan.remarks:
            typer.echo(str(plan))
    n_files, n_bytes = (sum(own) for own in zip(*sizes, strict=True))
    if not n_files:
        typer.echo("Nothing to delete.")
        return
    what = f"{n_files} {'file' if n_files == 1 else 'files'}, {told_size(n_bytes)}"
    if not yes:
        try:
            agreed = typer.confirm(f"Delete {what}?")
        except typer.Abort:
            if sys.stdin.isatty():
                raise
            raise InputError(f"delete {what}? There is nobody to ask: add --yes to delete them") from None
        if not agreed:
            typer.echo("Nothing was deleted.")
            return
    for plan, (n, _) in zip(plans, sizes, strict=True):
        if n:
            delete(plan)
    typer.echo(f"Deleted {what}.")
