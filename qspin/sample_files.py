"""What a file must hold to be a sample set, and what earlier versions wrote in its place."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qspin.archives import parse_json
from qspin.errors import InputError, shown
from qspin.files import checked_path
from qspin.remarks import UNSPECIFIED, Remark, remarks_from
from qspin.sample_parts import DIMS, checked_betas
from qspin.sealed import FORMAT, sealed
from qspin.validate import checked_spins, locked

if TYPE_CHECKING:
    from qspin.problem import IsingProblem
    from qspin.samples import SampleSet

__all__ = ["check_content", "check_energies", "content_of", "of_this_version", "read_only", "require_file"]

_REMARKS_SINCE = 3  # format of files; before, there were warnings


def content_of(samples: SampleSet, dataset: xr.Dataset) -> bytes:
    """What a file of these samples holds. Raises InputError if `SampleSet.load` would refuse it.

    Parameters
    ----------
    dataset : of the samples
    """
    check_content(samples)
    for name in {*dataset.variables, *dataset.dims}:
        if not isinstance(name, str) or not name or "/" in name:
            raise InputError(
                f"names of variables and dims in files are text without '/'; got {shown(name)}: rename it"
            )
    try:
        return sealed(dataset, compressed=("spins",))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"files of samples hold variables and attributes of numbers and text: {error}; leave others out"
        ) from error


def check_energies(samples: SampleSet, problem: IsingProblem, tolerance: float) -> None:
    """Raises InputError if an energy is not that of its spins, or is NaN."""
    if samples.is_as_made:
        return
    spins, energies, _ = samples.arrays
    expected = problem.energies(spins)
    wrong = ~(np.abs(expected - energies) <= tolerance)
    if wrong.any():
        k = tuple(np.argwhere(wrong)[0])
        raise InputError(
            f"{int(wrong.sum())} of {wrong.size} energies are not those of their spins, the first "
            f"{energies[k]:.10g} where the problem has {expected[k]:.10g}"
        )


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


def require_file(path: str | os.PathLike[str]) -> None:
    """Raises InputError where no sample file can be."""
    place = checked_path(path)
    if place.is_dir():
        raise InputError(f"{place} is a folder; expected a sample file, such as {place / 'samples.nc'}")
    if not place.is_file():
        raise InputError(f"no sample file at {place}")


def read_only(dataset: xr.Dataset, *, handed_over: bool) -> xr.Dataset:
    """The same dataset over arrays that nobody can write to.

    Parameters
    ----------
    handed_over : whether arrays that can be written to are taken as they are; they are copied otherwise

    Raises
    ------
    InputError
        If it is no dataset with the variables of a sample set.
    """
    if not isinstance(dataset, xr.Dataset):
        raise InputError(
            f"expected the xarray.Dataset of a sample set; got {type(dataset).__name__}. Configurations "
            "become one by SampleSet.from_spins, a dimod sample set by from_dimod, a file by load"
        )
    missing = {"spins", "energies"} - set(dataset.data_vars)
    if missing or dataset["spins"].dims != DIMS or "qspin" not in dataset.attrs:
        raise InputError(
            f"a sample set has variables 'spins' {DIMS} and 'energies' and the attribute 'qspin'; "
            f"got {dict(dataset.sizes)} with {sorted(map(str, dataset.data_vars))}"
        )
    dataset = dataset.copy(deep=False)
    for variable in dataset.variables.values():
        if isinstance(variable, xr.IndexVariable) or not isinstance(variable.data, np.ndarray):
            continue
        if variable.data.flags.writeable:
            variable.data = locked(variable.data.view() if handed_over else variable.data.copy())
    return dataset


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
        raise InputError("the sample set has no coordinate 'beta' of real numbers")
    checked_betas(beta.values)
    if len(samples.labels) != samples.n_spins:
        raise InputError(f"the sample set names {len(samples.labels)} spins and holds {samples.n_spins}")
    info = samples.info
    if not isinstance(info.get("status"), str):
        raise InputError("the info of the sample set tells no status, such as 'complete'")
    remarks_from(info.get("remarks"))
