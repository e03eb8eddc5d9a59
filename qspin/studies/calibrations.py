"""What was learned of devices beside the problems, from what the record of each series tells: shims, wrong
readings, drift.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from qspin import plot
from qspin.significance import BY_CHANCE, STANDARD_ERRORS
from qspin.studies.series import Series, together
from qspin.studies.tables import place_columns, place_of, table_of, value_columns
from qspin.studies.wording import some, with_error
from qspin.study import Column, Figure, Finding, Section, Table

__all__ = ["calibration"]

Plain = Mapping[str, Any]

_MOST_TOLD = 4  # series one by one
_LEAST_CHANCE = 1e-15  # that is told from none
_MOST_DRAWN = 12  # series in a panel: as many as there are colours
_PANELS = {
    "magnetisation": "rms magnetisation",
    "correlation": "rms difference of correlations",
    "field": "rms correction of fields",
    "coupling": "rms correction of couplings",
}
_WAYS = {"p_down_given_up": "up read as down", "p_up_given_down": "down read as up"}
_MEASURED = {"magnetisation": "magnetisation_std", "correlation": "correlation_spread"}
_CAPTION = (
    "Shims, round by round: at 0 the device as it is, at k with the corrections of k rounds, last in the "
    "anneals themselves. Bands are one standard error, dotted lines what finite reads alone would show. "
    "Corrections are in units of the couplings of the device."
)
_ON_SHIMS = (
    "A problem without fields has no magnetisation, and of one with fields that of a gauge and its opposite "
    "cancel: what is left is the device's own, and flux biases take it back. Couplings that are equivalent "
    "by the symmetry of the problem, or in several copies of it, have equal correlations: what differs is "
    "the device's too. Both are root mean squares over spins and couplings at the largest scale, with errors "
    "from independent reads; where nothing but noise is left these are too large by up to 1.4. Reads of the "
    "anneals, which no correction was learned from, show what is left; with fields, those of the last round."
)
_ON_DRIFT = (
    "Drift is the change from the first programming to the last by a straight line, its error from how "
    "programmings scatter about it (Student's t)."
)


class _Learned(NamedTuple):
    """Of one series.

    Parameters
    ----------
    told : what its instances say, one after the other
    """

    series: Series
    told: Sequence[Plain]

    def of(self, part: str) -> list[Any]:
        """A part of it, of the instances that have it."""
        return [told[part] for told in self.told if told.get(part)]


def calibration(series: Sequence[Series], record: str) -> tuple[list[Section], dict[str, xr.Dataset]]:
    """A section on what was learned, and the curves that its figure shows; nothing where nothing was.

    Parameters
    ----------
    record : label of the measure `record` among the results
    """
    learned = [_Learned(s, found) for s in series if (found := list(_told(s, record)))]
    curves = {one.series.label: _curves(one.of("shims")) for one in learned if one.of("shims")}
    tables = [table for make in (_shims, _readout, _drift) for table in make(learned)]
    if not tables:
        return [], {}
    shimmed = [one for one in learned if one.of("shims")]
    section = Section(
        "Calibration",
        "calibration",
        "What was learned of the devices beside the problems, and did they stay the same?",
        [*_on_shims(shimmed), *_on_readout(learned), *_on_drift(learned)],
        list(_figures(shimmed, curves)),
        tables,
        [*([_ON_SHIMS] if shimmed else []), *([_ON_DRIFT] if tables[-1].name == "drift" else [])],
    )
    kept = {
        f"shims-{k}": curves[one.series.label].assign_attrs(place_of(one.series))
        for k, one in enumerate(shimmed, 1)
    }
    return [section], kept


def _told(s: Series, record: str) -> Iterator[Plain]:
    """What was learned, instance by instance."""
    for result in s.instances.get(record, ()):
        found = json.loads(result.attrs.get("info", "{}")).get("calibration")
        if isinstance(found, Mapping) and found:
            yield found


# -- shims ---------------------------------------------------------------------------------------


def _curves(shims: Sequence[Plain]) -> xr.Dataset:
    """Over the rounds of corrections behind each measurement, the mean over instances."""
    each = [_curve(one) for one in shims]
    found = each[0].copy()
    for name in found:
        values = np.array([one[name].values for one in each])
        is_error = str(name).endswith("_error")
        found[name].values = np.sqrt((values**2).sum(axis=0)) / len(each) if is_error else values.mean(axis=0)
    return found


def _curve(shims: Plain) -> xr.Dataset:
    variables: dict[str, NDArray[np.float64]] = {}
    for name, measured in _MEASURED.items():
        parts = {name: measured, f"{name}_error": f"{measured}_error", f"{name}_noise": f"{name}_noise"}
        is_known = name == "magnetisation" or shims["n_compared_couplings"] > 0
        for own, theirs in parts.items():
            values = [*shims[theirs], shims["after"][theirs]]
            variables[own] = np.array([v if is_known and v is not None else np.nan for v in values])
    for name in ("field", "coupling"):
        variables[name] = np.array([0.0, *shims[f"{name}_rms"]])
        variables[f"{name}_largest"] = np.array([0.0, *shims[f"{name}_largest"]])
    rounds = {"round": np.arange(shims["n_rounds"] + 1)}
    return xr.Dataset({name: ("round", values) for name, values in variables.items()}, coords=rounds)


def _ends(curve: xr.Dataset, name: str) -> tuple[int, int] | None:
    """Where a quantity was measured first and last."""
    known = np.flatnonzero(np.isfinite(curve[name].values))
    return (int(known[0]), int(known[-1])) if len(known) else None


def _shims(learned: Sequence[_Learned]) -> Iterator[Table]:
    own = [one for one in learned if one.of("shims")]
    if not own:
        return
    columns = [
        *place_columns([one.series for one in own]),
        Column("n_rounds", "rounds"),
        Column("n_reads", "reads a round"),
        *value_columns("magnetisation_before", "rms magnetisation: before"),
        *value_columns("magnetisation_after", "after"),
        Column("magnetisation_noise", "finite reads alone", ".2g"),
        *value_columns("correlation_before", "rms difference of correlations: before"),
        *value_columns("correlation_after", "after"),
        Column("correlation_noise", "finite reads alone", ".2g"),
        Column("field", "rms correction of fields", ".2g"),
        Column("field_largest", "largest", ".2g"),
        Column("coupling", "of couplings", ".2g"),
        Column("coupling_largest", "largest", ".2g"),
    ]
    yield table_of("shims", "Shims", columns, [_shims_row(one) for one in own], "magnetisation_after")


def _shims_row(one: _Learned) -> dict[str, Any]:
    shims = one.of("shims")
    curve = _curves(shims)
    row = {**place_of(one.series), "n_rounds": shims[0]["n_rounds"], "n_reads": shims[0]["n_reads"]}
    for name in _MEASURED:
        if (ends := _ends(curve, name)) is not None:
            for when, k in zip(("before", "after"), ends, strict=True):
                row[f"{name}_{when}"] = float(curve[name][k])
                row[f"{name}_{when}_error"] = float(curve[f"{name}_error"][k])
            row[f"{name}_noise"] = float(curve[f"{name}_noise"][ends[1]])
    last = curve.isel(round=-1)
    return row | {
        name: float(last[name]) for name in ("field", "field_largest", "coupling", "coupling_largest")
    }


def _on_shims(shimmed: Sequence[_Learned]) -> Iterator[Finding]:
    rows = [(one.series, _shims_row(one)) for one in shimmed]
    for s, row in rows[:_MOST_TOLD]:
        parts = [
            _changed(row, name, words)
            for name, words in (
                ("magnetisation", "the rms magnetisation of the device"),
                ("correlation", "the rms difference of correlations that should be equal"),
            )
            if f"{name}_after" in row
        ]
        if parts:
            rounds = f"{row['n_rounds']} round{'s' * (row['n_rounds'] > 1)} of shims"
            yield Finding(f"{s.name('backend')} on {s.problem}, {rounds}: {'; '.join(parts)}.", 0.6)
    if len(rows) > _MOST_TOLD:
        ratios = [row["magnetisation_after"] / row["magnetisation_before"] for _, row in rows
                  if row.get("magnetisation_before")]  # fmt: skip
        yield Finding(
            f"In all {len(rows)} cells with shims the rms magnetisation after them is {min(ratios):.2g} to "
            f"{max(ratios):.2g} of that before.",
            0.6,
        )


def _changed(row: Plain, name: str, words: str) -> str:
    before, after = row[f"{name}_before"], row[f"{name}_after"]
    errors = row[f"{name}_before_error"], row[f"{name}_after_error"]
    told = f"{with_error(before, errors[0])} before and {with_error(after, errors[1])} after"
    noise = f"(finite reads alone would show {row[f'{name}_noise']:.2g})"
    if abs(after - before) <= STANDARD_ERRORS * np.hypot(*errors):
        return f"{words} did not change by more than its errors, {told} {noise}"
    return f"{words} {'fell' if after < before else 'rose'}, {told} {noise}"


def _figures(shimmed: Sequence[_Learned], curves: Mapping[str, xr.Dataset]) -> Iterator[Figure]:
    if not shimmed:
        return
    (panel,) = together([one.series for one in shimmed[:_MOST_DRAWN]])
    more = "" if len(shimmed) <= _MOST_DRAWN else f" The first {_MOST_DRAWN} of {len(shimmed)} are shown."
    drawn = {label: curves[label] for label in panel.series}
    names = [name for name in _PANELS if any(np.isfinite(c[name]).any() for c in drawn.values())]
    yield Figure(
        "shims",
        _CAPTION + more,
        [_drawn(drawn, name, panel.styles) for name in names],
        height=2.8,
        n_columns=2,
    )


def _drawn(curves: Mapping[str, xr.Dataset], name: str, styles: plot.Styles) -> Callable[[Any], Any]:
    def draw(ax: Any) -> Any:
        noise = f"{name}_noise"
        plot.profile(curves, name, "round", ax, label=_PANELS[name], styles=styles)
        for label, curve in curves.items():
            if noise in curve:
                ax.plot(
                    curve["round"], curve[noise], color=styles[label]["color"], linestyle=":", linewidth=1
                )
        ax.set(xlabel="rounds of corrections", ylim=(0, None))
        return ax

    return draw


# -- wrong readings ------------------------------------------------------------------------------


def _readout(learned: Sequence[_Learned]) -> Iterator[Table]:
    own = [one for one in learned if one.of("readout")]
    if not own:
        return
    columns = [
        *place_columns([one.series for one in own]),
        Column("n_reads", "reads each way"),
        *(
            column
            for way, words in _WAYS.items()
            for column in (
                *value_columns(way, words),
                Column(f"{way}_largest", "worst qubit", ".2g"),
            )
        ),
    ]
    yield Table("readout", "Share of wrong readings", columns, [_readout_row(one) for one in own])


def _readout_row(one: _Learned) -> dict[str, Any]:
    places = [place for told in one.of("readout") for place in told["placements"]]
    row = {**place_of(one.series), "n_reads": places[0]["n_reads"]}
    for way in _WAYS:
        rates = [place[way] for place in places]
        row[way] = float(np.mean([rate["mean"] for rate in rates]))
        row[f"{way}_error"] = float(np.linalg.norm([rate["error"] for rate in rates])) / len(rates)
        row[f"{way}_largest"] = max(rate["largest"] for rate in rates)
    return row


def _on_readout(learned: Sequence[_Learned]) -> Iterator[Finding]:
    rows = [(one.series, _readout_row(one)) for one in learned if one.of("readout")]
    if rows:
        told = some((f"{s.name('backend')} on {s.problem} {_rates(row)}" for s, row in rows), _MOST_TOLD)
        yield Finding(f"Share of wrong readings: {told}.", 0.4)


def _rates(row: Plain) -> str:
    return ", ".join(
        f"{with_error(row[way], row[f'{way}_error'])} of {words}" for way, words in _WAYS.items()
    )


# -- drift ---------------------------------------------------------------------------------------


def _drift(learned: Sequence[_Learned]) -> Iterator[Table]:
    rows = [row for one in learned for row in _trends(one)]
    if rows:
        columns = [
            *place_columns([one.series for one in learned]),
            Column("where", is_text=True),
            Column("quantity", is_text=True),
            *value_columns("change"),
            Column("p_value", "by chance", ".2g"),
        ]
        yield Table("drift", "Change from the first programming to the last", columns, rows)


def _trends(one: _Learned) -> Iterator[dict[str, Any]]:
    """A row for each quantity at each scale, the mean change over instances."""
    found: dict[tuple[str, str], list[Plain]] = {}
    for rows in one.of("drift"):
        for row in rows:
            for quantity, trend in row.items():
                if isinstance(trend, Mapping):
                    found.setdefault((row["where"], quantity), []).append(trend)
    for (where, quantity), trends in found.items():
        yield {
            **place_of(one.series),
            "where": where,
            "quantity": quantity.replace("_", " "),
            "change": float(np.mean([trend["change"] for trend in trends])),
            "change_error": float(np.linalg.norm([trend["error"] for trend in trends])) / len(trends),
            "p_value": _chance(trends),
        }


def _chance(trends: Sequence[Plain]) -> float:
    """Of all instances together, which drift one way or not at all (Stouffer)."""
    if len(trends) == 1:
        return float(trends[0]["p_value"])
    rises = [t["p_value"] / 2 if t["change"] > 0 else 1 - t["p_value"] / 2 for t in trends]
    kept = np.clip(rises, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    p_value = float(stats.combine_pvalues(kept, method="stouffer").pvalue)
    return 2 * min(p_value, 1 - p_value)


def _on_drift(learned: Sequence[_Learned]) -> Iterator[Finding]:
    rows = [(one.series, row) for one in learned for row in _trends(one)]
    if not rows:
        return
    limit = BY_CHANCE / len(rows)  # whichever of them it is
    told = [
        f"{row['quantity']} {row['where']} of {s.name('backend')} on {s.problem} by "
        f"{with_error(row['change'], row['change_error'])}"
        for s, row in rows
        if row["p_value"] < limit
    ]
    if told:
        yield Finding(f"Devices drifted, by more than programmings scatter: {some(told)}.", 1.0)
    else:
        n = f"{len(rows)} trends" if len(rows) > 1 else "one trend"
        yield Finding(f"No drift: programmings scatter as much as they change ({n}).", 0.2)
