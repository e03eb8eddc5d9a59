"""Dense associative memories: energies of higher order in the overlaps with patterns.

``E(s) = -sum_mu F(xi^mu . s)``: Krotov, Hopfield 2016 (arXiv:1606.01164) for powers, Demircigil et al. 2017
(arXiv:1702.01929) for the exponential, which stores exponentially many patterns.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import CapacityError, InputError
from qspin.problem import IsingProblem
from qspin.settings import checked_seed
from qspin.validate import checked_count, checked_patterns, checked_real, checked_spins

__all__ = ["DenseMemory"]

_MOST_SWEEPS = 1000
_MOST_TERMS = 2_000_000
_REDUCED = (3, 4)


class DenseMemory:
    """Patterns and the function of their overlaps.

    Parameters
    ----------
    patterns : array (P, N) of -1 and +1, at least one
    degree : n of ``F(x) = x^n / N^(n-1)``, at least 2; 2 is the Hopfield model. Or ``exponential``:
        ``F(x) = exp(x - N)``

    Raises
    ------
    InputError
        If the patterns are no such matrix, or there is no such function.

    Examples
    --------
    >>> memory = DenseMemory([[1, 1, -1, 1], [1, -1, -1, -1]], degree=3)
    >>> memory.energies([[1, 1, -1, 1]]).tolist()
    [-4.0]
    """

    def __init__(self, patterns: ArrayLike, degree: int | str = 3):
        self._patterns = checked_patterns(patterns).astype(np.int8)
        if isinstance(degree, str) and degree != "exponential":
            raise InputError(f"degree is an integer of 2 or more, or 'exponential'; got {degree!r}")
        if not isinstance(degree, str):
            degree = checked_count(degree, "degree", least=2)
        self._degree = degree

    @property
    def patterns(self) -> NDArray[np.int8]:
        """(P, N), a copy."""
        return self._patterns.copy()

    @property
    def degree(self) -> int | str:
        return self._degree

    @property
    def n_spins(self) -> int:
        return self._patterns.shape[1]

    def energies(self, spins: ArrayLike) -> NDArray[np.float64]:
        """Of configurations (..., N), shape (...)."""
        s = checked_spins(np.asarray(spins), self.n_spins).astype(np.float64)
        return -self._function(s @ self._patterns.T).sum(axis=-1)

    def _function(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        n = self.n_spins
        if self._degree == "exponential":
            return np.exp(x - n)
        return np.asarray(n * (x / n) ** int(self._degree))

    def descend(self, cue: ArrayLike, *, seed: int) -> NDArray[np.int8]:
        """Fixed points of zero-temperature dynamics: spins in random order, each turned over where that
        lowers the energy, until none does.

        Parameters
        ----------
        cue : configurations (N,) or (n_cues, N), shape kept
        seed : of the order
        """
        return self._run(cue, np.inf, _MOST_SWEEPS, seed)

    def metropolis(self, cue: ArrayLike, beta: float, *, n_sweeps: int, seed: int) -> NDArray[np.int8]:
        """Configurations after `n_sweeps` sweeps of Metropolis updates at inverse temperature `beta`
        (1/energy); arguments as `descend`.
        """
        beta = checked_real(beta, "beta")
        return self._run(cue, beta, checked_count(n_sweeps, "n_sweeps"), seed)

    def _run(self, cue: ArrayLike, beta: float, n_sweeps: int, seed: int) -> NDArray[np.int8]:
        given = checked_spins(np.asarray(cue), self.n_spins)
        spins = np.atleast_2d(given).astype(np.float64)
        patterns = self._patterns.astype(np.float64)
        overlaps = spins @ patterns.T
        rng = np.random.default_rng(checked_seed(seed))
        for _ in range(n_sweeps):
            changed = False
            for i in rng.permutation(self.n_spins):
                after = overlaps - 2 * spins[:, [i]] * patterns[:, i]
                rise = self._function(overlaps).sum(axis=1) - self._function(after).sum(axis=1)
                turned = (
                    rise < 0
                    if np.isinf(beta)
                    else rng.random(len(rise)) < np.exp(np.minimum(-beta * rise, 0))
                )
                spins[turned, i] *= -1
                overlaps[turned] = after[turned]
                changed |= bool(turned.any())
            if np.isinf(beta) and not changed:
                break
        return spins.astype(np.int8).reshape(given.shape)

    def terms(self) -> dict[tuple[int, ...], float]:
        """The energy as a polynomial of spins: positions -> coefficient, () the constant. Degrees 2 to 4.

        Raises
        ------
        InputError
            For other functions.
        CapacityError
            If there are too many terms.
        """
        n = self.n_spins
        if self._degree not in (2, *_REDUCED):
            raise InputError(
                f"the polynomial is written out for degrees 2, 3 and 4; this one has {self._degree}"
            )
        degree = int(self._degree)
        if math.comb(n, degree) > _MOST_TERMS:
            raise CapacityError(
                f"{math.comb(n, degree)} terms of {degree} spins are more than {_MOST_TERMS}: "
                "take fewer spins"
            )
        scale = -1.0 / n ** (degree - 1)
        xi = self._patterns.astype(np.int64)
        terms: dict[tuple[int, ...], float] = {}
        for order, times in _times(degree, n).items():
            for places in itertools.combinations(range(n), order):
                value = int(xi[:, places].prod(axis=1).sum()) * times
                if value:
                    terms[places] = scale * value
        return terms

    def problem(self, *, strength: float | None = None) -> IsingProblem:
        """Pairs in the place of products of three and four, with auxiliary spins behind the N own ones, by
        dimod's `make_quadratic`.

        Parameters
        ----------
        strength : of the penalty that holds an auxiliary spin at the product of its pair, units of energy;
            default twice the sum of the terms of order three and more, which no violation can pay for: the
            lowest energy over auxiliary spins is that of the memory, for every configuration of its own

        Returns
        -------
        problem whose first N spins are those of the memory; the groups ``memory`` and ``auxiliary`` are known

        Raises
        ------
        InputError, CapacityError
            As `terms`; or if the strength is not positive.
        """
        import dimod

        terms = self.terms()
        heavy = sum(abs(value) for places, value in terms.items() if len(places) > 2)
        strength = 2 * heavy if strength is None else checked_real(strength, "strength")
        if strength <= 0 and heavy:
            raise InputError(f"strength must be positive; got {strength:g}")
        polynomial = dimod.BinaryPolynomial(terms, dimod.SPIN)
        bqm = dimod.make_quadratic(polynomial, strength or 1.0, dimod.SPIN)
        own = list(range(self.n_spins))
        for k in own:
            bqm.add_variable(k)
        others = sorted((v for v in bqm.variables if v not in set(own)), key=str)
        order = {v: k for k, v in enumerate([*own, *others])}
        bqm.relabel_variables(order)
        i, j, values = [], [], []
        for (u, v), value in bqm.quadratic.items():
            i.append(u)
            j.append(v)
            values.append(value)
        fields = np.array([bqm.linear[k] for k in range(len(order))])
        problem = IsingProblem.from_edges(len(order), i, j, values, fields, offset=float(bqm.offset))
        groups = {"memory": own, "auxiliary": list(range(len(own), len(order)))}
        return problem.with_known(groups={name: spins for name, spins in groups.items() if spins})


def _times(degree: int, n: int) -> Mapping[int, int]:
    """How often each product of so many different spins occurs in ``(xi . s)^degree``, s_i^2 being 1."""
    return {
        2: {0: n, 2: 2},
        3: {1: 3 * n - 2, 3: 6},
        4: {0: n * (3 * n - 2), 2: 12 * n - 16, 4: 24},
    }[degree]
