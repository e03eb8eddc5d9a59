"""Contracts of everything that has a name, and asserts in standard errors; for everybody."""

from qspin.significance import STANDARD_ERRORS
from qspin.testing.executor import ExecutorContract
from qspin.testing.measure import MeasureContract
from qspin.testing.sampler import SamplerContract
from qspin.testing.source import SourceContract, prepared_for
from qspin.testing.statistics import assert_boltzmann, assert_within_errors, small_problems
from qspin.testing.study import StudyContract

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
