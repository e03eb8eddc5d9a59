"""Colours, markers and lines of series, and what every panel ends with: a grid and a legend.

The first seven colours are those of Okabe and Ito (2008). Five more were searched for, so that no two of the
twelve come nearer to one another than two of the seven do, for readers with full colour vision and with each
kind of colour blindness (Machado, Oliveira and Fernandes 2009, IEEE Trans. Vis. Comput. Graph. 15, 1291).
Markers and line styles repeat the distinction for print without colour, and go on telling where the colours
start again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "MOST_INSIDE",
    "Styles",
    "axes_or_current",
    "finished",
    "logarithmic",
    "style_of",
    "styled",
    "styles_of",
]

COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
    "#9966FF", "#772200", "#2200DD", "#775566", "#443366",
)  # fmt: skip
MOST_INSIDE = 6
"""Entries of a legend that stands inside its panel; longer ones stand below it."""

# lengths without a common factor: the first repetition comes after 12 x 11 x 7 series
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
_LINES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
_FEW_PROBLEMS = 4  # of which lines alone are told apart by eye
_LONG = 28  # letters of a label, beyond which a legend has fewer columns

Styles = Mapping[str, Mapping[str, Any]]
"""Label of a series -> keyword arguments of its line."""

_Data = TypeVar("_Data")


def style_of(colour: int, line: int | None = None) -> dict[str, Any]:
    """Style of a series: number `colour` of the colours, number `line` (default the same) of the lines."""
    line = colour if line is None else line
    return {
        "color": COLOURS[colour % len(COLOURS)],
        "marker": _MARKERS[line % len(_MARKERS)],
        "linestyle": _LINES[line % len(_LINES)],
        "markersize": 4,
    }


def styles_of(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Style of each (problem, backend) on one page.

    Of several backends the colour tells which, and the line which of up to four problems; with more problems
    it is the other way round. For a panel of one problem give that problem's pairs alone.

    Examples
    --------
    >>> styles = styles_of([("glass", "exact"), ("glass", "annealer"), ("magnet", "exact")])
    >>> styles["glass", "exact"]["color"] == styles["magnet", "exact"]["color"]
    True
    """
    keys = list(dict.fromkeys(pairs))
    problems = list(dict.fromkeys(problem for problem, _ in keys))
    backends = list(dict.fromkeys(backend for _, backend in keys))
    by_backend = len(backends) > 1 and len(problems) <= _FEW_PROBLEMS
    styles = {}
    for problem, backend in keys:
        numbers = problems.index(problem), backends.index(backend)
        colour, line = reversed(numbers) if by_backend else numbers
        alone = len(problems) == 1 if by_backend else len(backends) == 1
        styles[problem, backend] = style_of(colour, None if alone else line)
    return styles


def styled(
    series: Mapping[str, _Data], styles: Styles | None = None
) -> Iterator[tuple[str, _Data, dict[str, Any]]]:
    """Label, data and style of each series; the styles go by position where none are given."""
    for k, (label, data) in enumerate(series.items()):
        yield label, data, dict(styles[label]) if styles else style_of(k)


def finished(ax: Axes) -> Axes:
    """The panel with a grid and a legend: inside, or below in columns where there are many entries."""
    ax.grid(alpha=0.3, linewidth=0.6)
    labels = ax.get_legend_handles_labels()[1]
    if len(labels) > MOST_INSIDE:
        columns = 2 if max(map(len, labels)) > _LONG else 3
        ax.legend(
            frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=columns
        )
    elif labels:
        ax.legend(frameon=False, fontsize="small")
    return ax


def logarithmic(ax: Axes) -> Axes:
    """The panel with a logarithmic horizontal axis, whose ticks are plain numbers."""
    from matplotlib.ticker import LogLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    return ax


def axes_or_current(ax: Axes | None) -> Axes:
    """`ax`, or the current axes of pyplot."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.gca()
