"""One function a figure: takes analysis results and an Axes, draws, returns the Axes.

Colours are those of Okabe and Ito (2008), which colour-blind readers tell apart; markers and line styles
repeat the distinction for print without colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.analysis.theory import random_overlap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["energy_curves", "learning_curves", "overlap_curves", "overlap_densities", "style_of"]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_ELSEWHERE = 0.05  # of ln T, beyond which a curve is said to be at another temperature
_FAR = 0.25  # of ln T, beyond which it is left out
_LINES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))


Styles = Mapping[str, Mapping[str, Any]]


def style_of(colour: int, line: int | None = None) -> dict[str, Any]:
    """Style of a series: number `colour` of the colours, number `line` (default the same) of the lines."""
    k, m = colour % len(_COLOURS), (colour if line is None else line) % len(_LINES)
    return {"color": _COLOURS[k], "marker": _MARKERS[m], "linestyle": _LINES[m], "markersize": 4}


def overlap_curves(
    curves: Mapping[str, xr.Dataset],
    ax: Axes | None = None,
    *,
    n_spins: int | None = None,
    styles: Styles | None = None,
) -> Axes:
    """Mean |q_ab| against temperature with one standard error; see `qspin.analysis.overlap_curve`.

    Parameters
    ----------
    curves : label -> curve; one without a temperature becomes a horizontal band, measured temperatures
        have error bars of their own
    ax : where to draw; default the current axes
    n_spins : also mark the mean |q| of independent random configurations of that size
    styles : label -> keyword arguments of the line; default `style_of` by position
    """
    ax = _axes(ax)
    for label, curve, style in _styled(curves, styles):
        _temperature_series(ax, curve, "q_abs", label, style)
    if n_spins:
        ax.axhline(random_overlap(n_spins), color="0.5", linewidth=0.8, zorder=0)
        ax.annotate(
            f"independent spins, N = {n_spins}", (0, random_overlap(n_spins)), xytext=(6, -3),
            xycoords=("axes fraction", "data"), textcoords="offset points",
            va="top", fontsize="small", color="0.35",
        )  # fmt: skip
    ax.set(ylabel=r"mean $|q_{ab}|$", ylim=(0, 1.02))
    return _temperature_axis(ax, curves)


def energy_curves(
    curves: Mapping[str, xr.Dataset], ax: Axes | None = None, *, styles: Styles | None = None
) -> Axes:
    """Energy per spin against temperature with one standard error; see `qspin.analysis.energy_curve`."""
    ax = _axes(ax)
    for label, curve, style in _styled(curves, styles):
        _temperature_series(ax, curve, "energy", label, style)
    ax.set(ylabel="energy per spin E/N")
    return _temperature_axis(ax, curves)


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
    ax = _axes(ax)
    for label, distribution, style in _styled(distributions, styles):
        temperatures = distribution["temperature"].values
        known = ~np.isnan(temperatures)
        if known.any() == bool(np.isnan(beta)):
            continue
        column = 0
        if known.any():
            with np.errstate(divide="ignore"):
                distance = np.abs(np.log(temperatures * beta))
            column = int(np.nanargmin(distance))
            if distance[column] > _FAR:
                continue
            if distance[column] > _ELSEWHERE:
                label = f"{label} (T = {temperatures[column]:.3g})"
        at = distribution.isel(beta=column)
        density, error = at["density"].values, np.nan_to_num(at["density_error"].values)
        ax.plot(at["q"], density, label=label, linewidth=1.4, **{**style, "marker": None})
        ax.fill_between(
            at["q"], density - error, density + error, color=style["color"], alpha=0.25, linewidth=0
        )
    ax.set(xlabel=r"overlap $q$", ylabel=r"$P(q)$", xlim=(-1.02, 1.02))
    ax.set_ylim(bottom=0)
    return _finished(ax)


def learning_curves(
    curves: Mapping[str, ArrayLike], quantity: Literal["loss", "accuracy"], ax: Axes | None = None
) -> Axes:
    """Loss or accuracy on training and test set against the epoch.

    Parameters
    ----------
    curves : as `TrainingRecord.curves`, values (epochs + 1,)
    quantity : ``loss`` (cross-entropy, nats; logarithmic) or ``accuracy``
    ax : where to draw; default the current axes
    """
    ax = _axes(ax)
    for k, part in enumerate(("train", "test")):
        values = np.asarray(curves[f"{quantity}_{part}"])
        ax.plot(np.arange(len(values)), values, label=part, **{**style_of(k), "marker": None})
    ax.set(xlabel="epoch", ylabel="cross-entropy / nats" if quantity == "loss" else "accuracy")
    if quantity == "loss":
        ax.set_yscale("log")
    return _finished(ax)


def _temperature_series(ax: Axes, curve: xr.Dataset, name: str, label: str, style: dict[str, Any]) -> None:
    temperature = curve["temperature"].values
    values, errors = curve[name].values, np.nan_to_num(curve[f"{name}_error"].values)
    known = np.isfinite(temperature)
    if known.any():
        across = curve["temperature_error"].values[known] if "temperature_error" in curve.coords else None
        ax.errorbar(
            temperature[known], values[known], yerr=errors[known], xerr=across, label=label,
            capsize=2, linewidth=1.2, elinewidth=1, **style,
        )  # fmt: skip
    elif np.isnan(temperature).any():
        for k in range(len(values)):
            line = ax.axhline(
                values[k], label=None if k else f"{label} (no temperature)", **{**style, "marker": None}
            )
            ax.axhspan(values[k] - errors[k], values[k] + errors[k], color=line.get_color(), alpha=0.2)


def _styled(
    series: Mapping[str, xr.Dataset], styles: Styles | None
) -> Iterator[tuple[str, xr.Dataset, dict[str, Any]]]:
    for k, (label, data) in enumerate(series.items()):
        yield label, data, dict(styles[label]) if styles else style_of(k)


def _temperature_axis(ax: Axes, curves: Mapping[str, xr.Dataset]) -> Axes:
    """Logarithmic in T; without ticks where no curve has a temperature."""
    if any(np.isfinite(curve["temperature"].values).any() for curve in curves.values()):
        from matplotlib.ticker import LogLocator

        ax.set(xlabel="temperature T", xscale="log")
        ax.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
    else:
        ax.set(xlabel="temperature unknown", xticks=[])
    return _finished(ax)


def _finished(ax: Axes) -> Axes:
    ax.grid(alpha=0.3, linewidth=0.6)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize="small")
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.gca()
