"""Commands that run a config, and that write a report of what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from qspin.cli.app import AllowImport, AsJson, Backends, Debug, DryRun, Executor, Out, Resume, Sets, app
from qspin.cli.ending import Context, errors, imports

__all__ = ["report", "run_in"]

_MOST_REMARKS = 6  # on the screen


def _runner(studies: tuple[str, ...]) -> Callable[..., None]:
    """A command that runs a config: for these studies alone, if there are any."""

    def run(
        config: Annotated[Path, typer.Argument(help="YAML file of the run.")],
        backend: Backends = None,
        set_: Sets = None,
        out: Out = None,
        resume: Resume = False,
        executor: Executor = None,
        dry: DryRun = False,
        as_json: AsJson = False,
        allow_import: AllowImport = None,
        debug: Debug = False,
    ) -> None:
        with errors(debug) as context, imports([*(allow_import or []), *filter(None, [executor])]):
            from qspin.errors import InputError
            from qspin.experiment import RunFolder, dry_run, load_config

            if as_json and not dry:
                raise InputError("--json tells what a dry run found: add --dry-run, or leave --json out")
            asked = load_config(
                config, backends=backend or [], overrides=set_ or [], studies=studies, engine=executor
            )
            folder = None if out is None else RunFolder(out)
            if dry:
                told = dry_run(asked, folder)
                typer.echo(json.dumps(told.to_json(), indent=2) if as_json else str(told))
            else:
                run_in(asked, folder or RunFolder.default(asked), resume, context)

    return run


app.command("run", help="Run a config: every problem on every backend, then its studies and their report.")(
    _runner(())
)
app.command("bench", help="Run a config with the study time_to_solution alone.")(
    _runner(("time_to_solution",))
)


def run_in(
    config: Any,
    folder: Any,
    resume: bool,
    context: Context,
    tell: Callable[[Any], None] | None = None,
) -> None:
    """Run a config in a folder, and say what there is to say.

    Parameters
    ----------
    tell : says of the folder what else was found
    """
    from qspin.experiment import run_experiment
    from qspin.showing import Terminal

    context.folder, context.n_unfinished = folder.path, lambda: folder.n_unfinished
    finished = folder.is_finished_run_of(config)
    with Terminal(folder.path.resolve().name) as reporter:
        run_experiment(config, folder, resume=resume, reporter=_telling_where(folder.path, reporter))
    if finished:
        typer.echo("Nothing to do: this run is finished.", err=True)
    if tell is not None:
        tell(folder)
    tell_remarks(folder)
    typer.echo(f"Report: {folder.report_file}")


def _telling_where(folder: Path, reporter: Any) -> Any:
    """A reporter that says where the run is, once it is there to be watched."""
    from qspin.events import Kind

    def tell(event: Any) -> None:
        if event.kind == Kind.BEGIN:
            typer.echo(f"Run folder: {folder}", err=True)
        reporter(event)

    return tell


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    debug: Debug = False,
) -> None:
    """Conclude again from what a run folder holds and write its report, also of an unfinished run."""
    with errors(debug) as context, imports(None):
        from qspin.errors import RunError
        from qspin.experiment import RunFolder
        from qspin.experiment.run import report_on
        from qspin.showing import Terminal

        folder = RunFolder.open(run)
        with Terminal(run.resolve().name) as reporter:
            page = report_on(folder, reporter)
        if n_missing := folder.n_missing:
            n_tasks = len(folder.plan.tasks)
            done = f"{n_tasks - n_missing} of {n_tasks} tasks are done"
            typer.echo(f"warning: this run is not finished, and the report is of a part: {done}", err=True)
        tell_remarks(folder)
        typer.echo(f"Report: {page}")
        if faults := folder.faults():
            context.hint = "Run its config again with --resume to make them anew"
            raise RunError("the report leaves out what failed or is damaged: " + "; ".join(faults))


def tell_remarks(folder: Any) -> None:
    """The first kinds of remarks of a run, the most serious first; all are in a file."""
    file = folder.remarks_file
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    for line in lines[:_MOST_REMARKS]:
        typer.echo(f"warning: {line}", err=True)
    if (more := len(lines) - _MOST_REMARKS) > 0:
        typer.echo(f"{more} more kinds of remarks are in {file}", err=True)
