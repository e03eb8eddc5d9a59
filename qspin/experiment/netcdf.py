"""One NetCDF-4 file of many small groups.

Straight through h5py, in the layout of the NetCDF-4 library (dimensions are HDF5 dimension scales): h5netcdf
looks every dimension of the file up again for each variable, so that a file of a few hundred groups takes
minutes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import h5py
import numpy as np
import xarray as xr

__all__ = ["tree_to_netcdf"]


def tree_to_netcdf(groups: Mapping[str, xr.Dataset]) -> bytes:
    """Datasets by the path of their group as the content of a file, which `xarray.open_datatree` reads.

    Parameters
    ----------
    groups : numbers and attributes of numbers or text; every dimension has a coordinate
    """
    content = io.BytesIO()
    with h5py.File(content, "w", track_order=True) as file:
        for path, dataset in groups.items():
            _write(file.create_group(path, track_order=True), dataset)
    return content.getvalue()


def _write(group: h5py.Group, dataset: xr.Dataset) -> None:
    scales = {}
    for dim in dataset.sizes:
        scales[dim] = group.create_dataset(str(dim), data=dataset[dim].values, track_order=True)
        scales[dim].make_scale(str(dim))
    others = [str(name) for name in dataset.coords if name not in scales]
    for name, variable in dataset.variables.items():
        if name in scales:
            continue
        stored = group.create_dataset(str(name), data=variable.values, track_order=True)
        if variable.dtype.kind == "f":
            stored.attrs["_FillValue"] = np.array([np.nan], dtype=variable.dtype)
        if name not in dataset.coords and others:
            stored.attrs["coordinates"] = " ".join(others)
        for axis, dim in enumerate(variable.dims):
            stored.dims[axis].attach_scale(scales[dim])
    for key, value in dataset.attrs.items():
        group.attrs[str(key)] = value
