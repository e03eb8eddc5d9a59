"""What anneals in place of a QPU: samplers of Ocean, told to follow a schedule at a temperature.

Energies are those that were programmed, H = A(s) sum sigma^x + B(s) H_P with B(1) = 1, so a temperature is
one in units of the device's couplings. The shapes A(s) = G (1 - s)^2 and B(s) = s are a choice of ours, which
have in common with published schedules that A falls to zero while B rises to its full value.

Path integrals cost what A(s) is in units of the temperature: a worldline is proposed that many breaks. Their
number is bounded: while A(s) exceeds `LONGEST_WORLDLINE` temperatures, the device is warmer, as warm as
A(s) / `LONGEST_WORLDLINE`. A and B stand to each other as they would, thermal fluctuations stay small beside
the transverse field, and the anneal ends at its temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import dimod
import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST_WORLDLINE", "Physics", "Substitute", "annealing_fractions"]

Physics = Literal["path_integral", "rotor", "thermal"]

LONGEST_WORLDLINE = 16.0
"""Temperatures that the transverse field of a path integral may be, and breaks proposed at a time.

About what annealers have: A(0) / 2 of 5 to 6 GHz, by their published schedules, at 12 to 16 mK.
"""

_FORWARD = ((0.0, 0.0), (1.0, 1.0))
_UPDATE_SECONDS = (
    4e-7,
    3e-8,
)  # of a worldline, for each of its neighbours and breaks; a core of an AMD EPYC 9004


_A_QUBIT, _A_COUPLER = 26.0, 0.5  # nanoseconds of an update without breaks; the same core


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
        s, transverse, warmth = self._course(anneal_schedule, temperature)
        arguments["Hp_field"] = s / warmth
        arguments["Hd_field"] = transverse / warmth
        anneal = _PATH_INTEGRAL if self._physics == "path_integral" else _ROTOR
        if initial_state is None or reinitialize_state:
            return anneal(bqm, **arguments, **_start(initial_state, num_reads))
        return _one_after_another(bqm, anneal, arguments, initial_state)

    def warm_until(self, anneal_schedule: Sequence[Sequence[float]] | None, temperature: float) -> int:
        """Sweeps before the last that is warmer than the device, that one included; 0 if none is."""
        if self._physics != "path_integral":
            return 0
        _, _, warmth = self._course(anneal_schedule, temperature)
        return int(np.flatnonzero(warmth > temperature).max(initial=-1)) + 1

    def seconds(
        self,
        n_qubits: int,
        n_couplers: int,
        anneal_schedule: Sequence[Sequence[float]] | None,
        temperature: float,
    ) -> float | None:
        """Roughly, of one read on one core; None where the physics costs little."""
        if self._physics != "path_integral":
            return None
        _, transverse, warmth = self._course(anneal_schedule, temperature)
        alone, neighbour = _UPDATE_SECONDS
        with_breaks = self._n_sweeps + float((transverse / warmth).sum())
        return n_qubits * alone * self._n_sweeps + 2 * n_couplers * neighbour * with_breaks

    def work(
        self,
        n_qubits: int,
        n_couplers: int,
        anneal_schedule: Sequence[Sequence[float]] | None,
        temperature: float,
    ) -> float:
        """Of one read, about nanoseconds."""
        seconds = self.seconds(n_qubits, n_couplers, anneal_schedule, temperature)
        if seconds is not None:
            return 1e9 * seconds
        return self._n_sweeps * (_A_QUBIT * n_qubits + _A_COUPLER * 2 * n_couplers)

    def _course(
        self, schedule: Sequence[Sequence[float]] | None, temperature: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """B(s), A(s) and the temperature at each sweep."""
        s = annealing_fractions(schedule or _FORWARD, self._n_sweeps)
        transverse = self._transverse_field * (1 - s) ** 2
        bounded = transverse / LONGEST_WORLDLINE if self._physics == "path_integral" else 0.0
        return s, transverse, np.maximum(temperature, bounded)


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
