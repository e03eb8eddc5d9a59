"""The energies of a problem: which of them are equal, and all 2**N of them by enumeration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qspin.errors import CapacityError
from qspin.problem import IsingProblem
from qspin.rounding import energy_tolerance, flip_tolerances, levelled, rounding_of

__all__ = [
    "MAX_SPINS",
    "Enumeration",
    "all_energies",
    "energy_tolerance",
    "enumerate_problem",
    "flip_tolerances",
    "ground_states",
    "levelled",
    "require_enumerable",
    "rounding_of",
    "transformed",
    "without_offset",
]

MAX_SPINS = 26
"""Spins up to which a problem is enumerated where nobody says otherwise; 1 GiB with what is made of them."""


def without_offset(problem: IsingProblem) -> IsingProblem:
    """The problem with offset 0: a large one rounds away what distinguishes energies."""
    return problem.shifted(-problem.offset)


def ground_states(
    problem: IsingProblem, *, most: int = 1_000, max_spins: int = MAX_SPINS
) -> tuple[float, NDArray[np.int8]]:
    """The lowest energy, and configurations that have it, by enumeration.

    Parameters
    ----------
    most : configurations that are returned; those of the lowest numbers, see `Enumeration`
    max_spins : refuse larger problems

    Returns
    -------
    energy, units of energy; configurations, int8 (n, N)

    Raises
    ------
    CapacityError
        If the problem has more than `max_spins` spins.

    Examples
    --------
    >>> energy, states = ground_states(IsingProblem([[0, -1], [-1, 0]]))
    >>> energy, states.tolist()
    (-1.0, [[-1, -1], [1, 1]])
    """
    spectrum = enumerate_problem(problem, max_spins=max_spins)
    return spectrum.ground_energy, spectrum.ground_states(most)


def enumerate_problem(problem: IsingProblem, *, max_spins: int = MAX_SPINS) -> Enumeration:
    """Compute the energy of every configuration.

    Raises
    ------
    CapacityError
        If the problem has more than `max_spins` spins; the message says what it would need.
    """
    require_enumerable(problem.n_spins, max_spins)
    centred = all_energies(problem.toarray(), problem.fields)
    return Enumeration(centred, problem.offset, energy_tolerance(without_offset(problem)))


def all_energies(couplings: NDArray[np.float64], fields: NDArray[np.float64]) -> NDArray[np.float64]:
    """``sum_{i<j} J_ij s_i s_j + sum_i h_i s_i`` of every configuration, by number (2**N,); no memory beside
    it.

    Parameters
    ----------
    couplings : (N, N), symmetric
    fields : (N,)
    """
    from qspin.enumeration import fill_energies

    energies = np.empty(2 ** len(fields))
    fill_energies(np.ascontiguousarray(couplings), np.ascontiguousarray(fields), energies)
    return energies


def transformed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`values` itself (2**N,), after the Walsh-Hadamard transform: of weights of configurations by number it
    makes (-1)**|A| <prod of s_i, i in A>, A by its bits.
    """
    from qspin.enumeration import walsh_hadamard

    walsh_hadamard(values)
    return values


def require_enumerable(n_spins: int, max_spins: int) -> None:
    """Raises CapacityError, with what it would need, if `n_spins` is above the limit."""
    if n_spins <= max_spins:
        return
    gibibytes = 2.0 ** (min(n_spins, 1000) + 4 - 30)
    raise CapacityError(
        f"exact enumerates 2^N configurations: {n_spins} spins would need {gibibytes:.3g} GiB of memory "
        f"and 2^{n_spins - max_spins} times the work of {max_spins}, the limit (max_spins). Use a smaller "
        "problem, or the backend 'tempering'"
    )


@dataclass(frozen=True, eq=False)
class Enumeration:
    """The full spectrum of a problem.

    Parameters
    ----------
    centred : energies without the offset, which would round away what distinguishes them; float64 (2**N,),
        units of energy; bit i of the index is (1 + s_i) / 2
    offset : of the problem
    tolerance : energies closer than this belong to one level
    """

    centred: NDArray[np.float64]
    offset: float
    tolerance: float

    @property
    def n_spins(self) -> int:
        return len(self.centred).bit_length() - 1

    @property
    def energies(self) -> NDArray[np.float64]:
        """With the offset, float64 (2**N,); a copy where there is one."""
        return self.centred + self.offset if self.offset else self.centred

    @cached_property
    def _lowest(self) -> float:
        return float(self.centred.min())

    @property
    def ground_energy(self) -> float:
        return self._lowest + self.offset

    @cached_property
    def ground_degeneracy(self) -> int:
        """How many configurations share the lowest energy."""
        return int(np.count_nonzero(self.centred <= self._lowest + self.tolerance))

    def ground_states(self, most: int | None = None) -> NDArray[np.int8]:
        """Configurations of lowest energy in the order of their numbers, all of them or the first ones, int8
        (n, N)."""
        return self.configurations(np.flatnonzero(self.centred <= self._lowest + self.tolerance)[:most])

    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Distinct energies, ascending, and the number of configurations at each."""
        ordered = np.sort(self.centred)
        first = np.flatnonzero(np.diff(ordered, prepend=-np.inf) > self.tolerance)
        return ordered[first] + self.offset, np.diff(first, append=len(ordered))

    def configurations(self, states: NDArray[np.integer]) -> NDArray[np.int8]:
        """Spins of numbered configurations, int8 (..., N)."""
        bits = (np.asarray(states)[..., None] >> np.arange(self.n_spins)) & 1
        return (2 * bits - 1).astype(np.int8)

    def numbers(self, spins: NDArray[np.integer]) -> NDArray[np.int64]:
        """Numbers of configurations (..., N), the inverse of `configurations`; (...)."""
        return (np.asarray(spins) > 0) @ (1 << np.arange(self.n_spins))

    def probabilities(self, beta: float) -> NDArray[np.float64]:
        """Boltzmann weights exp(-beta E) / Z of all configurations, float64 (2**N,)."""
        weights = np.exp(-beta * (self.centred - self._lowest))
        weights /= weights.sum()
        return weights

    def log_partition(self, beta: float) -> float:
        """ln Z at inverse temperature `beta`."""
        from scipy.special import logsumexp

        return float(logsumexp(-beta * self.centred) - beta * self.offset)

    def mean_energy(self, beta: float) -> float:
        """<E>, units of energy."""
        return float(self.probabilities(beta) @ self.centred) + self.offset

    def heat_capacity(self, beta: float) -> float:
        """beta^2 (<E^2> - <E>^2) of the whole system, in units of Boltzmann's constant."""
        probabilities = self.probabilities(beta)
        return float(beta**2 * (probabilities @ (self.centred - probabilities @ self.centred) ** 2))

    def magnetisations(self, beta: float) -> NDArray[np.float64]:
        """<s_i>, float64 (N,)."""
        return -transformed(self.probabilities(beta))[1 << np.arange(self.n_spins)]

    def correlations(self, beta: float) -> NDArray[np.float64]:
        """<s_i s_j>, float64 (N, N), ones on the diagonal."""
        single = 1 << np.arange(self.n_spins)
        return transformed(self.probabilities(beta))[single[:, None] ^ single[None, :]]

    def overlap_distribution(self, beta: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(q, P(q)) of two independent replicas: overlaps -1 to 1 ascending, probabilities, both (N + 1,).

        The overlap of two configurations depends on their XOR alone, so P(q) is an autocorrelation of the
        Boltzmann weights over XOR, summed by the number of differing spins.
        """
        from qspin.enumeration import sum_by_popcount

        spectrum = transformed(self.probabilities(beta))
        spectrum *= spectrum
        transformed(spectrum)
        by_distance = sum_by_popcount(spectrum, self.n_spins) / len(spectrum)
        n = max(self.n_spins, 1)
        return 1.0 - 2.0 * np.arange(self.n_spins, -1, -1) / n, by_distance[::-1]

    def sample(self, beta: float, size: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """`size` independent configurations from the Boltzmann distribution, int8 (size, N)."""
        cumulative = np.cumsum(self.probabilities(beta))
        states = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
        return self.configurations(np.minimum(states, len(cumulative) - 1))
