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
from qspin.arguments import checked_arguments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "binder_ratios",
    "cross_overlaps",
    "dissimilarity",
    "energy_curves",
    "energy_distributions",
    "learning_curves",
    "overlap_curves",
    "overlap_densities",
    "overlap_matrix",
    "performance_profile",
    "style_of",
    "time_to_solution",
    "triangles",
]

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


@checked_arguments
def energy_curves(
    curves: Mapping[str, xr.Dataset], ax: Axes | None = None, *, styles: Styles | None = None
) -> Axes:
    """Energy per spin against temperature with one standard error; see `qspin.analysis.energy_curve`."""
    ax = _axes(ax)
    for label, curve, style in _styled(curves, styles):
        _temperature_series(ax, curve, "energy", label, style)
    ax.set(ylabel="energy per spin E/N")
    return _temperature_axis(ax, curves)


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
    ax = _axes(ax)
    for label, distribution, style in _styled(distributions, styles):
        temperatures = distribution["temperature"].values
        known = ~np.isnan(temperatures)
        if known.any() == bool(np.isnan(beta)):
            continue
        column = 0
        if known.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.where(1 / temperatures == beta, 0.0, np.abs(np.log(temperatures * beta)))
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


@checked_arguments
def energy_distributions(
    distributions: Mapping[str, xr.Dataset], ax: Axes | None = None, *, styles: Styles | None = None
) -> Axes:
    """Share of runs at or below an energy per spin; see `qspin.benchmark.energy_distribution`."""
    ax = _axes(ax)
    for label, data, style in _styled(distributions, styles):
        ax.step(data["energy"], data["cumulative"], where="post", label=label, **{**style, "marker": None})
    ax.set(xlabel="lowest energy of a run per spin", ylabel="share of runs", ylim=(0, 1.02))
    return _finished(ax)


def binder_ratios(
    temperatures: ArrayLike,
    curves: Mapping[int, ArrayLike],
    errors: Mapping[int, ArrayLike],
    ax: Axes | None = None,
) -> Axes:
    """Binder ratio against temperature, a line for each size; see `qspin.analysis.crossings`."""
    ax = _axes(ax)
    for k, size in enumerate(sorted(curves)):
        ax.errorbar(
            temperatures, curves[size], yerr=errors[size], label=f"L = {size}", capsize=2, **style_of(k)
        )
    ax.set(xlabel="temperature T", ylabel="Binder ratio")
    return _finished(ax)


@checked_arguments
def cross_overlaps(
    overlaps: xr.Dataset, names: tuple[str, str] = ("first", "second"), ax: Axes | None = None
) -> Axes:
    """P(q) within two sets of configurations and between them; see `qspin.analysis.cross_overlaps`."""
    ax = _axes(ax)
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
    return _finished(ax)


def overlap_matrix(overlaps: ArrayLike, ax: Axes | None = None, *, order: ArrayLike | None = None) -> Axes:
    """Overlaps of all pairs of configurations as a map, in the order of a dendrogram.

    Parameters
    ----------
    overlaps : (n, n), see `qspin.analysis.overlap_matrix`
    order : of the configurations, such as `States.order`
    """
    ax = _axes(ax)
    q = np.asarray(overlaps)
    if order is not None:
        q = q[np.ix_(np.asarray(order), np.asarray(order))]
    image = ax.imshow(q, vmin=-1, vmax=1, cmap="PuOr_r", interpolation="nearest", rasterized=True)
    ax.figure.colorbar(image, ax=ax, label=r"overlap $q$", shrink=0.85)
    ax.set(xlabel="configuration", ylabel="configuration")
    return ax


def triangles(found: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Distribution of K = (q_mid - q_min) / sigma of triples; see `qspin.analysis.ultrametricity`."""
    ax = _axes(ax)
    edges = np.linspace(0, 3, 31)
    for k, (label, test) in enumerate(found.items()):
        density, _ = np.histogram(test.k, edges, density=True)
        ax.stairs(density, edges, label=label, color=style_of(k)["color"], linestyle=style_of(k)["linestyle"])
    ax.set(xlabel="K = (q_mid - q_min) / sigma", ylabel="density", xlim=(0, 3))
    return _finished(ax)


@checked_arguments
def dissimilarity(curves: Mapping[str, xr.Dataset], ax: Axes | None = None) -> Axes:
    """D_g against temperature, peaks marked; see `qspin.analysis.dissimilarity_curve`."""
    ax = _axes(ax)
    for label, curve, style in _styled(curves, None):
        t, d = curve["temperature"].values, curve["dissimilarity"].values
        error = np.nan_to_num(curve["dissimilarity_error"].values)
        ax.errorbar(t, d, yerr=error, label=label, capsize=2, linewidth=1.2, elinewidth=1, **style)
        for k in np.flatnonzero(curve["is_peak"].values):
            ax.axvline(t[k], color=style["color"], linewidth=0.8, linestyle=":")
    ax.set(ylabel=r"dissimilarity $D_g$")
    return _temperature_axis(ax, curves)


def time_to_solution(
    curves: Mapping[str, list[tuple[float, float, float, float]]], ax: Axes | None = None
) -> Axes:
    """Time to solution against the number of spins.

    Parameters
    ----------
    curves : label -> (spins, seconds, low, high); an infinite time is marked at the top edge
    """
    ax = _axes(ax)
    finite = [t for points in curves.values() for _, t, _, _ in points if np.isfinite(t)]
    top = 3 * max(finite, default=1.0)
    for k, (label, points) in enumerate(curves.items()):
        n, t, low, high = np.array(points, dtype=np.float64).T
        known = np.isfinite(t)
        spread = np.nan_to_num(np.stack([t - low, np.where(np.isfinite(high), high - t, 0.0)])[:, known])
        ax.errorbar(
            n[known], t[known], yerr=np.abs(spread), label=label, capsize=2, linewidth=1.2, **style_of(k)
        )
        if not known.all():
            ax.plot(
                n[~known], np.full((~known).sum(), top), marker="^", linestyle="", color=style_of(k)["color"]
            )
    ax.set(xlabel="spins", ylabel="time to solution / s", yscale="log")
    return _finished(ax)


@checked_arguments
def performance_profile(profile: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Share of instances within a factor of the best; see `qspin.benchmark.performance_profile`."""
    ax = _axes(ax)
    for k, solver in enumerate(profile["solver"].values):
        share = profile["share"].sel(solver=solver)
        ax.step(profile["factor"], share, where="post", label=str(solver), **{**style_of(k), "marker": None})
    ax.set(xlabel="factor of the fastest", ylabel="share of instances", xscale="log", ylim=(0, 1.02))
    return _finished(ax)


def _temperature_series(ax: Axes, curve: xr.Dataset, name: str, label: str, style: dict[str, Any]) -> None:
    temperature = curve["temperature"].values
    values, errors = curve[name].values, np.nan_to_num(curve[f"{name}_error"].values)
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
        unknown = any(np.isnan(curve["temperature"].values).any() for curve in curves.values())
        ax.set(xlabel="temperature unknown" if unknown else "infinite temperature", xticks=[])
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
