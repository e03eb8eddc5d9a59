"""Sums of squares of linear forms of spins, which are pairs of spins, fields and a constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem

__all__ = ["sum_of_squares"]


def sum_of_squares(
    rows: NDArray[np.float64], constants: NDArray[np.float64], *, scale: float
) -> IsingProblem:
    """``E(s) = sum_mu (rows_mu . s + constants_mu)^2 / scale``, for every configuration.

    Parameters
    ----------
    rows : (M, N)
    constants : (M,)
    scale : positive
    """
    squares = rows.T @ rows / scale
    offset = float(np.trace(squares) + (constants**2).sum() / scale)
    couplings = squares + squares.T
    np.fill_diagonal(couplings, 0.0)
    return IsingProblem(couplings, 2 * constants @ rows / scale, offset=offset)
