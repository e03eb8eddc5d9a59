"""The command that says what a saved network or machine is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from qspin.cli.app import AsJson, Debug, DryRun, Executor, Out, Resume, Sets, app
from qspin.cli.ending import errors, imports
from qspin.cli.running import run_in

__all__ = ["inspect"]

_STUDY = "inspection"


@app.command()
def inspect(
    model: Annotated[
        Path,
        typer.Argument(
            help="State dict (.pt, .pth) or safetensors file of linear layers in a row, or of a "
            "graph-restricted Boltzmann machine. Nothing in it is executed.",
        ),
    ],
    layers: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Layers to keep, by number (0: input) or name; default all."),
    ] = None,
    max_spins: Annotated[
        int | None, typer.Option(help="Keep so many spins, of each layer the same share; default all.")
    ] = None,
    biases: Annotated[bool, typer.Option("--biases", help="Make the biases of layers fields.")] = False,
    n_shuffles: Annotated[
        int, typer.Option(help="Draws of each control; n of them show no rank below p = 1/(n + 1).")
    ] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the sampling.")] = 0,
    set_: Sets = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Write a config for qspin run; sample nothing."),
    ] = None,
    out: Out = None,
    resume: Resume = False,
    executor: Executor = None,
    dry: DryRun = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say what a saved network is: spectra, critical temperatures, and its overlaps against controls.

    Its twin is sampled by parallel tempering beside its shuffles (the numbers of each layer permuted) and
    re-initialisations (drawn as before they learned). What differs is told in sentences with p-values, and
    in a report; all numbers lie in the run folder.
    """
    with errors(debug) as context, imports(list(filter(None, [executor]))):
        from qspin.errors import InputError
        from qspin.experiment import RunFolder, dry_run
        from qspin.experiment.config.run_config import config_from_plain, override
        from qspin.networks.inspection.asked import inspection_config

        if as_json and not dry:
            raise InputError("--json tells what a dry run found: add --dry-run, or leave --json out")
        plain = inspection_config(
            model, layers=_layers(layers), max_spins=max_spins, biases=biases,
            n_shuffles=n_shuffles, seed=seed,
        )  # fmt: skip
        override(plain, set_ or [], executor)
        asked = config_from_plain(plain)
        folder = None if out is None else RunFolder(out)
        if config is not None:
            _write(config, plain)
        elif dry:
            told = dry_run(asked, folder)
            typer.echo(json.dumps(told.to_json(), indent=2) if as_json else str(told))
        else:
            run_in(asked, folder or RunFolder.default(asked), resume, context, tell=_tell)


def _layers(text: str | None) -> list[int | str] | None:
    """Numbers, and names, with commas between them."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [int(name) if name.isdigit() else name for name in names]


def _tell(folder: Any) -> None:
    """What the study found, a sentence a line."""
    chosen, _ = folder.config.plans[_STUDY]
    for section in chosen.study.conclude(folder.results(_STUDY)).sections:
        for finding in section.findings:
            typer.echo(finding.text)


def _write(file: Path, plain: dict[str, Any]) -> None:
    import yaml

    from qspin.files import atomic_write

    for spec in plain["problems"].values():
        spec["path"] = spec["path"]["path"]  # what it holds is looked at anew
    atomic_write(file, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
    typer.echo(f"Config: {file}")
