"""The command itself, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AllowImport", "AsJson", "Backends", "Debug", "DryRun", "Executor", "Out", "Resume", "Sets", "app"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Spin-glass twins of neural networks, sampled on any backend and compared by replica overlaps.",
)

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; repeatable.")
]

Backends = Annotated[
    list[str] | None,
    typer.Option("--backend", metavar="NAME|FILE", help="Replace the backends of the config; repeatable."),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Run folder; default runs/NAME-DIGEST.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Finish an unfinished run.")]
Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="Replace the engine of the config: auto, in_process, processes, dask, or one that is installed.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Tell tasks, time, memory and charges; write and buy nothing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="With --dry-run: as JSON.")]
AllowImport = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-import",
        metavar="PACKAGE",
        help="Let import paths in a file reach this package, whose code then runs; repeatable.",
    ),
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        from qspin import __version__

        typer.echo(f"qspin {__version__}")
        raise typer.Exit()
