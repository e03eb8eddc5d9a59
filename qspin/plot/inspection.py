"""A model beside draws of its controls, spectra beside their law, and numbers beside where they began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.arguments import checked_arguments
from qspin.plot.style import axes_or_current, finished, logarithmic, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["among_draws", "numbers_beside", "spectrum"]


@checked_arguments
def among_draws(
    found: Mapping[str, xr.Dataset],
    name: str,
    over: str,
    ax: Axes | None = None,
    *,
    label: str = "model",
    unit: float = 1.0,
    is_logarithmic: bool = False,
) -> Axes:
    """A curve with one standard error, and the single draws of each control with the range that they span.

    Parameters
    ----------
    found : label of a control -> NAME and NAME_error over a coordinate, NAME_draws over ``draw`` besides
    name, over : of the variable and the coordinate
    ax : where to draw; default the current axes
    label : of the curve
    unit : that the coordinate is divided by
    is_logarithmic : the horizontal axis
    """
    ax = axes_or_current(ax)
    for k, (control, own) in enumerate(found.items()):
        x, draws = own[over].values / unit, own[f"{name}_draws"].values
        colour = style_of(k + 1)["color"]
        told = f"{control} ({len(draws)} draws)"
        ax.fill_between(x, draws.min(axis=0), draws.max(axis=0), color=colour, alpha=0.18, linewidth=0)
        for number, draw in enumerate(draws):
            ax.plot(x, draw, color=colour, linewidth=0.6, alpha=0.7, label=None if number else told)
    first = next(iter(found.values()))
    x, values = first[over].values / unit, first[name].values
    style = {**style_of(0), "marker": "o" if len(x) <= 60 else None}
    error = np.nan_to_num(first[f"{name}_error"].values)
    ax.errorbar(x, values, yerr=error, label=label, capsize=2, linewidth=1.4, elinewidth=1, zorder=3, **style)
    if is_logarithmic:
        logarithmic(ax)
    return finished(ax)


@checked_arguments
def spectrum(eigenvalues: ArrayLike, law: xr.Dataset, ax: Axes | None = None, *, n_bins: int = 30) -> Axes:
    """Eigenvalues as a histogram beside the law of random matrices and its upper edge; every eigenvalue is a
    mark below.

    Parameters
    ----------
    eigenvalues : in the units of the law (n,)
    law : of `qspin.theory.marchenko_pastur`
    ax : where to draw; default the current axes
    n_bins : of the histogram
    """
    ax = axes_or_current(ax)
    values = np.asarray(eigenvalues, dtype=np.float64)
    own, random = style_of(0)["color"], style_of(1)["color"]
    top = max(float(values.max()), law.attrs["upper"])
    edges = np.linspace(0, 1.05 * top, n_bins + 1).tolist()
    ax.hist(values, edges, density=True, color=own, alpha=0.4, label="weights")
    inside = np.isfinite(law["density"].values)
    ax.plot(
        law["eigenvalue"].values[inside], law["density"].values[inside], color=random, linewidth=1.4,
        label="Marchenko-Pastur",
    )  # fmt: skip
    ax.axvline(law.attrs["upper"], color=random, linestyle="--", linewidth=0.9, label="its edge")
    ax.plot(values, np.zeros(len(values)), "|", color=own, markersize=8, clip_on=False)
    ax.set(xlabel=r"eigenvalue of $W^T W / n\sigma^2$", ylabel="density", xlim=(0, 1.05 * top))
    highest = np.histogram(values, edges, density=True)[0].max()
    ax.set_ylim(0, 1.15 * max(highest, float(np.quantile(law["density"].values[inside], 0.9))))
    return finished(ax)


@checked_arguments
def numbers_beside(
    values: ArrayLike, ax: Axes | None = None, *, half_width: float | None = None, label: str = ""
) -> Axes:
    """Numbers as a histogram, beside the uniform distribution from which they were drawn.

    Parameters
    ----------
    values : (n,)
    ax : where to draw; default the current axes
    half_width : of that distribution, if it is known
    label : of the horizontal axis
    """
    ax = axes_or_current(ax)
    numbers = np.asarray(values, dtype=np.float64)
    ax.hist(numbers, 40, density=True, color=style_of(0)["color"], alpha=0.5, label="model")
    if half_width is not None:
        ax.plot(
            [-half_width, -half_width, half_width, half_width], [0, 0.5 / half_width, 0.5 / half_width, 0],
            color=style_of(1)["color"], linewidth=1.4, label="as it is initialised",
        )  # fmt: skip
    ax.set(xlabel=label, ylabel="density")
    return finished(ax)
