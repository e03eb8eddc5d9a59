"""Figures of backends on one problem: distributions of energies, and overlaps between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from qspin import plot
from qspin.plot.canvas import small_multiples
from qspin.studies.series import told
from qspin.studies.wording import at_temperature
from qspin.study import INSTANCE, Cell, Figure, Point, Results

__all__ = ["Pair", "datasets_of", "energies_of", "energy_figures", "pair_figures", "pairs_of"]

_PANELS = 12  # of one figure
_SHOWN = 4  # problems or pairs that the page shows unasked
_MANY = 24  # problems or pairs, from which on one figure shows all of them together


class Pair(NamedTuple):
    """What the figures of one pair of backends show, at the coldest temperature that was compared."""

    problem: str
    reference: str
    backend: str
    place: str
    found: xr.Dataset

    @property
    def title(self) -> str:
        return ", ".join(filter(None, [self.problem, self.place, at_temperature(self.temperature)]))

    @property
    def temperature(self) -> float:
        return float(self.found["temperature"])


def first_instances(cell: Cell) -> Iterator[Point]:
    """One point of every place: of a family of instances, the first stands for all in figures."""
    seen = set()
    for point in cell.points:
        place = place_of(point.at)
        if place not in seen:
            seen.add(place)
            yield point


def place_of(at: Mapping[str, Any]) -> str:
    """Values of the axes but for the instance: ``n_spins = 16, depth = 2``."""
    return ", ".join(f"{name} = {told(value)}" for name, value in at.items() if name != INSTANCE)


def energies_of(results: Results) -> dict[str, dict[str, xr.Dataset]]:
    """Problem with its place -> backend with its own -> distribution of the lowest energies of runs."""
    found: dict[str, dict[str, xr.Dataset]] = {}
    for cell in results.cells("energy_distribution"):
        own = {axis.name for axis in results.asked.problems[cell.problem].axes}
        for point in first_instances(cell):
            of_problem = {name: value for name, value in point.at.items() if name in own}
            of_backend = {name: value for name, value in point.at.items() if name not in own}
            problem, backend = (
                ", ".join(filter(None, [label, place_of(at)]))
                for label, at in ((cell.problem, of_problem), (cell.backend, of_backend))
            )
            found.setdefault(problem, {})[backend] = point.result
    return {problem: curves for problem, curves in found.items() if len(curves) > 1}


def energy_figures(energies: Mapping[str, Mapping[str, xr.Dataset]]) -> list[Figure]:
    """A panel a problem, a dozen to a figure; where problems are many, all in one panel."""
    if len(energies) > _MANY:
        return [
            Figure(
                "energy_distributions",
                "Lowest energy of a run (a replica with its ladder, a read, a shot) per spin above the "
                f"lowest that any backend found, on {len(energies)} problems in the order of the config: "
                "median, and from a tenth to nine tenths of the runs.",
                [lambda ax: plot.energy_intervals(energies, ax)],
            )
        ]
    panels = {problem: _energy_panel(curves) for problem, curves in energies.items()}
    return [
        small_multiples(
            _numbered("energy_distributions", k),
            "Cumulative distribution of the lowest energy of a run (a replica with its ladder, a read, a "
            f"shot), for {', '.join(part)}.",
            part,
            n_columns=min(3, len(part)),
            height=2.9 if len(part) <= 2 else 2.2,
            is_folded=k > 0 or len(panels) > _SHOWN,
        )
        for k, part in enumerate(_parted(panels, _PANELS))
    ]


def _energy_panel(curves: Mapping[str, xr.Dataset]) -> Callable[[Any], Any]:
    return lambda ax: plot.energy_distributions(dict(curves), ax)


def pairs_of(results: Results) -> list[Pair]:
    """Every pair that could be compared, in the order of the config."""
    return [
        Pair(cell.problem, str(cell.reference), cell.backend, place_of(point.at), point.result)
        for cell in results.cells("cross_overlaps")
        for point in first_instances(cell)
        if "cross" in point.result  # elsewhere the two meet at no temperature
    ]


def pair_figures(pairs: Sequence[Pair], telling: Sequence[tuple[str, str]] = ()) -> list[Figure]:
    """Two panels a pair, a figure a backend or several; where pairs are many, all of them as rows of images,
    and two panels for those that tell most.

    Parameters
    ----------
    telling : problems and backends that are not the same ensemble, the clearest first
    """
    figures = []
    for backend in dict.fromkeys(pair.backend for pair in pairs):
        own = [pair for pair in pairs if pair.backend == backend]
        if len(own) > _MANY:
            figures.append(_bands(f"overlaps_{backend}", own))
            clearest = [problem for problem, name in telling if name == backend][: _PANELS // 2]
            own = [pair for problem in dict.fromkeys(clearest) for pair in own if pair.problem == problem]
        for k in range(0, len(own), _PANELS // 2):
            part = own[k : k + _PANELS // 2]
            name = _numbered(f"cross_{backend}", k // (_PANELS // 2))
            figures.append(_pair_figure(name, part, is_folded=len(pairs) > _SHOWN))
    return figures


def _bands(name: str, pairs: Sequence[Pair]) -> Figure:
    """Every pair a row, within either side and between them."""
    names = {"first": pairs[0].reference, "second": pairs[0].backend, "cross": "between them"}
    rows = {pair.title: pair.found for pair in pairs}

    def panel(which: str, title: str) -> Callable[[Any], Any]:
        def draw(ax: Any) -> None:
            plot.overlap_bands(rows, which, ax)
            ax.set_title(title, fontsize="medium")

        return draw

    return Figure(
        name,
        f"Overlaps within {names['first']}, within {names['second']} and between them, a row for each of "
        f"{len(pairs)} pairs in the order of the config, dark where an overlap is likely.",
        [panel(which, title) for which, title in names.items()],
    )


def _pair_figure(name: str, pairs: Sequence[Pair], *, is_folded: bool) -> Figure:
    names = pairs[0].reference, pairs[0].backend
    panels: list[Callable[[Any], Any]] = []
    for pair in pairs:
        panels += [_density_panel(pair, names), _map_panel(pair, has_colour_bar=len(pairs) == 1)]
    return Figure(
        name,
        f"{'; '.join(pair.title for pair in pairs)}: overlaps within {names[0]}, within {names[1]} and "
        f"between them; and the overlaps of {names[0]} (first half) and {names[1]} (second half), each in "
        "the order of its dendrogram.",
        panels,
        height=3.0,
        n_columns=2 if len(pairs) == 1 else 4,
        is_folded=is_folded,
    )


def _density_panel(pair: Pair, names: tuple[str, str]) -> Callable[[Any], Any]:
    def draw(ax: Any) -> None:
        plot.cross_overlaps(pair.found, names, ax)
        ax.set_title(pair.title, fontsize="small")

    return draw


def _map_panel(pair: Pair, *, has_colour_bar: bool) -> Callable[[Any], Any]:
    return lambda ax: plot.overlap_matrix(
        pair.found["matrix"].values, ax, order=pair.found["order"].values, has_colour_bar=has_colour_bar
    )


def _numbered(name: str, k: int) -> str:
    return name if k == 0 else f"{name}_{k + 1}"


def _parted(things: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    items = list(things.items())
    return [dict(items[k : k + most]) for k in range(0, len(items), most)]


# -- what is kept --------------------------------------------------------------------------------


def datasets_of(
    energies: Mapping[str, Mapping[str, xr.Dataset]], pairs: Sequence[Pair]
) -> dict[str, xr.Dataset]:
    """All that the figures show: curves one after the other, with the names that they belong to."""
    found: dict[str, xr.Dataset] = {}
    curves: list[tuple[tuple[str, ...], xr.Dataset]]
    if energies:
        curves = [
            ((problem, backend), curve) for problem, own in energies.items() for backend, curve in own.items()
        ]
        found["energy_distributions"] = _in_a_row(curves, "energy", ["cumulative"], ["problem", "backend"])
    if pairs:
        names = ["problem", "place", "reference", "backend"]
        curves = [((pair.problem, pair.place, pair.reference, pair.backend), pair.found) for pair in pairs]
        found["cross_overlaps"] = _in_a_row(curves, "q", ["first", "second", "cross"], names)
        found["overlap_matrices"] = _matrices(pairs, names)
    return found


def _in_a_row(
    curves: Sequence[tuple[tuple[str, ...], xr.Dataset]], over: str, of: Sequence[str], names: Sequence[str]
) -> xr.Dataset:
    """Curves over a dimension of their own each, as columns over ``point``."""
    columns = {name: np.concatenate([curve[name].values for _, curve in curves]) for name in (over, *of)}
    sizes = [curve.sizes[over] for _, curve in curves]
    labels = {name: np.repeat([key[k] for key, _ in curves], sizes) for k, name in enumerate(names)}
    return xr.Dataset({name: ("point", values) for name, values in {**labels, **columns}.items()})


def _matrices(pairs: Sequence[Pair], names: Sequence[str]) -> xr.Dataset:
    """Overlaps of the configurations shown, in the order of the maps; those of smaller maps end in NaN."""
    most = max(pair.found.sizes["configuration"] for pair in pairs)
    matrices = np.full((len(pairs), most, most), np.nan, dtype=np.float32)
    for matrix, pair in zip(matrices, pairs, strict=True):
        order = pair.found["order"].values.astype(int)
        matrix[: len(order), : len(order)] = pair.found["matrix"].values[np.ix_(order, order)]
    labels = {name: ("pair", [str(getattr(pair, name)) for pair in pairs]) for name in names}
    temperatures = [pair.temperature for pair in pairs]
    return xr.Dataset(
        {
            **labels,
            "temperature": ("pair", temperatures),
            "overlap": (("pair", "configuration", "other"), matrices),
        }
    )
