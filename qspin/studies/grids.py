"""Panels of series as one figure: one large panel, or a grid with common axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import xarray as xr

from qspin.plot import Styles
from qspin.plot.canvas import small_multiples
from qspin.studies.series import Panel
from qspin.study import Figure

__all__ = ["Drawn", "grid"]

_FEW = 6  # panels that are large

Drawn = Callable[[Any, Mapping[str, xr.Dataset], Styles], Any]
"""Draws labelled curves in their styles on an Axes."""


def grid(
    name: str, caption: str, found: Sequence[Panel], label: str, drawn: Drawn, *, is_folded: bool = False
) -> Figure:
    """A figure of one panel, or of many on a grid with common axes.

    Parameters
    ----------
    found : panels of series
    label : of the measure whose results are drawn
    drawn : draws them
    """
    curves = {panel.title: (panel.curves(label), panel.styles) for panel in found if panel.curves(label)}

    def draw(title: str) -> Callable[[Any], Any]:
        return lambda ax: drawn(ax, *curves[title])

    if len(curves) == 1:
        (title,) = curves
        return Figure(name, caption, [draw(title)], is_folded=is_folded)
    columns, height = (min(3, len(curves)), 2.6) if len(curves) <= _FEW else (4, 1.8)
    return small_multiples(
        name, caption, {title: draw(title) for title in curves},
        n_columns=columns, height=height, is_folded=is_folded,
    )  # fmt: skip
