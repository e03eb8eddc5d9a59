"""Which energies are equal: those that differ by no more than rounding.

Energies are sums of up to N rounded terms, so two configurations of one level come out up to N units in the
last place of the sum of |J| and |h| apart (Higham 2002, Accuracy and Stability of Numerical Algorithms,
section 4.2), and as far again as the offset rounds. Nothing here is in units of energy: a problem times 2^k
has 2^k times the tolerance, and every count that is made with it stays the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from qspin.problem import IsingProblem

__all__ = ["energy_tolerance", "flip_tolerances", "levelled", "rounding_of"]

_EPS = float(np.finfo(np.float64).eps)
_FEWEST_TERMS = (
    64  # roundings allowed for however few spins: of couplings, and of an enumeration flip by flip
)


def energy_tolerance(problem: IsingProblem) -> float:
    """Energies of a problem that lie no further apart than this are equal, units of energy."""
    terms = float(np.abs(problem.edges.couplings).sum() + np.abs(problem.fields).sum())
    return _EPS * ((problem.n_spins + _FEWEST_TERMS) * terms + 4 * abs(problem.offset))


def flip_tolerances(problem: IsingProblem) -> NDArray[np.float64]:
    """The same for the energy that flipping a spin sets free, each by its own couplings and field (N,)."""
    strengths = np.asarray(abs(problem.couplings).sum(axis=1)).ravel() + np.abs(problem.fields)
    return 2 * _EPS * (problem.n_spins + _FEWEST_TERMS) * strengths


def rounding_of(energies: ArrayLike, n_spins: int) -> float:
    """The tolerance where the problem is not at hand, from the largest energy.

    It is too small where all energies are far below the sum of |J| and |h|.

    Parameters
    ----------
    energies : of any shape; those that are not finite are left out
    n_spins : of the configurations that they belong to
    """
    values = np.abs(np.asarray(energies, dtype=np.float64))
    largest = float(np.max(values, where=np.isfinite(values), initial=0.0))
    return _EPS * (n_spins + _FEWEST_TERMS) * largest


def levelled(energies: ArrayLike, tolerance: float) -> NDArray[np.float64]:
    """Energies with the lowest of their level in the place of each: what is equal but for rounding is equal.

    A level ends where the next energy lies more than the tolerance above the one before.

    Parameters
    ----------
    energies : of any shape, finite
    tolerance : from `energy_tolerance`

    Examples
    --------
    >>> levelled([0.3, 0.1 + 0.2, 1.0], 1e-15).tolist()
    [0.3, 0.3, 1.0]
    """
    values = np.asarray(energies, dtype=np.float64)
    distinct, index = np.unique(values, return_inverse=True)
    first = np.flatnonzero(np.diff(distinct, prepend=-np.inf) > tolerance)
    level = np.searchsorted(first, np.arange(len(distinct)), side="right") - 1
    return distinct[first[level]][index].reshape(values.shape) if values.size else values
