"""Energies of a problem: which of them are equal, and what distinguishes them beside a large offset."""

from __future__ import annotations

from qspin.problem import IsingProblem
from qspin.rounding import energy_tolerance, flip_tolerances, levelled, rounding_of

__all__ = ["energy_tolerance", "flip_tolerances", "levelled", "rounding_of", "without_offset"]


def without_offset(problem: IsingProblem) -> IsingProblem:
    """The problem with offset 0: a large one rounds away what distinguishes energies."""
    return problem.shifted(-problem.offset)
