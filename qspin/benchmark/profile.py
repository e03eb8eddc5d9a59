"""Performance profiles: the share of instances that a solver handles within a factor of the best one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.arguments import checked_arguments
from qspin.errors import InputError

__all__ = ["performance_profile"]


@checked_arguments
def performance_profile(times: Mapping[str, ArrayLike]) -> xr.Dataset:
    """Dolan, More 2002 (Math. Program. 91, 201).

    Parameters
    ----------
    times : solver -> time on each instance (n_instances,); NaN or infinite where it failed

    Returns
    -------
    dataset over (``solver``, ``factor``) with ``share``, from 0 to 1; the factors are all that occur

    Raises
    ------
    InputError
        If solvers have different numbers of instances.
    """
    table = [np.asarray(values, dtype=np.float64) for values in times.values()]
    if not table or len({len(row) for row in table}) != 1 or not len(table[0]):
        raise InputError("every solver needs a time, or a failure, for each of the same instances")
    array = np.where(np.isfinite(np.stack(table)), np.stack(table), np.inf)
    best = array.min(axis=0)
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isfinite(array), array / best, np.inf)
    factors = np.unique(np.concatenate([[1.0], ratios[np.isfinite(ratios)]]))
    share = (ratios[:, :, None] <= factors).mean(axis=1)
    return xr.Dataset(
        {"share": (("solver", "factor"), share)}, coords={"solver": list(times), "factor": factors}
    )
