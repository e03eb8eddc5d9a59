"""Results of all points of a cell as one dataset, whose first dimensions are the axes of the sweep."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.study import Axis, Point

__all__ = ["stacked"]

MEASURED = "measured"
ROW = "row"
"""Ends the name of a dimension whose coordinate differs from point to point, such as ladders of their own."""


def stacked(axes: Sequence[Axis], points: Sequence[Point]) -> xr.Dataset:
    """All points along their axes. What a point lacks is NaN, and empty where it is text.

    A dimension whose coordinate is the same at all points keeps it; of others, the coordinate becomes a
    variable over the axes and a dimension with ``_row`` at the end of its name, as long as the longest.
    Attributes that differ become variables over the axes. What is called like an axis gets a name ending in
    ``_measured``.

    Parameters
    ----------
    points : one or more
    """
    if not axes:
        return points[0].result
    names = [axis.name for axis in axes]
    places = _places(axes, points)
    shared = _shared_attrs(points)
    results = [_beside(_with_facts(point.result, shared), names) for point in points]
    own = _own_dims(results)
    sizes: dict[str, int] = {}
    for result in results:
        for dim, n in result.sizes.items():
            name = own.get(str(dim), str(dim))
            sizes[name] = max(sizes.get(name, 0), n)
    shape = tuple(len(axis.values) for axis in axes)
    variables: dict[str, Any] = {}
    for name in dict.fromkeys(str(name) for result in results for name in result.variables):
        if name in sizes and name not in own:
            variables[name] = next(r[name].variable for r in results if name in r.variables)
            continue
        dims = next(
            tuple(own.get(str(d), str(d)) for d in r[name].dims) for r in results if name in r.variables
        )
        values = _filled([r[name].values if name in r.variables else None for r in results], places, shape,
                         tuple(sizes[d] for d in dims))  # fmt: skip
        variables[name] = ((*names, *dims), values)
    coords = {str(name) for result in results for name in result.coords} & set(variables)
    for axis in axes:
        variables.setdefault(axis.name, (axis.name, _coordinate(axis)))
    dataset = xr.Dataset(variables, attrs=shared)
    return dataset.set_coords(sorted(coords | set(names)))


def _beside(result: xr.Dataset, names: Collection[str]) -> xr.Dataset:
    """The result with another name for whatever is called like an axis."""
    clashes = {*result.variables, *result.dims} & set(names)
    return result.rename({name: f"{name}_{MEASURED}" for name in clashes}) if clashes else result


def _places(axes: Sequence[Axis], points: Sequence[Point]) -> list[tuple[int, ...]]:
    """Indices of all points; those of equal values, which an axis may repeat, in their order."""
    free = {axis.name: _indices(axis) for axis in axes}
    taken: set[tuple[int, ...]] = set()
    found = []
    for point in points:
        candidates = itertools.product(*(free[axis.name][repr(point.at[axis.name])] for axis in axes))
        place = next(place for place in candidates if place not in taken)
        taken.add(place)
        found.append(place)
    return found


def _indices(axis: Axis) -> dict[str, list[int]]:
    """Value, as text, -> where it stands."""
    found: dict[str, list[int]] = {}
    for index, value in enumerate(axis.values):
        found.setdefault(repr(value), []).append(index)
    return found


def _own_dims(results: Sequence[xr.Dataset]) -> dict[str, str]:
    """Dimensions whose coordinate differs between results -> their name in the whole."""
    own = {}
    for dim in dict.fromkeys(str(dim) for result in results for dim in result.sizes):
        found = [
            r[dim].values if dim in r.coords else np.arange(r.sizes[dim]) for r in results if dim in r.sizes
        ]
        if any(not _equal(found[0], other) for other in found[1:]):
            own[dim] = f"{dim}_{ROW}"
    return own


def _equal(first: NDArray[Any], other: NDArray[Any]) -> bool:
    return first.shape == other.shape and np.array_equal(first, other, equal_nan=first.dtype.kind == "f")


def _with_facts(result: xr.Dataset, shared: Mapping[str, Any]) -> xr.Dataset:
    """The result with the attributes that differ between points as variables."""
    facts = {str(name): _fact(value) for name, value in result.attrs.items() if name not in shared}
    return result.assign({name: ((), value) for name, value in facts.items() if name not in result.variables})


def _fact(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else json.dumps(np.asarray(value).tolist())


def _shared_attrs(points: Sequence[Point]) -> dict[str, Any]:
    first = points[0].result.attrs
    return {
        name: value
        for name, value in first.items()
        if all(repr(point.result.attrs.get(name)) == repr(value) for point in points[1:])
    }


def _filled(
    values: Sequence[NDArray[Any] | None],
    places: Sequence[tuple[int, ...]],
    shape: tuple[int, ...],
    inner: tuple[int, ...],
) -> NDArray[Any]:
    present = [np.asarray(array) for array in values if array is not None]
    is_text = any(array.dtype.kind in "OUS" for array in present)
    whole = len(present) == np.prod(shape) and all(array.shape == inner for array in present)
    if is_text:
        found: NDArray[Any] = np.full(shape + inner, "", dtype=object)
    elif whole:
        found = np.empty(shape + inner, dtype=np.result_type(*present))
    else:
        found = np.full(shape + inner, np.nan)
    for place, array in zip(places, values, strict=True):
        if array is not None:
            room: tuple[Any, ...] = (*place, *(slice(n) for n in np.shape(array)))
            found[room] = array
    return found.astype(str) if is_text else found


def _coordinate(axis: Axis) -> NDArray[Any]:
    """Values of an axis, of lists as text."""
    plain = [value if isinstance(value, int | float | str) else json.dumps(value) for value in axis.values]
    kinds = {str if isinstance(value, str) else float for value in plain}
    return np.array(plain if len(kinds) == 1 else [str(value) for value in plain])
