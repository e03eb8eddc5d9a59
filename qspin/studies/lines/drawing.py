"""Theory on a panel of curves over temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from qspin import plot
from qspin.studies.lines.names import BRANCH, MARK, THEORY

__all__ = ["drawn_beside"]


def drawn_beside(
    ax: Any, curves: Mapping[str, xr.Dataset], name: str, styles: plot.Styles | None = None
) -> Any:
    """The panel with the lines and marks that the curves of a variable have; the points are drawn before.

    Parameters
    ----------
    name : of the variable
    styles : of the curves, as `qspin.plot` takes them
    """
    plot.theory_lines(curves, name, f"{THEORY}{name}", ax)
    start = f"{THEORY}{name}{BRANCH}"
    for line in dict.fromkeys(str(key) for curve in curves.values() for key in curve.data_vars):
        if line.startswith(start):
            plot.theory_lines(curves, name, line, ax, is_second=True)
    return plot.theory_marks(curves, MARK, ax, styles=styles)
