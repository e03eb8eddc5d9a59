"""The null of independent spins: configurations without correlations, as a distribution of a statistic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["dealt_anew", "shuffle_null"]


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
