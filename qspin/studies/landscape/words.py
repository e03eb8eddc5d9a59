"""Landscapes in sentences, in tables, in a matrix and in one line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qspin.analysis.landscape import HEAVY
from qspin.significance import STANDARD_ERRORS
from qspin.studies.landscape.glass import Glass, Place, Row, families, judged, mean_excess
from qspin.studies.series import told
from qspin.studies.tables import listed
from qspin.studies.wording import at_temperature, some, with_error
from qspin.study import INSTANCE, Column, Finding, Table, Tone, Verdict

__all__ = ["bottom_line", "family_table", "findings", "matrix", "signs_table"]

_WEIGHTS = {Glass.GLASSY: 1.5, Glass.NOT: 1.0, Glass.OPEN: 0.8}
_MANY = 15  # sentences, from which on each weighs less


def _where(place: Place) -> str:
    rest = [f"{name} = {told(value)}" for name, value in place.at.items() if name != INSTANCE]
    return f"On {', '.join([place.problem, *rest])} with {place.backend}"


# -- sentences -----------------------------------------------------------------------------------


def findings(places: Sequence[Place]) -> list[Finding]:
    """One sentence for every family and every single landscape."""
    groups = families(places)
    scale = 1.0 if len(groups) <= _MANY else 0.3
    return [
        Finding(_of_family(group) if len(group) > 1 else _of_one(group[0]), scale * _WEIGHTS[judged(group)])
        for group in groups
    ]


def _of_one(place: Place) -> str:
    is_open = place.verdict is Glass.OPEN
    verdict = "whether the landscape is glassy stays open" if is_open else f"the landscape is {place.verdict}"
    head = f"{_where(place)}, {verdict}"
    if not place.rows:
        return f"{head}: nothing could be measured."
    if place.doubts:
        return f"{head}, since the samples are doubtful: {some(place.doubts, 1)}."
    return f"{head}: {_signs(place.rows[place.telling])}."


def _signs(row: Row) -> str:
    """What speaks for and against, at one temperature."""
    n = row.numbers
    if math.isnan(n["central_excess"]):
        return f"nothing can be told of the overlaps at {at_temperature(row.temperature)}"
    spread = max(2 * n["central_error"], STANDARD_ERRORS * n["central_weight_deviation"])
    side = "more than" if n["central_excess"] > spread else "fewer than"
    side = "as many as" if abs(n["central_excess"]) <= spread else side
    parts = [
        f"at {at_temperature(row.temperature)}, {100 * n['central_weight']:.1f} % of overlaps lie near 0, "
        f"{side} the {100 * n['central_weight_null']:.1f} % of independent spins of the same magnetisations",
        _states(row),
        "triangles are ultrametric" if row.is_ultrametric else "triangles are not ultrametric",
        f"configurations lie in {n['n_valleys']:.1f} valleys ({n['n_valleys_null']:.1f} of the null)",
    ]
    return "; ".join(parts)


def _states(row: Row) -> str:
    n = row.numbers
    if math.isnan(n["separation"]):
        return "states cannot be told"
    if row.has_states:
        return f"there are {n['n_states']:.0f} states, further apart than clusters of noise"
    if row.lies_apart:
        return f"clusters lie further apart than those of noise, but no two of them hold {HEAVY:.0%}"
    return "clusters are no further apart than those of noise"


def _of_family(places: Sequence[Place]) -> str:
    first, n = places[0], len(places)
    counts = {verdict: sum(place.verdict is verdict for place in places) for verdict in Glass}
    excess, error = mean_excess(places)
    return (
        f"{_where(first)}, {counts[Glass.GLASSY]} of {n} instances are glassy, {counts[Glass.NOT]} are not "
        f"and {counts[Glass.OPEN]} are open. The share of overlaps near 0 exceeds that of independent spins "
        f"by {with_error(100 * excess, 100 * error)} % on average, at the temperature that shows most."
    )


def bottom_line(places: Sequence[Place]) -> Finding | None:
    """Which problems are glassy and which are not."""
    groups = families(places)
    if not groups:
        return None
    by_verdict: dict[Glass, list[str]] = {verdict: [] for verdict in Glass}
    for group in groups:
        by_verdict[judged(group)].append(_named(group, several=len({place.backend for place in places}) > 1))
    words = {Glass.GLASSY: "glassy", Glass.NOT: "not glassy", Glass.OPEN: "open"}
    parts = [f"{words[verdict]}: {some(names)}" for verdict, names in by_verdict.items() if names]
    text = "; ".join(parts)
    return Finding(f"{text[0].upper()}{text[1:]}.", 2.0)


def _named(group: Sequence[Place], *, several: bool) -> str:
    first, n = group[0], len(group)
    rest = [f"{name} = {told(value)}" for name, value in first.at.items() if name != INSTANCE]
    name = ", ".join([first.problem, *rest]) + (f" with {first.backend}" if several else "")
    glassy = sum(place.verdict is Glass.GLASSY for place in group)
    return f"{name} ({glassy} of {n} instances)" if n > 1 else name


def matrix(places: Sequence[Place]) -> list[Verdict]:
    """A cell of the matrix for every problem and backend."""
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        groups.setdefault((place.problem, place.backend), []).append(place)
    found = []
    for (problem, backend), own in groups.items():
        verdict = judged(own)
        glassy = sum(place.verdict is Glass.GLASSY for place in own)
        text = f"glassy in {glassy} of {len(own)}" if len(own) > 1 else str(verdict)
        detail = _of_family(own) if len(own) > 1 else _of_one(own[0])
        found.append(Verdict(problem, backend, text, Tone.OPEN, detail))  # a glass is neither good nor bad
    return found


# -- tables --------------------------------------------------------------------------------------


def _axes(places: Sequence[Place]) -> list[str]:
    return list(dict.fromkeys(name for place in places for name in place.at))


def _beside(name: str) -> Any:
    """A statistic with its null and the deviation of that."""

    def form(row: Mapping[str, Any]) -> str:
        value, null, deviation = row[name], row[f"{name}_null"], row[f"{name}_deviation"]
        return "–" if math.isnan(value) else f"{value:.3g} ({null:.3g} ± {deviation:.2g})"

    return form


def signs_table(places: Sequence[Place]) -> Table:
    """Every landscape at every temperature, statistics beside their nulls."""
    axes = _axes(places)
    rows = [_record(place, row, axes) for place in places for row in place.rows]
    shown = {
        "central_weight": "P(0) (null)",
        "separation": "separation of states (null)",
        "n_valleys": "valleys (null)",
        "edge_rigidity": "rigidity of bonds (null)",
        "bulk_rigidity": "of all pairs (null)",
    }
    beside = [Column(name, heading, _beside(name)) for name, heading in shown.items()]
    names = [
        name
        for row in rows[:1]
        for name in row
        if name not in {*shown, "problem", "backend", "verdict", *axes}
    ]
    forms = {
        "temperature": ("T", ".3g"),
        "n_configurations": ("configurations", ".0f"),
        "n_states": ("states", ".0f"),
        "effect": ("ultrametric effect", ".0%"),
        "p_value": ("its p", ".2g"),
        "spread": ("spread over null", ".2g"),
    }
    columns = {
        name: Column(name, *forms[name]) if name in forms else Column(name, is_shown=False) for name in names
    }
    first = [columns.pop("temperature"), columns.pop("n_configurations")]
    return Table(
        "signs",
        "Signs of a glass, beside their nulls",
        [
            Column("problem", is_text=True),
            *(Column(name) for name in axes),
            Column("backend", is_text=True),
            *first,
            Column("verdict", is_text=True),
            *beside,
            *columns.values(),
        ],
        rows,
        note=(
            "In parentheses: mean and standard deviation of the null, configurations whose spins were dealt "
            "anew among them, each on its own, so that magnetisations stay and correlations go."
        ),
    )


def _record(place: Place, row: Row, axes: Sequence[str]) -> dict[str, Any]:
    numbers = dict(row.numbers)
    states = {
        "separation_null": numbers.pop("null_separation"),
        "separation_deviation": numbers.pop("null_deviation"),
    }
    return {
        "problem": place.problem,
        **{name: listed(place.at.get(name)) for name in axes},
        "backend": place.backend,
        "temperature": row.temperature,
        "verdict": str(row.verdict),
        **numbers,
        **states,
    }


def family_table(places: Sequence[Place]) -> Table | None:
    """Verdicts counted over instances; None where there are none."""
    groups = [group for group in families(places) if len(group) > 1]
    if not groups:
        return None
    axes = [name for name in _axes(places) if name != INSTANCE]
    rows = []
    for group in groups:
        first, (excess, error) = group[0], mean_excess(group)
        rows.append(
            {
                "problem": first.problem,
                **{name: listed(first.at.get(name)) for name in axes},
                "backend": first.backend,
                "n_instances": len(group),
                **{
                    name: sum(place.verdict is verdict for place in group)
                    for name, verdict in (("glassy", Glass.GLASSY), ("not", Glass.NOT), ("open", Glass.OPEN))
                },
                "excess": excess,
                "excess_error": error,
                "verdict": str(judged(group)),
            }
        )
    return Table(
        "instances",
        "Over instances",
        [
            Column("problem", is_text=True),
            *(Column(name) for name in axes),
            Column("backend", is_text=True),
            Column("n_instances", "instances"),
            Column("glassy"),
            Column("not", "not glassy"),
            Column("open"),
            Column("excess", "excess of P(0)", lambda row: with_error(row["excess"], row["excess_error"])),
            Column("excess_error", is_shown=False),
            Column("verdict", is_text=True),
        ],
        rows,
    )
