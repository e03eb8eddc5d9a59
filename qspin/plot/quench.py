"""Quenches: what is left after so much time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from qspin.arguments import checked_arguments
from qspin.plot.style import Styles, axes_or_current, finished, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["over_time"]


@checked_arguments
def over_time(
    curves: Mapping[str, xr.Dataset],
    name: str,
    ax: Axes | None = None,
    *,
    label: str = "",
    time: str = "annealing time, ns",
    band: xr.Dataset | None = None,
    theory: Mapping[str, xr.Dataset] | None = None,
    is_logarithmic: bool = False,
    styles: Styles | None = None,
) -> Axes:
    """Any quantity over the coordinate ``time``, whose axis is logarithmic, with its error bars.

    Parameters
    ----------
    curves : label -> dataset over ``time`` with NAME, and NAME_low and NAME_high, or NAME_error; also
        NAME_highest, where what is not positive may reach
    name : of the variable
    ax : where to draw; default the current axes
    label, time : of the axes
    band : over ``time``, NAME up to NAME_high: what stands for nothing
    theory : label -> dataset over ``time`` with NAME, drawn as lines
    is_logarithmic : the vertical axis; of what is not positive, NAME_highest is marked there by an arrow
    styles : label -> keyword arguments of the line; default `style_of` by position
    """
    ax = axes_or_current(ax)
    for key, curve, style in styled(curves, styles):
        x, y = curve["time"].values, curve[name].values
        shown = y > 0 if is_logarithmic else np.isfinite(y)
        if f"{name}_highest" in curve:
            _limits(ax, x[~shown], curve[f"{name}_highest"].values[~shown], style)
        ax.errorbar(
            x[shown], y[shown], yerr=_bars(curve, name)[:, shown], label=key, capsize=2, linewidth=1.2,
            elinewidth=1, **style,
        )  # fmt: skip
    for k, (key, line) in enumerate((theory or {}).items()):
        dash: Any = ("--", ":", "-.")[k % 3]
        ax.plot(line["time"], line[name], label=key, color="0.35", linestyle=dash, linewidth=1.2, zorder=0)
    if band is not None:
        ax.fill_between(
            band["time"].values, band[name].values, band[f"{name}_high"].values, color="0.5", alpha=0.3,
            linewidth=0, label="exact reads, uncorrected", zorder=0,
        )  # fmt: skip
    ax.set(xlabel=time, ylabel=label or name, xscale="log")
    if is_logarithmic:
        ax.set_yscale("log")
    _plain_times(ax)
    return finished(ax)


def _limits(ax: Axes, x: Any, high: Any, style: Mapping[str, Any]) -> None:
    """Arrows down from the upper ends of what is not above zero."""
    if len(x):
        ax.plot(x, high, color=style["color"], marker=r"$\downarrow$", linestyle="", markersize=7)


def _plain_times(ax: Axes) -> None:
    """Numbers such as 2 and 50 on the axis, where there is room for them."""
    from matplotlib.ticker import LogLocator

    ax.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=8))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")


def _bars(curve: xr.Dataset, name: str) -> Any:
    """Lengths of error bars below and above, (2, n)."""
    if f"{name}_low" in curve:
        ends = np.stack([curve[name] - curve[f"{name}_low"], curve[f"{name}_high"] - curve[name]])
    elif f"{name}_error" in curve:
        ends = np.stack([curve[f"{name}_error"]] * 2)
    else:
        ends = np.zeros((2, curve.sizes["time"]))
    return np.maximum(np.nan_to_num(ends), 0.0)
