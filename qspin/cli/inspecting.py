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

_STUDIES = ("inspection", "own_temperature")
"""Whose findings are told, those of a config that has them."""


@app.command()
def inspect(
    model: Annotated[
        Path,
        typer.Argument(
            help="State dict (.pt, .pth) or safetensors file of linear layers in a row, or of a Boltzmann "
            "machine: one of qspin, or a graph-restricted one of D-Wave's plugin. Nothing in it is executed.",
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
        int | None,
        typer.Option(
            help="Draws of each control, 3 or more, default 10; n of them show no rank below p = 1/(n + 1).",
            show_default=False,
        ),
    ] = None,
    annealed: Annotated[
        float | None,
        typer.Option(
            metavar="FACTOR",
            help="Of a Boltzmann machine: anneal it by a simulated device that is programmed with FACTOR "
            "times its energy, and say at which temperature that samples it, whether it is in equilibrium "
            "there, and how far from its own. No controls are drawn.",
        ),
    ] = None,
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
    """Say what a saved network or machine is: spectra, critical temperatures, overlaps against controls.

    Its twin is sampled by parallel tempering beside its shuffles (the numbers of each layer permuted) and
    re-initialisations (drawn as before they learned, where its file tells how). Of a Boltzmann machine, which
    has a temperature of its own, also states and triangles of overlaps there, and whether it is a glass. What
    differs is told in sentences with p-values, and in a report; all numbers lie in the run folder.

    With --annealed, a simulated annealer is held against tempering instead: once with a device as cold, in
    units of its couplings, as FACTOR, and once at 1. --set backends.thermal.temperature=T and the like take
    others.
    """
    with errors(debug) as context, imports(list(filter(None, [executor]))):
        from qspin.errors import InputError
        from qspin.experiment import RunFolder, dry_run
        from qspin.experiment.config.run_config import config_from_plain, override

        if as_json and not dry:
            raise InputError("--json tells what a dry run found: add --dry-run, or leave --json out")
        twin = {"layers": _layers(layers), "max_spins": max_spins, "biases": biases, "n_shuffles": n_shuffles}
        given = {name: value for name, value in twin.items() if value is not None and value is not False}
        asks = _inspecting(model, given) if annealed is None else _annealing(model, annealed, given)
        plain = {**asks, "seed": seed}
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


def _inspecting(model: Path, given: dict[str, Any]) -> dict[str, Any]:
    from qspin.networks.inspection.asked import inspection_config

    return inspection_config(model, **given)


def _annealing(model: Path, factor: float, given: dict[str, Any]) -> dict[str, Any]:
    from qspin.errors import InputError
    from qspin.networks.inspection.annealed import annealed_config

    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"--annealed takes a machine as it is and draws no controls: leave out {names}")
    return annealed_config(model, factor)


def _layers(text: str | None) -> list[int | str] | None:
    """Numbers, and names, with commas between them."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [int(name) if name.isdigit() else name for name in names]


def _tell(folder: Any) -> None:
    """What its study found, a sentence a line."""
    for name in _STUDIES:
        if name not in folder.config.plans:
            continue
        chosen, _ = folder.config.plans[name]
        for section in chosen.study.conclude(folder.results(name)).sections:
            for finding in section.findings:
                typer.echo(finding.text)


def _write(file: Path, plain: dict[str, Any]) -> None:
    import yaml

    from qspin.files import atomic_write

    for spec in plain["problems"].values():
        spec["path"] = spec["path"]["path"]  # what it holds is looked at anew
    atomic_write(file, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
    typer.echo(f"Config: {file}")
