"""Monte Carlo in place of a QPU: samplers of Ocean, told to follow a schedule at a temperature.

Energies are those that were programmed, in units of what they are at the end: H = -Gamma(s) sum sigma^x +
kappa(s) E with kappa(1) = 1, so a temperature is one in units of the device's couplings. Of a schedule in GHz
both are divided by kappa(1). Sweeps stand in for time, and are spread evenly over it.

Path integrals cost what Gamma is in units of the temperature: a worldline is proposed that many breaks. Their
number is bounded: while Gamma exceeds `LONGEST_WORLDLINE` temperatures, the device is warmer, as warm as
Gamma / `LONGEST_WORLDLINE`. Gamma and kappa stand to each other as they would, thermal fluctuations stay
small beside the transverse field, and the anneal ends at its temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import dimod
import numpy as np
from numpy.typing import NDArray

from qspin.sampler import Level, Remark
from qspin_backends.annealer.device import Program
from qspin_backends.annealer.physics.dynamics import Asked, Conditions, Path

__all__ = ["LONGEST_WORLDLINE", "PathIntegral", "Rotor", "Thermal", "annealing_fractions"]

Floats = NDArray[np.float64]

LONGEST_WORLDLINE = 16.0
"""Temperatures that the transverse field of a path integral may be, and breaks proposed at a time.

About what annealers have: A(0) / 2 of 5 to 6 GHz, by their published schedules, at 12 to 16 mK.
"""

_UPDATE_SECONDS = (
    4e-7,
    3e-8,
)  # of a worldline, for each of its neighbours and breaks; a core of an AMD EPYC 9004


_A_QUBIT, _A_COUPLER = 26.0, 0.5  # nanoseconds of an update without breaks; the same core


class _Sweeping:
    """What sweeps over the qubits while the Hamiltonian changes."""

    has_transverse_field: ClassVar[bool] = True
    has_temperature: ClassVar[bool] = True
    needs_time: ClassVar[bool] = False
    ignores: ClassVar[tuple[str, ...]] = ("dephasing", "tolerance")

    def __init__(self, conditions: Conditions):
        self.conditions = conditions

    def shared(self) -> Any:
        return None

    def correlations(self, program: Program, path: Path, kept: Any) -> Floats | None:
        return None  # Monte Carlo is how it is estimated

    def require(self, programs: Sequence[Program]) -> None:
        pass  # Ocean's samplers hold little beside the program

    def reads(self, bqm: dimod.BinaryQuadraticModel, path: Path, asked: Asked) -> dimod.SampleSet:
        arguments: dict[str, Any] = {
            "num_reads": asked.num_reads,
            "seed": asked.seed,
            "beta_schedule_type": "custom",
            "interrupt_function": asked.stopped,
            **self._followed(path, asked.temperature),
        }
        if asked.initial is None or asked.anew:
            return self._anneal(bqm, **arguments, **_start(asked.initial, asked.num_reads))
        return _one_after_another(bqm, self._anneal, arguments, asked.initial)

    def remarks(self, path: Path, temperature: float, follows: bool) -> list[Remark]:
        if not (follows and self.conditions.followed.in_ghz):
            return []
        text = (
            f"the device is at {self.conditions.in_millikelvin(temperature):.4g} mK, a temperature that "
            "follows the scaling of the problem so that effective betas come out as betas; give "
            "temperature_mk for one of your own"
        )
        return [Remark("temperature-follows", text, Level.NOTE)]

    def seconds(
        self, programs: Sequence[Program], path: Path, temperature: float, n_cores: int
    ) -> float | None:
        return None

    def work(self, programs: Sequence[Program], path: Path, temperature: float) -> float:
        sweeps = self.conditions.sweeps(path)
        return sum(
            n_reads * sweeps * (_A_QUBIT * qubits + _A_COUPLER * 2 * couplers)
            for n_reads, qubits, couplers in map(_sizes, programs)
        )

    def _followed(self, path: Path, temperature: float) -> dict[str, Any]:
        """Arguments of Ocean's sampler for the course of an anneal."""
        transverse, problem, warmth = self._course(path, temperature)
        return {"Hp_field": problem / warmth, "Hd_field": transverse / warmth}

    def _course(self, path: Path, temperature: float) -> tuple[Floats, Floats, Floats]:
        """Gamma, kappa and the temperature at each sweep."""
        schedule = self.conditions.followed
        s = annealing_fractions(path.shape, self.conditions.sweeps(path))
        transverse, problem = schedule.fields(s)
        full = self.conditions.full
        transverse, problem = transverse / full, problem / full
        return transverse, problem, np.maximum(temperature, self._least_temperature(transverse))

    def _least_temperature(self, transverse: Floats) -> Floats:
        return np.zeros(len(transverse))

    def _anneal(self, bqm: dimod.BinaryQuadraticModel, **arguments: Any) -> dimod.SampleSet:
        raise NotImplementedError


class PathIntegral(_Sweeping):
    """Quantum Monte Carlo (`PathIntegralAnnealingSampler`)."""

    def remarks(self, path: Path, temperature: float, follows: bool) -> list[Remark]:
        others = super().remarks(path, temperature, follows)
        _, _, warmth = self._course(path, temperature)
        warm = int(np.flatnonzero(warmth > temperature).max(initial=-1)) + 1
        if not warm:
            return others
        fields, _ = self.conditions.followed.fields(np.array(0.0))
        strongest = float(fields) / self.conditions.full / temperature
        weaker = "" if self.conditions.followed.in_ghz else " or transverse_field"
        text = (
            f"the transverse field starts at {strongest:.3g} temperatures and path integrals follow up to "
            f"{LONGEST_WORLDLINE:g}: until sweep {warm} of {len(warmth)} the device is warmer, 1/"
            f"{LONGEST_WORLDLINE:g} of that field, and only then as cold as it was asked to be. What froze "
            f"before stays as it was; raise n_sweeps for a slower end, or lower betas{weaker}"
        )
        return [Remark("warmer-than-asked", text), *others]

    def seconds(
        self, programs: Sequence[Program], path: Path, temperature: float, n_cores: int
    ) -> float | None:
        return 1e-9 * self.work(programs, path, temperature) / max(1, min(len(programs), n_cores))

    def work(self, programs: Sequence[Program], path: Path, temperature: float) -> float:
        transverse, _, warmth = self._course(path, temperature)
        alone, neighbour = _UPDATE_SECONDS
        with_breaks = len(warmth) + float((transverse / warmth).sum())
        return 1e9 * sum(
            n_reads * (qubits * alone * len(warmth) + 2 * couplers * neighbour * with_breaks)
            for n_reads, qubits, couplers in map(_sizes, programs)
        )

    def _least_temperature(self, transverse: Floats) -> Floats:
        return transverse / LONGEST_WORLDLINE

    def _anneal(self, bqm: dimod.BinaryQuadraticModel, **arguments: Any) -> dimod.SampleSet:
        from dwave.samplers import PathIntegralAnnealingSampler

        return PathIntegralAnnealingSampler().sample(bqm, **arguments)


class Rotor(_Sweeping):
    """Spin vectors (`RotorModelAnnealingSampler`)."""

    def _anneal(self, bqm: dimod.BinaryQuadraticModel, **arguments: Any) -> dimod.SampleSet:
        from dwave.samplers import RotorModelAnnealingSampler

        return RotorModelAnnealingSampler().sample(bqm, **arguments)


class Thermal(_Sweeping):
    """Gibbs updates (`SimulatedAnnealingSampler`): cooled to the temperature in the first half of the sweeps
    and held there in the second; where a schedule was given, by kappa(s) all the way, whatever Gamma is.
    """

    has_transverse_field: ClassVar[bool] = False
    ignores: ClassVar[tuple[str, ...]] = (*_Sweeping.ignores, "transverse_field")

    def _followed(self, path: Path, temperature: float) -> dict[str, Any]:
        n = self.conditions.sweeps(path)
        cooled = np.minimum(2 * np.arange(1, n + 1) / n, 1.0)
        if self.conditions.schedule is not None:
            _, cooled, _ = self._course(path, temperature)
        return {
            "beta_schedule": cooled / temperature,
            "proposal_acceptance_criteria": "Gibbs",
            "randomize_order": True,
        }

    def _anneal(self, bqm: dimod.BinaryQuadraticModel, **arguments: Any) -> dimod.SampleSet:
        from dwave.samplers import SimulatedAnnealingSampler

        return SimulatedAnnealingSampler().sample(bqm, **arguments)


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


def _sizes(program: Program) -> tuple[int, int, int]:
    """Reads, qubits and couplers."""
    return program.n_reads, len(program.qubits), len(program.couplers)


def _start(state: dict[int, int] | None, num_reads: int) -> dict[str, Any]:
    return {} if state is None else {"initial_states": [state], "initial_states_generator": "tile"}


def _one_after_another(
    bqm: dimod.BinaryQuadraticModel,
    anneal: Callable[..., dimod.SampleSet],
    arguments: dict[str, Any],
    state: dict[int, int],
) -> dimod.SampleSet:
    """Each read starts where the one before it ended."""
    reads = []
    for k in range(arguments["num_reads"]):
        once = {**arguments, "num_reads": 1, "seed": (arguments["seed"] + k) % 2**31}
        reads.append(anneal(bqm, **once, **_start(state, 1)))
        state = dict(reads[-1].first.sample)
    return dimod.concatenate(reads)
