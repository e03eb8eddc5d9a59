"""What becomes of it in larger systems? Curves of several sizes, where they cross, and how they collapse.

Binder ratios, and correlation lengths over L, do not depend on the size at a continuous transition, so their
curves cross there (Binder 1981, Z. Phys. B 43, 119; for spin glasses Bhatt, Young 1985, Phys. Rev. Lett. 54,
924; Ballesteros et al. 2000, Phys. Rev. B 62, 14237).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import xarray as xr

from qspin import plot
from qspin.analysis import collapse
from qspin.analysis.finite_size import Collapse, Crossing
from qspin.errors import InputError
from qspin.measure import NEEDS
from qspin.plot.canvas import small_multiples
from qspin.registry import get_measure
from qspin.studies.finite_size.lines import lines_beside, off_theory, off_theory_told
from qspin.studies.finite_size.scaling import BINDER, LENGTH, Quantity, Scaling, crossings_of, scaled
from qspin.studies.finite_size.sizes import families_of, is_averaged, points_of
from qspin.studies.lines import DEVIATION, THEORY, drawn_beside, line_columns, lines_told, marks_told
from qspin.studies.series import Series
from qspin.studies.tables import table_of, value_columns
from qspin.studies.wording import some, with_error
from qspin.study import (
    Asked,
    Column,
    Conclusion,
    Figure,
    Finding,
    Plan,
    Results,
    Section,
    Study,
    Table,
    Wanted,
    settings,
)

__all__ = ["FiniteSize"]

_NEEDS = ("thermostat", "ladder", "replicas")
_NU = 1.5  # from which the exponent of a collapse is looked for
_NOTE = (
    "Averages are over instances of the disorder, at temperatures that all sizes share, and their errors by "
    "bootstrap over instances; of one instance they are those of its replicas. A crossing is where the curve "
    "of the larger size, coming from above, falls below that of the smaller one; its error is the spread of "
    "crossings of resampled averages. Small sizes cross beside the transition: their crossings move towards "
    "it as they grow."
)


class _Found(NamedTuple):
    scaling: Scaling
    crossings: list[tuple[Crossing, bool]]
    collapse: Collapse | None
    lines: list[Series]

    @property
    def place(self) -> tuple[list[Series], str]:
        """Where marks of theory are: in the lines, under the name of the quantity."""
        return self.lines, self.scaling.quantity.name

    def dataset(self) -> xr.Dataset:
        """Of the scaling, with the lines of theory where there are some."""
        name = self.scaling.quantity.name
        curves = [one.results[name] for one in self.lines]
        parts = [part for part in (f"{THEORY}{name}", f"{DEVIATION}{name}") if all(part in c for c in curves)]
        added = {
            part: (("size", "temperature"), np.stack([c[part].values for c in curves])) for part in parts
        }
        return self.scaling.dataset().assign(added)


@settings
class FiniteSize(Study):
    """Binder ratios of one model at several sizes: of a problem with an axis of sizes, or of problems of one
    kind that differ in size alone.

    Parameters
    ----------
    axis : name of the axis of sizes, where it is no setting of the problem that changes its number of spins
    correlation_length : also xi / L, of periodic lattices
    collapse : also the critical temperature and exponent with which the curves fall onto one
    theory : ``auto``: curves have the line of the theory that the kind of a problem names, and marks at
        temperatures that it knows, beside which crossings are told; ``none``
    """

    is_standard: ClassVar[bool] = True

    axis: str | None = None
    correlation_length: bool = False
    collapse: bool = False
    theory: Literal["auto", "none"] = "auto"

    @property
    def _quantities(self) -> list[Quantity]:
        return [BINDER, *([LENGTH] if self.correlation_length else [])]

    def plan(self, asked: Asked) -> Plan:
        """Overlaps of all sizes, at shared temperatures.

        Raises
        ------
        InputError
            If there are no sizes, or no backend has what curves of overlaps need.
        """
        families = families_of(asked, self.axis)
        if not families:
            raise InputError(
                "finite_size compares sizes, and there is one of each problem: give a problem an axis of "
                "sizes, such as sizes: {n_spins: [16, 32, 64]}, or two problems of one kind that differ in "
                "their size",
                key=() if self.axis is None else ("axis",),
            )
        families = [family for family in families if is_averaged(family, asked)]
        if not families:
            raise InputError(
                "finite_size averages over the disorder, and there is one instance of each size: give the "
                "problems instances: 20, or more"
            )
        backends = [label for label in asked.backends if not _lacking(asked, label)]
        if not backends:
            lacking = "; ".join(
                f"{label} has no {', no '.join(_lacking(asked, label))}" for label in asked.backends
            )
            raise InputError(f"finite_size needs curves over temperatures with replicas, and {lacking}")
        labels = list(dict.fromkeys(label for family in families for label in family.problems))
        return Plan(
            [
                Wanted(quantity.measure, label, backend)
                for label in labels
                for backend in backends
                for quantity in self._quantities
                if not asked.unmet(get_measure(quantity.measure), label, backend)
            ],
            shares_ladders=True,
        )

    def conclude(self, results: Results) -> Conclusion:
        """Curves, crossings and, where it is asked for, a collapse."""
        found, reasons = self._found(results)
        if not found and not reasons:
            return Conclusion()
        section = Section(
            "Finite-size scaling",
            "finite-size",
            "What becomes of it in larger systems?",
            [
                *(finding for own in found for finding in _findings(own)),
                *(f for own in found for f in lines_told(own.lines, own.scaling.quantity.name)),
                *_marks_told(found),
                *(Finding(r, 0.5) for r in reasons),
            ],
            [
                _figure(quantity, found)
                for quantity in self._quantities
                if any(_is(own, quantity) for own in found)
            ],
            [_crossing_table(found), *_collapse_table(found), _size_table(found)] if found else [],
            [_NOTE],
        )
        bottom = _bottom_line(found)
        return Conclusion(
            [section],
            bottom_line={} if bottom is None else {"glass": bottom},
            datasets={_name(own.scaling): own.dataset() for own in found},
        )

    def _found(self, results: Results) -> tuple[list[_Found], list[str]]:
        """What could be scaled, and why the rest could not."""
        found, reasons = [], []
        for family in families_of(results.asked, self.axis):
            for quantity in self._quantities:
                cells = results.cells(quantity.measure)
                for (backend, where), by_size in points_of(family, cells).items():
                    curves = {size: [point.result for point in own] for size, own in by_size.items()}
                    try:
                        own = scaled(family.name, backend, where, quantity, curves)
                    except InputError as error:
                        place = ", ".join(filter(None, [f"{family.name} with {backend}", where]))
                        reasons.append(f"{quantity.title} of {place} cannot be compared: {error}.")
                        continue
                    crossed = list(crossings_of(own))
                    fitted = _collapsed(own, crossed) if self.collapse else None
                    is_wanted = self.theory == "auto"
                    lines = lines_beside(own, family, by_size, results, theory=is_wanted)
                    found.append(_Found(own, crossed, fitted, lines))
        return found, reasons


def _lacking(asked: Asked, backend: str) -> list[str]:
    """What a backend does not have of what curves need, in words; nothing if it does not say."""
    offered = asked.backends[backend].offers
    return [] if offered is None else [NEEDS[need] for need in _NEEDS if need not in offered]


def _collapsed(scaling: Scaling, crossed: Sequence[tuple[Crossing, bool]]) -> Collapse | None:
    """None where points or errors are too few."""
    known = [c.temperature for c, _ in crossed if np.isfinite(c.temperature)]
    start = (known[-1] if known else float(np.median(scaling.temperatures)), _NU)
    if not all((error > 0).all() for error in scaling.errors.values()):
        return None
    try:
        return collapse(scaling.temperatures, scaling.curves, scaling.errors, start=start)
    except InputError:
        return None


def _is(own: _Found, quantity: Quantity) -> bool:
    return own.scaling.quantity.name == quantity.name


def _name(scaling: Scaling) -> str:
    parts = [scaling.quantity.name, scaling.family, scaling.backend, scaling.where.replace(" = ", "-")]
    return "-".join(part.replace(", ", "-").replace(" ", "_") for part in parts if part)


# -- in words ------------------------------------------------------------------------------------


def _findings(own: _Found) -> Iterator[Finding]:
    s = own.scaling
    head = f"With {s.backend}, {s.quantity.heading} of {s.family}{f' ({s.where})' if s.where else ''}"
    for crossing, is_widest in own.crossings:
        small, large = crossing.sizes
        text = (
            f"{head}, sizes {small} and {large}, {_crossing(crossing, s.temperatures)}; {crossing.share:.0%} "
            f"of resampled averages cross{off_theory_told(*own.place, crossing.temperature, crossing.error)}."
        )
        yield Finding(text, 1.6 if is_widest else 0.8)
    if own.collapse is not None:
        c = own.collapse
        yield Finding(
            f"{head} collapse best with T_c = {with_error(c.t_c, c.t_c_error)} and nu = "
            f"{with_error(c.nu, c.nu_error)}, at a mean squared distance of {c.quality:.2g} in units of "
            f"their errors{off_theory_told(*own.place, c.t_c, c.t_c_error)}.",
            1.7,
        )


def _marks_told(found: Sequence[_Found]) -> Iterator[Finding]:
    """Once where several quantities and backends have the same."""
    told = {f.text: f for own in found for f in marks_told(own.lines, own.scaling.quantity.name)}
    yield from told.values()


def _crossing(found: Crossing, temperatures: Any) -> str:
    if np.isnan(found.temperature):
        return f"do not cross between T = {temperatures.min():.3g} and {temperatures.max():.3g}"
    return f"cross at T = {with_error(found.temperature, found.error)}"


def _bottom_line(found: Sequence[_Found]) -> Finding | None:
    """Where the widest pairs cross."""
    places = [
        f"{with_error(crossing.temperature, crossing.error)} ({own.scaling.family}, sizes "
        f"{crossing.sizes[0]} and {crossing.sizes[1]})"
        for own in found
        for crossing, is_widest in own.crossings
        if is_widest and np.isfinite(crossing.temperature) and own.scaling.quantity.name == BINDER.name
    ]
    if not places:
        return None
    return Finding(f"Binder ratios cross, as they do at a transition, at T = {some(places)}.", 0.6)


# -- figures and tables --------------------------------------------------------------------------


def _figure(quantity: Quantity, found: Sequence[_Found]) -> Figure:
    own = [one for one in found if _is(one, quantity)]
    caption = (
        f"{quantity.title} against temperature, averaged over instances, by size. Bars are one standard "
        "error over instances."
    )
    panels = {one.scaling.label: _panel(one) for one in own}
    if len(panels) == 1:
        return Figure(quantity.name, caption, list(panels.values()))
    return small_multiples(quantity.name, caption, panels, n_columns=min(3, len(panels)), height=2.4)


def _panel(own: _Found) -> Callable[[Any], Any]:
    s, name = own.scaling, own.scaling.quantity.name
    curves = {one.label: one.results[name] for one in own.lines}

    def draw(ax: Any) -> Any:
        drawn = plot.binder_ratios(s.temperatures, s.curves, s.errors, ax, label=s.quantity.title)
        return drawn_beside(drawn, curves, name)

    return draw


_PLACE = (
    Column("family", "model", is_text=True),
    Column("backend", is_text=True),
    Column("where", "at", is_text=True),
    Column("quantity", is_text=True),
)


def _place(s: Scaling) -> dict[str, Any]:
    return {
        "family": s.family,
        "backend": s.backend,
        "where": s.where or None,
        "quantity": s.quantity.heading,
    }


def _crossing_table(found: Sequence[_Found]) -> Table:
    columns = [
        *_PLACE,
        Column("small", "size"),
        Column("large", "and size"),
        *value_columns("temperature", "cross at T"),
        *line_columns("temperature", "T"),
        Column("share", "share of resampled averages that cross", ".0%"),
    ]
    rows = [
        {
            **_place(own.scaling),
            "small": crossing.sizes[0],
            "large": crossing.sizes[1],
            "temperature": crossing.temperature,
            "temperature_error": crossing.error,
            **off_theory(*own.place, crossing.temperature, crossing.error),
            "share": crossing.share,
        }
        for own in found
        for crossing, _ in own.crossings
    ]
    return table_of("crossings", "Crossings", columns, rows, "temperature", "small", "large")


def _collapse_table(found: Sequence[_Found]) -> list[Table]:
    rows = [
        {
            **_place(own.scaling),
            "t_c": own.collapse.t_c,
            "t_c_error": own.collapse.t_c_error,
            "nu": own.collapse.nu,
            "nu_error": own.collapse.nu_error,
            "quality": own.collapse.quality,
        }
        for own in found
        if own.collapse is not None
    ]
    columns = [
        *_PLACE,
        *value_columns("t_c", "T_c"),
        *value_columns("nu"),
        Column("quality", "squared distance, in errors", ".2g"),
    ]
    return [table_of("collapse", "Collapse", columns, rows)] if rows else []


def _size_table(found: Sequence[_Found]) -> Table:
    columns = [*_PLACE, Column("size"), Column("n_spins", "N"), Column("n_instances", "instances")]
    rows = [
        {**_place(s), "size": size, "n_spins": s.n_spins[size], "n_instances": s.n_instances[size]}
        for s in (own.scaling for own in found)
        for size in sorted(s.curves)
    ]
    return table_of("sizes", "Sizes", columns, rows)
