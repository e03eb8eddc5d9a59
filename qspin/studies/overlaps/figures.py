"""Figures of overlaps: mean |q| and energy against the temperature, and P(q)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin import plot
from qspin.studies.grids import Drawn, grid
from qspin.studies.lines import DENSITY, SYMMETRIC, drawn_beside
from qspin.studies.series import Series, by_backend, panels
from qspin.studies.wording import at_temperature
from qspin.study import Figure

__all__ = ["overlap_figures", "shown_betas"]

_MOST_IN_VIEW = 12  # series of a panel a backend
_THEORY = (
    "Dashed is that of infinitely many spins by theory; dotted, where all overlaps of a replica-symmetric "
    "theory are."
)


def overlap_figures(series: Sequence[Series], betas: Sequence[float]) -> Iterator[Figure]:
    """Mean |q|, P(q) at some temperatures, and energies.

    Parameters
    ----------
    series : with results of the measures that the study wants, or of some of them
    betas : where P(q) is shown, see `shown_betas`
    """
    overlaps = [s for s in series if "overlap_curve" in s.results]
    if overlaps:
        yield from _mean_overlaps(overlaps)
    distributions = [s for s in series if "overlap_distribution" in s.results]
    if distributions:
        yield from _distributions(distributions, betas)
    if energies := [s for s in series if "energy_curve" in s.results]:
        yield grid(
            "energy",
            "Energy per spin. Bars are one standard error over replicas, or over instances where there are "
            "several; mostly smaller than the symbols.",
            panels(energies), "energy_curve",
            lambda ax, curves, styles: drawn_beside(
                plot.energy_curves(curves, ax, styles=styles), curves, "energy", styles
            ),
        )  # fmt: skip
    links = [s for s in series if "link_overlap_curve" in s.results]
    if links:
        yield grid(
            "link_overlap",
            "Mean link overlap over pairs of replicas at the same temperature. Bars are one standard error.",
            panels(links), "link_overlap_curve",
            lambda ax, curves, styles: drawn_beside(
                plot.quantity(curves, "q_link", ax, label=r"mean link overlap $q_l$", styles=styles),
                curves, "q_link", styles,
            ),
            is_folded=True,
        )  # fmt: skip


def _mean_overlaps(overlaps: Sequence[Series]) -> Iterator[Figure]:
    caption = (
        "Mean |q_ab| over pairs of replicas at the same temperature. Bars are one standard error, from "
        "leaving out one replica at a time, or over instances where there are several."
    )
    found = panels(overlaps)
    yield grid("mean_overlap", caption, found, "overlap_curve", _mean_overlap(overlaps))
    of_backends = by_backend(overlaps)
    if len(found) > 1 and all(len(panel.series) <= _MOST_IN_VIEW for panel in of_backends):
        yield grid(
            "mean_overlap_by_backend", f"The same, a panel for each backend. {caption}", of_backends,
            "overlap_curve", _mean_overlap(overlaps), is_folded=True,
        )  # fmt: skip


def _mean_overlap(overlaps: Sequence[Series]) -> Drawn:
    """Marks where independent spins lie, if all problems are of one size."""
    sizes = {s.results["overlap_curve"].attrs.get("n_spins") for s in overlaps}
    n_spins = int(size) if len(sizes) == 1 and (size := sizes.pop()) is not None else None

    def draw(ax: Any, curves: Mapping[str, xr.Dataset], styles: plot.Styles) -> Any:
        drawn = plot.overlap_curves(curves, ax, n_spins=n_spins, styles=styles)
        return drawn_beside(drawn, curves, "q_abs", styles)

    return draw


def _distributions(series: Sequence[Series], betas: Sequence[float]) -> Iterator[Figure]:
    """One figure with a panel a temperature; of many panels one figure for each temperature."""
    found = panels(series)
    caption = "Distribution of the overlap, P(q), at {}. Bands are one standard error."
    if any(DENSITY in s.results["overlap_distribution"] for s in series):
        caption = f"{caption} {_THEORY}"
    if len(found) == 1:
        curves, styles = found[0].curves("overlap_distribution"), found[0].styles

        def draw(beta: float) -> Callable[[Any], Any]:
            return lambda ax: _titled(_density(beta)(ax, curves, styles), _at(beta))

        where = ", ".join(map(_at, betas))
        yield Figure("overlap_distribution", caption.format(where), [draw(b) for b in betas], height=2.9)
        return
    for k, beta in enumerate(betas):
        yield grid(
            f"overlap_distribution_{k}", caption.format(_at(beta)), found, "overlap_distribution",
            _density(beta), is_folded=k > 0,
        )  # fmt: skip


def _density(beta: float) -> Drawn:
    def draw(ax: Any, curves: Mapping[str, xr.Dataset], styles: plot.Styles) -> Any:
        drawn = plot.overlap_densities(curves, beta, ax, styles=styles)
        return plot.theory_densities(curves, beta, DENSITY, SYMMETRIC, drawn)

    return draw


def _titled(ax: Any, title: str) -> Any:
    ax.set_title(title, fontsize="medium")
    return ax


def _at(beta: float) -> str:
    return at_temperature(1 / beta if beta else float("inf"))


def shown_betas(found: Sequence[xr.Dataset], temperatures: Sequence[float] | None) -> list[float]:
    """Inverse temperatures at which P(q) is shown: the ladder points nearest to those that are asked for, by
    default the coldest, middle and hottest; NaN besides where samples have no temperature.
    """
    set_ones = [d for d in found if np.isfinite(d["beta"].values).any()]
    with np.errstate(divide="ignore"):
        ladders = [1 / d["temperature"].values for d in set_ones or found]
    known = np.unique(np.concatenate([ladder[ladder > 0] for ladder in ladders]))
    shown: list[float] = []
    if known.size:
        default = np.quantile(known, [1, 0.5, 0], method="nearest")
        wanted = 1 / np.array(temperatures) if temperatures else default
        shown = [float(known[np.argmin(np.abs(np.log(known / beta)))]) for beta in wanted]
    elif any(np.isinf(d["temperature"].values).any() for d in found):
        shown = [0.0]
    if any(np.isnan(d["temperature"].values).all() for d in found):
        shown.append(float("nan"))
    return list(dict.fromkeys(shown))
