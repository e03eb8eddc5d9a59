"""What a call of `Qaoa` will take, told before anything is trained or bought."""

from __future__ import annotations

from collections.abc import Sequence

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
    problem: IsingProblem,
    recipes: Sequence[Recipe],
    device: Device,
    n_shots: int,
    n_copies: int,
    paid_seconds: float | None,
) -> Workload:
    """What training and measuring take.

    Parameters
    ----------
    recipes : one of each depth, ascending
    n_copies : of the problem that a run of a circuit reads
    paid_seconds : that the device expects
    """
    n, n_rows, deepest = problem.n_spins, len(recipes), recipes[-1]
    kept = samples_bytes(n_rows, n_shots, 1, n)
    work, held, kernel = 0.0, 0, ""
    for recipe in recipes:
        gates = n + recipe.depth * (len(Terms.of(problem)) + n)
        kernel, computed, held = device.work(problem, recipe.depth, gates, -(-n_shots // n_copies))
        work += _CALL + n_copies * (_A_GATE * gates + _A_NUMBER * computed) + _A_SHOT * n_shots
    memory = held + n_rows * n_shots * (n + _BYTES_A_SHOT) + temperature_bytes(n_shots, n) + kept
    if deepest.is_trained:
        states, trained_bytes = training_of(problem, deepest.depth)
        kernel = f"{kernel}, angles {deepest.angles}"
        evaluations, layers = _training(recipes)
        work += _AN_EVALUATION * evaluations + _A_GRADIENT * layers * n * states
        memory += trained_bytes
    return Workload(f"qaoa {kernel}", work, memory, kept, paid_seconds)


def _training(recipes: Sequence[Recipe]) -> tuple[float, float]:
    """Evaluations with a gradient, and layers that are gone through in them."""
    deepest = recipes[-1]
    each = min(_DESCENT, deepest.n_iterations)
    if deepest.angles == "optimise":
        n_descents = deepest.n_starts + deepest.multi_angle
        return each * n_descents * len(recipes), each * n_descents * sum(recipe.depth for recipe in recipes)
    return each * deepest.depth, each * sum(range(1, deepest.depth + 1))
