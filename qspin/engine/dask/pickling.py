"""Errors of qspin travel as they know best, also where Dask is there.

Importing Dask hands the pickling of every error to tblib, which gives constructors a message alone.
"""

from __future__ import annotations

import copyreg

import distributed  # noqa: F401

from qspin.errors import QspinError

__all__: list[str] = []


def _subclasses(cls: type[QspinError]) -> list[type[QspinError]]:
    return [cls, *(own for below in cls.__subclasses__() for own in _subclasses(below))]


for _own in _subclasses(QspinError):
    copyreg.dispatch_table.pop(_own, None)
