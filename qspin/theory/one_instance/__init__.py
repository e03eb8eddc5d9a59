"""Approximations of one problem's Gibbs distribution: mean field, Thouless-Anderson-Palmer, beliefs."""

from qspin.theory.one_instance.belief import belief_propagation
from qspin.theory.one_instance.mean_field import mean_field, tap
from qspin.theory.one_instance.solutions import tap_solutions

__all__ = ["belief_propagation", "mean_field", "tap", "tap_solutions"]
