"""What results of theory share: checked arguments, curves over temperature, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.errors import InputError, shown
from qspin.remarks import Level, Remark, stored
from qspin.theory._equations import Floats
from qspin.validate import checked_array, checked_real

__all__ = [
    "beta_curve",
    "checked_parameter",
    "checked_temperatures",
    "checked_values",
    "listed",
    "replica_symmetry_broken",
    "temperature_curve",
    "told",
    "unsettled",
]

_HUGE = 1e50  # what a parameter, or one over it, may be: powers of it are still numbers


def checked_parameter(value: Any, what: str) -> float:
    """One number, not so large that powers of it are none.

    Raises
    ------
    InputError
        For anything else.
    """
    number = checked_real(value, what)
    if abs(number) > _HUGE:
        raise InputError(f"{what} takes values from {-_HUGE:g} to {_HUGE:g}; got {number:g}")
    return number


def checked_values(
    values: ArrayLike, what: str, *, least: float, most: float = _HUGE, open_end: bool = False
) -> Floats:
    """One or several finite values from `least`, or above it, to `most`, as a vector.

    Raises
    ------
    InputError
        For anything else, and for what is not 0 and yet so small that powers of it are.
    """
    array = np.atleast_1d(checked_array(values, what).astype(np.float64))
    good = np.isfinite(array) & ((array > least) if open_end else (array >= least)) & (array <= most)
    if array.ndim != 1 or not array.size or not good.all():
        bound = f"above {least:g}" if open_end else f"of {least:g} or more"
        if most < _HUGE:
            bound = f"from {least:g} to {most:g}"
        elif (np.isfinite(array) & (array > most)).any():
            bound += f", up to {most:g}"
        raise InputError(f"{what} takes one or several finite values {bound}; got {shown(values)}")
    if (tiny := (array != 0) & (np.abs(array) < 1 / _HUGE)).any():
        instead = f"values of {1 / _HUGE:g} or more" if open_end and least == 0 else "0"
        raise InputError(f"{what} is too small to reckon with; got {array[tiny][0]:g}: take {instead}")
    return array


def checked_temperatures(temperature: ArrayLike) -> Floats:
    """One or several temperatures from 0 on (n_temperatures,)."""
    return checked_values(temperature, "temperature", least=0.0)


def temperature_curve(
    temperatures: Floats, variables: Mapping[str, Any], dims: Mapping[str, str] | None = None
) -> xr.Dataset:
    """A dataset over ``beta`` with ``temperature``, as measured curves have it.

    Parameters
    ----------
    variables : name -> (n_temperatures,) or (n_temperatures, n)
    dims : name -> second dimension, of those that have one
    """
    with np.errstate(divide="ignore"):
        betas = np.where(temperatures > 0, 1 / temperatures, np.inf)
    return _curve(betas, temperatures, variables, dims or {})


def beta_curve(
    betas: Floats, variables: Mapping[str, Any], dims: Mapping[str, str] | None = None
) -> xr.Dataset:
    """The same of inverse temperatures above 0, which stay to the last digit as they were given."""
    return _curve(betas, 1 / betas, variables, dims or {})


def _curve(
    betas: Floats, temperatures: Floats, variables: Mapping[str, Any], second: Mapping[str, str]
) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (("beta", second[name]) if name in second else "beta", np.asarray(values))
            for name, values in variables.items()
        },
        coords={"beta": betas, "temperature": ("beta", temperatures)},
    )


def told(
    dataset: xr.Dataset, *, source: str, valid: str, error: str, remarks: Iterable[Remark] = ()
) -> xr.Dataset:
    """The dataset with the attributes that every result of theory has: where the formulas come from, where
    they hold, how good the numbers are, and `qspin.remarks`."""
    return dataset.assign_attrs(source=source, valid=valid, error=error, remarks=stored(remarks))


def replica_symmetry_broken(where: str, ansatz: str, further: str = "") -> Remark:
    """What is to be said of values of an ansatz beyond its stability.

    Parameters
    ----------
    where : it does not hold, with the value of the line
    ansatz : that was taken
    further : what that means for the values, or what to take instead
    """
    text = f"{where} the {ansatz} is unstable (de Almeida, Thouless 1978) and its values are approximate"
    return Remark("replica-symmetry-broken", f"{text}; {further}" if further else text, Level.CAUTION)


def unsettled(
    name: str, places: ArrayLike, residuals: ArrayLike, steps: int, advice: str, level: Level = Level.SERIOUS
) -> Remark:
    """What is to be said of iterations that came to no rest.

    Parameters
    ----------
    name : of what places are values of: ``T``, ``Gamma``
    places : where they did not
    residuals : what was left there
    advice : why that is, and what to take instead
    """
    return Remark(
        "no-convergence",
        f"no fixed point within {steps} steps at {listed(name, places)}: residuals of up to "
        f"{np.max(residuals):.2g} are left; {advice}",
        level,
    )


def listed(name: str, values: ArrayLike, most: int = 5) -> str:
    """The first few of some values.

    Examples
    --------
    >>> listed("T", [0.1, 0.25]), listed("beta", range(1, 8))
    ('T = 0.1, 0.25', 'beta = 1, 2, 3, 4, 5 and 2 more')
    """
    numbers = [f"{value:.4g}" for value in np.atleast_1d(np.asarray(values, dtype=np.float64)).tolist()]
    more = len(numbers) - most
    return f"{name} = {', '.join(numbers[:most])}" + (f" and {more} more" if more > 0 else "")
