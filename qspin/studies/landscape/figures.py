"""Figures of landscapes: sizes of overlaps beside their null, maps of overlaps, triangles and valleys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from qspin import plot
from qspin.analysis.glassiness import CENTRAL
from qspin.plot.canvas import small_multiples
from qspin.studies.landscape.glass import MEASURES, Place, families
from qspin.studies.lines import DENSITY
from qspin.studies.series import told
from qspin.studies.wording import at_temperature
from qspin.study import INSTANCE, Figure

__all__ = ["datasets_of", "landscape_figures"]

_PANELS = 12  # of one figure
_SHOWN = 4  # panels that the page shows unasked

_Panel = Callable[[Any], Any]


def landscape_figures(places: Sequence[Place]) -> Iterator[Figure]:
    """A panel a landscape, each at the temperature that shows most; of a family, of its first instance, and
    sizes of overlaps as means over all."""
    told_apart = len({place.backend for place in places}) > 1
    groups = {_title(group[0], told_apart): group for group in families(places) if group[0].rows}
    shown = {title: group[0] for title, group in groups.items()}
    has_theory = any(DENSITY in place.found["landscape_nulls"] for place in places)
    yield from _grids(
        "sizes",
        "Density of the size of the overlap (line) beside that of independent spins of the same "
        "magnetisations (band, 95 % of the null), means over instances; shaded are the overlaps that count "
        f"for P(0){'; dashed is that of infinitely many spins by theory' if has_theory else ''}",
        {title: _sizes(group) for title, group in groups.items() if any(map(_has_sizes, group))},
    )
    yield from _grids(
        "maps",
        "Overlaps of all pairs of configurations, in the order of their dendrogram: blocks are states. "
        "Without fields their sizes, since mirror images are the same",
        {t: _map(p) for t, p in shown.items() if "matrix" in p.found.get("find_states", ())},
    )
    yield from _grids(
        "triangles",
        "Triangles of overlaps: K = (q_mid - q_min) / sigma, 0 for isosceles ones, which an ultrametric "
        "space has only",
        {t: _triangles(p) for t, p in shown.items() if "density" in p.found.get("ultrametricity", ())},
    )
    yield from _grids(
        "valleys",
        "Valleys below the configurations: branches end at the energies of local minima and meet at the "
        "barriers between them, as greedy paths find them",
        {t: _valleys(p) for t, p in shown.items() if "barrier" in p.found.get("valleys", ())},
    )


def _title(place: Place, has_backend: bool = True) -> str:
    rest = [f"{name} = {told(value)}" for name, value in place.at.items() if name != INSTANCE]
    where = at_temperature(place.rows[place.telling].temperature)
    return ", ".join([place.problem, *([place.backend] if has_backend else []), *rest, where])


def _row(place: Place, measure: str) -> xr.Dataset:
    """The result at the temperature that shows most."""
    found = place.found[measure]
    temperature = place.rows[place.telling].temperature
    same = [k for k, own in enumerate(found["temperature"].values) if own == temperature]
    return found.isel(beta=same[0] if same else 0)


def _has_sizes(place: Place) -> bool:
    return bool(place.rows) and "density" in place.found["landscape_nulls"]


def _mean_sizes(group: Sequence[Place]) -> xr.Dataset:
    """Densities and null of the overlaps, over the instances of which they are known."""
    rows = [_row(place, "landscape_nulls") for place in group if _has_sizes(place)]
    names = ("density", "lower_null", "upper_null")
    means = {name: ("q", np.nanmean([row[name].values for row in rows], axis=0)) for name in names}
    found = xr.Dataset(means, coords={"q": rows[0]["q"].values})
    return found.assign({DENSITY: rows[0][DENSITY]}) if DENSITY in rows[0] else found


def _sizes(group: Sequence[Place]) -> _Panel:
    def draw(ax: Any) -> Any:
        found = _mean_sizes(group)
        drawn = plot.overlap_sizes(found, ax, central=CENTRAL)
        return plot.theory_sizes(found[DENSITY], drawn) if DENSITY in found else drawn

    return draw


def _map(place: Place) -> _Panel:
    def draw(ax: Any) -> None:
        row = _row(place, "find_states")
        order = row["order"].values
        known = order[order == order].astype(int)  # rows of fewer configurations end in NaN
        plot.overlap_matrix(row["matrix"].values, ax, order=known, has_colour_bar=False)

    return draw


def _triangles(place: Place) -> _Panel:
    return lambda ax: plot.triangle_densities({"samples": _row(place, "ultrametricity")}, ax)


def _valleys(place: Place) -> _Panel:
    n_spins = int(place.found["valleys"].attrs["n_spins"])
    return lambda ax: plot.disconnectivity(_row(place, "valleys"), ax, n_spins=max(n_spins, 1))


def _grids(name: str, caption: str, panels: Mapping[str, _Panel]) -> Iterator[Figure]:
    titles = list(panels)
    for k in range(0, len(titles), _PANELS):
        part = {title: panels[title] for title in titles[k : k + _PANELS]}
        figure = small_multiples(
            name if k == 0 else f"{name}_{k // _PANELS + 1}",
            f"{caption}: {'; '.join(part)}.",
            part,
            n_columns=min(3, len(part)),
            height=2.4,
            is_folded=k > 0 or len(titles) > _SHOWN,
        )
        yield replace(figure, shares_axes=False)


def datasets_of(places: Sequence[Place]) -> dict[str, xr.Dataset]:
    """All that the figures show, by figure, over ``landscape``; smaller ones end in NaN."""
    groups = [group for group in families(places) if group[0].rows]
    found: dict[str, xr.Dataset] = {}
    for measure in MEASURES:
        rows = [_kept(_row(group[0], measure), group[0]) for group in groups if measure in group[0].found]
        if rows:
            found[measure] = _stacked(rows)
    sizes = [_kept(_mean_sizes(group), group[0]) for group in groups if any(map(_has_sizes, group))]
    if sizes:
        found["overlap_sizes"] = _stacked(sizes)
    return found


def _kept(row: xr.Dataset, place: Place) -> xr.Dataset:
    bare = row.reset_coords().drop_vars("spins", errors="ignore").drop_attrs()
    return bare.assign(problem=place.problem, backend=place.backend, place=_title(place))


def _stacked(rows: Sequence[xr.Dataset]) -> xr.Dataset:
    return xr.concat(
        rows, dim="landscape", join="outer", data_vars="all", coords="minimal", compat="override"
    )
