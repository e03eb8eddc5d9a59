"""One loss, and two kinds of weights that it is a function of: real ones, and spins.

The loss is ``1/2 sum_mu (y_mu - w . phi_mu / sqrt(N))^2 + ridge / 2 |w|^2``, for N features and P samples.
Real weights have one minimum, or one that is the smallest. Weights w = ±1 have it as the energy of an Ising
problem, couplings phi^T phi / N and fields -phi^T y / sqrt(N): a Hopfield model whose patterns lie high, and
the spin glass of multi-user detection (Tanaka 2002, IEEE Trans. Inf. Theory 48, 2888). To take it for the
features of a random network is the choice of this project.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.instances._drawing import require_numbers
from qspin.networks.squares import sum_of_squares
from qspin.problem import IsingProblem
from qspin.theory.regression import checked_scale
from qspin.validate import checked_array

__all__ = ["ridge_regression", "training_problem"]

Floats = NDArray[np.float64]


def ridge_regression(features: ArrayLike, targets: ArrayLike, *, ridge: float = 0.0) -> Floats:
    """Real weights (N,) of the least loss; of ridge 0, the smallest of those with the least error.

    Parameters
    ----------
    features : phi (P, N)
    targets : y (P,)
    ridge : 0 or more

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite, or the ridge is negative.
    """
    phi, y = _checked(features, targets)
    ridge = checked_scale(ridge, "ridge")
    n_samples, n = phi.shape
    scaled = phi / np.sqrt(n)
    if ridge == 0:
        return np.asarray(np.linalg.lstsq(scaled, y, rcond=None)[0])
    if n_samples < n:
        return np.asarray(scaled.T @ np.linalg.solve(scaled @ scaled.T + ridge * np.eye(n_samples), y))
    return np.asarray(np.linalg.solve(scaled.T @ scaled + ridge * np.eye(n), scaled.T @ y))


def training_problem(features: ArrayLike, targets: ArrayLike, *, ridge: float = 0.0) -> IsingProblem:
    """Binary weights as spins, whose energy is the loss, for every configuration.

    Parameters
    ----------
    features : phi (P, N), of which each is to have a weight ±1 / sqrt(N)
    targets : y (P,)
    ridge : it costs all binary weights the same, ridge N / 2, and moves no minimum

    Raises
    ------
    InputError
        As `ridge_regression`.
    CapacityError
        If the couplings would not fit in memory.

    Examples
    --------
    >>> problem = training_problem([[1.0, 2.0, 0.5, -1.0]], [1.5])
    >>> float(problem.energies([1, 1, -1, 1]))  # (1.5 - (1 + 2 - 0.5 - 1) / 2)^2 / 2
    0.28125
    """
    phi, y = _checked(features, targets)
    ridge = checked_scale(ridge, "ridge")
    n = phi.shape[1]
    require_numbers(4 * n**2, f"the couplings of {n} spins")
    return sum_of_squares(phi / np.sqrt(n), -y, scale=2.0).shifted(ridge * n / 2)


def _checked(features: ArrayLike, targets: ArrayLike) -> tuple[Floats, Floats]:
    phi, y = checked_array(features, "features"), checked_array(targets, "targets")
    if phi.ndim != 2 or 0 in phi.shape or y.shape != phi.shape[:1]:
        raise InputError(
            "features must have shape (P, N) and targets (P,), at least one of each; got "
            f"{phi.shape} and {y.shape}"
        )
    for values, what in ((phi, "features"), (y, "targets")):
        if not np.isfinite(values).all():
            raise InputError(f"{what} must be finite; got {values[~np.isfinite(values)][0]}")
    return phi.astype(np.float64), y.astype(np.float64)
