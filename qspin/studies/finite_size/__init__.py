"""What becomes of it in larger systems? Curves of several sizes, where they cross, and how they collapse."""

from qspin.studies.finite_size.study import FiniteSize

__all__ = ["FiniteSize"]
