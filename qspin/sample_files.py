"""What a file must hold to be a sample set, and what earlier versions wrote in its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from qspin.archives import parse_json
from qspin.errors import InputError
from qspin.remarks import UNSPECIFIED, Remark, remarks_from
from qspin.sample_parts import DIMS
from qspin.sealed import FORMAT
from qspin.validate import checked_spins

if TYPE_CHECKING:
    import xarray as xr

    from qspin.samples import SampleSet

__all__ = ["check_content", "of_this_version"]

_REMARKS_SINCE = 3  # format of files; before, there were warnings


def of_this_version(dataset: xr.Dataset) -> xr.Dataset:
    """What was read, with warnings of earlier versions, which had no codes, as remarks."""
    if dataset.attrs.get("qspin", _REMARKS_SINCE) >= _REMARKS_SINCE:
        return dataset
    info = parse_json(str(dataset.attrs.get("info")))
    warnings = info.pop("warnings", None) if isinstance(info, dict) else None
    if not isinstance(warnings, list) or not all(isinstance(text, str) for text in warnings):
        return dataset  # of no version, and refused for what it has instead
    remarks = [Remark(UNSPECIFIED, text or "a warning without words").plain() for text in warnings]
    told = {"headline": "", "ignored": [], **info, "remarks": remarks}
    return dataset.assign_attrs(qspin=FORMAT, info=json.dumps(told, sort_keys=True))


def check_content(samples: SampleSet) -> None:
    """Refuse content that `SampleSet.from_spins` would not have made. Raises InputError."""
    spins, energies = samples.spins, samples.energies
    if spins.dtype != np.int8 or energies.dtype != np.float64 or energies.dims != DIMS[:3]:
        raise InputError(
            f"spins must be int8 and energies float64 with dims {DIMS[:3]}; got {spins.dtype}, "
            f"{energies.dtype} and {energies.dims}"
        )
    checked_spins(spins.values, samples.n_spins)
    beta = samples.dataset.coords.get("beta")
    if beta is None or beta.dims != ("beta",) or beta.dtype.kind != "f":
        raise InputError("it has no coordinate 'beta' of real numbers")
    if len(samples.labels) != samples.n_spins:
        raise InputError(f"it names {len(samples.labels)} spins and holds {samples.n_spins}")
    info = samples.info
    if not isinstance(info.get("status"), str):
        raise InputError("its info tells no status")
    remarks_from(info.get("remarks"))
