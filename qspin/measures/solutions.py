"""What samples say about an optimum: lowest energies of runs, how often it was reached, and how it varies.

A run is a replica with its whole ladder, or a read of a sampler without a thermostat (`qspin.benchmark`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from qspin import benchmark
from qspin.analysis.resampling import jackknife
from qspin.analysis.thermodynamics import replica_means
from qspin.measure import InputError, IsingProblem, SampleSet, settings
from qspin.measures.averaging import averaged
from qspin.measures.base import NamedMeasure, known_ground_energy, without_need
from qspin.spectrum import energy_tolerance, without_offset

__all__ = [
    "ApproximationRatio",
    "Diversity",
    "EnergyDistribution",
    "LowestEnergies",
    "ResidualEnergy",
    "SuccessProbability",
]


@settings
class LowestEnergies(NamedMeasure):
    """Lowest energy of every run, less the offset of the problem (`qspin.benchmark.lowest_without_offset`).

    Over ``run``: ``energy``. Attributes: ``offset``; ``tolerance``, within which such energies of this
    problem are equal; ``seconds``, JSON of the seconds a run by each clock that there is
    (`qspin.benchmark.seconds_of`), ``wall`` all clocks together. Averages over instances are those of the
    k-th lowest run.

    Where runs were to stop at an energy (``sweeps_to_target``), also ``sweeps`` over ``run``, of each to
    there or to its end, and the attribute ``target``, that energy less the offset; of single instances.
    """

    name: ClassVar[str] = "lowest_energies"

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        lowest = benchmark.lowest_without_offset(samples, problem)
        seconds = {clock: value / len(lowest) for clock, value in samples.info.get("clocks", {}).items()}
        seconds["wall"] = benchmark.seconds_of(samples, "wall")
        result = xr.Dataset(
            {"energy": ("run", lowest)},
            attrs={
                "offset": problem.offset,
                "tolerance": energy_tolerance(without_offset(problem)),
                "seconds": json.dumps(seconds),
            },
        )
        if "sweeps_to_target" not in samples.dataset:
            return result
        aim, needed = samples.info["target"], samples.dataset["sweeps_to_target"].values
        sweeps = np.where(np.isnan(needed), aim["most_sweeps"], needed)
        return result.assign(sweeps=("run", sweeps)).assign_attrs(target=aim["energy"] - problem.offset)

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        ordered = [
            result[["energy"]].assign(energy=("run", np.sort(result["energy"].values))) for result in results
        ]
        average = averaged(ordered, self.rules)
        told = [json.loads(result.attrs["seconds"]) for result in results]
        means = {clock: float(np.mean([one[clock] for one in told if clock in one])) for clock in told[0]}
        return average.assign_attrs(
            offset=float(np.mean([result.attrs["offset"] for result in results])),
            tolerance=max(result.attrs["tolerance"] for result in results),
            seconds=json.dumps(means),
        )


@settings
class EnergyDistribution(NamedMeasure):
    """Cumulative distribution of the lowest energies of runs, per spin, over ``energy``
    (`qspin.benchmark.energy_distribution`).
    """

    name: ClassVar[str] = "energy_distribution"

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return benchmark.energy_distribution(samples)

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        grid = np.unique(np.concatenate([result["energy"].values for result in results]))
        return averaged([_at_energies(result, grid) for result in results], self.rules)


def _at_energies(result: xr.Dataset, grid: np.ndarray) -> xr.Dataset:
    """The distribution at other energies: a step at every run."""
    below = np.searchsorted(result["energy"].values, grid, side="right")
    shares = np.concatenate([[0.0], result["cumulative"].values])[below]
    return xr.Dataset({"cumulative": ("energy", shares)}, coords={"energy": grid}, attrs=result.attrs)


# -- against the ground state --------------------------------------------------------------------


class _AgainstGround(NamedMeasure):
    """Base of what needs the lowest energy of a problem: known, or given as ``ground_energy``."""

    needs: ClassVar[frozenset[str]] = frozenset({"problem:ground_energy"})

    def __post_init__(self) -> None:
        if getattr(self, "ground_energy", None) is not None:
            without_need(self, "problem:ground_energy")

    def lowest(self, problem: IsingProblem) -> float:
        """The energy that was given, or the known one."""
        given = getattr(self, "ground_energy", None)
        return known_ground_energy(problem) if given is None else float(given)


@settings
class SuccessProbability(_AgainstGround):
    """Share of the runs that reach the lowest energy (`qspin.benchmark.success_probability`).

    Variables ``successes``, ``runs``, ``probability`` and its interval ``probability_low`` to ``..._high``.

    Parameters
    ----------
    ground_energy : lowest energy of the problem, offset included; default the known one
    gap : energies at most this far above it count as reached, units of energy
    interval, level : of the probability
    """

    name: ClassVar[str] = "success_probability"

    ground_energy: float | None = None
    gap: float = Field(default=0.0, ge=0)
    interval: Literal["jeffreys", "clopper_pearson"] = "jeffreys"
    level: float = Field(default=0.95, gt=0, lt=1)

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        runs = benchmark.runs_of(samples, self.lowest(problem) + self.gap, problem=problem)
        found = benchmark.success_probability(
            runs.successes, len(runs.lowest), level=self.level, interval=self.interval
        )
        return xr.Dataset(
            {
                "successes": ((), found.successes),
                "runs": ((), found.runs),
                "probability": ((), found.value),
                "probability_low": ((), found.low),
                "probability_high": ((), found.high),
            }
        )


@settings
class ResidualEnergy(_AgainstGround):
    """Mean over runs of (lowest energy - ground energy) / N, with its error
    (`qspin.benchmark.residual_energy`).

    Parameters
    ----------
    ground_energy : lowest energy of the problem, offset included; default the known one
    """

    name: ClassVar[str] = "residual_energy"

    ground_energy: float | None = None

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        value, error = benchmark.residual_energy(samples, self.lowest(problem))
        return xr.Dataset({"residual_energy": ((), value), "residual_energy_error": ((), error)})


@settings
class ApproximationRatio(_AgainstGround):
    """(highest - <E>) / (highest - lowest) over ``beta``, with its error over replicas
    (`qspin.benchmark.approximation_ratio`).

    Parameters
    ----------
    ground_energy : lowest energy of the problem, offset included; default the known one
    highest_energy : where the ratio is 0; default the mean energy of random configurations, the offset
    """

    name: ClassVar[str] = "approximation_ratio"

    ground_energy: float | None = None
    highest_energy: float | None = None

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        highest = problem.offset if self.highest_energy is None else self.highest_energy
        lowest, means = self.lowest(problem), replica_means(samples)
        if not means.size:
            raise InputError("approximation_ratio needs at least one energy; these samples hold none")

        def ratio(energy: Any) -> np.ndarray:
            return np.asarray(benchmark.approximation_ratio(energy, lowest, highest))

        found = np.array([jackknife(row, ratio) for row in means])
        return xr.Dataset(
            {
                "approximation_ratio": ("beta", found[:, 0]),
                "approximation_ratio_error": ("beta", found[:, 1]),
            }
        )


@settings
class Diversity(_AgainstGround):
    """How many different configurations reach the lowest energy (`qspin.benchmark.diversity`).

    Parameters
    ----------
    ground_energy : lowest energy of the problem, offset included; default the known one
    gap : energies at most this far above it count, units of energy
    distance : least share of spins in which two of them differ; 0 counts all
    """

    name: ClassVar[str] = "diversity"
    needs: ClassVar[frozenset[str]] = frozenset({"problem:ground_energy", "spins"})

    ground_energy: float | None = None
    gap: float = Field(default=0.0, ge=0)
    distance: float = Field(default=0.0, ge=0, lt=1)

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        target = self.lowest(problem) + self.gap
        found = benchmark.diversity(samples, target, distance=self.distance, problem=problem)
        return xr.Dataset({"diversity": ((), found)})
