"""The command that embeds a problem in an annealer, and buys nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qspin.cli.app import Debug, Sets, app
from qspin.cli.ending import errors

__all__ = ["embed"]

_BACKEND = "annealer"


@app.command()
def embed(
    problem: Annotated[Path, typer.Argument(help="Instance file, as of qspin sample.")],
    solver: Annotated[
        str | None,
        typer.Option(
            "--solver",
            metavar="FILE|NAME",
            help="Saved description of a solver (JSON), or the name of one in the cloud, which is asked what "
            "it is; default a simulated device, see --set topology.",
        ),
    ] = None,
    set_: Sets = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="JSON file to write: chains, costs.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Picture to write: .png, .svg or .pdf.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Format of PROBLEM; default by suffix.")] = None,
    debug: Debug = False,
) -> None:
    """Embed a problem in an annealer: chains, copies, and what reading them would cost. Buys nothing."""
    with errors(debug):
        from qspin.errors import InputError
        from qspin.experiment.config.overrides import parse_settings
        from qspin.files import require_writable
        from qspin.formats import read_problem
        from qspin.registry import get_backend

        settings = {**_at(solver), **parse_settings(set_ or [])}
        sampler: Any = get_backend(_BACKEND, **settings)
        if plot is not None and plot.suffix not in (".png", ".svg", ".pdf"):
            raise InputError(f"a picture is a .png, .svg or .pdf file; got {str(plot)!r}")
        for file in filter(None, (output, plot)):
            require_writable(file)
        told = _embedded(sampler, read_problem(problem, format), problem.name)
        for line in _lines(told):
            typer.echo(line)
        if output is not None:
            _write(output, told)
        if plot is not None:
            _draw(plot, told, read_problem(problem, format))


def _at(solver: str | None) -> dict[str, Any]:
    """Settings that lead to a solver: a file, or one of the cloud."""
    if solver is None:
        return {}
    if Path(solver).suffix == ".json" or Path(solver).is_file():
        return {"solver_file": solver}
    return {"device": "qpu", "solver": solver}


def _embedded(sampler: Any, problem: Any, name: str) -> dict[str, Any]:
    from qspin.events import one_at_a_time, step
    from qspin.showing import Terminal

    with Terminal(name) as shown, step(one_at_a_time(shown), f"embedding {name}"):
        return dict(sampler.embedded(problem))


def _lines(told: dict[str, Any]) -> list[str]:
    """What is said of an embedding on the screen."""
    n_spins, n_placements = len(told["labels"]), len(told["chains"])
    n_qubits = sum(len(chain) for copy in told["chains"][0] for chain in copy)
    lengths = ", ".join(f"{count} of {length}" for length, count in told["lengths"].items())
    where = "no graph of its own"
    if "qubits" in told:
        size = "x".join(map(str, told["shape"]))
        where = f"{told['topology']} {size}, {len(told['qubits'])} qubits work"
    lines = [
        f"Solver: {told['solver']} ({where})",
        f"Copies: {told['n_copies']} of {n_spins} spins on {n_qubits} qubits"
        + (f", in {n_placements} different embeddings" if n_placements > 1 else ""),
        f"Chains: {lengths} qubit{'s' * (list(told['lengths']) != [1])}",
        f"Reads: {told['n_reads']} by {told['n_anneals']} anneals in {told['n_programmings']} programmings"
        + _calibrating(told),
    ]
    if told["factor"] < 1:
        lines.append(f"Energies: times {told['factor']:.4g}, to fit {told['limit']}")
    if told["seconds"] is not None:
        each = 1e3 * told["seconds"] / told["n_reads"]
        lines.append(
            f"Cost: {told['seconds']:.4g} s of QPU access time, {each:.3g} ms a read; nothing was bought"
        )
        if (limit := told["max_qpu_seconds"]) is not None and told["seconds"] > limit:
            lines.append(f"Budget: that is more than max_qpu_seconds = {limit:g}, so a QPU would not start")
    return lines


def _calibrating(told: dict[str, Any]) -> str:
    """How many of the anneals learn of the device, and give no reads."""
    if not told["n_calibrations"]:
        return ""
    return f", of which {told['n_calibrating']} in {told['n_calibrations']} calibrate the device"


def _write(file: Path, told: dict[str, Any]) -> None:
    import json

    from qspin.files import atomic_write

    plain = {
        **told,
        "labels": [label if isinstance(label, str | int) else str(label) for label in told["labels"]],
    }
    atomic_write(file, json.dumps(plain))


def _draw(file: Path, told: dict[str, Any], problem: Any) -> None:
    import io

    from matplotlib.figure import Figure

    from qspin.files import atomic_write
    from qspin.plot import embedding

    figure, content = Figure(figsize=(8, 8), layout="constrained"), io.BytesIO()
    embedding(told, figure.subplots(), problem=problem)
    figure.savefig(content, format=file.suffix[1:], dpi=200)
    atomic_write(file, content.getvalue())
