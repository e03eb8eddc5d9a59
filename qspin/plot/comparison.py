"""Samples of several backends side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qspin.arguments import checked_arguments
from qspin.plot.style import Styles, axes_or_current, finished, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cross_overlaps", "energy_distributions", "energy_intervals", "overlap_bands"]

_BINS = 41  # of overlaps
_NAMED = 30  # rows that are named one by one


@checked_arguments
def cross_overlaps(
    overlaps: xr.Dataset, names: tuple[str, str] = ("first", "second"), ax: Axes | None = None
) -> Axes:
    """P(q) within two sets of configurations and between them; see `qspin.analysis.cross_overlaps`."""
    ax = axes_or_current(ax)
    q = overlaps["q"].values
    labels = {"first": names[0], "second": names[1], "cross": f"{names[0]} with {names[1]}"}
    step = max(1, round(len(q) / 40))  # neighbouring lattice points together, as densities
    edges = np.arange(0, len(q), step)
    middle = np.add.reduceat(q, edges) / np.diff(np.append(edges, len(q)))
    for k, (name, label) in enumerate(labels.items()):
        density = np.add.reduceat(overlaps[name].values, edges) / (step * (q[1] - q[0]) if len(q) > 1 else 1)
        ax.plot(middle, density, label=label, linewidth=1.4, **{**style_of(k), "marker": None})
    ax.set(xlabel=r"overlap $q$", ylabel=r"$P(q)$", xlim=(-1.02, 1.02))
    ax.set_ylim(bottom=0)
    return finished(ax)


@checked_arguments
def overlap_bands(found: Mapping[str, xr.Dataset], name: str, ax: Axes | None = None) -> Axes:
    """P(q) of many pairs as an image: a row a pair, dark where q is likely, each scaled to its largest value.

    Parameters
    ----------
    found : label -> result of `qspin.analysis.cross_overlaps`; of any numbers of spins
    name : which of its variables: ``first``, ``second`` or ``cross``
    """
    ax = axes_or_current(ax)
    n_bins = max(2, min(_BINS, *(one.sizes["q"] for one in found.values())))
    beyond = 1 / (n_bins - 1)  # so that -1 and 1 lie in the middle of a bin
    edges = np.linspace(-1 - beyond, 1 + beyond, n_bins + 1)
    rows = [np.histogram(one["q"].values, edges, weights=one[name].values)[0] for one in found.values()]
    image = np.array([row / max(row.max(), 1e-300) for row in rows])
    ax.imshow(
        image,
        aspect="auto",
        cmap="Blues",
        vmin=0,
        vmax=1,
        extent=(edges[0], edges[-1], len(rows) - 0.5, -0.5),
        interpolation="nearest",
        rasterized=True,
    )
    if len(rows) <= _NAMED:
        ax.set_yticks(range(len(rows)), list(found), fontsize="small")
    else:
        ax.set_ylabel("pair")
    ax.set(xlabel=r"overlap $q$")
    return ax


@checked_arguments
def energy_distributions(
    distributions: Mapping[str, xr.Dataset], ax: Axes | None = None, *, styles: Styles | None = None
) -> Axes:
    """Share of runs at or below an energy per spin; see `qspin.benchmark.energy_distribution`."""
    ax = axes_or_current(ax)
    for label, data, style in styled(distributions, styles):
        ax.step(data["energy"], data["cumulative"], where="post", label=label, **{**style, "marker": None})
    ax.set(xlabel="lowest energy of a run per spin", ylabel="share of runs", ylim=(0, 1.02))
    return finished(ax)


@checked_arguments
def energy_intervals(found: Mapping[str, Mapping[str, xr.Dataset]], ax: Axes | None = None) -> Axes:
    """Lowest energies of runs on many problems: median, and from a tenth to nine tenths of the runs, per spin
    above the lowest of all backends.

    Parameters
    ----------
    found : problem -> backend -> result of `qspin.benchmark.energy_distribution`
    """
    ax = axes_or_current(ax)
    backends = list(dict.fromkeys(backend for own in found.values() for backend in own))
    lowest = [min(float(one["energy"].min()) for one in own.values()) for own in found.values()]
    for k, backend in enumerate(backends):
        known = [n for n, own in enumerate(found.values()) if backend in own]
        ends = np.array(
            [_quantiles(own[backend], (0.1, 0.5, 0.9)) for own in found.values() if backend in own]
        ) - np.array([[lowest[n]] for n in known])
        low, middle, high = ends.T
        shift = 0.6 * ((k + 0.5) / len(backends) - 0.5)
        style = {**style_of(k), "linestyle": "", "markersize": 2.5, "elinewidth": 0.8}
        ax.errorbar(
            np.array(known) + shift, middle, yerr=[middle - low, high - middle], label=backend, **style
        )
    if len(found) <= _NAMED:
        ax.set_xticks(range(len(found)), list(found), rotation=90, fontsize="small")
    else:
        ax.set_xlabel("problem")
    ax.set(ylabel="energy per spin above the lowest")
    return finished(ax)


def _quantiles(distribution: xr.Dataset, shares: tuple[float, ...]) -> np.ndarray:
    """Energies at or below which these shares of the runs lie."""
    places = np.searchsorted(distribution["cumulative"].values, np.array(shares) - 1e-12)
    return distribution["energy"].values[places]
