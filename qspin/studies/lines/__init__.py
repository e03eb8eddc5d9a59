"""Theory beside what was measured: what it says of kinds of problems, and how far the points lie from it."""

from qspin.studies.lines.beside import DEVIATION, THEORY, beside_theory, is_line
from qspin.studies.lines.words import lines_told

__all__ = ["DEVIATION", "THEORY", "beside_theory", "is_line", "lines_told"]
