"""Averages over instances of the disorder, and what only they tell; errors by bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis.overlap import binder_ratio
from qspin.arguments import checked_arguments
from qspin.errors import InputError

__all__ = ["bootstrap", "disorder_curve", "disorder_distribution"]

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def bootstrap(
    values: NDArray[np.float64], statistic: Statistic, *, n_resamples: int = 500, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """A statistic of independent instances, its standard error, and the resampled values.

    Parameters
    ----------
    values : (n_instances, ...)
    statistic : of such an array, with any number of instances

    Returns
    -------
    estimate, error (NaN for one instance), and resampled estimates (n_resamples, ...). Of n instances,
    resampled ones scatter less than new ones would by sqrt(1 - 1/n), which the error makes up for.
    """
    rng = np.random.default_rng(seed)
    n = len(values)
    estimate = np.asarray(statistic(values))
    drawn = np.stack([statistic(values[rng.integers(0, n, n)]) for _ in range(n_resamples)])
    if n < 2:
        return estimate, np.full(estimate.shape, np.nan), drawn
    error = drawn.std(axis=0, ddof=1) * np.sqrt(n / (n - 1))
    return estimate, error, drawn


@checked_arguments
def disorder_curve(curves: Sequence[xr.Dataset], n_spins: int) -> xr.Dataset:
    """Overlap moments averaged over instances, and the ratios that are made of averages.

    Parameters
    ----------
    curves : `overlap_curve` of each instance, at the same temperatures
    n_spins : of each

    Returns
    -------
    dataset over ``beta``, each with its ``..._error``: ``q_abs``, ``q2``, ``q4`` (averages), ``chi_sg`` N
    [<q^2>], ``binder`` (3 - [<q^4>]/[<q^2>]^2) / 2, ``self_averaging`` A = ([<q^2>^2] - [<q^2>]^2) /
    [<q^2>]^2, which vanishes for large N where q^2 averages itself, and ``guerra`` G = ([<q^2>^2] -
    [<q^2>]^2) / ([<q^4>] - [<q^2>]^2), 1/3 at low temperature where replica symmetry is broken (Guerra 1996;
    Marinari et al. 1998). Variances over instances and squares of averages are estimated without bias; the
    thermal error of <q^2> in each instance, which adds its square to [<q^2>^2], is left in.

    Raises
    ------
    InputError
        If there are fewer than two instances, or their temperatures differ.
    """
    _require_one_ladder(curves)
    moments = np.stack([[c[name].values for name in ("q_abs", "q2", "q4")] for c in curves])

    def ratios(sample: NDArray[np.float64]) -> NDArray[np.float64]:
        q_abs, q2, q4 = sample.mean(axis=0)
        spread = sample[:, 1].var(axis=0, ddof=1)
        square = q2**2 - spread / len(sample)  # of the average: q2**2 has its variance on top
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack(
                [q_abs, q2, q4, n_spins * q2, binder_ratio(q2, q4), spread / square, spread / (q4 - square)]
            )

    estimate, error, _ = bootstrap(moments, ratios)
    names = ("q_abs", "q2", "q4", "chi_sg", "binder", "self_averaging", "guerra")
    variables = {}
    for k, name in enumerate(names):
        variables[name], variables[f"{name}_error"] = ("beta", estimate[k]), ("beta", error[k])
    return xr.Dataset(variables, coords=_coordinates(curves[0]), attrs={"n_instances": len(curves)})


@checked_arguments
def disorder_distribution(distributions: Sequence[xr.Dataset]) -> xr.Dataset:
    """P(q) averaged over instances, with errors by bootstrap.

    Parameters
    ----------
    distributions : `overlap_distribution` of each instance, with the same bins and temperatures
    """
    _require_one_ladder(distributions)
    densities = np.stack([d["density"].values for d in distributions])
    estimate, error, _ = bootstrap(densities, lambda sample: sample.mean(axis=0))
    first = distributions[0]
    return xr.Dataset(
        {
            "density": (("beta", "q"), estimate),
            "density_error": (("beta", "q"), error),
            "width": first["width"],
        },
        coords={**_coordinates(first), "q": first["q"]},
        attrs={"n_instances": len(distributions)},
    )


def _require_one_ladder(curves: Sequence[xr.Dataset]) -> None:
    if len(curves) < 2:
        raise InputError(f"an average over the disorder needs at least two instances; got {len(curves)}")
    for curve in curves[1:]:
        if not np.array_equal(curve["beta"].values, curves[0]["beta"].values, equal_nan=True):
            raise InputError(
                "the instances were sampled at different temperatures: give all of them one list of betas"
            )


def _coordinates(curve: xr.Dataset) -> dict[str, xr.DataArray]:
    return {"beta": curve["beta"], "temperature": curve["temperature"]}
