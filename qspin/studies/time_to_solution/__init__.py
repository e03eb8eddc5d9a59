"""How fast are solutions found, and how good are they? Successes, times, and how these grow with size."""

from qspin.studies.time_to_solution.study import TimeToSolution

__all__ = ["TimeToSolution"]
