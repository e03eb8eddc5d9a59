"""Figures of a page: panels side by side, as SVG for the page and as PDF for a paper."""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from qspin.files import atomic_write
from qspin.plot.style import MOST_INSIDE
from qspin.study import Figure

__all__ = ["Drawing", "Figure", "Panel", "draw", "draw_all", "save_figures", "small_multiples"]

_WIDTH = 7.4  # inches
_MARGIN = 0.2  # inches that no legend covers
_MOST_COLUMNS = 4  # of a legend
_LETTERS = 84  # of titles side by side
_LEAST_LETTERS = 8  # of a label that had to be shortened
_STYLE: dict[str, Any] = {"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}


class Drawing(NamedTuple):
    """A figure that has been drawn."""

    name: str
    caption: str
    svg: bytes
    pdf: bytes

    @property
    def source(self) -> str:
        """The drawing as the address of an image."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


Panel = Callable[[Any], Any]
"""Draws on the Axes that it is given."""


def small_multiples(
    name: str,
    caption: str,
    panels: Mapping[str, Panel],
    *,
    n_columns: int = 4,
    height: float = 1.8,
    is_folded: bool = False,
) -> Figure:
    """Many panels of one kind under titles, with common axes and one legend.

    Parameters
    ----------
    name, caption, is_folded : of the figure
    panels : title -> panel
    n_columns : panels in a row at most
    height : inches of a row

    Examples
    --------
    >>> figure = small_multiples("curves", "A line each.", {"a": lambda ax: ax.plot([0, 1])})
    >>> figure.shares_axes
    True
    """
    rows = -(-len(panels) // n_columns)
    columns = -(-len(panels) // max(rows, 1))  # so that no row is much shorter than the others
    longest = _LETTERS // max(columns, 1)
    titled = [_titled(panel, _shortened(title, longest)) for title, panel in panels.items()]
    return Figure(name, caption, titled, height, columns, is_folded, shares_axes=True)


def _titled(panel: Panel, title: str) -> Panel:
    def draw_panel(ax: Any) -> None:
        panel(ax)
        ax.set_title(title, fontsize="medium")

    return draw_panel


def draw_all(figures: Mapping[str, Figure]) -> tuple[dict[str, Drawing], list[str]]:
    """All figures that can be drawn, and why others cannot: one figure never costs a report.

    Parameters
    ----------
    figures : name of the files -> figure

    Returns
    -------
    drawings by that name, faults
    """
    drawings, faults = {}, []
    for name, figure in figures.items():
        try:
            drawings[name] = draw(figure, name)
        except Exception as error:  # whatever a figure fails of, the others are drawn and this is told
            faults.append(f"figure {name}: {type(error).__name__}: {error}")
    return drawings, faults


def draw(figure: Figure, name: str | None = None) -> Drawing:
    """Panels on a grid. Several panels share one legend below them, and so do many entries of one panel.

    Whatever a user's matplotlibrc says, which may ask for TeX or fonts that are not there, is left aside.

    Parameters
    ----------
    figure : what to draw
    name : of its files; default its own
    """
    _require_matplotlib()
    from matplotlib import rc_context, rcdefaults, rcParams

    name = name or figure.name
    with rc_context():
        rcdefaults()
        style: Any = {**_STYLE, "svg.hashsalt": name}
        rcParams.update(style)
        canvas = _laid_out(figure)
        return Drawing(name, figure.caption, _svg(canvas), _pdf(canvas))  # savefig would draw each twice


def _laid_out(figure: Figure) -> Any:
    """The panels on a matplotlib Figure, whose layout is fixed."""
    from matplotlib.figure import Figure as Canvas

    n_panels = len(figure.panels)
    columns = min(figure.n_columns or n_panels, n_panels)
    rows = -(-n_panels // columns)
    canvas = Canvas(figsize=(_WIDTH, figure.height * rows), layout="constrained")
    axes = _grid(canvas, rows, columns, n_panels)
    for panel, ax in zip(figure.panels, axes, strict=True):
        panel(ax)
    if figure.shares_axes:
        _share_axes(canvas, axes, columns)
    _legend_below(canvas, axes)
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")  # what was laid out once is not laid out again for every format
    return canvas


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


def _grid(canvas: Any, rows: int, columns: int, n_panels: int) -> list[Any]:
    """Axes row by row, as many as there are panels."""
    axes = canvas.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[n_panels:]:
        ax.remove()
    return list(axes[:n_panels])


def _share_axes(canvas: Any, axes: list[Any], columns: int) -> None:
    """Common limits, numbers and labels at the edge of the grid alone, and one colour bar where all are maps.

    Limits are made common once everything is drawn: a panel that sets one of its own would keep those that
    are drawn after it from widening it.
    """
    _common_limits([ax.xaxis for ax in axes], "labelbottom", lambda k: k + columns >= len(axes))
    _common_limits([ax.yaxis for ax in axes], "labelleft", lambda k: k % columns == 0)
    if len({ax.get_xlabel() for ax in axes}) == 1:
        for ax in axes[: (len(axes) - 1) // columns * columns]:
            ax.set_xlabel("")
    if len(labels := {ax.get_ylabel() for ax in axes}) == 1:
        for ax in axes:
            ax.set_ylabel("")
        canvas.supylabel(labels.pop(), fontsize="medium")
    maps = [ax.images[0] for ax in axes if ax.images]
    if len(maps) == len(axes) == len(canvas.axes):  # none has a colour bar of its own
        canvas.colorbar(maps[0], ax=axes, label=maps[0].get_label(), aspect=30)


def _common_limits(every: list[Any], numbers: str, is_edge: Callable[[int], bool]) -> None:
    """The widest limits for each axis of one label and scale, maps apart; where all come to have the same,
    numbers at the edge alone.
    """
    kinds: dict[tuple[str, str], list[Any]] = {}
    for axis in every:
        if not axis.axes.images:
            kinds.setdefault((axis.get_label_text(), axis.get_scale()), []).append(axis)
    for own in kinds.values():
        ends = [end for axis in own for end in axis.get_view_interval()]
        for axis in own:
            axis.set_view_interval(min(ends), max(ends), ignore=True)
    if len({tuple(axis.get_view_interval()) for axis in every}) == 1:
        for k, axis in enumerate(every):
            axis.set_tick_params(which="both", **{numbers: is_edge(k)})


def _legend_below(canvas: Any, axes: list[Any]) -> None:
    """One legend for all panels below them, for which the figure grows; a short one of one panel stays."""
    handles = {}
    for ax in axes:
        handles.update({label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)})
    if not handles or (len(axes) == 1 and len(handles) <= MOST_INSIDE):
        return
    for ax in axes:
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    canvas.set_figheight(canvas.get_figheight() + _fitting_legend(canvas, handles))


def _fitting_legend(canvas: Any, handles: dict[str, Any]) -> float:
    """A legend in as many columns as the figure is wide enough for; returns its height in inches."""
    labels, columns = list(handles), min(_MOST_COLUMNS, len(handles))
    while True:
        legend = canvas.legend(
            handles.values(), labels, loc="outside lower center", ncols=columns, frameon=False,
            fontsize="small",
        )  # fmt: skip
        extent = legend.get_window_extent()
        excess = extent.width / (canvas.dpi * (_WIDTH - _MARGIN))
        if excess <= 1:
            return float(extent.height / canvas.dpi)
        legend.remove()
        if columns > 1:
            columns -= 1
        else:
            most = int(max(map(len, labels)) / excess) - 4
            labels = [_shortened(label, most) for label in labels]


def _shortened(label: str, most: int) -> str:
    """A label with its middle left out where it has more letters: both of its ends tell what it is."""
    most = max(most, _LEAST_LETTERS)
    if len(label) <= most:
        return label
    return f"{label[: most - most // 2 - 1]}…{label[-(most // 2) :]}"


def save_figures(drawings: Iterable[Drawing], folder: Path) -> None:
    """Write each as SVG and as PDF."""
    for drawing in drawings:
        atomic_write(folder / f"{drawing.name}.svg", drawing.svg)
        atomic_write(folder / f"{drawing.name}.pdf", drawing.pdf)


def _svg(canvas: Any) -> bytes:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    content = io.BytesIO()
    FigureCanvasSVG(canvas).print_svg(content, metadata={"Date": None})
    return content.getvalue()


def _pdf(canvas: Any) -> bytes:
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    content = io.BytesIO()
    FigureCanvasPdf(canvas).print_pdf(content, metadata={"CreationDate": None})
    return content.getvalue()
