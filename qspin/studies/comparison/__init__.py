"""Do the backends see the same landscape? Every other backend of a problem is held against a reference."""

from qspin.studies.comparison.study import Comparison

__all__ = ["Comparison"]
