"""Theory beside what was measured: what it says of kinds of problems, and how far the points lie from it."""

from qspin.studies.lines.beside import (
    DEVIATION,
    REMARKS,
    THEORY,
    beside_theory,
    is_line,
    source_at,
    with_lines,
)
from qspin.studies.lines.words import line_columns, lines_told

__all__ = [
    "DEVIATION",
    "REMARKS",
    "THEORY",
    "beside_theory",
    "is_line",
    "line_columns",
    "lines_told",
    "source_at",
    "with_lines",
]
