"""Binder ratios over the time of a quench, and the exponent with which sizes fall onto one curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis import bootstrap, collapse_in_time
from qspin.analysis.finite_size import TimeCollapse
from qspin.analysis.overlap import binder_ratio
from qspin.errors import InputError
from qspin.studies.finite_size.sizes import Family, linear_size
from qspin.studies.quench.states import State

__all__ = ["BinderCurve", "Scaled", "binder_curves", "collapses_of", "size_of"]

_Array = NDArray[np.float64]
_RESAMPLED = 500  # of a curve of one instance, within its errors


class BinderCurve(NamedTuple):
    """U = (3 - [<q^4>] / [<q^2>]^2) / 2 over time, averaged over instances.

    Parameters
    ----------
    states : one a time, ascending
    times : of them (n,)
    values, errors : (n,); errors over instances by bootstrap, of one instance over replicas
    q2 : [<q^2>] (n,)
    resampled : (n_resamples, n)
    """

    states: Sequence[State]
    times: _Array
    values: _Array
    errors: _Array
    q2: _Array
    resampled: _Array
    n_instances: int

    def dataset(self) -> xr.Dataset:
        """What a figure and a file take."""
        return xr.Dataset(
            {
                "binder": ("time", self.values), "binder_error": ("time", self.errors),
                "q2": ("time", self.q2),
            },
            coords={"time": self.times},
            attrs={"n_instances": self.n_instances, "unit": "ns" if self.states[0].is_time else "length"},
        )  # fmt: skip


def binder_curves(families: Mapping[tuple[str, str, str], Sequence[State]]) -> list[BinderCurve]:
    """One curve for each sampler with two times or more, of the instances that have all of them."""
    found = []
    for states in families.values():
        own = [s for s in states if s.overlaps and s.time is not None]
        if len(own) > 1:
            curve = _curve(own)
            if curve is not None:
                found.append(curve)
    return found


def _curve(states: Sequence[State]) -> BinderCurve | None:
    shared = [k for k in states[0].overlaps if all(k in s.overlaps for s in states)]
    if not shared:
        return None
    times = np.array([s.time for s in states], dtype=float)
    rows = [[s.overlaps[k] for s in states] for k in shared]
    moments = np.array([[[float(r[name][0]) for r in row] for name in ("q2", "q4")] for row in rows])

    def ratio(sample: _Array) -> _Array:
        return binder_ratio(*sample.mean(axis=0))

    if len(shared) > 1:
        values, errors, drawn = bootstrap(moments, ratio)
    else:
        values = ratio(moments)
        errors = np.array([float(r["binder_error"][0]) for r in rows[0]])
        noise = np.random.default_rng(0).normal(size=(_RESAMPLED, len(times)))
        drawn = values + np.nan_to_num(errors) * noise
    return BinderCurve(states, times, values, errors, moments[:, 0].mean(axis=0), drawn, len(shared))


class Scaled(NamedTuple):
    """Curves of one model with one sampler at several sizes, and their collapse, or why there is none."""

    family: str
    sampler: str
    curves: Mapping[int, BinderCurve]
    collapse: TimeCollapse | None
    reason: str = ""

    def collapsed(self) -> dict[str, xr.Dataset]:
        """Size -> curve over t L^-mu."""
        assert self.collapse is not None
        return {
            f"L = {size}": curve.dataset().assign_coords(time=curve.times * size**-self.collapse.mu)
            for size, curve in self.curves.items()
        }


def size_of(family: Family, state: State) -> int | None:
    """Side of the lattice, or number of spins; None for a problem of another model."""
    if state.problem not in family.problems:
        return None
    value = family.problems[state.problem] if family.axis is None else state.where.get(family.axis)
    side = linear_size(value) if family.is_linear else None
    return state.n_spins if side is None else side


def collapses_of(families: Sequence[Family], curves: Sequence[BinderCurve]) -> list[Scaled]:
    """Every model with every sampler that has curves of two sizes or more."""
    found = []
    for family in families:
        groups: dict[str, dict[int, BinderCurve]] = {}
        for curve in curves:
            size = size_of(family, curve.states[0])
            if size is not None:
                groups.setdefault(curve.states[0].backend_name, {})[size] = curve
        found += [_scaled(family.name, sampler, own) for sampler, own in groups.items() if len(own) > 1]
    return found


def _scaled(family: str, sampler: str, curves: Mapping[int, BinderCurve]) -> Scaled:
    parts = [{size: getattr(c, name) for size, c in curves.items()}
             for name in ("times", "values", "errors", "resampled")]  # fmt: skip
    try:
        return Scaled(family, sampler, curves, collapse_in_time(*parts))
    except InputError as error:
        return Scaled(family, sampler, curves, None, str(error))
