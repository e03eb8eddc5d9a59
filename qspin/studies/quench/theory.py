"""What theory says of kinks: lines over the time of a quench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.studies.quench.kinks import Kinks
from qspin.study import Asked

__all__ = ["Theory", "theories_of"]


class Theory(NamedTuple):
    """Density of kinks on one ring by one theory.

    Parameters
    ----------
    place : of the states that it belongs to
    times, values : nanoseconds, and the density there
    """

    name: str
    place: tuple[str, str]
    times: NDArray[np.float64]
    values: NDArray[np.float64]

    def dataset(self) -> xr.Dataset:
        return xr.Dataset({"kinks": ("time", self.values)}, coords={"time": self.times})

    def at(self, time: float | None) -> float | None:
        """At a time that is one of those of the line."""
        same = [] if time is None else np.flatnonzero(np.isclose(self.times, time, rtol=1e-9))
        return float(self.values[same[0]]) if len(same) else None


def theories_of(kinks: Sequence[Kinks], asked: Asked) -> tuple[list[Theory], list[str]]:
    """None yet."""
    return [], []
