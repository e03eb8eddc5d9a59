"""What a QAOA circuit is made of: cost terms, mixers and angles, without any library of circuits.

All is in terms of two Hamiltonians that are both minimised. The cost is the energy E of the problem; the
mixer is -X of every spin, whose ground state |+...+> is the initial state, or its tilted form for warm
starts. A layer is exp(-i gamma E), then exp(-i beta M) with the mixer M = -sum X, so that positive angles
move a state from the ground state of the mixer to that of the cost. Papers that maximise C = -E write exp(-i
gamma C) and exp(-i beta sum X), which is the complex conjugate: the same angles, the same probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem

__all__ = ["Angles", "Terms", "Tilts"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Angles:
    """Angles of all layers.

    Parameters
    ----------
    gamma : of the cost, units of 1/energy, (depth,), or (depth, n_terms): one for every term
    beta : of the mixer, radians, (depth,), or (depth, n_spins): one for every spin
    """

    gamma: Floats
    beta: Floats

    @classmethod
    def of(cls, gamma: ArrayLike, beta: ArrayLike) -> Angles:
        return cls(np.asarray(gamma, dtype=np.float64), np.asarray(beta, dtype=np.float64))

    @property
    def depth(self) -> int:
        return len(self.gamma)

    @property
    def is_multi(self) -> bool:
        """Whether terms and spins have angles of their own (Herrman et al. 2022, Sci. Rep. 12, 6781)."""
        return self.gamma.ndim == 2

    def multi(self, n_terms: int, n_spins: int) -> Angles:
        """The same circuit with angles for every term and spin."""
        if self.is_multi:
            return self
        return Angles(
            np.repeat(self.gamma[:, None], n_terms, axis=1), np.repeat(self.beta[:, None], n_spins, axis=1)
        )

    @cached_property
    def vector(self) -> Floats:
        """All angles in a row, gammas first: what an optimiser moves."""
        return np.concatenate([self.gamma.ravel(), self.beta.ravel()])

    def moved_to(self, vector: Floats) -> Angles:
        """Angles of the same shape from such a row."""
        n = self.gamma.size
        return Angles(vector[:n].reshape(self.gamma.shape), vector[n:].reshape(self.beta.shape))

    def scaled(self, factor: float) -> Angles:
        """For a problem whose energies are `factor` times smaller."""
        return Angles(self.gamma * factor, self.beta)

    def to_json(self) -> dict[str, Any]:
        return {"gamma": self.gamma.tolist(), "beta": self.beta.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Angles:
        return cls.of(values["gamma"], values["beta"])


@dataclass(frozen=True)
class Terms:
    """Products of spins in the energy: every coupling, then every field that is not zero.

    Parameters
    ----------
    i, j : positions of the spins (n_terms,); j is -1 for a field
    weights : units of energy (n_terms,)
    n_spins : of the problem
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    weights: Floats
    n_spins: int

    @classmethod
    def of(cls, problem: IsingProblem) -> Terms:
        i, j, couplings = problem.edges
        present = couplings != 0
        biased = np.flatnonzero(problem.fields)
        return cls(
            np.concatenate([i[present], biased]),
            np.concatenate([j[present], np.full(len(biased), -1)]),
            np.concatenate([couplings[present], problem.fields[biased]]),
            problem.n_spins,
        )

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def has_fields(self) -> bool:
        return bool((self.j < 0).any())

    @property
    def masks(self) -> NDArray[np.int64]:
        """Bits of the spins of each term (n_terms,), for at most 62 spins."""
        second = np.where(self.j < 0, 0, np.int64(1) << np.maximum(self.j, 0))
        return (np.int64(1) << self.i) | second

    def matrix(self, weights: Floats) -> tuple[Floats, Floats]:
        """Couplings (n_spins, n_spins), symmetric, and fields (n_spins,) with other weights."""
        couplings, fields = np.zeros((self.n_spins, self.n_spins)), np.zeros(self.n_spins)
        pairs = self.j >= 0
        couplings[self.i[pairs], self.j[pairs]] = weights[pairs]
        fields[self.i[~pairs]] = weights[~pairs]
        return couplings + couplings.T, fields


@dataclass(frozen=True)
class Tilts:
    """Warm start (Egger, Marecek, Woerner 2021, Quantum 5, 479): every spin begins in a state of its own.

    The initial state is the product of RY(tilt) |0>, and the mixer of a spin is -(sin(tilt) X + cos(tilt) Z),
    whose ground state that is. A tilt of pi/2 is the mixer -X.

    Parameters
    ----------
    tilts : radians (n_spins,)
    """

    tilts: Floats

    @classmethod
    def towards(cls, means: ArrayLike, regularisation: float) -> Tilts:
        """From a mean between -1 and +1 of every spin; probabilities keep `regularisation` away from 0 and 1.

        Raises
        ------
        InputError
            If a mean lies outside.
        """
        values = np.asarray(means, dtype=np.float64)
        wrong = values[~(np.abs(values) <= 1)]  # also what is no number
        if wrong.size:
            raise InputError(
                f"warm_start gives every spin a mean between -1 and 1; got {wrong[0]:g}",
                key=("warm_start",),
            )
        bound = 1 - 2 * regularisation
        return cls(np.arccos(np.clip(values, -bound, bound)))
