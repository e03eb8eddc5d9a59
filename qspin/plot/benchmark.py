"""How long a solution takes, and who is fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qspin.arguments import checked_arguments
from qspin.plot.style import axes_or_current, finished, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["performance_profile", "time_to_solution"]


def time_to_solution(
    curves: Mapping[str, list[tuple[float, float, float, float]]], ax: Axes | None = None
) -> Axes:
    """Time to solution against the number of spins.

    Parameters
    ----------
    curves : label -> (spins, seconds, low, high); an infinite time is marked at the top edge
    """
    ax = axes_or_current(ax)
    finite = [t for points in curves.values() for _, t, _, _ in points if np.isfinite(t)]
    top = 3 * max(finite, default=1.0)
    for k, (label, points) in enumerate(curves.items()):
        n, t, low, high = np.array(points, dtype=np.float64).T
        known = np.isfinite(t)
        below, above = t[known] - low[known], np.where(np.isfinite(high), high, t)[known] - t[known]
        ax.errorbar(
            n[known],
            t[known],
            yerr=np.abs([below, above]),
            label=label,
            capsize=2,
            linewidth=1.2,
            **style_of(k),
        )
        if not known.all():
            ax.plot(
                n[~known], np.full((~known).sum(), top), marker="^", linestyle="", color=style_of(k)["color"]
            )
    ax.set(xlabel="spins", ylabel="time to solution / s", yscale="log")
    return finished(ax)


@checked_arguments
def performance_profile(profile: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Share of instances within a factor of the best; see `qspin.benchmark.performance_profile`."""
    ax = axes_or_current(ax)
    for k, solver in enumerate(profile["solver"].values):
        share = profile["share"].sel(solver=solver)
        ax.step(profile["factor"], share, where="post", label=str(solver), **{**style_of(k), "marker": None})
    ax.set(xlabel="factor of the fastest", ylabel="share of instances", xscale="log", ylim=(0, 1.02))
    return finished(ax)
