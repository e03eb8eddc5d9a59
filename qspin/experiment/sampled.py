"""What samplers say of their samples, for the report: whatever a study makes of them, it is told."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qspin.errors import InputError
from qspin.experiment.plan import CellPlan
from qspin.experiment.run_folder import RunFolder
from qspin.remarks import Remark, remarks_from, remarks_of

__all__ = ["untold"]

_RECORD = "record"  # the measure that has them, where a study wants it


def untold(folder: RunFolder, told: Collection[tuple[str, str, Remark]]) -> Iterator[tuple[str, str, Remark]]:
    """Remarks of samples whose code no study told of their cell: (problem, backend, remark).

    Parameters
    ----------
    told : what studies said
    """
    known = {(problem, backend, remark.code) for problem, backend, remark in told}
    plans = [own for wanted in folder.plan.wanted.values() for own in wanted]
    records = {
        (own.cell.problem, own.cell.backend): own.keys for own in plans if own.wanted.measure == _RECORD
    }
    for place, cell in folder.plan.cells.items():
        found = _recorded(folder, records[place]) if place in records else _sampled(folder, cell)
        for remark in dict.fromkeys(found):
            if (*place, remark.code) not in known:
                yield *place, remark


def _recorded(folder: RunFolder, keys: Sequence[str]) -> Iterator[Remark]:
    """Out of what was measured; what is not there is left out."""
    for key in keys:
        if (record := folder.store.measured(key)) is not None:
            yield from remarks_of(record.attrs)


def _sampled(folder: RunFolder, cell: CellPlan) -> Iterator[Remark]:
    """Out of the files of samples, of which nothing else is read: there may be thousands."""
    for point in cell.points:
        try:
            yield from remarks_from(json.loads(_info(folder.store.file("sample", point.sample)))["remarks"])
        except (OSError, KeyError, ValueError, TypeError, InputError):
            continue  # not there, or damaged, which the page says elsewhere


def _info(path: Path) -> str:
    """The attribute of that name, by the lower half of h5py, which takes half as long."""
    import h5py

    file = h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDONLY)
    try:
        attribute = h5py.h5a.open(file, b"info")
        held = np.empty((), attribute.dtype)
        attribute.read(held)
    finally:
        file.close()
    text: Any = held[()]
    return text if isinstance(text, str) else text.decode()
