"""Figures of landscapes: sizes of overlaps beside their null, maps of overlaps, triangles and valleys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import xarray as xr

from qspin import plot
from qspin.analysis.glassiness import CENTRAL
from qspin.plot.canvas import small_multiples
from qspin.studies.landscape.glass import MEASURES, Place
from qspin.studies.series import told
from qspin.studies.wording import at_temperature
from qspin.study import INSTANCE, Figure

__all__ = ["datasets_of", "landscape_figures"]

_PANELS = 12  # of one figure
_SHOWN = 4  # panels that the page shows unasked

_Panel = Callable[[Any], Any]


def landscape_figures(places: Sequence[Place]) -> Iterator[Figure]:
    """A panel a landscape, each at the temperature that shows most; of a family, of its first instance."""
    shown = _first_instances(places)
    yield from _grids(
        "sizes",
        "Density of the size of the overlap (line) beside that of independent spins of the same "
        "magnetisations (band, 95 % of the null); shaded are the overlaps that count for P(0)",
        {_title(p): _sizes(p) for p in shown if "landscape_nulls" in p.found},
    )
    yield from _grids(
        "maps",
        "Overlaps of all pairs of configurations, in the order of their dendrogram: blocks are states",
        {_title(p): _map(p) for p in shown if "matrix" in p.found.get("find_states", ())},
        shares_axes=False,
    )
    yield from _grids(
        "triangles",
        "Triangles of overlaps: K = (q_mid - q_min) / sigma, 0 for isosceles ones, which an ultrametric "
        "space has only",
        {_title(p): _triangles(p) for p in shown if "density" in p.found.get("ultrametricity", ())},
    )
    yield from _grids(
        "valleys",
        "Valleys below the configurations: branches end at the energies of local minima and meet at the "
        "barriers between them, as greedy paths find them",
        {_title(p): _valleys(p) for p in shown if "barrier" in p.found.get("valleys", ())},
        shares_axes=False,
    )


def _first_instances(places: Sequence[Place]) -> list[Place]:
    first: dict[tuple[str, str, str], Place] = {}
    for place in places:
        if place.rows:
            first.setdefault(place.cell, place)
    return list(first.values())


def _title(place: Place) -> str:
    rest = [f"{name} = {told(value)}" for name, value in place.at.items() if name != INSTANCE]
    where = at_temperature(place.rows[place.telling].temperature)
    return ", ".join([place.problem, place.backend, *rest, where])


def _row(place: Place, measure: str) -> xr.Dataset:
    """The result at the temperature that shows most."""
    found = place.found[measure]
    temperature = place.rows[place.telling].temperature
    same = [k for k, own in enumerate(found["temperature"].values) if own == temperature]
    return found.isel(beta=same[0] if same else 0)


def _sizes(place: Place) -> _Panel:
    return lambda ax: plot.overlap_sizes(_row(place, "landscape_nulls"), ax, central=CENTRAL)


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


def _grids(
    name: str, caption: str, panels: Mapping[str, _Panel], *, shares_axes: bool = True
) -> Iterator[Figure]:
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
        yield figure if shares_axes else replace(figure, shares_axes=False)


def datasets_of(places: Sequence[Place]) -> dict[str, xr.Dataset]:
    """All that the figures show, by measure, over ``landscape``; smaller ones end in NaN."""
    shown = _first_instances(places)
    found: dict[str, xr.Dataset] = {}
    for measure in MEASURES:
        rows = [
            _row(place, measure)
            .reset_coords()
            .drop_vars("spins", errors="ignore")
            .drop_attrs()
            .assign(problem=place.problem, backend=place.backend, place=_title(place))
            for place in shown
            if measure in place.found
        ]
        if rows:
            found[measure] = xr.concat(
                rows, dim="landscape", join="outer", data_vars="all", coords="minimal", compat="override"
            )
    return found
