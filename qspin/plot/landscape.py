"""Landscapes: how small overlaps are, triangles, and valleys with the barriers between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from qspin.arguments import checked_arguments
from qspin.plot.style import axes_or_current, finished, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["disconnectivity", "overlap_sizes", "triangle_densities"]


@checked_arguments
def overlap_sizes(found: xr.Dataset, ax: Axes | None = None, *, central: float | None = None) -> Axes:
    """Density of \\|q\\| beside the 95 % of its null.

    Parameters
    ----------
    found : over ``q``, with ``density``, ``lower_null`` and ``upper_null``; a row of the measure
        ``landscape_nulls``
    central : mark the overlaps up to this size, which count for P(0)
    """
    ax = axes_or_current(ax)
    q, own, null = found["q"].values, style_of(0)["color"], style_of(1)["color"]
    low, high = found["lower_null"].values, found["upper_null"].values
    ax.fill_between(q, low, high, step="mid", color=null, alpha=0.35, linewidth=0, label="independent spins")
    ax.step(q, found["density"].values, where="mid", color=own, linewidth=1.4, label="samples")
    if central is not None:
        ax.axvspan(0, central, color="0.5", alpha=0.12, linewidth=0)
    ax.set(xlabel=r"$|q|$", ylabel=r"$P(|q|)$", xlim=(0, 1))
    ax.set_ylim(bottom=0)
    return finished(ax)


@checked_arguments
def triangle_densities(found: Mapping[str, xr.Dataset], ax: Axes | None = None) -> Axes:
    """Density of K = (q_mid - q_min) / sigma of triples, isosceles triangles at 0.

    Parameters
    ----------
    found : label -> row of the measure ``ultrametricity``: ``density`` over ``k``
    """
    ax = axes_or_current(ax)
    for number, (label, row) in enumerate(found.items()):
        style = style_of(number)
        ax.step(
            row["k"], row["density"], where="mid", label=label, color=style["color"],
            linestyle=style["linestyle"], linewidth=1.2,
        )  # fmt: skip
    ax.set(xlabel="K = (q_mid - q_min) / sigma", ylabel="density", xlim=(0, 3))
    ax.set_ylim(bottom=0)
    return finished(ax)


@checked_arguments
def disconnectivity(found: xr.Dataset, ax: Axes | None = None, *, n_spins: int = 1) -> Axes:
    """Tree of valleys: every leaf ends at the energy of a minimum, and branches meet at the barrier between
    them (Becker, Karplus 1997).

    Parameters
    ----------
    found : of `qspin.analysis.valleys`: ``energy`` over ``valley``, ``barrier`` over (``valley``, ``other``);
        those that are NaN are left out
    n_spins : energies are divided by it
    """
    ax = axes_or_current(ax)
    known = np.isfinite(found["energy"].values)
    energy = found["energy"].values[known] / n_spins
    barrier = found["barrier"].values[np.ix_(known, known)] / n_spins
    if len(energy) == 1:
        ax.plot([0.5, 0.5], [energy[0], energy[0] + 1e-3], color=style_of(0)["color"])
    else:
        _tree(ax, energy, barrier)
    ax.set(ylabel="energy per spin E/N", xlabel="valley", xticks=[])
    ax.grid(axis="y", alpha=0.3, linewidth=0.6)
    return ax


def _tree(ax: Axes, energy: np.ndarray, barrier: np.ndarray) -> None:
    """Branches of single linkage, whose heights are barriers; leaves reach down to their own energies."""
    base = float(energy.min()) - 1e-12
    heights = barrier - base
    np.fill_diagonal(heights, 0.0)
    tree = hierarchy.dendrogram(
        hierarchy.linkage(squareform(heights, checks=False), "single"), no_plot=True, get_leaves=True
    )
    for xs, ys in zip(tree["icoord"], tree["dcoord"], strict=True):
        levels = np.array(ys) + base
        for end in (0, 3):
            if ys[end] == 0:  # a leaf
                levels[end] = energy[tree["leaves"][int(xs[end] // 10)]]
        ax.plot(xs, levels, color=style_of(0)["color"], linewidth=1.0)
