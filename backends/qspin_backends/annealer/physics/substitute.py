"""What takes the calls of a QPU and hands them to a physics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Literal, cast

import dimod

from qspin_backends.annealer.physics.dynamics import Asked, Conditions, Dynamics, Path

__all__ = ["PHYSICS", "Physics", "Substitute", "dynamics_class"]

Physics = Literal["path_integral", "rotor", "thermal", "schrodinger"]

PHYSICS: dict[Physics, str] = {
    "path_integral": "monte_carlo:PathIntegral",
    "rotor": "monte_carlo:Rotor",
    "thermal": "monte_carlo:Thermal",
    "schrodinger": "schrodinger:Schrodinger",
}
"""Module and class of each physics, imported when it is needed."""


def dynamics_class(physics: Physics) -> type[Dynamics]:
    """The class behind the name of a physics."""
    module, _, name = PHYSICS[physics].partition(":")
    return cast("type[Dynamics]", getattr(import_module(f"qspin_backends.annealer.physics.{module}"), name))


class Substitute(dimod.Sampler):
    """Takes what a QPU takes and hands it to a physics.

    Parameters
    ----------
    physics : a name in `PHYSICS`
    n_sweeps, transverse_field, more : see `Conditions`
    """

    properties: dict[str, Any] = {}
    parameters: dict[str, Any] = dict.fromkeys(
        (
            "num_reads", "seed", "temperature", "anneal_schedule", "annealing_time", "initial_state",
            "reinitialize_state", "interrupt_function", "kept",
        ),
        (),
    )  # fmt: skip

    def __init__(self, physics: Physics, n_sweeps: int, transverse_field: float, **more: Any):
        self.dynamics = dynamics_class(physics)(Conditions(n_sweeps, transverse_field, **more))

    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        *,
        num_reads: int,
        seed: int,
        temperature: float,
        anneal_schedule: Sequence[Sequence[float]] | None = None,
        annealing_time: float | None = None,
        initial_state: dict[int, int] | None = None,
        reinitialize_state: bool = True,
        interrupt_function: Callable[[], bool] | None = None,
        kept: Any = None,
        **ignored: Any,
    ) -> dimod.SampleSet:
        """Reads in the order in which they were annealed; `kept` as `Asked` has it."""
        asked = Asked(
            num_reads=num_reads,
            seed=seed,
            temperature=temperature,
            initial=initial_state,
            anew=reinitialize_state,
            stopped=interrupt_function,
            kept=kept,
        )
        path = Path.of({"anneal_schedule": anneal_schedule, "annealing_time": annealing_time})
        return self.dynamics.reads(bqm, path, asked)
