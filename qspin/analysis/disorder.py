"""Averages over instances of the disorder, and what only they tell; errors over instances.

Those of means are the standard error, those of ratios of means by bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis.overlap import binder_ratio, moment_intervals
from qspin.analysis.temperature import interpolated
from qspin.arguments import checked_arguments
from qspin.errors import InputError

__all__ = ["bootstrap", "disorder_curve", "disorder_distribution", "on_one_ladder"]

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_MOMENTS = ("q_abs", "q2", "q4", "binder")


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
    thermal error of <q^2> in each instance, which adds its square to [<q^2>^2], is left in. The moments and
    the Binder ratio have 95 % intervals ``..._low`` to ``..._high``, as `overlap_curve` has over replicas.

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
    for side, ends in zip(("low", "high"), _intervals(moments), strict=True):
        variables |= {f"{name}_{side}": ("beta", ends[:, k]) for k, name in enumerate(_MOMENTS)}
    return xr.Dataset(variables, coords=_coordinates(curves[0]), attrs={"n_instances": len(curves)})


def _intervals(moments: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high ends (beta, 4) of what the moments (instance, 3, beta) are on average."""

    def averages(sample: NDArray[np.float64]) -> NDArray[np.float64]:
        mean = sample.mean(axis=0)
        return np.append(mean, binder_ratio(mean[1:2], mean[2:]), axis=0).T

    left_out = np.stack([averages(np.delete(moments, k, axis=0)) for k in range(len(moments))])
    return moment_intervals(averages(moments), left_out)


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


# -- ladders that differ -------------------------------------------------------------------------


@checked_arguments
def on_one_ladder(results: Sequence[xr.Dataset], nearest: Collection[str] = ()) -> list[xr.Dataset]:
    """Results of instances at common temperatures.

    Those with one ladder stay as they are, and rows of devices without a thermostat correspond to each other.
    Ladders of their own, as ``betas: auto`` finds them, are interpolated on a geometric ladder over the range
    that all of them cover, with as many temperatures as half of them have at least: curves with errors by
    monotone cubics (`interpolated`), others linearly, all in ln T.

    Parameters
    ----------
    results : of each instance; those over ``beta`` with ``temperature``
    nearest : variables that are taken from the nearest temperature instead, as all whole numbers and text are

    Raises
    ------
    InputError
        If the ladders have no range in common.
    """
    if not results or "beta" not in results[0].sizes:
        return list(results)
    betas = [result["beta"].values for result in results]
    if all(np.array_equal(own, betas[0], equal_nan=True) for own in betas[1:]):
        return list(results)
    finite = [1 / own[own > 0] for own in betas]
    if any(np.isnan(own).any() for own in betas) or not all(len(t) > 1 for t in finite):
        raise InputError(
            "the instances were sampled at different temperatures, and not all of them on ladders of two or "
            "more: give all of them one list of betas"
        )
    low, high = max(t.min() for t in finite), min(t.max() for t in finite)
    if not low < high:
        raise InputError(
            f"the ladders of the instances have no range of temperatures in common: one begins at {low:.4g}, "
            f"another ends at {high:.4g}; give all of them one list of betas"
        )
    temperatures = np.geomspace(low, high, max(2, int(np.median([len(t) for t in finite]))))[::-1]
    temperatures[[0, -1]] = high, low  # exactly, so that the ends lie within every ladder
    return [_at_temperatures(result, temperatures, nearest) for result in results]


def _at_temperatures(
    result: xr.Dataset, temperatures: NDArray[np.float64], nearest: Collection[str]
) -> xr.Dataset:
    with np.errstate(divide="ignore"):
        known = np.log(result["temperature"].values)
    rows = [int(np.nanargmin(np.abs(known - t))) for t in np.log(temperatures)]
    found = result.isel(beta=rows).drop_vars("temperature", errors="ignore")
    found = found.assign_coords(beta=1 / temperatures, temperature=("beta", temperatures))
    for name, values in result.data_vars.items():
        if name in nearest or "beta" not in values.dims or values.dtype.kind != "f":
            continue
        if values.dims == ("beta",) and f"{name}_error" in result:
            smooth, error = interpolated(result, str(name), temperatures)
            found[name], found[f"{name}_error"] = ("beta", smooth), ("beta", error)
        elif not _has_cubic(result, str(name)):
            axis = values.dims.index("beta")
            found[name] = (values.dims, _between(known, values.values, temperatures, axis))
    return found


def _has_cubic(result: xr.Dataset, name: str) -> bool:
    """Whether a variable is the error of one that is interpolated by cubics, together with it."""
    owner = name.removesuffix("_error")
    return owner != name and owner in result and result[owner].dims == ("beta",)


def _between(
    known: NDArray[np.float64], values: NDArray[np.float64], temperatures: NDArray[np.float64], axis: int
) -> NDArray[np.float64]:
    """Values at ln T = `known`, infinity left out, linearly at other temperatures."""
    order = np.argsort(known)
    order = order[np.isfinite(known[order])]
    columns = np.moveaxis(values, axis, 0)[order].reshape(len(order), -1)
    at = np.log(temperatures)
    found = np.empty((len(temperatures), columns.shape[1]))
    for k, column in enumerate(columns.T):
        found[:, k] = np.interp(at, known[order], column)
    shape = (len(temperatures), *np.delete(values.shape, axis))
    return np.moveaxis(found.reshape(shape), 0, axis)
