"""Signs of a glass at single temperatures, and the rule by which they become a verdict.

Glassy: more small overlaps than independent spins of the same magnetisations have, by 0.02 at least, four
standard deviations of these and two standard errors of its own, and besides several states or ultrametric
triangles. Not glassy: no such excess, neither several states nor ultrametric triangles, and one valley, or
spins that are free. Everything else is open, and so are samples that are not in equilibrium. The bounds are
ours.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from qspin.analysis import confidence_factor
from qspin.analysis.glassiness import CENTRAL
from qspin.significance import STANDARD_ERRORS
from qspin.studies.cells import by_place, result_at
from qspin.study import INSTANCE, Results

__all__ = ["MEASURES", "Glass", "Place", "Row", "families", "judged", "mean_excess", "places_of"]

MEASURES = ("landscape_nulls", "find_states", "ultrametricity", "valleys")

_EFFECT = 0.02  # of the share of small overlaps
_OWN_ERRORS = 2.0  # of that share, that its excess has to be beyond
_FREE = 0.75  # of the share that free spins have, from which on spins count as free
_SEVERAL = 2.0  # valleys

_NUMBERS = {
    "landscape_nulls": (
        "n_configurations", "central_weight", "central_weight_null", "central_weight_deviation",
        "central_excess", "central_error", "n_valleys", "n_valleys_null", "n_valleys_deviation",
        "edge_rigidity", "edge_rigidity_null", "edge_rigidity_deviation",
        "bulk_rigidity", "bulk_rigidity_null", "bulk_rigidity_deviation",
    ),
    "find_states": (
        "n_states", "participation", "separation", "null_separation", "null_deviation", "is_significant",
    ),
    "ultrametricity": ("effect", "p_value", "spread", "is_detected"),
    "valleys": ("n_found",),
}  # fmt: skip


class Glass(enum.StrEnum):
    """A verdict on a landscape."""

    GLASSY = "glassy"
    NOT = "not glassy"
    OPEN = "open"


class Row(NamedTuple):
    """All signs at one temperature.

    Parameters
    ----------
    temperature : NaN where it is not known
    numbers : by name, as the measures `MEASURES` have them; NaN where they cannot be told
    verdict : by the rule of this module
    """

    temperature: float
    numbers: Mapping[str, float]
    verdict: Glass

    @property
    def is_many(self) -> bool:
        """Whether there are more small overlaps than independent spins have."""
        excess, error = self.numbers["central_excess"], self.numbers["central_error"]
        null = self.numbers["central_weight_deviation"]
        return excess >= _EFFECT and excess > STANDARD_ERRORS * null and excess > _OWN_ERRORS * error

    @property
    def has_states(self) -> bool:
        return self.numbers["is_significant"] == 1

    @property
    def lies_apart(self) -> bool:
        """Whether clusters lie further apart than those of noise, however few configurations they hold."""
        mean, deviation = self.numbers["null_separation"], self.numbers["null_deviation"]
        return self.numbers["separation"] > mean + STANDARD_ERRORS * deviation

    @property
    def is_ultrametric(self) -> bool:
        return self.numbers["is_detected"] == 1


class Place(NamedTuple):
    """A landscape at one point of the sweep.

    Parameters
    ----------
    at : name of an axis -> its value
    rows : from hot to cold
    found : by name of the measure its result
    doubts : what remarks say against equilibrium
    verdict : glassy where one temperature is, not where none is or could be
    """

    problem: str
    backend: str
    at: Mapping[str, Any]
    rows: tuple[Row, ...]
    found: Mapping[str, xr.Dataset]
    doubts: tuple[str, ...]
    verdict: Glass

    @property
    def cell(self) -> tuple[str, str, str]:
        """What the instances of one family have in common."""
        rest = {name: value for name, value in self.at.items() if name != INSTANCE}
        return self.problem, self.backend, repr(rest)

    @property
    def telling(self) -> int:
        """The row that shows most: of the largest excess beyond its error, the coldest of equal ones."""
        known = [
            row.numbers["central_excess"] - _OWN_ERRORS * row.numbers["central_error"] for row in self.rows
        ]
        order = np.argsort(np.nan_to_num(known, nan=-np.inf)[::-1], kind="stable")
        return len(known) - 1 - int(order[-1]) if len(known) else 0


def places_of(
    results: Results, doubts: Mapping[tuple[str, str], Sequence[tuple[Mapping[str, Any], str]]]
) -> list[Place]:
    """Every landscape that was measured, judged.

    Parameters
    ----------
    doubts : (problem, backend) -> what is said against equilibrium, and at which point
    """
    cells = {name: by_place(results, name) for name in MEASURES}
    places = []
    for key, cell in cells[MEASURES[0]].items():
        others = {name: by_cell[key] for name, by_cell in cells.items() if key in by_cell}
        for point in cell.points:
            at_point = {name: result_at(other, point.at) for name, other in others.items()}
            found = {name: result for name, result in at_point.items() if result is not None}
            own = tuple(text for at, text in doubts.get(key, ()) if repr(at) == repr(point.at))
            rows = tuple(_rows(found))
            verdict = Glass.OPEN if own else _of_all(rows)
            places.append(Place(*key, point.at, rows, found, own, verdict))
    return places


def _rows(found: Mapping[str, xr.Dataset]) -> Iterator[Row]:
    """From hot to cold; without temperatures, in the order of the samples."""
    first = found[MEASURES[0]]
    temperatures = first["temperature"].values
    for k in np.argsort(-np.nan_to_num(temperatures, nan=0.0), kind="stable"):
        numbers = {
            name: float(found[measure][name].values[k]) if measure in found else math.nan
            for measure, names in _NUMBERS.items()
            for name in names
        }
        row = Row(float(temperatures[k]), numbers, Glass.OPEN)
        yield row._replace(verdict=_rule(row, int(first.attrs["n_spins"])))


def _rule(row: Row, n_spins: int) -> Glass:
    numbers = row.numbers
    if math.isnan(numbers["central_excess"]):
        return Glass.OPEN
    structured = row.has_states or row.is_ultrametric
    if row.is_many:
        return Glass.GLASSY if structured else Glass.OPEN
    is_free = numbers["central_weight_null"] >= _FREE * _share_of_free_spins(n_spins)
    simple = is_free or numbers["n_valleys"] < _SEVERAL
    return Glass.NOT if simple and not structured else Glass.OPEN


def _share_of_free_spins(n_spins: int) -> float:
    """Share of overlaps of at most 0.2 in size, of independent spins without magnetisation."""
    agreeing = np.arange(n_spins + 1)
    small = np.abs(2 * agreeing / max(n_spins, 1) - 1) <= CENTRAL + 1e-9
    return float(stats.binom.pmf(agreeing, n_spins, 0.5)[small].sum())


def _of_all(rows: Sequence[Row]) -> Glass:
    verdicts = {row.verdict for row in rows}
    if Glass.GLASSY in verdicts:
        return Glass.GLASSY
    return Glass.NOT if verdicts == {Glass.NOT} else Glass.OPEN


def families(places: Sequence[Place]) -> list[list[Place]]:
    """Places that differ in their instance alone belong together."""
    found: dict[tuple[str, str, str], list[Place]] = {}
    for place in places:
        found.setdefault(place.cell, []).append(place)
    return list(found.values())


def mean_excess(places: Sequence[Place]) -> tuple[float, float]:
    """Share of small overlaps beyond the null, of each instance where it shows most: mean over instances and
    its standard error."""
    values = np.array([_excess(place) for place in places if not math.isnan(_excess(place))])
    if len(values) < 2:
        return (float(values[0]) if len(values) else math.nan), math.nan
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _excess(place: Place) -> float:
    return place.rows[place.telling].numbers["central_excess"] if place.rows else math.nan


def judged(places: Sequence[Place]) -> Glass:
    """Of a family: what most of its instances are; or glassy, where none is not and the mean excess of small
    overlaps over all of them is one beyond its 95 % interval."""
    glassy = sum(place.verdict is Glass.GLASSY for place in places)
    other = sum(place.verdict is Glass.NOT for place in places)
    if 2 * max(glassy, other) > len(places):
        return Glass.GLASSY if glassy > other else Glass.NOT
    excess, error = mean_excess(places)
    if glassy and not other and excess >= _EFFECT and excess > confidence_factor(len(places)) * error:
        return Glass.GLASSY
    return Glass.OPEN
