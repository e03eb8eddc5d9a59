"""Curves against temperature, with one standard error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.nulls import random_overlap
from qspin.arguments import checked_arguments
from qspin.plot.style import Styles, axes_or_current, finished, logarithmic, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "binder_ratios",
    "dissimilarity",
    "energy_curves",
    "overlap_curves",
    "profile",
    "quantity",
    "theory_lines",
    "theory_marks",
]

_BESIDE = 1.1  # factor beyond the ends of a curve, up to which a mark is drawn
_OF_ALL = "0.35"  # colour of a mark that all curves have


@checked_arguments
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
    ax = axes_or_current(ax)
    for label, curve, style in styled(curves, styles):
        _temperature_series(ax, curve, "q_abs", label, style)
    if n_spins:
        ax.axhline(
            random_overlap(n_spins), color="0.5", linewidth=0.8, zorder=0,
            label=f"independent spins, N = {n_spins}",
        )  # fmt: skip
    ax.set(ylabel=r"mean $|q_{ab}|$", ylim=(0, 1.02))
    return _temperature_axis(ax, curves)


@checked_arguments
def energy_curves(
    curves: Mapping[str, xr.Dataset], ax: Axes | None = None, *, styles: Styles | None = None
) -> Axes:
    """Energy per spin against temperature with one standard error; see `qspin.analysis.energy_curve`."""
    ax = axes_or_current(ax)
    for label, curve, style in styled(curves, styles):
        _temperature_series(ax, curve, "energy", label, style)
    ax.set(ylabel="energy per spin E/N")
    return _temperature_axis(ax, curves)


@checked_arguments
def quantity(
    curves: Mapping[str, xr.Dataset],
    name: str,
    ax: Axes | None = None,
    *,
    label: str = "",
    limit: float | None = None,
    is_logarithmic: bool = False,
    styles: Styles | None = None,
) -> Axes:
    """Any quantity over ``beta`` against temperature, with one standard error where it has any.

    Parameters
    ----------
    curves : label -> result that holds it
    name : of the variable
    ax : where to draw; default the current axes
    label : of the vertical axis; default the name
    limit : that is marked by a line
    is_logarithmic : the vertical axis
    styles : label -> keyword arguments of the line; default `style_of` by position
    """
    ax = axes_or_current(ax)
    for key, curve, style in styled(curves, styles):
        _temperature_series(ax, curve, name, key, style)
    if limit is not None:
        ax.axhline(limit, color="0.5", linewidth=0.8, linestyle="--", zorder=0)
    ax.set(ylabel=label or name)
    if is_logarithmic:
        ax.set_yscale("log")
    return _temperature_axis(ax, curves)


@checked_arguments
def theory_lines(
    curves: Mapping[str, xr.Dataset], name: str, line: str, ax: Axes, *, is_second: bool = False
) -> Axes:
    """The line of a theory under measured points, once where all have the same; with the ``state`` that its
    attributes name in the legend.

    Parameters
    ----------
    curves : label -> result; those without such a line are left out
    name, line : of the measured variable and of that which holds its line
    ax : on which the points were drawn by `quantity`
    is_second : whether it is that of another state than the first, and dotted
    """
    dashes = (0, (1, 2)) if is_second else (0, (5, 2))
    drawn: list[NDArray[np.float64]] = []
    for curve in curves.values():
        if line not in curve:
            continue
        temperature, values = _temperatures(curve), curve[line].values
        known = np.flatnonzero(np.isfinite(temperature) & np.isfinite(values))
        known = known[np.argsort(temperature[known], kind="stable")]
        points = np.stack([temperature[known], values[known]])
        if known.size and not any(np.array_equal(points, other) for other in drawn):
            state = curve[line].attrs.get("state", "")
            label = None if drawn else f"theory ({state})" if state else "theory"
            ax.plot(*points, color="0.2", linewidth=1, linestyle=dashes, label=label, zorder=1)
            drawn.append(points)
    return finished(ax) if drawn else ax


@checked_arguments
def theory_marks(
    curves: Mapping[str, xr.Dataset], name: str, ax: Axes, *, styles: Styles | None = None
) -> Axes:
    """Temperatures that theory knows as vertical lines, with one standard error where they have any: grey
    where all curves have the same, else in the colour of each; those beside the curves are left out.

    Parameters
    ----------
    curves : label -> result; those without marks are left out
    name : of the variable that holds the temperatures, over a coordinate ``mark`` of their symbols
    ax : on which the points were drawn by `quantity`
    styles : of the curves; default `style_of` by position
    """
    found: dict[str, dict[float, list[tuple[float, Any]]]] = {}
    for _, curve, style in styled(curves, styles):
        if name not in curve:
            continue
        known = _temperatures(curve)
        known = known[np.isfinite(known)]
        errors = curve[f"{name}_error"].values
        for symbol, at, error in zip(curve["mark"].values, curve[name].values, errors, strict=True):
            if known.size and known.min() / _BESIDE < at < known.max() * _BESIDE:
                found.setdefault(str(symbol), {}).setdefault(float(at), []).append((error, style["color"]))
    for k, (symbol, places) in enumerate(found.items()):
        label: str | None = f"${symbol}$ of each by theory"
        if len(places) == 1:
            label = f"${symbol}$ = {next(iter(places)):.4g} by theory"
        for at, own in places.items():
            error, colour = own[0]
            look: dict[str, Any] = {"color": _OF_ALL if len(own) == len(curves) else colour, "zorder": 0.5}
            ax.axvline(at, linewidth=1, linestyle=(0, (1 + 3 * k, 2)), label=label, **look)
            if error:
                ax.axvspan(at - error, at + error, alpha=0.15, linewidth=0, **look)
            label = None
    return finished(ax) if found else ax


@checked_arguments
def profile(
    curves: Mapping[str, xr.Dataset],
    name: str,
    over: str,
    ax: Axes | None = None,
    *,
    label: str = "",
    styles: Styles | None = None,
) -> Axes:
    """Any quantity against any coordinate, with one standard error as a band where it has any.

    Parameters
    ----------
    curves : label -> result that holds it over that coordinate alone
    name, over : of the variable and the coordinate
    ax : where to draw; default the current axes
    label : of the vertical axis; default the name
    styles : label -> keyword arguments of the line; default `style_of` by position
    """
    ax = axes_or_current(ax)
    for key, curve, style in styled(curves, styles):
        x, values = curve[over].values, curve[name].values
        ax.plot(x, values, label=key, linewidth=1.2, **style)
        if f"{name}_error" in curve:
            error = np.nan_to_num(curve[f"{name}_error"].values)
            ax.fill_between(x, values - error, values + error, color=style["color"], alpha=0.25, linewidth=0)
    ax.set(xlabel=over.replace("_", " "), ylabel=label or name)
    return finished(ax)


@checked_arguments
def dissimilarity(curves: Mapping[str, xr.Dataset], ax: Axes | None = None) -> Axes:
    """D_g against temperature, peaks marked; see `qspin.analysis.dissimilarity_curve`."""
    ax = axes_or_current(ax)
    for label, curve, style in styled(curves, None):
        t, d = curve["temperature"].values, curve["dissimilarity"].values
        error = np.nan_to_num(curve["dissimilarity_error"].values)
        ax.errorbar(t, d, yerr=error, label=label, capsize=2, linewidth=1.2, elinewidth=1, **style)
        for k in np.flatnonzero(curve["is_peak"].values):
            ax.axvline(t[k], color=style["color"], linewidth=0.8, linestyle=":")
    ax.set(ylabel=r"dissimilarity $D_g$")
    return _temperature_axis(ax, curves)


def binder_ratios(
    temperatures: ArrayLike,
    curves: Mapping[int, ArrayLike],
    errors: Mapping[int, ArrayLike],
    ax: Axes | None = None,
    *,
    label: str = "Binder ratio",
) -> Axes:
    """Binder ratio against temperature, or what the label says, a line a size; see `analysis.crossings`."""
    ax = axes_or_current(ax)
    for k, size in enumerate(sorted(curves)):
        ax.errorbar(
            temperatures, curves[size], yerr=errors[size], label=f"L = {size}", capsize=2, **style_of(k)
        )
    ax.set(xlabel="temperature T", ylabel=label)
    return finished(ax)


def _temperature_series(ax: Axes, curve: xr.Dataset, name: str, label: str, style: dict[str, Any]) -> None:
    temperature = _temperatures(curve)
    values = curve[name].values
    errors = (
        np.nan_to_num(curve[f"{name}_error"].values) if f"{name}_error" in curve else np.zeros(values.shape)
    )
    known = np.flatnonzero(np.isfinite(temperature))
    if known.size:
        known = known[np.argsort(temperature[known], kind="stable")]  # a line, whatever the order of a ladder
        across = curve["temperature_error"].values[known] if "temperature_error" in curve.coords else None
        ax.errorbar(
            temperature[known], values[known], yerr=errors[known], xerr=across, label=label,
            capsize=2, linewidth=1.2, elinewidth=1, **style,
        )  # fmt: skip
    else:
        where = "no temperature" if np.isnan(temperature).any() else "infinite temperature"
        for k in range(len(values)):
            line = ax.axhline(
                values[k], label=None if k else f"{label} ({where})", **{**style, "marker": None}
            )
            ax.axhspan(values[k] - errors[k], values[k] + errors[k], color=line.get_color(), alpha=0.2)


def _temperatures(curve: xr.Dataset) -> NDArray[np.float64]:
    """Of the rows of a curve: as it says, or 1 / beta."""
    if "temperature" in curve.variables:
        return curve["temperature"].values
    with np.errstate(divide="ignore"):
        return 1 / curve["beta"].values


def _temperature_axis(ax: Axes, curves: Mapping[str, xr.Dataset]) -> Axes:
    """Logarithmic in T; without ticks where no curve has a temperature."""
    temperatures = [_temperatures(curve) for curve in curves.values()]
    if any(np.isfinite(values).any() for values in temperatures):
        logarithmic(ax)
        ax.set_xlabel("temperature T")
    else:
        unknown = any(np.isnan(values).any() for values in temperatures)
        ax.set(xlabel="temperature unknown" if unknown else "infinite temperature", xticks=[])
    return finished(ax)
