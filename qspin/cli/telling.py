"""Commands that tell what there is."""

from __future__ import annotations

import typer

from qspin.cli.app import Debug, app
from qspin.cli.ending import errors

__all__ = ["backends", "schema"]


@app.command()
def backends(debug: Debug = False) -> None:
    """List the registered backends: ready, or what is missing."""
    with errors(debug):
        from qspin.registry import available_backends

        states = available_backends()
        width = max(map(len, states))
        for name, state in states.items():
            typer.echo(f"{name:<{width}}  {state}")


@app.command()
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of the config, for completion in editors."""
    with errors(debug):
        import json

        from qspin.experiment.config.schema import config_schema

        typer.echo(json.dumps(config_schema(), indent=2))
