"""Distributions of overlaps and of what triples of them say, and overlaps as a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.arguments import checked_arguments
from qspin.plot.style import Styles, axes_or_current, finished, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["overlap_densities", "overlap_matrix", "row_at", "theory_densities", "theory_sizes", "triangles"]

_ELSEWHERE = 0.05  # of ln T, beyond which a curve is said to be at another temperature
_FAR = 0.25  # of ln T, beyond which it is left out
_INFINITE = r"theory, $N \to \infty$"
_ROOM = 1.2  # factor above what was measured, up to which lines of theory are followed


@checked_arguments
def row_at(distribution: xr.Dataset, beta: float) -> int | None:
    """Row of a distribution nearest to an inverse temperature, None where it has none within 25 %; NaN stands
    for those without a temperature."""
    temperatures = distribution["temperature"].values
    known = ~np.isnan(temperatures)
    if known.any() == bool(np.isnan(beta)):
        return None
    if not known.any():
        return 0
    distance = _distance(temperatures, beta)
    row = int(np.nanargmin(distance))
    return row if distance[row] <= _FAR else None


def _distance(temperatures: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """Of ln T."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(1 / temperatures == beta, 0.0, np.abs(np.log(temperatures * beta)))


@checked_arguments
def overlap_densities(
    distributions: Mapping[str, xr.Dataset],
    beta: float,
    ax: Axes | None = None,
    *,
    styles: Styles | None = None,
) -> Axes:
    """P(q) with one standard error as a band, at the ladder point nearest to `beta` of each.

    Parameters
    ----------
    distributions : label -> result of `qspin.analysis.overlap_distribution`
    beta : inverse temperature; NaN shows those without any. One whose nearest differs by more than 5 %
        says its own, beyond 25 % it is left out
    ax : where to draw; default the current axes
    """
    ax = axes_or_current(ax)
    for label, distribution, style in styled(distributions, styles):
        row = row_at(distribution, beta)
        if row is None:
            continue
        temperatures = distribution["temperature"].values
        if _distance(temperatures, beta)[row] > _ELSEWHERE:
            label = f"{label} (T = {temperatures[row]:.3g})"
        at = distribution.isel(beta=row)
        density, error = at["density"].values, np.nan_to_num(at["density_error"].values)
        ax.plot(at["q"], density, label=label, linewidth=1.4, **{**style, "marker": None})
        ax.fill_between(
            at["q"], density - error, density + error, color=style["color"], alpha=0.25, linewidth=0
        )
    ax.set(xlabel=r"overlap $q$", ylabel=r"$P(q)$", xlim=(-1.02, 1.02))
    ax.set_ylim(bottom=0)
    return finished(ax)


@checked_arguments
def theory_densities(
    distributions: Mapping[str, xr.Dataset], beta: float, density: str, symmetric: str, ax: Axes
) -> Axes:
    """P(q) of a theory beside measured ones, once where all have the same. Its peaks leave the panel: that
    ends where the measured densities do.

    Parameters
    ----------
    distributions : label -> result; those without a theory are left out
    beta : as of `overlap_densities`
    density : name of the variable that holds the density, over ``beta`` and a coordinate of its own
    symmetric : and of that with the overlap of a replica-symmetric theory over ``beta``, drawn upright
    ax : on which the distributions were drawn by `overlap_densities`
    """
    top = ax.get_ylim()[1]
    drawn: list[NDArray[np.float64]] = []
    for distribution in distributions.values():
        row = row_at(distribution, beta)
        if row is None or density not in distribution:
            continue
        at = distribution.isel(beta=row)
        values = at[density]
        points = np.stack([values[values.dims[0]].values, values.values])
        if np.isnan(points).any() or any(np.array_equal(points, other) for other in drawn):
            continue
        label = None if drawn else _INFINITE
        ax.plot(*points, color="0.2", linewidth=1, linestyle=(0, (5, 2)), label=label, zorder=1)
        overlap = float(at[symmetric]) if symmetric in at else 0.0
        for k, place in enumerate((overlap, -overlap) if overlap > 0 else ()):
            name = None if k or drawn else "replica-symmetric"
            ax.axvline(place, color="0.5", linewidth=0.9, linestyle=":", label=name, zorder=0.5)
        drawn.append(points)
    if not drawn:
        return ax
    ax.set_ylim(0, _ROOM * top)
    return finished(ax)


def theory_sizes(density: xr.DataArray, ax: Axes) -> Axes:
    """Density of \\|q\\| of a theory beside measured ones, without fields; its peaks leave the panel.

    Parameters
    ----------
    density : of the overlap, over one coordinate from -1 to 1
    ax : on which the measured one was drawn by `overlap_sizes`
    """
    q, top = density[density.dims[0]].values, ax.get_ylim()[1]
    positive = q >= 0
    ax.plot(
        q[positive], 2 * density.values[positive], color="0.2", linewidth=1, linestyle=(0, (5, 2)), zorder=1,
        label=_INFINITE,
    )  # fmt: skip
    ax.set_ylim(0, _ROOM * top)
    return finished(ax)


def overlap_matrix(
    overlaps: ArrayLike,
    ax: Axes | None = None,
    *,
    order: ArrayLike | None = None,
    has_colour_bar: bool = True,
) -> Axes:
    """Overlaps of all pairs of configurations as a map, in the order of a dendrogram.

    Parameters
    ----------
    overlaps : (n, n), see `qspin.analysis.overlap_matrix`
    order : of the configurations, such as `States.order`
    has_colour_bar : beside it; panels of a grid share one
    """
    ax = axes_or_current(ax)
    q = np.asarray(overlaps)
    if order is not None:
        q = q[np.ix_(np.asarray(order), np.asarray(order))]
    image = ax.imshow(q, vmin=-1, vmax=1, cmap="PuOr_r", interpolation="nearest", rasterized=True)
    image.set_label(r"overlap $q$")
    if has_colour_bar:
        ax.figure.colorbar(image, ax=ax, label=image.get_label(), shrink=0.85)
    ax.set(xlabel="configuration", ylabel="configuration")
    return ax


def triangles(found: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Distribution of K = (q_mid - q_min) / sigma of triples; see `qspin.analysis.ultrametricity`."""
    ax = axes_or_current(ax)
    edges = np.linspace(0, 3, 31)
    for k, (label, test) in enumerate(found.items()):
        density, _ = np.histogram(test.k, edges, density=True)
        ax.stairs(density, edges, label=label, color=style_of(k)["color"], linestyle=style_of(k)["linestyle"])
    ax.set(xlabel="K = (q_mid - q_min) / sigma", ylabel="density", xlim=(0, 3))
    return finished(ax)
