"""A page as HTML: templates filled with what `Page` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jinja2

from qspin.plot.canvas import Drawing
from qspin.remarks import Level
from qspin.report import front, lead, trust
from qspin.report.page import Page, file_name
from qspin.study import Figure, Section, Table

__all__ = ["render"]

MOST_ROWS = 500  # of a table on the page; its file has all
_SIDE_BY_SIDE = 4  # columns of a matrix that leaves room beside it
_TALL = 24  # rows, beyond which a table scrolls in its frame
_MOST_SENTENCES = 8  # of a section or of failures, beyond which the others are folded


def render(page: Page) -> str:
    """The page, which needs nothing beside it.

    Parameters
    ----------
    page : what it lays out
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qspin.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        page=page,
        version=page.environment.get("versions", {}).get("qspin", ""),
        **_asked(page),
        **_found(page),
        **_trusted(page),
        sections=[_section(page, section) for section in page.sections],
        facts=_facts(page.environment),
        most_sentences=_MOST_SENTENCES,
    )


def _asked(page: Page) -> dict[str, Any]:
    return {
        "problems": lead.described(page.problems, "kind"),
        "backends": lead.described(page.backends, "name"),
        "axes": [lead.axis_text(axis) for axis in page.axes],
        "problem_settings": lead.differences(page.problems, "kind"),
        "backend_settings": lead.differences(page.backends, "name"),
    }


def _found(page: Page) -> dict[str, Any]:
    columns, rows = front.matrix(page)
    first, others = front.findings(page)
    by_section: dict[str, list[front.Told]] = {}
    for told in others:
        by_section.setdefault(told.section.title, []).append(told)
    return {
        "answers": front.bottom_line(page.conclusions),
        "columns": columns,
        "rows": rows,
        "is_wide": len(columns) > _SIDE_BY_SIDE,
        "first": first,
        "others": by_section,
        "n_others": len(others),
    }


def _trusted(page: Page) -> dict[str, Any]:
    groups = trust.grouped(page.remarks, page.n_cells)
    failures = list(dict.fromkeys(page.failures))
    level, sentence = trust.summary(groups, len(failures), page.n_done, page.n_tasks)
    return {
        "groups": [group for group in groups if group.level is not Level.NOTE],
        "notes": [group for group in groups if group.level is Level.NOTE],
        "failures": failures,
        "trust_level": level,
        "trust_sentence": sentence,
    }


class _ShownFigure(NamedTuple):
    figure: Figure
    drawing: Drawing | None
    name: str


class _ShownTable(NamedTuple):
    table: Table
    name: str
    headings: list[tuple[str, bool]]
    rows: list[list[str]]
    is_tall: bool


class _ShownSection(NamedTuple):
    section: Section
    figures: list[_ShownFigure]
    tables: list[_ShownTable]


def _section(page: Page, section: Section) -> _ShownSection:
    names = [(figure, file_name(section, figure)) for figure in section.figures]
    return _ShownSection(
        section,
        [_ShownFigure(figure, page.figures.get(name), name) for figure, name in names],
        [_table(table, file_name(section, table)) for table in section.tables],
    )


def _table(table: Table, name: str) -> _ShownTable:
    shown = [column for column in table.columns if column.is_shown]
    headings = [(column.heading or column.key, column.is_text) for column in shown]
    rows = Table(table.name, table.title, table.columns, table.rows[:MOST_ROWS]).shown()
    return _ShownTable(table, name, headings, rows, len(rows) > _TALL)


def _facts(environment: Mapping[str, Any]) -> dict[str, str]:
    """Name of a fact -> its text; versions in one line."""
    return {
        str(name): ", ".join(f"{key} {text}" for key, text in value.items())
        if isinstance(value, Mapping)
        else str(value)
        for name, value in environment.items()
    }
