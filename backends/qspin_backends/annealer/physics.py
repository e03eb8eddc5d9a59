"""What anneals in place of a QPU: samplers of Ocean, told to follow a schedule at a temperature.

Energies are those that were programmed, H = A(s) sum sigma^x + B(s) H_P with B(1) = 1, so a temperature is
one in units of the device's couplings. The shapes A(s) = G (1 - s)^2 and B(s) = s are a choice of ours, which
have in common with published schedules that A falls to zero while B rises to its full value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import dimod
import numpy as np
from numpy.typing import NDArray

__all__ = ["Physics", "Substitute", "annealing_fractions"]

Physics = Literal["path_integral", "rotor", "thermal"]

_FORWARD = ((0.0, 0.0), (1.0, 1.0))


class Substitute(dimod.Sampler):
    """Takes what a QPU takes and hands it to the sampler of a physics.

    Parameters
    ----------
    physics : ``path_integral``: quantum Monte Carlo (`PathIntegralAnnealingSampler`); ``rotor``: spin vectors
        (`RotorModelAnnealingSampler`); ``thermal``: Gibbs updates (`SimulatedAnnealingSampler`), cooled to
        the temperature in the first half of the sweeps and held there in the second
    n_sweeps : of one anneal
    transverse_field : G, units of the couplings of the device
    """

    properties: dict[str, Any] = {}
    parameters: dict[str, Any] = dict.fromkeys(
        (
            "num_reads", "seed", "temperature", "anneal_schedule", "initial_state", "reinitialize_state",
            "interrupt_function",
        ),
        (),
    )  # fmt: skip

    def __init__(self, physics: Physics, n_sweeps: int, transverse_field: float):
        self._physics = physics
        self._n_sweeps = n_sweeps
        self._transverse_field = transverse_field

    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        *,
        num_reads: int,
        seed: int,
        temperature: float,
        anneal_schedule: Sequence[Sequence[float]] | None = None,
        initial_state: dict[int, int] | None = None,
        reinitialize_state: bool = True,
        interrupt_function: Callable[[], bool] | None = None,
        **ignored: Any,
    ) -> dimod.SampleSet:
        """Reads in the order in which they were annealed."""
        arguments: dict[str, Any] = {"num_reads": num_reads, "seed": seed, "beta_schedule_type": "custom"}
        arguments["interrupt_function"] = interrupt_function
        if self._physics == "thermal":
            return _THERMAL(bqm, **arguments, **_cooling(self._n_sweeps, temperature))
        s = annealing_fractions(anneal_schedule or _FORWARD, self._n_sweeps)
        arguments["Hp_field"] = s / temperature
        arguments["Hd_field"] = self._transverse_field * (1 - s) ** 2 / temperature
        anneal = _PATH_INTEGRAL if self._physics == "path_integral" else _ROTOR
        if initial_state is None or reinitialize_state:
            return anneal(bqm, **arguments, **_start(initial_state, num_reads))
        return _one_after_another(bqm, anneal, arguments, initial_state)


def annealing_fractions(schedule: Sequence[Sequence[float]], n_sweeps: int) -> NDArray[np.float64]:
    """The anneal fraction s of each sweep, (n_sweeps,).

    Parameters
    ----------
    schedule : points (time, s), linear between them; only ratios of times matter here
    n_sweeps : spread evenly over the time; the last one stands at its end
    """
    times, fractions = np.asarray(schedule, dtype=np.float64).T
    start, end = times[0], times[-1]
    return np.interp(start + (end - start) * np.arange(1, n_sweeps + 1) / n_sweeps, times, fractions)


def _cooling(n_sweeps: int, temperature: float) -> dict[str, Any]:
    cooled = np.minimum(2 * np.arange(1, n_sweeps + 1) / n_sweeps, 1.0)
    return {
        "beta_schedule": cooled / temperature,
        "proposal_acceptance_criteria": "Gibbs",
        "randomize_order": True,
    }


def _start(state: dict[int, int] | None, num_reads: int) -> dict[str, Any]:
    return {} if state is None else {"initial_states": [state], "initial_states_generator": "tile"}


def _one_after_another(
    bqm: dimod.BinaryQuadraticModel, anneal: Any, arguments: dict[str, Any], state: dict[int, int]
) -> dimod.SampleSet:
    """Each read starts where the one before it ended."""
    reads = []
    for k in range(arguments["num_reads"]):
        once = {**arguments, "num_reads": 1, "seed": (arguments["seed"] + k) % 2**31}
        reads.append(anneal(bqm, **once, **_start(state, 1)))
        state = dict(reads[-1].first.sample)
    return dimod.concatenate(reads)


def _PATH_INTEGRAL(bqm: dimod.BinaryQuadraticModel, **arguments: Any) -> dimod.SampleSet:
    from dwave.samplers import PathIntegralAnnealingSampler

    return PathIntegralAnnealingSampler().sample(bqm, **arguments)


def _ROTOR(bqm: dimod.BinaryQuadraticModel, **arguments: Any) -> dimod.SampleSet:
    from dwave.samplers import RotorModelAnnealingSampler

    return RotorModelAnnealingSampler().sample(bqm, **arguments)


def _THERMAL(bqm: dimod.BinaryQuadraticModel, **arguments: Any) -> dimod.SampleSet:
    from dwave.samplers import SimulatedAnnealingSampler

    return SimulatedAnnealingSampler().sample(bqm, **arguments)
