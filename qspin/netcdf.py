"""NetCDF-4 straight through h5py, in the layout of the NetCDF-4 library: dimensions are dimension scales.

h5netcdf looks every dimension of the file up again for each variable, so that a file of a few hundred groups
takes minutes, and a small sample set ten times as long as it takes to draw.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import h5py
    import xarray as xr

__all__ = ["to_netcdf", "tree_to_netcdf"]

_NO_VARIABLE = (
    "This is a netCDF dimension but not a netCDF variable."  # as the NetCDF library calls its scale
)


def to_netcdf(dataset: xr.Dataset, *, compressed: Collection[str] = ()) -> bytes:
    """A dataset as the content of a file.

    Parameters
    ----------
    dataset : numbers and text, attributes of numbers or text
    compressed : names of variables to be deflated
    """
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w", track_order=True) as file:
        _write(file, dataset, compressed)
    return content.getvalue()


def tree_to_netcdf(groups: Mapping[str, xr.Dataset]) -> bytes:
    """Datasets by the path of their group as the content of a file, which `xarray.open_datatree` reads."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w", track_order=True) as file:
        for path, dataset in groups.items():
            _write(file.create_group(path, track_order=True), dataset, ())
    return content.getvalue()


def _write(group: h5py.Group, dataset: xr.Dataset, compressed: Collection[str]) -> None:
    scales = {}
    for dim, size in dataset.sizes.items():
        known = dim in dataset.variables
        values = _storable(dataset[dim].values) if known else np.zeros(size)
        scales[dim] = group.create_dataset(str(dim), data=values, track_order=True)
        scales[dim].make_scale(str(dim) if known else f"{_NO_VARIABLE}{size:10d}")
    others = [str(name) for name in dataset.coords if name not in scales]
    for name, variable in dataset.variables.items():
        if name in scales:
            continue
        packed: dict[str, Any] = {}
        if name in compressed and variable.size:
            packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        stored = group.create_dataset(str(name), data=_storable(variable.values), track_order=True, **packed)
        if variable.dtype.kind == "f":
            stored.attrs["_FillValue"] = np.array([np.nan], dtype=variable.dtype)
        if variable.dtype.kind == "b":
            stored.attrs["dtype"] = "bool"  # as xarray tells itself
        if name not in dataset.coords and others:
            stored.attrs["coordinates"] = " ".join(others)
        for axis, dim in enumerate(variable.dims):
            stored.dims[axis].attach_scale(scales[dim])
    for key, value in dataset.attrs.items():
        group.attrs[str(key)] = value


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    """Text as HDF5 knows it, Booleans as small integers."""
    import h5py

    if values.dtype.kind in "OUS":
        return values.astype(h5py.string_dtype())
    return values.astype(np.int8) if values.dtype.kind == "b" else values
