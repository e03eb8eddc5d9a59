"""Backends without a thermostat: the temperatures that they reached, and mean |q| there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from qspin.analysis.curves import STANDARD_ERRORS, Comparison, at_reached
from qspin.studies.series import Series
from qspin.studies.wording import some, with_error, without_numbers
from qspin.study import Finding

__all__ = ["device_findings"]

_MOST_TOLD = 4  # problems one by one


def device_findings(series: Sequence[Series]) -> list[Finding]:
    """What is to be said of every backend without a thermostat, and of it against those with one."""
    found: list[Finding] = []
    for backend in dict.fromkeys(s.backend for s in series):
        own = [s for s in series if s.backend == backend]
        found += _without_temperature(backend, own)
        reached = list(_reached(backend, own))
        if len(reached) > _MOST_TOLD:
            found.append(Finding(_range(backend, own, len(reached)), 0.8))
        weight = 0.7 if len(reached) <= _MOST_TOLD else 0.2
        found += [Finding(text, weight) for text in reached]
    deviations = list(_deviations(series))
    if len(deviations) <= _MOST_TOLD:
        return found + [Finding(text, 1.2 if differs else 0.5) for differs, text in deviations]
    differing = [text for differs, text in deviations if differs]
    summary = (
        f"Mean |q| of backends without a thermostat differs by more than {STANDARD_ERRORS:g} standard errors "
        f"from that of samplers with one, at the temperatures that they reached, in {len(differing)} of "
        f"{len(deviations)} comparisons."
    )
    found.append(Finding(summary, 1.2 if differing else 0.5))
    return found + [Finding(text, 0.25 if differs else 0.1) for differs, text in deviations]


def _without_temperature(backend: str, own: Sequence[Series]) -> Iterator[Finding]:
    """Samples that no temperature is known of."""
    values = [
        f"{some(map(with_error, d['q_abs'].values, d['q_abs_error'].values))} for {s.name('problem')}"
        for s in own
        if (d := s.curve("q_abs")) is not None
        and "beta_effective" not in d
        and np.isnan(d["temperature"].values).all()
    ]
    if values:
        yield Finding(
            f"{backend} states no temperature, so its overlaps are single values that belong to no point of "
            f"a curve: mean |q| is {some(values, 8)}.",
            0.6,
        )


def _reached(backend: str, own: Sequence[Series]) -> Iterator[str]:
    """Where a device is put, and what it says of itself: never both by one name."""
    for s in own:
        if (d := s.curve("energy")) is None:
            continue
        problem, reference = s.name("problem"), d.attrs.get("temperature_of")
        measured = _estimates(d, "beta_effective") if "beta_effective" in d else ""
        if reference is not None and np.isfinite(d["temperature"].values).any():
            text = (
                f"{backend} has no thermostat. Its samples of {problem} have the mean energy of {reference} "
                f"at T = {_estimates(d, 'beta_matched')}, and are put there."
            )
            yield text + (f" (Its pseudo-likelihood alone would say {measured}.)" if measured else "")
        elif measured:
            told = [str(reason) for reason in json.loads(d.attrs.get("temperature_reasons", "[]")) if reason]
            reasons = "; ".join({without_numbers(reason): reason for reason in reversed(told)}.values())
            why = f" It has no place on the ladder of {reference}: {reasons}." if reasons else ""
            yield (
                f"{backend} has no thermostat. From its samples of {problem} the effective temperature by "
                f"pseudo-likelihood is {measured}.{why}"
            )


def _range(backend: str, own: Sequence[Series], n: int) -> str:
    """One sentence on many problems."""
    curves = [d for s in own if (d := s.curve("energy")) is not None]
    placed = [d for d in curves if "temperature_of" in d.attrs]
    known = [t for d in placed for t in d["temperature"].values if np.isfinite(t)]
    head = f"{backend} has no thermostat."
    if not known:
        return f"{head} Its samples of {n} problems have no place on the ladder of a sampler that has one."
    reference = placed[0].attrs["temperature_of"]
    return (
        f"{head} Its samples of {n} problems have the mean energies of {reference} at T = {min(known):.3g} "
        f"to {max(known):.3g}, and are put there."
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


def _deviations(series: Sequence[Series]) -> Iterator[tuple[bool, str]]:
    """Of each device on each curve of a sampler with a thermostat: whether mean |q| differs, in words."""
    for s in series:
        if (device := s.curve("q_abs")) is None or "temperature_error" not in device.coords:
            continue
        for other in series:
            if other.problem != s.problem or other.backend == s.backend or not _agree(s, other):
                continue
            curve = other.curve("q_abs")
            if curve is None or not np.isfinite(curve["beta"].values).any():
                continue
            c = at_reached(device, curve)
            if len(c.temperature) or "temperature_of" not in device.attrs:  # else it was told above
                differs = bool(c.significant.any() and not np.isnan(c.error).any())
                yield differs, _deviation(s.problem, s.name("backend"), other.name("backend"), c)


def _agree(a: Series, b: Series) -> bool:
    return all(a.at[name] == b.at[name] for name in a.at.keys() & b.at.keys())


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
