"""The command that watches a run from another terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qspin.cli.app import Debug, app
from qspin.cli.ending import errors

__all__ = ["watch"]


@app.command()
def watch(
    run: Annotated[Path, typer.Argument(help="Run folder, also one that another machine writes.")],
    once: Annotated[bool, typer.Option("--once", help="Show how it is now, and leave.")] = False,
    debug: Debug = False,
) -> None:
    """Show how far a run is until it ends; exit 1 if it was stopped or killed, or lacks tasks."""
    with errors(debug):
        from qspin.showing.watching import watch as watched

        if not watched(run, once=once):
            raise typer.Exit(1)
