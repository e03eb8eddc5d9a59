"""Theory beside what was measured: what it says of kinds of problems, and how far the points lie from it."""

from qspin.studies.lines.beside import beside_theory, with_lines
from qspin.studies.lines.drawing import drawn_beside
from qspin.studies.lines.marks import (
    mark_beside,
    marked,
    marks_at,
    marks_in,
    marks_told,
    temperature_told,
)
from qspin.studies.lines.names import DEVIATION, MARK, REMARKS, THEORY, is_line
from qspin.studies.lines.overlaps import DENSITY, SYMMETRIC, beside_overlaps, with_density
from qspin.studies.lines.sources import source_at
from qspin.studies.lines.words import line_columns, lines_told, remarks_told

__all__ = [
    "DENSITY",
    "DEVIATION",
    "MARK",
    "REMARKS",
    "SYMMETRIC",
    "THEORY",
    "beside_overlaps",
    "beside_theory",
    "drawn_beside",
    "is_line",
    "line_columns",
    "lines_told",
    "mark_beside",
    "marked",
    "marks_at",
    "marks_in",
    "marks_told",
    "remarks_told",
    "source_at",
    "temperature_told",
    "with_density",
    "with_lines",
]
