"""Contracts of everything that has a name, and asserts in standard errors; for everybody."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "STANDARD_ERRORS": "qspin.significance",
    "ExecutorContract": "qspin.testing.executor",
    "MeasureContract": "qspin.testing.measure",
    "SamplerContract": "qspin.testing.sampler",
    "SourceContract": "qspin.testing.source",
    "StudyContract": "qspin.testing.study",
    "assert_boltzmann": "qspin.testing.statistics",
    "assert_within_errors": "qspin.testing.statistics",
    "prepared_for": "qspin.testing.source",
    "small_problems": "qspin.testing.statistics",
}

__all__ = [
    "STANDARD_ERRORS",
    "ExecutorContract",
    "MeasureContract",
    "SamplerContract",
    "SourceContract",
    "StudyContract",
    "assert_boltzmann",
    "assert_within_errors",
    "prepared_for",
    "small_problems",
]

if TYPE_CHECKING:
    from qspin.significance import STANDARD_ERRORS
    from qspin.testing.executor import ExecutorContract
    from qspin.testing.measure import MeasureContract
    from qspin.testing.sampler import SamplerContract
    from qspin.testing.source import SourceContract, prepared_for
    from qspin.testing.statistics import assert_boltzmann, assert_within_errors, small_problems
    from qspin.testing.study import StudyContract


def __getattr__(name: str) -> Any:
    """Imported when they are asked for: a worker process needs none of them but for one small module."""
    if name not in _HOMES:
        raise AttributeError(f"module 'qspin.testing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
