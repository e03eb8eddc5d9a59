"""What a sample set says about an optimum: successes, residual energies, how many different solutions."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.levels import comparable_energies
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet
from qspin.spectrum import levelled

__all__ = [
    "Runs",
    "approximation_ratio",
    "diversity",
    "energy_distribution",
    "lowest_without_offset",
    "residual_energy",
    "runs_of",
    "seconds_of",
]

Clock = Literal["sample", "device", "wall"]


class Runs(NamedTuple):
    """Independent runs of a sampler: lowest energy of each, (n_runs,), and how many reached the target."""

    lowest: NDArray[np.float64]
    successes: int


@checked_arguments
def runs_of(samples: SampleSet, target: float, *, problem: IsingProblem | None = None) -> Runs:
    """Runs, and those that reached an energy.

    A replica with its whole ladder is a run of a sampler with a thermostat, and every read or shot is one of
    a sampler without. Energies that differ by rounding alone (`SampleSet.energy_tolerance`) are equal.

    Not a measure of its own: `success_probability` and `lowest_energies` have what it finds.

    Parameters
    ----------
    target : energy to reach, units of energy
    problem : that was sampled; with it, energies are compared without its offset, which matters where that
        is so large that it rounds away differences between them

    Raises
    ------
    InputError
        If there are no samples, they are of another problem, or an energy is not a number.
    """
    _require_energies(samples)
    reached = comparable_energies(samples, problem).reach(target)
    successes = ~_by_run(samples, ~reached)  # the smallest of "not reached" is False where one was
    return Runs(_by_run(samples, samples.energies.values), int(successes.sum()))


@checked_arguments
def lowest_without_offset(samples: SampleSet, problem: IsingProblem) -> NDArray[np.float64]:
    """Lowest energy of each run, as `runs_of` has them, less the offset of the problem: (n_runs,).

    Energies that a large offset has rounded are calculated anew. Those of one problem are equal where they
    lie no further apart than the `energy_tolerance` of the problem without its offset.

    Not a measure of its own: as one it is called `lowest_energies`.

    Raises
    ------
    InputError
        As `runs_of`.
    """
    _require_energies(samples)
    return _by_run(samples, comparable_energies(samples, problem).values)


def _require_energies(samples: SampleSet) -> None:
    energies = samples.energies.values
    if not energies.size:
        raise InputError("an empty sample set has no runs")
    if np.isnan(energies).any():
        raise InputError(f"{int(np.isnan(energies).sum())} energies are not a number")


def _by_run(samples: SampleSet, values: NDArray[Any]) -> NDArray[Any]:
    """The smallest value (beta, replica, draw) of each run."""
    smallest = values.min(axis=2)
    return smallest.ravel() if np.isnan(samples.betas).any() else smallest.min(axis=0)


@checked_arguments
def seconds_of(samples: SampleSet, clock: Clock = "sample") -> float:
    """Seconds of one run, by a clock: ``sample``, ``device`` (that a QPU reports), or ``wall`` (all clocks
    together).

    Not a measure of its own: `lowest_energies` has them, for every clock.

    Raises
    ------
    InputError
        If the sampler does not have that clock.
    """
    clocks = samples.info.get("clocks", {})
    n_runs = len(runs_of(samples, np.inf).lowest)
    if clock == "wall":
        return sum(clocks.values()) / n_runs
    if clock not in clocks:
        raise InputError(
            f"these samples have no clock {clock!r}; there are: {', '.join(sorted(clocks)) or 'none'}"
        )
    return float(clocks[clock]) / n_runs


@checked_arguments
def residual_energy(samples: SampleSet, ground_energy: float) -> tuple[float, float]:
    """Mean over runs of (lowest energy - ground energy) / N, and its standard error."""
    lowest = runs_of(samples, ground_energy).lowest
    n = max(samples.n_spins, 1)
    error = lowest.std(ddof=1) / np.sqrt(len(lowest)) if len(lowest) > 1 else np.nan
    return float((lowest.mean() - ground_energy) / n), float(error / n)


def approximation_ratio(energies: ArrayLike, lowest: float, highest: float) -> float:
    """(highest - mean energy) / (highest - lowest): 1 for ground states, 0 for the opposite.

    Raises
    ------
    InputError
        If lowest is not below highest, or there is no energy.
    """
    if not np.size(energies):
        raise InputError("an approximation ratio needs at least one energy")
    if not lowest < highest:
        raise InputError(f"the lowest energy must lie below the highest; got {lowest:g} and {highest:g}")
    return float((highest - np.mean(np.asarray(energies, dtype=np.float64))) / (highest - lowest))


@checked_arguments
def energy_distribution(samples: SampleSet) -> xr.Dataset:
    """Cumulative distribution of the lowest energies of runs, per spin: ``cumulative`` over ``energy``."""
    lowest = np.sort(runs_of(samples, np.inf).lowest) / max(samples.n_spins, 1)
    return xr.Dataset(
        {"cumulative": ("energy", np.arange(1, len(lowest) + 1) / len(lowest))}, coords={"energy": lowest}
    )


@checked_arguments
def diversity(
    samples: SampleSet, target: float, *, distance: float = 0.0, problem: IsingProblem | None = None
) -> int:
    """Different configurations at or below an energy, further apart than a share of the spins.

    Parameters
    ----------
    target : units of energy
    distance : least share of spins in which two solutions differ; 0 counts every different configuration
    problem : that was sampled, as for `runs_of`

    Returns
    -------
    how many, chosen greedily from the lowest energy on
    """
    energies = comparable_energies(samples, problem)
    good = energies.reach(target).ravel()
    spins = samples.spins.values.reshape(-1, samples.n_spins)[good]
    states, first = np.unique(spins, axis=0, return_index=True)
    if distance == 0:
        return len(states)
    levels = levelled(energies.values.ravel()[good][first], energies.tolerance)
    kept: list[NDArray[np.int8]] = []
    for state in states[np.lexsort((first, levels))]:
        if all((state != other).mean() > distance for other in kept):
            kept.append(state)
    return len(kept)
