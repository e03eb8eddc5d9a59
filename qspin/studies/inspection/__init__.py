"""What one network or machine is, held against its shuffles and its re-initialisations."""

from qspin.studies.inspection.study import Inspection

__all__ = ["Inspection"]
