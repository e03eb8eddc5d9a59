"""What a study says: sections of findings, figures and tables, and what a report opens with.

A page lays these out and computes nothing; studies import them from `qspin.study`.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import xarray as xr

from qspin.remarks import Remark

__all__ = [
    "BOTTOM_LINE",
    "Column",
    "Conclusion",
    "Figure",
    "Finding",
    "Section",
    "Table",
    "Tone",
    "Verdict",
]

BOTTOM_LINE = {
    "glass": "Is it a glass?",
    "ensemble": "The same ensemble, and at which temperature?",
    "energy": "The best energy, and the time to it?",
}
"""Questions that open a report; a study may answer some of them in one sentence each."""


class Finding(NamedTuple):
    """One sentence.

    Parameters
    ----------
    weight : the first screen shows the heaviest of all studies; 1 is usual, 0 never stands there
    is_of_report : whether several sections may have it, as what theory says of a problem, and the first alone
        tells it
    """

    text: str
    weight: float = 1.0
    is_of_report: bool = False


class Tone(enum.StrEnum):
    """How a verdict reads at a glance."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"


class Verdict(NamedTuple):
    """What a study says of one problem and backend in a word or two: a cell of the matrix on top of a report.

    Parameters
    ----------
    text : as short as ``same, T = 1.2(1)``
    detail : the sentence behind it
    """

    problem: str
    backend: str
    text: str
    tone: Tone = Tone.OPEN
    detail: str = ""


class Column(NamedTuple):
    """A column of a table.

    Parameters
    ----------
    key : of the values in rows, and heading in CSV
    heading : for people; default the key
    form : format specification of a number, such as ``.3g``, or a function from the row to text
    is_text : whether it reads from the left
    is_shown : on the page, not in the CSV alone
    """

    key: str
    heading: str = ""
    form: str | Callable[[Mapping[str, Any]], str] = ".4g"
    is_text: bool = False
    is_shown: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of plain values: shown by the forms of its columns, written as CSV with all digits.

    Parameters
    ----------
    name : of its file among all of the study
    rows : key -> text, number or None
    note : prose below it
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    note: str = ""

    def shown(self) -> list[list[str]]:
        """Texts of the shown columns, row by row; what is not known is a dash."""
        return [[_cell(column, row) for column in self.columns if column.is_shown] for row in self.rows]


def _cell(column: Column, row: Mapping[str, Any]) -> str:
    if callable(column.form):
        return column.form(row)
    value = row.get(column.key)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else format(value, column.form if isinstance(value, float) else "")


@dataclass(frozen=True)
class Figure:
    """Panels on a grid.

    Parameters
    ----------
    name : of its files among all of the study
    caption : says what is shown, with what error bars; also the text for those who cannot see it
    panels : functions that draw on an Axes
    height : inches of a row of panels
    n_columns : panels in a row; default all of them
    is_folded : whether the page shows it only when asked
    shares_axes : whether all panels have the same limits; see `qspin.plot.canvas.small_multiples`
    """

    name: str
    caption: str
    panels: Sequence[Callable[[Any], Any]]
    height: float = 3.8
    n_columns: int | None = None
    is_folded: bool = False
    shares_axes: bool = False


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Parameters
    ----------
    anchor : of links, and first part of the names of its files: lower case, digits and dashes
    question : that it answers, one sentence
    notes : paragraphs on method and conventions
    """

    title: str
    anchor: str
    question: str = ""
    findings: Sequence[Finding] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Conclusion:
    """What a study says.

    Parameters
    ----------
    sections : of the report, in order
    verdicts : for the matrix; a bad one stands before a good one, that before an open one, of equals the
        first
    bottom_line : answers to questions of `BOTTOM_LINE`; the heaviest of all studies stands
    datasets : results to be kept, by name: every number of figures and findings lies in one of them or in a
        table
    remarks : (problem, backend, remark): what to know before trusting a cell
    faults : what failed that should not have; the report says so and the run ends with 1
    """

    sections: Sequence[Section] = ()
    verdicts: Sequence[Verdict] = ()
    bottom_line: Mapping[str, Finding] = field(default_factory=dict)
    datasets: Mapping[str, xr.Dataset] = field(default_factory=dict)
    remarks: Sequence[tuple[str, str, Remark]] = ()
    faults: Sequence[str] = ()
