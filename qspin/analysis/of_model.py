"""Samples as draws of a model, exp(-E): those at beta = 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.samples import SampleSet

__all__ = ["draws_at", "row_of_model"]


def row_of_model(betas: ArrayLike) -> int | None:
    """Row of beta = 1; None where there is none."""
    rows = np.flatnonzero(np.isclose(np.asarray(betas, dtype=np.float64), 1.0, rtol=1e-9, atol=0))
    return int(rows[0]) if rows.size else None


def draws_at(samples: SampleSet, row: int, n: int) -> NDArray[np.int8]:
    """Configurations (n, n_spins) of one row, evenly out of its draws, all replicas of each; fewer where it
    has no more. Those of one replica may depend on each other.
    """
    spins: NDArray[np.int8] = samples.spins.values[row].swapaxes(0, 1).reshape(-1, samples.n_spins)
    n = min(n, len(spins))
    return spins[(np.arange(1, n + 1) * len(spins)) // n - 1] if n else spins[:0]
