"""At which temperature, in equilibrium or not: in sentences, a table, a matrix and one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qspin.significance import STANDARD_ERRORS
from qspin.studies.own_temperature.held import Compared, Held
from qspin.studies.series import told
from qspin.studies.wording import some, with_error
from qspin.study import Column, Finding, Table, Tone, Verdict

__all__ = ["bottom_line", "findings", "held_table", "matrix"]

_NAMED = 4  # backends of the bottom line
_MOST_SENTENCES = 15  # that stand for themselves; of more, a summary is what weighs


# -- sentences -----------------------------------------------------------------------------------


def findings(held: Sequence[Held], temperature: float) -> list[Finding]:
    """Of each row: how it was sampled, at which temperature, in equilibrium or not, and whether the model."""
    many = len(held) > _MOST_SENTENCES
    found = [Finding(_summary(backend, held), 2.0) for backend in _backends(held)] if many else []
    return [*found, *(Finding(_of_row(one, 1 / temperature), 0.3 if many else 2.0) for one in held)]


def _backends(held: Sequence[Held]) -> list[str]:
    return list(dict.fromkeys(one.backend for one in held))


def _summary(backend: str, held: Sequence[Held]) -> str:
    """Of a backend over all problems, places and factors."""
    own = [one for one in held if one.backend == backend]
    known = [one for one in own if one.there.is_compared]
    others = sum(one.there.is_other for one in known)
    at_own = sum(not one.there.is_other and one.own.is_compared and not one.own.is_other for one in known)
    return (
        f"{backend} was held against equilibrium {len(known)} times of {len(own)}: at the temperature that "
        f"it had, it is not equilibrium in {others}, and not told apart from the model itself in {at_own}."
    )


def _of_row(one: Held, beta: float) -> str:
    scale = "" if math.isnan(one.scale) else f", programmed with {one.scale:.3g} of the energy,"
    head = f"On {_place(one)}, {one.backend} ({one.settings}){scale}"
    if math.isnan(one.there.beta):
        where = f"{head} has no temperature in the reference: {one.there.reason}.{_by_pairs(one)}"
    else:
        where = f"{head} sampled at beta = {_beta(one)} {_from(one.there, beta)}.{_by_pairs(one)}"
    there = f" There {_test(one.there, 'equilibrium')}." if one.there.is_compared else ""
    own = f" At beta = {beta:.3g} {_test(one.own, 'the model')}."
    return f"{where}{there}{own}"


def _place(one: Held) -> str:
    return ", ".join([one.problem, *(f"{name} = {told(value)}" for name, value in one.place.items())])


def _beta(one: Held) -> str:
    return with_error(one.there.beta, one.there.beta_error)


def _from(there: Compared, beta: float) -> str:
    """How far from the beta of the model."""
    apart, share = abs(there.beta - beta) / there.beta_error, there.beta / beta
    model = f"the {beta:.3g} of the model"
    if not apart > STANDARD_ERRORS:
        return f"by its mean energy, {share:.3g} times {model} and not told apart from it"
    return f"by its mean energy, {share:.3g} times {model}, {apart:.0f} standard errors away"


def _by_pairs(one: Held) -> str:
    """What pseudo-likelihood says of it."""
    if math.isnan(one.measured):
        return ""
    text = f" By pseudo-likelihood beta_effective = {with_error(one.measured, one.measured_error)}"
    if not one.contradiction > STANDARD_ERRORS:
        return f"{text}."
    return (
        f"{text}, {one.contradiction:.0f} standard errors from that: its reads follow no Boltzmann "
        "distribution of this energy."
    )


def _test(test: Compared, ensemble: str) -> str:
    if not test.is_compared:
        return f"it could not be held against {ensemble}: {test.reason}"
    doubt = "" if test.is_sure else ", which is doubtful, since replicas of the reference disagree there"
    p = f"p = {test.p_corrected:.2g}"
    verdict = (
        f"it is not {ensemble} ({p}, told by {test.telling})"
        if test.is_other
        else f"it is not told apart from {ensemble} ({p})"
    )
    missed = (
        f", and {test.n_missed} of {test.n_valleys} valleys are missed ({test.expected_missed:.1f} expected)"
        if test.n_valleys
        else ""
    )
    return (
        f"{verdict}{doubt}: P(q) lies {test.overlap_distance:.2g} from that of equilibrium (noise "
        f"{test.overlap_noise:.2g}), energies {test.wasserstein:.3g} in the mean, correlations are off by "
        f"{test.correlation_error:.0%} (noise {test.correlation_noise:.0%}){missed}"
    )


# -- in short ------------------------------------------------------------------------------------


def bottom_line(held: Sequence[Held], temperature: float) -> Finding | None:
    """Where each backend is, and what it is there."""
    parts = [f"{one.backend} {_in_short(one)}" for one in held]
    if not parts:
        return None
    more = f"; {len(parts) - _NAMED} more are told below" if len(parts) > _NAMED else ""
    return Finding(f"Of a model at beta = {1 / temperature:.3g}, {'; '.join(parts[:_NAMED])}{more}.", 2.0)


def _in_short(one: Held) -> str:
    if not one.there.is_compared:
        return "could not be placed"
    state = "out of equilibrium" if one.there.is_other else "in equilibrium as far as is told"
    return f"is at beta = {_beta(one)}, {state}"


def matrix(held: Sequence[Held]) -> list[Verdict]:
    """A cell for every problem and backend: equilibrium or not, and where."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for one in held:
        groups.setdefault((one.problem, one.backend), []).append(one)
    judges = dict.fromkeys((one.problem, one.reference) for one in held)
    return [
        *(Verdict(problem, reference, "reference") for problem, reference in judges),
        *(_verdict(*key, group) for key, group in groups.items()),
    ]


def _verdict(problem: str, backend: str, rows: Sequence[Held]) -> Verdict:
    known = [one for one in rows if one.there.is_compared]
    detail = some(_in_short(one) for one in rows)
    if not known:
        return Verdict(problem, backend, "not compared", Tone.OPEN, detail)
    others = [one for one in known if one.there.is_other]
    is_model = not others and all(one.own.is_compared and not one.own.is_other for one in known)
    is_sure = all(one.there.is_sure and one.own.is_sure for one in known)
    tone = Tone.OPEN if not is_sure else Tone.BAD if others else Tone.GOOD if is_model else Tone.OPEN
    if len(rows) > 1:
        return Verdict(
            problem, backend, f"equilibrium in {len(known) - len(others)} of {len(rows)}", tone, detail
        )
    text = "the model" if is_model else "no equilibrium" if others else "equilibrium elsewhere"
    return Verdict(problem, backend, f"{text}, beta = {_beta(known[0])}", tone, detail)


# -- the table -----------------------------------------------------------------------------------


def held_table(held: Sequence[Held], level: float) -> Table:
    """Two rows for every row of samples."""
    axes = list(dict.fromkeys(name for one in held for name in one.place))
    compared = sum(test.is_compared for one in held for test in (one.there, one.own))
    columns = [
        Column("problem", is_text=True),
        *(Column(name) for name in axes),
        Column("backend", is_text=True),
        Column("settings", is_text=True, is_shown=False),
        Column("scale", "factor", ".3g"),
        Column("measured", "beta by pseudo-likelihood", _with_error("measured")),
        Column("measured_error", is_shown=False),
        Column("reference", "against", is_text=True),
        Column("at", is_text=True),
        Column("beta", form=_with_error("beta")),
        Column("beta_error", is_shown=False),
        Column("p_value", is_shown=False),
        Column("p_corrected", "p, corrected", ".2g"),
        Column("is_other", "another ensemble"),
        Column("telling", "told by", is_text=True),
        Column("overlap_distance", "distance of P(q) (noise)", _beside("overlap_distance", "overlap_noise")),
        Column("overlap_noise", is_shown=False),
        Column("wasserstein", "distance of energies", ".3g"),
        Column(
            "correlation_error", "error of correlations (noise)",
            _beside("correlation_error", "correlation_noise"),
        ),
        Column("correlation_noise", is_shown=False),
        Column("n_missed", "valleys missed"),
        Column("n_valleys", "of"),
        Column("expected_missed", "expected", ".1f"),
        Column("is_sure", "reference agrees"),
        Column("reason", is_text=True, is_shown=False),
    ]  # fmt: skip
    rows = [
        _row(one, test, at)
        for one in held
        for test, at in ((one.there, "its own temperature"), (one.own, "that of the model"))
    ]
    note = (
        f"p is corrected for the number of comparisons in this table ({compared}) by Holm's method; the same "
        f"ensemble is rejected where it is at most {level:g}."
    )
    return Table("held", "Against equilibrium, at two temperatures", columns, rows, note)


def _row(one: Held, test: Compared, at: str) -> dict[str, Any]:
    own = {
        name: getattr(one, name)
        for name in ("problem", "backend", "settings", "scale", "measured", "measured_error", "reference")
    }
    return {**own, **{name: told(value) for name, value in one.place.items()}, "at": at, **test._asdict()}


def _with_error(name: str) -> Callable[[Mapping[str, Any]], str]:
    def form(row: Mapping[str, Any]) -> str:
        value, error = row[name], row[f"{name}_error"]
        return "–" if math.isnan(value) else f"{value:.3g}" if error == 0 else with_error(value, error)

    return form


def _beside(name: str, noise: str) -> Callable[[Mapping[str, Any]], str]:
    def form(row: Mapping[str, Any]) -> str:
        return "–" if math.isnan(row[name]) else f"{row[name]:.2g} ({row[noise]:.2g})"

    return form
