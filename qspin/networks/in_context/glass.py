"""The loss of linear attention as the energy of a glass whose spins are the weights.

With W flattened to real spins sigma, half the mean squared error and a ridge are

    E = sum_(i<j) J_ij sigma_i sigma_j + sum_i h_i sigma_i + 1/2 sum_i lambda_i sigma_i^2 + <y^2> / 2
      = 1/2 <(y - s . sigma)^2> + ridge/2 |sigma|^2,

``J_ij = <s_i s_j>``, ``h_i = -<y s_i>``, ``lambda_i = ridge + <s_i^2>``, means over tasks. Signs are this
project's; J and h of arXiv:2408.02288 are minus these. The ground state is ridge regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.instances._drawing import require_numbers
from qspin.networks.in_context.prompts import Examples
from qspin.theory.regression import checked_scale
from qspin.validate import checked_array, locked

__all__ = ["WeightGlass", "weight_glass"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeightGlass:
    """Real spins in a quadratic energy; made by `weight_glass`.

    Parameters
    ----------
    couplings : J, symmetric with a zero diagonal ((D + 1)^2, (D + 1)^2)
    fields : h ((D + 1)^2,)
    penalties : lambda ((D + 1)^2,)
    offset : <y^2> / 2
    ridge : the part of the penalties that is no mean over tasks
    """

    couplings: Floats
    fields: Floats
    penalties: Floats
    offset: float
    ridge: float

    @property
    def n_spins(self) -> int:
        return len(self.fields)

    @property
    def matrix(self) -> Floats:
        """The Hessian of the energy: J with lambda on its diagonal; a new array."""
        matrix = self.couplings.copy()
        np.fill_diagonal(matrix, self.penalties)
        return matrix

    def energies(self, spins: ArrayLike) -> Floats:
        """Of real configurations (..., n_spins), shape (...).

        Raises
        ------
        InputError
            If the last axis has another length.
        """
        s = checked_array(spins, "spins").astype(np.float64)
        if s.ndim == 0 or s.shape[-1] != self.n_spins:
            raise InputError(f"spins must have shape (..., {self.n_spins}); got {s.shape}")
        pairs = 0.5 * ((s @ self.couplings) * s).sum(axis=-1)
        return np.asarray(pairs + s @ self.fields + 0.5 * s**2 @ self.penalties + self.offset)


def weight_glass(examples: Examples, ridge: float = 0.0) -> WeightGlass:
    """The glass of some examples.

    Parameters
    ----------
    examples : of `draw_examples`
    ridge : lambda_0, not negative

    Raises
    ------
    InputError
        If the ridge is negative.
    CapacityError
        If the couplings would not fit in memory.
    """
    ridge = checked_scale(ridge, "ridge")
    s, y = examples.rows, examples.targets
    require_numbers(3 * s.shape[1] ** 2, f"the couplings of {s.shape[1]} weights")
    couplings = s.T @ s / len(y)
    penalties = ridge + couplings.diagonal()
    np.fill_diagonal(couplings, 0.0)
    fields = -(y @ s) / len(y)
    return WeightGlass(
        locked(couplings), locked(fields), locked(penalties), float(y @ y) / (2 * len(y)), ridge
    )
