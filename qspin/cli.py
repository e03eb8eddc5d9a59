"""The command line: parse, call, print. Exit 0 done, 1 failed, 2 unusable input."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Spin-glass twins of neural networks, sampled on any backend and compared by replica overlaps.",
)

_MOST_REMARKS = 6  # on the screen
_BURST_SECONDS = 1.0  # signals that follow each other faster are one interrupt

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


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="YAML file of the run.")],
    backend: Backends = None,
    set_: Sets = None,
    out: Out = None,
    resume: Resume = False,
    executor: Annotated[
        str | None, typer.Option("--executor", metavar="NAME", help="Replace the engine of the config.")
    ] = None,
    allow_import: AllowImport = None,
    debug: Debug = False,
) -> None:
    """Run a config: every problem on every backend, then its studies and their report."""
    _run(config, backend or [], set_ or [], (), out, resume, allow_import, debug, executor)


def _run(
    config: Path,
    backends: list[str],
    sets: list[str],
    studies: tuple[str, ...],
    out: Path | None,
    resume: bool,
    allow_import: list[str] | None,
    debug: bool,
    executor: str | None = None,
) -> None:
    with _errors(debug) as context, _imports(allow_import):
        from qspin.experiment import RunFolder, load_config, run_experiment
        from qspin.terminal import Terminal

        resolved = load_config(config, backends=backends, overrides=sets, studies=studies, engine=executor)
        folder = RunFolder(out) if out is not None else RunFolder.default(resolved)
        context.folder, context.kept = folder.path, "Finished work is"
        finished = folder.is_finished_run_of(resolved)
        with Terminal() as reporter:
            run_experiment(resolved, folder, resume=resume, reporter=reporter)
        if finished:
            typer.echo("Nothing to do: this run is finished.", err=True)
        _tell_remarks(folder)
        typer.echo(f"Report: {folder.report_file}")


@app.command()
def sample(
    problem: Annotated[
        Path, typer.Argument(help="Instance file: .rudy .coo .bqm .npz .qubo .mtx .npy .csv, also with .gz.")
    ],
    backend: Annotated[str, typer.Option("--backend", metavar="NAME", help="See qspin backends.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="NetCDF file to write.")],
    set_: Sets = None,
    seed: Annotated[int | None, typer.Option(help="Sampling seed; default fresh, and recorded.")] = None,
    format: Annotated[str | None, typer.Option(help="Format of PROBLEM; default by suffix.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep unfinished work here every minute; go on from it if it is there."
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Sample one problem with one backend."""
    with _errors(debug) as context:
        from qspin.checkpoint import checkpointing
        from qspin.errors import InputError
        from qspin.experiment.overrides import parse_settings
        from qspin.files import require_writable
        from qspin.formats import read_problem
        from qspin.registry import get_backend
        from qspin.remarks import Level, by_level
        from qspin.settings import resolved_seed
        from qspin.terminal import Terminal

        sampler = get_backend(backend, **parse_settings(set_ or []))
        seed = seed if checkpoint is not None else resolved_seed(seed)  # a checkpoint knows its seed
        if checkpoint is not None and checkpoint.resolve() == output.resolve():
            raise InputError(f"the checkpoint and the samples need files of their own; both are {output}")
        require_writable(output)
        instance = read_problem(problem, format)
        keeping = contextlib.nullcontext() if checkpoint is None else checkpointing(checkpoint)
        with Terminal() as reporter, keeping:
            samples = _sample_with_progress(reporter, sampler, instance, seed, backend, problem.name)
            samples.save(output)
        typer.echo(
            f"{samples}, best energy {samples.best.energy:.10g}, seed {samples.info['seed']}: {output}"
        )
        for remark in by_level(samples.remarks):
            kind = "note" if remark.level == Level.NOTE else "warning"
            typer.echo(f"{kind}: {remark.text}", err=True)
        if samples.info["status"] == "interrupted":
            context.hint = f"What there was is in {output}"
            raise KeyboardInterrupt


@app.command()
def bench(
    config: Annotated[Path, typer.Argument(help="YAML file of the run.")],
    backend: Backends = None,
    set_: Sets = None,
    out: Out = None,
    resume: Resume = False,
    allow_import: AllowImport = None,
    debug: Debug = False,
) -> None:
    """Run a config with the study time_to_solution alone."""
    _run(config, backend or [], set_ or [], ("time_to_solution",), out, resume, allow_import, debug)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    debug: Debug = False,
) -> None:
    """Conclude again from what a run folder holds and write its report, also of an unfinished run."""
    with _errors(debug) as context, _imports(None):
        from qspin.errors import RunError
        from qspin.experiment import RunFolder
        from qspin.experiment.run import report_on

        folder = RunFolder.open(run)
        page = report_on(folder)
        _tell_remarks(folder)
        typer.echo(f"Report: {page}")
        if faults := folder.faults():
            context.hint = "Run its config again with --resume to make them anew"
            raise RunError("the report leaves out what failed or is damaged: " + "; ".join(faults))


@app.command()
def backends(debug: Debug = False) -> None:
    """List the registered backends: ready, or what is missing."""
    with _errors(debug):
        from qspin.registry import available_backends

        states = available_backends()
        width = max(map(len, states))
        for name, state in states.items():
            typer.echo(f"{name:<{width}}  {state}")


@app.command()
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of the config, for completion in editors."""
    with _errors(debug):
        import json

        from qspin.experiment.schema import config_schema

        typer.echo(json.dumps(config_schema(), indent=2))


def main() -> None:
    """Entry point of the command ``qspin``."""
    signal.signal(signal.SIGTERM, _Interrupts())
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not in a job that ignores it
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    code: Any = 1
    try:
        app()
    except SystemExit as end:
        code = end.code
    except Exception as error:  # of --debug, or a fault of ours
        from qspin.confidential import redacted
        from qspin.errors import InputError

        code = 2 if isinstance(error, InputError) else 1
        print(redacted(traceback.format_exc()), end="", file=sys.stderr)  # a server may repeat a token
    _leave(code)


def _leave(code: Any) -> NoReturn:
    """End the program. One that failed or was interrupted takes no leave of its libraries, which can last
    seconds, and does not wait for what still computes in compiled code."""
    from qspin.progress import ABANDONED

    if code == 1 or any(thread.name == ABANDONED for thread in threading.enumerate()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)
    sys.exit(code)


class _Interrupts:
    """Handler of signals that raises once for those which come in one burst.

    Whoever stops a job may signal the process and its group, one after the other; a second exception would
    land amid the cleaning up after the first, which then ends in whatever error that makes.
    """

    def __init__(self) -> None:
        self._raised = -math.inf

    def __call__(self, *_: object) -> None:
        before, self._raised = self._raised, time.monotonic()
        if self._raised - before >= _BURST_SECONDS:
            raise KeyboardInterrupt


class _Context:
    """What to tell a user whose run ended early; of a folder only where there is one."""

    folder: Path | None = None
    kept = ""
    _hint = ""

    @property
    def hint(self) -> str:
        if self.folder is not None and (self.folder / "config.yaml").is_file():
            return f"{self.kept} kept in {self.folder}; go on with --resume"
        return self._hint

    @hint.setter
    def hint(self, text: str) -> None:
        self._hint = text


@contextlib.contextmanager
def _imports(allowed: list[str] | None) -> Iterator[None]:
    """Import paths in files reach known packages and those that the user allows."""
    from qspin.registry import known_packages
    from qspin.trust import importing_only

    with importing_only({*known_packages(), *(allowed or [])}):
        yield


@contextlib.contextmanager
def _errors(debug: bool) -> Iterator[_Context]:
    """Errors as one line on standard error, with the exit code of the contract."""
    from qspin.errors import InputError, QspinError

    context = _Context()
    try:
        yield context
    except KeyboardInterrupt as interrupt:
        _fail(f"interrupted: {interrupt}" if interrupt.args else "interrupted", context.hint, 1)
    except QspinError as error:
        if debug:
            raise
        unusable = isinstance(error, InputError)
        _fail(f"error: {error}", "" if unusable else context.hint, 2 if unusable else 1)
    except (OSError, MemoryError) as error:
        if debug:
            raise
        _fail(f"error: {str(error) or 'out of memory'}", context.hint, 1)


def _tell_remarks(folder: Any) -> None:
    """The first kinds of remarks of a run, the most serious first; all are in a file."""
    file = folder.remarks_file
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    for line in lines[:_MOST_REMARKS]:
        typer.echo(f"warning: {line}", err=True)
    if (more := len(lines) - _MOST_REMARKS) > 0:
        typer.echo(f"{more} more kinds of remarks are in {file}", err=True)


def _fail(message: str, hint: str, code: int) -> NoReturn:
    from qspin.confidential import redacted

    message = redacted(message)
    typer.echo(f"{message}. {hint}" if hint else message, err=True)
    raise typer.Exit(code)


def _sample_with_progress(
    reporter: Any, sampler: Any, problem: Any, seed: Any, backend: str, name: str
) -> Any:
    from qspin.progress import listening
    from qspin.sampling import sampled

    reporter.begin(1)
    with reporter.step(f"sampling {name}") as tell, listening(tell):
        return sampled(sampler, problem, seed=seed, backend=backend)
