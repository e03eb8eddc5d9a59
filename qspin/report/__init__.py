"""Sections of studies as one self-contained HTML page; it computes nothing."""

from __future__ import annotations

from qspin.report.layout import render
from qspin.report.page import Page, figures_of, tables_of
from qspin.report.trust import grouped

__all__ = ["Page", "figures_of", "grouped", "render", "tables_of"]
