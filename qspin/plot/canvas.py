"""Figures of a page: panels side by side, as SVG for the page and as PDF for a paper."""

from __future__ import annotations

import base64
import functools
import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qspin.files import atomic_write

__all__ = ["Figure", "Sketch", "draw_all", "drawn", "save_figures", "sketch"]

_WIDTH = 7.4  # inches
_STYLE: dict[str, Any] = {"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}


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


Sketch = functools.partial[Figure]
"""A call of `drawn` whose first argument is the name of the figure."""


def sketch(name: str, caption: str, *panels: Any, height: float = 3.8) -> Sketch:
    """A figure that is yet to be drawn; see `drawn`."""
    return functools.partial(drawn, name, caption, *panels, height=height)


def draw_all(sketches: Iterable[Sketch]) -> tuple[list[Figure], list[str]]:
    """All figures that can be drawn, and why others cannot: one figure never costs a report."""
    figures, faults = [], []
    for make in sketches:
        try:
            figures.append(make())
        except Exception as error:  # whatever a figure fails of, the others are drawn and this is told
            faults.append(f"figure {make.args[0]}: {type(error).__name__}: {error}")
    return figures, faults


def drawn(name: str, caption: str, *panels: Any, height: float = 3.8) -> Figure:
    """Panels side by side; several panels share one legend below them.

    Whatever a user's matplotlibrc says, which may ask for TeX or fonts that are not there, is left aside.

    Parameters
    ----------
    panels : functions that draw on an Axes
    height : inches
    """
    _require_matplotlib()
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.figure import Figure as Canvas

    with rc_context():
        rcdefaults()
        style: Any = {**_STYLE, "svg.hashsalt": name}
        rcParams.update(style)
        figure = Canvas(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel, ax in zip(panels, axes, strict=True):
            panel(ax)
        if len(axes) > 1:
            _share_legend(figure, axes)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # what was laid out once is not laid out again for every format
        return Figure(
            name,
            caption,
            _saved(figure, "svg", {"Date": None}),
            _saved(figure, "pdf", {"CreationDate": None}),
        )


def _require_matplotlib() -> None:
    """Import it, also where MPLBACKEND names a backend that does not exist: files need none."""
    try:
        import matplotlib
    except ValueError:
        if (wrong := os.environ.pop("MPLBACKEND", None)) is None:
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # halves of it
        try:
            import matplotlib  # noqa: F401
        finally:
            os.environ["MPLBACKEND"] = wrong


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
