"""Expectations of large sparse problems at small depth, term by term, from the spins that a term can see.

A term of the energy, taken back through p layers, touches no spin further than p couplings away (Farhi,
Goldstone, Gutmann 2014, arXiv:1411.4028). Its mean is that in the circuit of those spins alone, exactly, and
costs a state vector of the cone, not of the problem. Cones that look the same are computed once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.errors import CapacityError
from qspin.problem import IsingProblem
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts
from qspin_backends.qaoa.objective import Expectation, Objective
from qspin_backends.qaoa.statevector import StateVector

__all__ = ["LARGEST_CONE", "LightCones", "largest_cone"]

Floats = NDArray[np.float64]

LARGEST_CONE = 20
"""Spins of a light cone up to which it is computed."""


class _Cone(NamedTuple):
    """Spins that a term sees, nearest first, so that the term itself is about the first of them."""

    spins: NDArray[np.int64]
    n_own: int
    weight: float


@dataclass(frozen=True)
class _Product:
    """The mean of one term, s_0 s_1 or s_0, of a cone."""

    n_own: int

    def value(self, vector: StateVector, re: Floats, im: Floats) -> float:
        return self.value_and_weights(vector, re, im)[0]

    def value_and_weights(self, vector: StateVector, re: Floats, im: Floats) -> tuple[float, Floats]:
        signs = vector.diagonal(self._weights(vector.terms))
        return vector.mean(re, im, signs), signs

    def _weights(self, terms: Terms) -> Floats:
        second = 1 if self.n_own == 2 else -1
        return ((terms.i == 0) & (terms.j == second)).astype(np.float64)


class LightCones:
    """The mean energy of QAOA circuits of one problem; see the module. Has the methods of `StateVector`.

    Parameters
    ----------
    problem : sparse
    depth : of the circuits
    tilts : of a warm start

    Raises
    ------
    CapacityError
        If a cone holds more than `LARGEST_CONE` spins.
    """

    def __init__(self, problem: IsingProblem, depth: int, tilts: Tilts | None = None):
        self.terms = Terms.of(problem)
        self.offset = problem.offset
        self._depth = depth
        self._tilts = tilts
        self._n_spins = problem.n_spins
        size = largest_cone(problem, depth)
        if size > LARGEST_CONE:
            raise CapacityError(
                f"at depth {depth} a term of the energy sees {size} spins, more than the {LARGEST_CONE} that "
                "light cones are computed for; lower depth, or take angles: table or linear_ramp"
            )
        self._groups = self._grouped(problem)

    def __enter__(self) -> LightCones:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def value(self, angles: Angles, objective: Objective) -> float:
        """The mean energy."""
        return self._summed(angles, objective, gradient=False)[0]

    def value_and_gradient(self, angles: Angles, objective: Objective) -> tuple[float, Angles]:
        """The mean energy, and its derivative by every angle."""
        return self._summed(angles, objective, gradient=True)

    def _summed(self, angles: Angles, objective: Objective, *, gradient: bool) -> tuple[float, Angles]:
        if not isinstance(objective, Expectation) or angles.is_multi or angles.depth > self._depth:
            raise TypeError("light cones give the mean energy for one gamma and beta a layer")
        total, slope = self.offset, np.zeros_like(angles.vector)
        for (cone, tilts), weight in self._groups:
            with StateVector(cone.problem, tilts, n_threads=1) as vector:
                product = _Product(cone.n_own)
                if gradient:
                    value, own = vector.value_and_gradient(angles, product)
                    slope += weight * own.vector
                else:
                    value = vector.value(angles, product)
            total += weight * value
        return total, angles.moved_to(slope)

    def _grouped(self, problem: IsingProblem) -> list[tuple[tuple[_Seen, Tilts | None], float]]:
        weights: dict[bytes, float] = defaultdict(float)
        examples: dict[bytes, tuple[_Seen, Tilts | None]] = {}
        for cone in _cones(problem, self.terms, self._depth):
            seen = _Seen.of(problem, cone)
            tilts = None if self._tilts is None else Tilts(self._tilts.tilts[cone.spins])
            key = seen.key + (b"" if tilts is None else tilts.tilts.tobytes())
            examples.setdefault(key, (seen, tilts))
            weights[key] += cone.weight
        return [(examples[key], weight) for key, weight in weights.items()]


@dataclass(frozen=True)
class _Seen:
    """The problem of a cone, by itself, of which nothing is known; cones with one key have the same mean."""

    problem: IsingProblem
    n_own: int
    key: bytes

    @classmethod
    def of(cls, problem: IsingProblem, cone: _Cone) -> _Seen:
        spins, n = cone.spins, len(cone.spins)
        couplings: NDArray[np.float64] = np.zeros((n, n))
        place = {int(spin): k for k, spin in enumerate(spins)}
        indptr, indices, values, _ = problem.csr
        for k, spin in enumerate(spins.tolist()):
            for edge in range(indptr[spin], indptr[spin + 1]):
                if (other := place.get(int(indices[edge]))) is not None:
                    couplings[k, other] = values[edge]
        own = IsingProblem(couplings, problem.fields[spins])
        return cls(own, cone.n_own, couplings.tobytes() + own.fields.tobytes() + bytes([cone.n_own]))


def largest_cone(problem: IsingProblem, depth: int) -> int:
    """Spins of the largest light cone; stops counting beyond `LARGEST_CONE`."""
    sizes = (len(cone.spins) for cone in _cones(problem, Terms.of(problem), depth))
    largest = 0
    for size in sizes:
        largest = max(largest, size)
        if largest > LARGEST_CONE:
            break
    return largest


def _cones(problem: IsingProblem, terms: Terms, depth: int) -> Iterator[_Cone]:
    indptr, indices, values, _ = problem.csr
    for i, j, weight in zip(terms.i.tolist(), terms.j.tolist(), terms.weights.tolist(), strict=True):
        own = [i] if j < 0 else [i, j]
        order, seen, shell = list(own), set(own), own
        for _ in range(depth):
            following = []
            for spin in shell:
                for edge in range(indptr[spin], indptr[spin + 1]):
                    neighbour = int(indices[edge])
                    if values[edge] and neighbour not in seen:
                        seen.add(neighbour)
                        following.append(neighbour)
            order += following
            shell = following
        yield _Cone(np.array(order), len(own), weight)
