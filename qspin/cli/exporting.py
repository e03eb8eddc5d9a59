"""The command that writes a problem for other programs: as an instance file, or as a circuit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qspin.cli.app import Debug, Sets, app
from qspin.cli.ending import errors

__all__ = ["export"]


@app.command()
def export(
    problem: Annotated[
        Path, typer.Argument(help="Instance file: .rudy .coo .bqm .npz .qubo .mtx .npy .csv, also with .gz.")
    ],
    qasm: Annotated[
        Path | None, typer.Option("--qasm", metavar="FILE", help="Circuit of a backend, in OpenQASM 3.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Instance file: .rudy .coo .bqm .npz."),
    ] = None,
    backend: Annotated[
        str, typer.Option("--backend", metavar="NAME", help="Whose circuit --qasm writes.")
    ] = "qaoa",
    set_: Sets = None,
    seed: Annotated[int, typer.Option(help="Of angles that are trained from random starts.")] = 0,
    format: Annotated[str | None, typer.Option(help="Format of PROBLEM; default by suffix.")] = None,
    to: Annotated[str | None, typer.Option(help="Format of the output; default by suffix.")] = None,
    debug: Debug = False,
) -> None:
    """Write a problem as an instance file of another format, or as the circuit that a backend would run."""
    with errors(debug):
        from qspin.errors import InputError
        from qspin.files import atomic_write, require_writable
        from qspin.formats import read_problem, write_problem

        if qasm is None and output is None:
            raise InputError("nothing to write: expected --qasm FILE, -o FILE, or both")
        for file in filter(None, (qasm, output)):
            require_writable(file)
        instance = read_problem(problem, format)
        if output is not None:
            write_problem(instance, output, to)
            typer.echo(f"{instance.n_spins} spins, {instance.n_couplings} couplings: {output}")
        if qasm is not None:
            text = _circuit_of(backend, set_, instance, seed)
            atomic_write(qasm, text)
            n_lines = len(text.splitlines())
            typer.echo(f"circuit of {backend} for {instance.n_spins} spins, {n_lines} lines: {qasm}")


def _circuit_of(name: str, given: list[str] | None, problem: Any, seed: int) -> str:
    """What a backend would run, in OpenQASM 3; raises InputError for one that runs no circuits."""
    from qspin.errors import InputError
    from qspin.experiment.config.overrides import parse_settings
    from qspin.registry import get_backend

    sampler: Any = get_backend(name, **parse_settings(given or []))
    write = getattr(sampler, "qasm", None)
    if write is None:
        raise InputError(f"backend {name!r} runs no circuits, so there is none to write; expected qaoa")
    return str(write(problem, seed=seed))
