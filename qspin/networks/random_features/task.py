"""Tasks for students on random features: the features, and who gives the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from qspin.errors import InputError, shown
from qspin.instances._drawing import require_numbers
from qspin.theory.activations import Activation, activation_of
from qspin.theory.regression import Teacher
from qspin.validate import checked_count

__all__ = ["Task", "drawn_task", "require_room"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """Features ``phi = sigma(F x / sqrt(D)) - mean`` of inputs x ~ N(0, 1), and a teacher.

    Parameters
    ----------
    first : F (N, D)
    sigma : its mean over inputs is taken off
    inward : teacher on inputs (D,), y = inward . x / sqrt(D); or zeros
    outward : teacher on features (N,), y = outward . phi / sqrt(N); or zeros
    """

    first: Floats
    sigma: Activation
    inward: Floats
    outward: Floats

    def samples(self, rng: Generator, n_samples: int) -> tuple[Floats, Floats]:
        """Features (P, N), and labels (P,) without noise."""
        n_features, n_inputs = self.first.shape
        x = rng.normal(size=(n_samples, n_inputs)) / np.sqrt(n_inputs)
        phi = self.sigma.centred(x @ self.first.T)
        return phi, x @ self.inward + phi @ self.outward / np.sqrt(n_features)


def drawn_task(
    rng: Generator, n_inputs: int, n_features: int, *, activation: str, teacher: Teacher, signal: float = 1.0
) -> Task:
    """F ~ N(0, 1), and a teacher: normal on inputs, signs on features, times `signal`."""
    sigma = activation_of(activation)
    first = rng.normal(size=(n_features, n_inputs))
    if teacher == "linear":
        return Task(first, sigma, signal * rng.normal(size=n_inputs), np.zeros(n_features))
    if teacher == "features":
        return Task(first, sigma, np.zeros(n_inputs), signal * rng.choice([-1.0, 1.0], size=n_features))
    raise InputError(f"teacher must be 'linear' or 'features'; got {shown(teacher)}")


def require_room(n_inputs: int, n_features: int, n_samples: int) -> None:
    """Refuse sizes that are none, and those that would not fit in memory."""
    for size, name in ((n_inputs, "n_inputs"), (n_features, "n_features"), (n_samples, "n_samples")):
        checked_count(size, name, least=1)
    room = n_features * (4 * n_features + n_inputs + 4 * n_samples) + n_inputs * n_samples
    require_numbers(room, f"{n_features} features of {n_inputs} inputs and {n_samples} samples")
