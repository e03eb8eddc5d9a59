"""Random-feature networks and their training, as sources."""

from __future__ import annotations

import numpy as np

from qspin.instances._drawing import generator
from qspin.networks.feedforward import twin_from_weights
from qspin.networks.random_features.ridge import ridge_regression, training_problem
from qspin.networks.random_features.task import drawn_task, require_room
from qspin.networks.twins import Scale
from qspin.problem import IsingProblem
from qspin.theory.activations import ActivationName
from qspin.theory.regression import Teacher, checked_scale

__all__ = ["random_feature_network", "random_feature_training"]


def random_feature_network(
    n_inputs: int,
    n_features: int,
    n_samples: int,
    activation: ActivationName = "erf",
    teacher: Teacher = "linear",
    ridge: float = 0.0,
    noise: float = 0.0,
    scale: Scale = "critical",
    *,
    seed: int,
) -> IsingProblem:
    """Twin of a random-feature network whose last layer is fitted to samples by ridge regression.

    ``x -> phi = sigma(F x / sqrt(D)) -> w . phi / sqrt(N)`` as layers of spins, by the rule of all twins
    (`qspin.networks.twin_from_weights`): couplings -F / sqrt(D) between inputs and features, -w / sqrt(N)
    between these and the output. The activation is in w alone.

    Parameters
    ----------
    n_inputs, n_features, n_samples : D, N and P
    activation, teacher, ridge, noise : as of `qspin.networks.random_feature_regression`; the signal is 1
    scale : ``critical`` or ``none``, as of twins
    """
    require_room(n_inputs, n_features, n_samples)
    rng = generator(seed)
    task = drawn_task(rng, n_inputs, n_features, activation=activation, teacher=teacher)
    phi, clean = task.samples(rng, n_samples)
    labels = clean + checked_scale(noise, "noise") * rng.normal(size=n_samples)
    last = ridge_regression(phi, labels, ridge=ridge)
    weights = [task.first / np.sqrt(n_inputs), last[None] / np.sqrt(n_features)]
    return twin_from_weights(weights, scale=scale)


def random_feature_training(
    n_inputs: int,
    n_features: int,
    n_samples: int,
    activation: ActivationName = "erf",
    teacher: Teacher = "features",
    ridge: float = 0.0,
    noise: float = 0.0,
    *,
    seed: int,
) -> IsingProblem:
    """Training of binary weights ±1 on random features: `qspin.networks.training_problem`, a spin a feature.

    Parameters
    ----------
    n_inputs, n_features, n_samples : D, N and P
    activation, teacher, ridge, noise : as of `qspin.networks.random_feature_regression`; the signal is 1. Of
        a teacher on features without noise, the problem knows a ground state, the teacher
    """
    require_room(n_inputs, n_features, n_samples)
    noise = checked_scale(noise, "noise")
    rng = generator(seed)
    task = drawn_task(rng, n_inputs, n_features, activation=activation, teacher=teacher)
    phi, clean = task.samples(rng, n_samples)
    labels = clean + noise * rng.normal(size=n_samples)
    problem = training_problem(phi, labels, ridge=ridge)
    if noise > 0 or not task.outward.any():
        return problem
    return problem.with_known(ground_energy=ridge * n_features / 2, ground_states=task.outward[None])
