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

__all__ = ["cross_overlaps", "energy_distributions"]


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
def energy_distributions(
    distributions: Mapping[str, xr.Dataset], ax: Axes | None = None, *, styles: Styles | None = None
) -> Axes:
    """Share of runs at or below an energy per spin; see `qspin.benchmark.energy_distribution`."""
    ax = axes_or_current(ax)
    for label, data, style in styled(distributions, styles):
        ax.step(data["energy"], data["cumulative"], where="post", label=label, **{**style, "marker": None})
    ax.set(xlabel="lowest energy of a run per spin", ylabel="share of runs", ylim=(0, 1.02))
    return finished(ax)
