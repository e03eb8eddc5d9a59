"""What theory says of kinks: lines over the time of a quench."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.sampler import Schedule, followed_schedule
from qspin.studies.quench.kinks import Kinks
from qspin.study import Asked
from qspin.theory import kibble_zurek_kinks, ring_kinks

__all__ = ["Theory", "theories_of"]

_Array = NDArray[np.float64]

_SEVERAL = 1.5
"""Kinks by Kibble and Zurek from which on rings follow their law: within 2 % of free fermions, for 32 to 128
spins in linear quenches; of 1 kink it is 6 to 13 % off, and of fewer without bound."""


class Theory(NamedTuple):
    """Density of kinks on one ring by one theory.

    Parameters
    ----------
    place : of the states that it belongs to
    times, values : nanoseconds, and the density there
    """

    name: str
    place: tuple[str, str]
    times: _Array
    values: _Array

    def dataset(self) -> xr.Dataset:
        return xr.Dataset({"kinks": ("time", self.values)}, coords={"time": self.times})

    def at(self, time: float | None) -> float | None:
        """At a time that is one of those of the line."""
        if time is None:
            return None
        same = np.flatnonzero(np.isclose(self.times, time, rtol=1e-9))
        return float(self.values[same[0]]) if len(same) else None


def theories_of(kinks: Sequence[Kinks], asked: Asked) -> tuple[list[Theory], list[str]]:
    """Free fermions for every ring, and the law of Kibble and Zurek at the times at which it holds, along the
    schedule of the first sampler that follows one in time; and why there is no line where there could be one.
    """
    rings: dict[tuple[str, str], list[Kinks]] = {}
    for own in kinks:
        if own.state.is_time and own.state.time is not None and own.state.time > 0:
            rings.setdefault(own.state.place, []).append(own)
    found: list[Theory] = []
    reasons: list[str] = []
    for every in rings.values():
        schedules = ((k, followed_schedule(asked.backends[k.state.backend].sampler)) for k in every)
        first, schedule = next(((k, own) for k, own in schedules if own is not None), (None, None))
        if first is None or schedule is None:
            continue
        at = {k.state.time for k in every if k.coupling == first.coupling and k.state.time is not None}
        times = np.array(sorted(at), dtype=float)
        try:
            found += _lines(first, schedule, times)
        except InputError as error:
            reasons.append(f"theory of kinks on {first.state.problem_name}: {error}")
    return found, reasons


def _lines(ring: Kinks, schedule: Schedule, times: _Array) -> Iterator[Theory]:
    place, coupling = ring.state.place, -ring.coupling
    exact = ring_kinks(ring.n_spins, schedule, times, coupling)
    yield Theory("free fermions", place, times, exact["kink_density"].values)
    slow = kibble_zurek_kinks(schedule, times, coupling)
    density = slow["kink_density"].values
    holds = slow["in_range"].values & (density * ring.n_spins >= _SEVERAL)
    if holds.any():
        yield Theory("Kibble-Zurek", place, times[holds], density[holds])
