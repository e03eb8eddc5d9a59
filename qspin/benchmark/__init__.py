"""How fast and how well: success probabilities, time to solution, residual energies, diversity, scaling."""

from qspin.benchmark.ground import ground_energy
from qspin.benchmark.metrics import (
    approximation_ratio,
    diversity,
    energy_distribution,
    lowest_without_offset,
    residual_energy,
    runs_of,
    seconds_of,
)
from qspin.benchmark.profile import performance_profile
from qspin.benchmark.scaling import ScalingFit, fit_scaling
from qspin.benchmark.success import Proportion, success_probability
from qspin.benchmark.time_to_solution import (
    BestLength,
    TimeToSolution,
    best_length,
    time_to_solution,
    time_to_target,
)

__all__ = [
    "BestLength",
    "Proportion",
    "ScalingFit",
    "TimeToSolution",
    "approximation_ratio",
    "best_length",
    "diversity",
    "energy_distribution",
    "fit_scaling",
    "ground_energy",
    "lowest_without_offset",
    "performance_profile",
    "residual_energy",
    "runs_of",
    "seconds_of",
    "success_probability",
    "time_to_solution",
    "time_to_target",
]
