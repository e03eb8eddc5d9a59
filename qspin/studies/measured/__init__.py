"""What does one measure find? Any of them, by its name: its variables as figures, tables and a file."""

from qspin.studies.measured.study import Measured

__all__ = ["Measured"]
