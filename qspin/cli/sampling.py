"""The command that samples one problem with one backend."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from qspin.cli.app import Debug, Sets, app
from qspin.cli.ending import errors

__all__ = ["sample"]

_PATIENCE = 1.0  # seconds that a sampler is given to save its state after a stop was asked for


@app.command()
def sample(
    problem: Annotated[
        Path, typer.Argument(help="Instance file: .rudy .coo .bqm .npz .qubo .mtx .npy .csv, also with .gz.")
    ],
    backend: Annotated[str, typer.Option("--backend", metavar="NAME", help="See qspin backends.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="NetCDF file to write.")],
    set_: Sets = None,
    seed: Annotated[int | None, typer.Option(help="Sampling seed; default fresh, and recorded.")] = None,
    initial: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Start from these: samples (their last draws: at all betas where the ladder is theirs, else "
            "the coldest), or .npy spins (N), (replica, N), (beta, replica, N).",
        ),
    ] = None,
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
    with errors(debug) as context:
        from qspin.checkpoint import checkpointing
        from qspin.errors import InputError
        from qspin.events import Event, Kind, one_at_a_time, step
        from qspin.experiment.config.overrides import parse_settings
        from qspin.files import require_writable
        from qspin.formats import read_problem
        from qspin.registry import get_backend
        from qspin.remarks import Level, by_level
        from qspin.sampling import sampled
        from qspin.settings import resolved_seed
        from qspin.showing import Terminal
        from qspin.stopping import acknowledgement, patient, shielded

        sampler = get_backend(backend, **parse_settings(set_ or []))
        seed = seed if checkpoint is not None else resolved_seed(seed)  # a checkpoint knows its seed
        if checkpoint is not None and checkpoint.resolve() == output.resolve():
            raise InputError(f"the checkpoint and the samples need files of their own; both are {output}")
        require_writable(output)
        instance = read_problem(problem, format)
        start = None if initial is None else _read_initial(initial)
        with Terminal(problem.name) as shown, contextlib.ExitStack() as block:
            reporter = one_at_a_time(shown)
            if checkpoint is not None:
                block.enter_context(checkpointing(checkpoint))
                heard = Event(Kind.NOTE, remark=acknowledgement(1))
                block.enter_context(patient(_PATIENCE, lambda: reporter(heard)))
            with step(reporter, f"sampling {problem.name}"):
                samples = sampled(sampler, instance, seed=seed, backend=backend, initial=start)
            with shielded():
                samples.save(output)
        typer.echo(
            f"{samples}, best energy {samples.best.energy:.10g}, seed {samples.info['seed']}: {output}"
        )
        for remark in by_level(samples.remarks):
            kind = "note" if remark.level == Level.NOTE else "warning"
            typer.echo(f"{kind}: {remark.text}", err=True)
        if samples.info["status"] == "interrupted":
            context.hint = f"What there was is in {output}"
            if checkpoint is not None and checkpoint.is_file():
                context.hint += f"; the same command goes on from {checkpoint}"
            raise KeyboardInterrupt


def _read_initial(path: Path) -> Any:
    """Samples, or an array of spins."""
    from qspin.archives import file_content, read_array
    from qspin.errors import InputError
    from qspin.samples import SampleSet

    if path.suffix != ".npy":
        return SampleSet.load(path)
    content = file_content(path)
    try:
        return read_array(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
