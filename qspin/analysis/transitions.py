"""Where the distribution of a sampler changes fastest along its parameter, without an order parameter.

Arnold, Holtorf, Schaefer, Loerch 2024 (arXiv:2405.17088): at a trial point, the distributions of the next
points to the left and to the right are told apart as well as they can be; peaks of their dissimilarity D_g
mark transitions.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.levels import binned_levels, comparable_energies
from qspin.analysis.resampling import jackknife
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

__all__ = ["dissimilarity", "dissimilarity_curve"]

Measure = Literal["jensen_shannon", "total_variation", "linear"]


def dissimilarity(left: ArrayLike, right: ArrayLike, measure: Measure = "linear") -> float:
    """D_g = 1/2 sum over y of E_(x ~ P_y) g(P_y(x) / (P_L(x) + P_R(x))) of two distributions.

    Parameters
    ----------
    left, right : probabilities (n_outcomes,), each summing to 1
    measure : ``jensen_shannon`` g = log 2x, ``total_variation`` g = 1 - 2 min(x, 1 - x), ``linear``
        g = 2x - 1

    Examples
    --------
    >>> dissimilarity([1, 0], [0, 1], "total_variation"), dissimilarity([0.5, 0.5], [0.5, 0.5], "linear")
    (1.0, 0.0)
    """
    p_left, p_right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    total = 0.0
    for own in (p_left, p_right):
        present = own > 0
        share = own[present] / (p_left + p_right)[present]
        total += float(own[present] @ _g(share, measure))
    return total / 2


def _g(x: NDArray[np.float64], measure: str) -> NDArray[np.float64]:
    if measure == "jensen_shannon":
        return np.log(2 * x)
    if measure == "total_variation":
        return 1 - 2 * np.minimum(x, 1 - x)
    if measure == "linear":
        return 2 * x - 1
    raise InputError(f"measure must be one of {', '.join(get_args(Measure))}; got {measure!r}")


@checked_arguments
def dissimilarity_curve(
    samples: SampleSet,
    *,
    width: int = 3,
    bins: int = 30,
    measure: Measure = "linear",
    problem: IsingProblem | None = None,
) -> xr.Dataset:
    """D_g of the energy per spin between the rows of a sample set, at every point between two of them.

    The energy is a sufficient statistic of a Boltzmann ensemble, so nothing is lost by looking at it alone.

    Parameters
    ----------
    samples : of a ladder of temperatures, or of coupling scales
    width : rows on each side that are put together
    bins : of the energy
    measure : see `dissimilarity`
    problem : that was sampled; with it, energies are binned without its offset, however large that is

    Returns
    -------
    dataset over ``point`` with ``dissimilarity``, its ``_error`` over replicas, ``is_peak`` (higher than both
    neighbours by more than two errors), and ``temperature`` (geometric mean of the two rows beside it, NaN
    without temperatures)

    Raises
    ------
    InputError
        If there are fewer than two rows, or no such measure.
    """
    energies, _, tolerance = comparable_energies(samples, problem)
    if len(energies) < 2:
        raise InputError(
            f"a transition lies between temperatures: at least two are needed; got {len(energies)}"
        )
    _g(np.ones(1), measure)
    index, _ = binned_levels(energies, bins, tolerance)
    counts = np.stack(
        [[np.bincount(draws, minlength=bins) / len(draws) for draws in row] for row in index]
    )  # (row, replica, bin)
    estimates, errors = [], []
    for point in range(len(energies) - 1):
        sides = [
            counts[max(0, point + 1 - width) : point + 1].mean(axis=0),
            counts[point + 1 : point + 1 + width].mean(axis=0),
        ]

        def apart(mean: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.array([dissimilarity(mean[0], mean[1], measure)])

        value, error = jackknife(np.stack(sides, axis=1), apart)
        estimates.append(float(value[0]))
        errors.append(float(error[0]))
    values, spread = np.array(estimates), np.nan_to_num(errors)
    padded = np.concatenate([[np.inf], values, [np.inf]])
    room = 2 * np.concatenate([[0.0], spread, [0.0]])
    peak = (values > padded[:-2] + room[:-2]) & (values > padded[2:] + room[2:])
    t = samples.temperatures
    return xr.Dataset(
        {
            "dissimilarity": ("point", values),
            "dissimilarity_error": ("point", np.array(errors)),
            "is_peak": ("point", peak),
        },
        coords={"temperature": ("point", np.sqrt(t[:-1] * t[1:]))},
    )
