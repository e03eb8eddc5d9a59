"""Which variables of a result there are, and over what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from qspin.studies.lines import is_line

__all__ = ["Variable", "coldest_row", "variables_of"]

_PARTS = ("_error", "_low", "_high")


class Variable(NamedTuple):
    """One variable of a measure.

    Parameters
    ----------
    dims : it lies over
    is_text : whether its values are words
    """

    name: str
    dims: tuple[str, ...]
    is_text: bool

    @property
    def heading(self) -> str:
        return self.name.replace("_", " ")


def variables_of(results: Sequence[xr.Dataset]) -> list[Variable]:
    """Of all results, those that belong to no other one as its error, interval or line."""
    found: dict[str, Variable] = {}
    for result in results:
        for key, values in result.data_vars.items():
            name = str(key)
            if not is_line(name) and not any(
                name.endswith(part) and name.removesuffix(part) in result for part in _PARTS
            ):
                is_text = values.dtype.kind in "OUS"
                found.setdefault(name, Variable(name, tuple(map(str, values.dims)), is_text))
    return list(found.values())


def coldest_row(result: xr.Dataset) -> int:
    """Row of ``beta`` at the lowest temperature; the first where none is known."""
    temperatures = (
        result["temperature"].values if "temperature" in result.coords else 1 / result["beta"].values
    )
    known = np.isfinite(temperatures)
    return int(np.nanargmin(np.where(known, temperatures, np.nan))) if known.any() else 0
