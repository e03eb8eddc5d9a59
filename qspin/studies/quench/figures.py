"""Figures of quenches: errors over time, Binder ratios and their collapse, kinks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin import plot
from qspin.plot import style_of
from qspin.plot.canvas import small_multiples
from qspin.studies.quench.densities import densities_of
from qspin.studies.quench.errors import Error, lines_of
from qspin.studies.quench.found import Found
from qspin.studies.quench.kinks import Kinks
from qspin.studies.quench.scaling import Scaled
from qspin.studies.quench.theory import Theory
from qspin.study import Figure

__all__ = ["error_curve", "figures_of"]

_LENGTH = "length of the dynamics"


def figures_of(found: Found) -> Iterator[Figure]:
    """Those that there is anything for."""
    yield from _errors(found.errors)
    yield from _binder(found)
    yield from _kinks(found.kinks, found.theories)
    yield from _densities(found.errors)


def _drawn(name: str, caption: str, panels: Mapping[str, Callable[[Any], Any]]) -> Figure:
    if len(panels) == 1:
        return Figure(name, caption, list(panels.values()))
    return small_multiples(name, caption, panels, n_columns=min(3, len(panels)), height=2.6)


# -- correlation errors --------------------------------------------------------------------------


def _errors(errors: Sequence[Error]) -> Iterator[Figure]:
    """A panel a problem, a line a backend; what exact reads would show is a band."""
    rivals = [e for e in errors if not e.is_reference and np.isfinite(e.time)]
    names = list(dict.fromkeys(e.state.backend for e in rivals))
    styles = {name: style_of(k) for k, name in enumerate(names)}
    panels = {}
    for problem in dict.fromkeys(e.state.problem_name for e in rivals):
        own = [e for e in rivals if e.state.problem_name == problem]
        curves = {backend: error_curve(line) for (_, backend), line in lines_of(own).items()}
        panels[problem] = _error_panel(curves, _floor(own), styles)
    if panels:
        caption = (
            "Correlation error against the exact state, over the time of the quench, of each sampler with "
            "the best of its settings there. The noise of finite reads is taken off; bars are one "
            "standard error, arrows point down from the upper ends of 95 % intervals where nothing is left. "
            "The band is what as many reads of the exact state show before that, on average and in one case "
            "of twenty."
        )
        yield _drawn("correlation_error", caption, panels)


def error_curve(errors: Sequence[Error]) -> xr.Dataset:
    """Errors of one sampler over time; from low to high is one standard error of eps^2 on each side."""
    names = ("value", "high", "squared", "squared_error", "raw", "null", "null_high", "p_value")
    columns = {name: np.array([getattr(e, name) for e in errors], dtype=float) for name in names}
    ends = {
        f"error_{side}": np.sqrt(np.maximum(columns["squared"] + sign * columns["squared_error"], 0.0))
        for side, sign in (("low", -1), ("high", 1))
    }
    columns["error_highest"] = columns.pop("high")  # of the 95 % interval
    columns["error"] = columns.pop("value")
    return xr.Dataset(
        {name: ("time", column) for name, column in {**columns, **ends}.items()},
        coords={"time": [e.time for e in errors]},
    )


def _floor(errors: Sequence[Error]) -> xr.Dataset | None:
    """What exact reads show, of the sampler with the fewest of them."""
    known = [e for e in errors if np.isfinite([e.null, e.null_high]).all()]
    times = sorted({e.time for e in known})
    if not times:
        return None
    worst = [max((e for e in known if e.time == t), key=lambda e: e.null) for t in times]
    ends = {"error": [e.null for e in worst], "error_high": [e.null_high for e in worst]}
    return xr.Dataset({k: ("time", v) for k, v in ends.items()}, coords={"time": times})


def _error_panel(
    curves: Mapping[str, xr.Dataset], band: xr.Dataset | None, styles: plot.Styles
) -> Callable[[Any], Any]:
    own = {key: styles[key] for key in curves}
    return lambda ax: plot.over_time(
        curves, "error", ax, label="correlation error ε", band=band, is_logarithmic=True, styles=own
    )


def _densities(errors: Sequence[Error]) -> Iterator[Figure]:
    """P(q) at the last time, a panel a problem."""
    found = densities_of(errors)
    names = list(dict.fromkeys(name for own in found.values() for name in own))
    styles = {name: {**style_of(k), "marker": None} for k, name in enumerate(names)}
    panels: dict[str, Any] = {}
    for problem, own in found.items():
        panels[problem] = lambda ax, own=own: plot.profile(
            own, "density", "q", ax, label=r"$P(q)$", styles={name: styles[name] for name in own}
        )
    if panels:
        caption = (
            "Distribution of overlaps of independent reads after the longest quench, averaged over "
            "instances, of each sampler with the best of its settings there. Bands are one standard error."
        )
        yield dataclasses.replace(_drawn("overlap_density", caption, panels), is_folded=True)


# -- Binder ratios -------------------------------------------------------------------------------


def _binder(found: Found) -> Iterator[Figure]:
    """Curves of every model and sampler, and their collapses."""
    panels: dict[str, Any] = {}
    for own in found.scaled:
        curves = {f"L = {size}": curve.dataset() for size, curve in sorted(own.curves.items())}
        clock = _clock(own)
        panels[_name(own)] = lambda ax, curves=curves, clock=clock: plot.over_time(
            curves, "binder", ax, label="Binder ratio U", time=clock
        )
    if panels:
        caption = (
            "Binder ratio of overlaps of independent reads over the time of the quench, by size, averaged "
            "over instances. Bars are one standard error."
        )
        yield _drawn("binder_in_time", caption, panels)
    fallen = {_name(own): _collapsed(own) for own in found.scaled if own.collapse is not None}
    if fallen:
        caption = (
            "The same over t L^-mu, with the exponent mu that brings all sizes nearest to one curve, a "
            "polynomial in the logarithm of that time."
        )
        yield _drawn("binder_collapse", caption, fallen)


def _name(own: Scaled) -> str:
    return f"{own.family} · {own.sampler}"


def _clock(own: Scaled) -> str:
    (first, *_) = own.curves.values()
    return "annealing time, ns" if first.states[0].is_time else _LENGTH


def _collapsed(own: Scaled) -> Callable[[Any], Any]:
    assert own.collapse is not None
    curves, mu = own.collapsed(), own.collapse.mu
    return lambda ax: plot.over_time(
        curves, "binder", ax, label="Binder ratio U", time=f"t L^-mu, mu = {mu:.2f}"
    )


# -- kinks ---------------------------------------------------------------------------------------


def _kinks(kinks: Sequence[Kinks], theories: Sequence[Theory]) -> Iterator[Figure]:
    """A panel a ring: what was read, and lines of theory."""
    timed = [k for k in kinks if k.state.is_time and k.state.time is not None]
    backends = list(dict.fromkeys(k.state.backend_name for k in timed))
    styles = {name: {**style_of(n), "linestyle": ""} for n, name in enumerate(backends)}
    panels: dict[str, Any] = {}
    for problem in dict.fromkeys(k.state.problem_name for k in timed):
        own = [k for k in timed if k.state.problem_name == problem]
        curves = {b: _kink_curve([k for k in own if k.state.backend_name == b]) for b in backends}
        curves = {b: curve for b, curve in curves.items() if curve.sizes["time"]}
        lines = {line.name: line.dataset() for line in theories if line.place == own[0].state.place}
        panels[problem] = lambda ax, curves=curves, lines=lines: plot.over_time(
            curves, "kinks", ax, label="density of kinks", theory=lines, is_logarithmic=True,
            styles={b: styles[b] for b in curves},
        )  # fmt: skip
    if panels:
        caption = (
            "Density of kinks on a ring without frustration after a quench. Lines: free fermions, which "
            "solve the ring exactly, and the Kibble-Zurek law where it leaves the ring kinks enough. Bars "
            "are one standard error, arrows point down from the upper ends of 95 % intervals where no kink "
            "was read."
        )
        yield _drawn("kinks", caption, panels)


def _kink_curve(kinks: Sequence[Kinks]) -> xr.Dataset:
    ordered = sorted(kinks, key=lambda k: k.state.time or 0.0)
    return xr.Dataset(
        {
            "kinks": ("time", [k.value for k in ordered]),
            "kinks_error": ("time", [k.error for k in ordered]),
            "kinks_highest": ("time", [k.limit for k in ordered]),
        },
        coords={"time": [k.state.time or 0.0 for k in ordered]},
    )
