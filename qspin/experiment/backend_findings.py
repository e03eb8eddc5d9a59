"""What a run says of its backends: the temperatures that they reached, and whether they see one landscape."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr

from qspin.analysis import interpolated
from qspin.analysis.curves import STANDARD_ERRORS, Comparison, compare_curves
from qspin.experiment.remarks import kind_of
from qspin.experiment.verdicts import LEVEL, Verdict
from qspin.studies.wording import with_error

__all__ = [
    "against_thermostats",
    "reached_temperatures",
    "verdict_sentences",
    "verdict_summary",
    "without_temperature",
]

_Curves = Mapping[str, xr.Dataset]
"""Label of a problem or backend -> what was found."""


def without_temperature(backend: str, present: _Curves) -> list[str]:
    """Samples that no temperature is known of."""
    values = [
        f"{with_error(float(d['q_abs'][0]), float(d['q_abs_error'][0]))} for {problem}"
        for problem, d in present.items()
        if "q_abs" in d and "beta_effective" not in d and np.isnan(d["temperature"].values).all()
    ]
    if not values:
        return []
    return [
        f"{backend} states no temperature, so its overlaps are single values that belong to no point of a "
        f"curve: mean |q| is {', '.join(values)}."
    ]


def reached_temperatures(backend: str, present: _Curves) -> Iterator[str]:
    """Where a device without a thermostat is put, and what it says of itself: never both by one name."""
    for problem, d in present.items():
        reference = d.attrs.get("temperature_of")
        own = _estimates(d, "beta_effective") if "beta_effective" in d else ""
        if reference is not None and np.isfinite(d["temperature"].values).any():
            text = (
                f"{backend} has no thermostat. Its samples of {problem} have the mean energy of {reference} "
                f"at T = {_estimates(d, 'beta_matched')}, and are put there."
            )
            yield text + (f" (Its pseudo-likelihood alone would say {own}.)" if own else "")
        elif own:
            told = json.loads(d.attrs.get("temperature_reasons", "[]"))
            reasons = "; ".join({kind_of(reason): reason for reason in reversed(told) if reason}.values())
            why = f" It has no place on the ladder of {reference}: {reasons}." if reasons else ""
            yield (
                f"{backend} has no thermostat. From its samples of {problem} the effective temperature by "
                f"pseudo-likelihood is {own}.{why}"
            )


def _estimates(d: xr.Dataset, name: str) -> str:
    """1 / beta with its error for each row, with the coupling scale where there is one."""
    betas, errors = d[name].values, d[f"{name}_error"].values
    texts = [_estimate(float(beta), float(error)) for beta, error in zip(betas, errors, strict=True)]
    if "coupling_scale" not in d:
        return ", ".join(texts)
    scales = d["coupling_scale"].values
    return ", ".join(f"{t} at coupling scale {s:.3g}" for t, s in zip(texts, scales, strict=True))


def _estimate(beta: float, error: float) -> str:
    if np.isnan(beta):
        return "unknown"
    return with_error(1 / beta, error / beta**2) if beta > 0 else "infinite within its error"


def verdict_sentences(problem: str, present: _Curves, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The verdict on each backend against the reference, told once, and how it shows in mean |q|.

    Parameters
    ----------
    problem : that all verdicts are of
    present : by backend, empty if its curves are not to be told
    verdicts : rows of the verdict table
    """
    for (backend, reference), group in itertools.groupby(verdicts, key=lambda v: (v.backend, v.reference)):
        rows = list(group)
        known = [v for v in rows if v.is_compared]
        head = f"On {problem}, {backend} and {reference} "
        if not known:
            reasons = {kind_of(v.verdict): v.verdict.removeprefix("not compared: ") for v in reversed(rows)}
            yield f"{head}were not compared: {'; '.join(reasons.values())}."
            continue
        others, same = [v for v in known if v.is_other], [v for v in known if not v.is_other]
        parts = []
        if others:
            least = min(others, key=lambda v: v.p_corrected)
            parts.append(
                f"are not the same ensemble at T = {_where(others)} (p = {least.p_corrected:.2g} at best, "
                f"told by {', '.join(dict.fromkeys(v.telling for v in others))})"
            )
        if same:
            lowest = min(v.p_corrected for v in same)
            parts.append(f"are not told apart at T = {_where(same)} (p = {lowest:.2g} at least)")
        shows = _in_mean_overlap(present.get(backend), present.get(reference), bool(others))
        unknown = len(rows) - len(known)
        left_out = f" {unknown} of {len(rows)} could not be compared." if unknown else ""
        yield f"{head}{' and '.join(parts)}.{shows}{left_out}"


def _where(verdicts: Sequence[Verdict]) -> str:
    return ", ".join(
        with_error(v.temperature, v.temperature_error) if v.temperature_error > 0 else f"{v.temperature:.3g}"
        for v in verdicts
    )


def _in_mean_overlap(own: xr.Dataset | None, reference: xr.Dataset | None, is_other: bool) -> str:
    """Whether mean |q| alone tells two backends apart."""
    if own is None or reference is None:
        return ""
    has_thermostat = np.isfinite(own["beta"].values).any()
    c = compare_curves(own, reference) if has_thermostat else _at_reached(own, reference)
    if c is None or not len(c.temperature):
        return ""
    if np.isnan(c.error).any():
        return " Mean |q| has no error bar: that needs at least three replicas."
    if c.significant.any():
        k = c.largest
        return (
            f" Mean |q| differs by more than {STANDARD_ERRORS:g} standard errors at "
            f"{int(c.significant.sum())} of {len(c.temperature)} temperatures, most at "
            f"T = {c.temperature[k]:.3g}: {with_error(c.first[k], c.first_error[k])} against "
            f"{with_error(c.second[k], c.second_error[k])}."
        )
    return " Mean |q| alone does not show it." if is_other else ""


def _at_reached(device: xr.Dataset, curve: xr.Dataset) -> Comparison | None:
    """Mean |q| of a device against a curve, at the temperatures of the device that the curve covers."""
    if "q_abs" not in device or "q_abs" not in curve:
        return None
    temperature, spread = (device[name].values for name in ("temperature", "temperature_error"))
    expected, error = interpolated(curve, "q_abs", temperature, spread)
    inside = np.isfinite(expected)
    own, own_error = (device[name].values[inside] for name in ("q_abs", "q_abs_error"))
    return Comparison(temperature[inside], own, own_error, expected[inside], error[inside], True)


def against_thermostats(problem: str, present: _Curves, told: set[tuple[str, str]]) -> Iterator[str]:
    """Devices held against curves of samplers with a thermostat, where no verdict speaks of the pair.

    Parameters
    ----------
    told : pairs of (device, sampler) that a verdict speaks of
    """
    for device, d in present.items():
        for other, curve in present.items():
            if "temperature_error" not in d.coords or not np.isfinite(curve["beta"].values).any():
                continue
            if (device, other) in told or (c := _at_reached(d, curve)) is None:
                continue
            if not len(c.temperature) and "temperature_of" in d.attrs:  # told where it was not placed
                continue
            yield _deviation(problem, device, other, c)


def _deviation(problem: str, device: str, other: str, c: Comparison) -> str:
    n = len(c.temperature)
    if not n:
        return f"On {problem}, {device} reached no known temperature that {other} covers."
    which = "the temperature" if n == 1 else f"the {n} temperatures"
    head = f"On {problem}, at {which} of {device} that {other} covers, "
    if np.isnan(c.error).any():
        return f"{head}mean |q| has no error bar: that needs at least three replicas."
    k = int(np.argmax(np.abs(c.difference) / c.error))
    where = (
        f"at T = {c.temperature[k]:.3g}, {with_error(c.first[k], c.first_error[k])} against "
        f"{with_error(c.second[k], c.second_error[k])}"
    )
    if c.significant.any():
        text = f"mean |q| differs from that of {other} by more than {STANDARD_ERRORS:g} standard errors at "
        how_many = f"{int(c.significant.sum())}: most {where}." if n > 1 else f"that one: {where}."
        return head + text + how_many
    text = f"mean |q| agrees with that of {other} within {STANDARD_ERRORS:g} standard errors; "
    return head + text + (f"farthest apart {where}." if n > 1 else f"{where}.")


def verdict_summary(verdicts: Sequence[Verdict]) -> list[str]:
    """One sentence for each pair of backends over all problems."""
    sentences = []
    for pair in dict.fromkeys((v.backend, v.reference) for v in verdicts):
        rows = [v for v in verdicts if (v.backend, v.reference) == pair]
        known = [v for v in rows if v.is_compared]
        others = sum(v.is_other for v in known)
        sentences.append(
            f"{pair[0]} and {pair[1]} were compared {len(known)} times on {len({v.problem for v in rows})} "
            f"problems: not the same ensemble in {others} (p at most {LEVEL:g} after correction), not told "
            f"apart in {len(known) - others}"
            + (f"; {len(rows) - len(known)} more could not be compared." if len(known) < len(rows) else ".")
        )
    return sentences
