"""The null of independent spins: configurations without correlations, as a distribution of a statistic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

__all__ = ["dealt_anew", "random_overlap", "shuffle_null"]


def random_overlap(n_spins: int) -> float:
    """Mean |q| of two random configurations of N spins; sqrt(2 / (pi N)) for large N.

    Examples
    --------
    >>> random_overlap(1), random_overlap(2)
    (1.0, 0.5)
    """
    agreeing = np.arange(n_spins + 1)
    return float(binom.pmf(agreeing, n_spins, 0.5) @ np.abs(2 * agreeing / n_spins - 1))


def dealt_anew(spins: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int8]:
    """Configurations (n, n_spins) whose values of each spin are dealt anew among them, each spin on its own:
    magnetisations stay, correlations go."""
    return np.stack([rng.permutation(column) for column in spins.T], axis=1)


def shuffle_null(
    spins: NDArray[np.int8],
    statistic: Callable[[NDArray[np.int8]], ArrayLike],
    n_null: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """A statistic of configurations that were dealt anew, so many times; (n_null, ...).

    Parameters
    ----------
    spins : (n, n_spins)
    statistic : of such configurations; may draw from `rng` as well
    """
    return np.array([statistic(dealt_anew(spins, rng)) for _ in range(n_null)], dtype=np.float64)
