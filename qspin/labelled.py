"""Arrays in the form in which xarray takes them at once.

Of an array as such xarray asks whether Dask has made it, and imports Dask for the question, which takes
longer than a small run. Variables and indexes that are made already are not asked about.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.validate import locked

__all__ = ["index_of", "variable_of"]


def variable_of(dims: str | tuple[str, ...], values: ArrayLike) -> Any:
    """Values of a dataset: numbers as a read-only variable over them, anything else as it is."""
    if type(values) is np.ndarray and values.dtype.kind in "biuf":
        return xr.Variable(dims, locked(values.view()), fastpath=True)
    return dims, values


def index_of(dim: str, values: NDArray[Any]) -> Any:
    """Values of a coordinate along its own dimension."""
    return xr.IndexVariable(dim, pd.Index(values, dtype=values.dtype))
