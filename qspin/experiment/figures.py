"""Figures of a page: panels side by side, as SVG for the page and as PDF for a paper."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qspin.files import atomic_write

__all__ = ["Figure", "drawn", "save_figures"]

_WIDTH = 7.4  # inches


class Figure(NamedTuple):
    """A figure and what it shows."""

    name: str
    caption: str
    svg: bytes
    pdf: bytes

    @property
    def source(self) -> str:
        """The figure as the address of an image."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


def drawn(name: str, caption: str, *panels: Any, height: float = 3.8) -> Figure:
    """Panels side by side; several panels share one legend below them.

    Parameters
    ----------
    panels : functions that draw on an Axes
    height : inches
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    with rc_context(
        {"svg.hashsalt": name, "font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure = Canvas(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel, ax in zip(panels, axes, strict=True):
            panel(ax)
        if len(axes) > 1:
            _share_legend(figure, axes)
        return Figure(
            name,
            caption,
            _saved(figure, "svg", {"Date": None}),
            _saved(figure, "pdf", {"CreationDate": None}),
        )


def save_figures(figures: Sequence[Figure], folder: Path) -> None:
    """Write each as SVG and as PDF."""
    for figure in figures:
        atomic_write(folder / f"{figure.name}.svg", figure.svg)
        atomic_write(folder / f"{figure.name}.pdf", figure.pdf)


def _saved(figure: Any, form: str, metadata: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=form, metadata=metadata)
    return content.getvalue()


def _share_legend(figure: Any, axes: Any) -> None:
    handles = {}
    for ax in axes:
        handles.update({label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)})
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    if not handles:
        return
    columns = min(3, len(handles))
    figure.legend(
        handles.values(), handles, loc="outside lower center", ncols=columns, frameon=False, fontsize="small"
    )
    figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(handles) // columns))
