"""What a call of `Qaoa` will take, told before anything is trained or bought."""

from __future__ import annotations

from qspin.problem import IsingProblem
from qspin.sampler import Workload, samples_bytes
from qspin_backends.qaoa.ansatz import Terms
from qspin_backends.qaoa.device import Device
from qspin_backends.qaoa.strategies import Recipe
from qspin_backends.qaoa.training import training_of

__all__ = ["expected_workload"]

_BYTES_A_SHOT = 120  # of a bit string, beside its bits
_A_SHOT = 2_000.0  # numbers that one shot is worth: its bit string is written and read
_DESCENT = 60  # evaluations of one descent with a gradient, where it may take more
_GRADIENT = 4.0  # layers that a layer with its gradient is worth


def expected_workload(
    problem: IsingProblem, recipe: Recipe, device: Device, n_shots: int, paid_seconds: float | None
) -> Workload:
    """What training and measuring take.

    Parameters
    ----------
    paid_seconds : that the device expects
    """
    n, n_terms = problem.n_spins, len(Terms.of(problem))
    gates = n + recipe.depth * (n_terms + n)
    kernel, computed, held = device.work(problem, recipe.depth, gates, n_shots)
    kept = samples_bytes(1, n_shots, 1, n)
    memory = held + n_shots * (n + _BYTES_A_SHOT) + kept
    work = computed + _A_SHOT * n_shots
    if recipe.is_trained:
        states, trained_bytes = training_of(problem, recipe.depth)
        kernel = f"{kernel}, angles {recipe.angles}"
        work += _GRADIENT * _layers(recipe) * n * states
        memory += trained_bytes
    return Workload(f"qaoa {kernel}", work, memory, kept, paid_seconds)


def _layers(recipe: Recipe) -> float:
    """Layers that are gone through while angles are trained."""
    evaluations = min(_DESCENT, recipe.n_iterations)
    if recipe.angles == "optimise":
        return float(evaluations * recipe.depth * (recipe.n_starts + recipe.multi_angle))
    return float(evaluations * sum(range(1, recipe.depth + 1)))
