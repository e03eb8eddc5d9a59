"""What a call of `Qaoa` will take, told before anything is trained or bought."""

from __future__ import annotations

from qspin.problem import IsingProblem
from qspin.sampler import Workload, samples_bytes
from qspin_backends.common.temperature import temperature_bytes
from qspin_backends.qaoa.ansatz import Terms
from qspin_backends.qaoa.device import Device
from qspin_backends.qaoa.strategies import Recipe
from qspin_backends.qaoa.training import training_of

__all__ = ["expected_workload"]

_BYTES_A_SHOT = 120  # of a bit string, beside its bits
_CALL, _A_GATE, _A_NUMBER, _A_SHOT = 2e7, 2e4, 3.2, 4.4e3  # building circuits, computing, reading strings
_A_GRADIENT, _AN_EVALUATION = 0.7, 1.2e5  # of each amplitude and spin of a layer, and beside
_DESCENT = 60  # evaluations of one descent, where it may take more
"""Nanoseconds of a core of an AMD EPYC, measured: they weigh the parts of a call against each other."""


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
    memory = held + n_shots * (n + _BYTES_A_SHOT) + temperature_bytes(n_shots, n) + kept
    work = _CALL + _A_GATE * gates + _A_NUMBER * computed + _A_SHOT * n_shots
    if recipe.is_trained:
        states, trained_bytes = training_of(problem, recipe.depth)
        kernel = f"{kernel}, angles {recipe.angles}"
        evaluations, layers = _training(recipe)
        work += _AN_EVALUATION * evaluations + _A_GRADIENT * layers * n * states
        memory += trained_bytes
    return Workload(f"qaoa {kernel}", work, memory, kept, paid_seconds)


def _training(recipe: Recipe) -> tuple[float, float]:
    """Evaluations with a gradient, and layers that are gone through in them."""
    each = min(_DESCENT, recipe.n_iterations)
    if recipe.angles == "optimise":
        n_descents = recipe.n_starts + recipe.multi_angle
        return each * n_descents, each * n_descents * recipe.depth
    return each * recipe.depth, each * sum(range(1, recipe.depth + 1))
