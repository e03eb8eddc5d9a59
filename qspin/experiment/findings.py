"""What the curves of a run say, in words computed from the data."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis import interpolated, matched_temperature
from qspin.experiment.config import RunConfig
from qspin.experiment.problem_specs import MlpSpec

__all__ = ["Comparison", "compare_curves", "findings", "half_temperature", "trust", "with_error"]

STANDARD_ERRORS = 4.0  # differences below this many standard errors are not called differences

_NO_ERROR = 1e-9  # smaller errors are rounding of equal values

Results = Mapping[tuple[str, str], xr.Dataset]


class Comparison(NamedTuple):
    """Two curves at the temperatures they share, ascending in T; arrays (n_shared,)."""

    temperature: NDArray[np.float64]
    first: NDArray[np.float64]
    first_error: NDArray[np.float64]
    second: NDArray[np.float64]
    second_error: NDArray[np.float64]

    @property
    def difference(self) -> NDArray[np.float64]:
        return self.first - self.second

    @property
    def error(self) -> NDArray[np.float64]:
        return np.hypot(self.first_error, self.second_error)

    @property
    def significant(self) -> NDArray[np.bool_]:
        return np.abs(self.difference) > STANDARD_ERRORS * self.error

    @property
    def largest(self) -> int:
        """Where the significant difference is largest, or any difference if none is significant."""
        size = np.abs(self.difference)
        return int(np.argmax(np.where(self.significant, size, -1.0) if self.significant.any() else size))


def compare_curves(first: xr.Dataset, second: xr.Dataset, name: str = "q_abs") -> Comparison | None:
    """Hold two curves against each other; None if they share no temperature or lack the quantity."""
    if name not in first or name not in second:
        return None
    shared = np.intersect1d(first["beta"].values, second["beta"].values)[::-1]
    shared = shared[np.isfinite(shared)]
    if not shared.size:
        return None
    a, b = (curve.isel(beta=_positions(curve, shared)) for curve in (first, second))
    names = (name, f"{name}_error")
    return Comparison(a["temperature"].values, *(curve[n].values for curve in (a, b) for n in names))


def half_temperature(curve: xr.Dataset) -> tuple[float, float] | None:
    """Temperature where mean |q| falls through 1/2, coming from the cold side, and its standard error.

    Linear interpolation in ln T between the two neighbouring temperatures; None if it never crosses.
    """
    if "q_abs" not in curve:
        return None
    ordered = curve.isel(beta=np.isfinite(curve["temperature"].values)).sortby("temperature")
    x, q = np.log(ordered["temperature"].values), ordered["q_abs"].values
    falling = np.flatnonzero((q[:-1] >= 0.5) & (q[1:] < 0.5))
    if not falling.size:
        return None
    k = int(falling[0])
    slope = (q[k + 1] - q[k]) / (x[k + 1] - x[k])
    share = (0.5 - q[k]) / (q[k + 1] - q[k])
    temperature = float(np.exp(x[k] + (0.5 - q[k]) / slope))
    errors = ordered["q_abs_error"].values[k : k + 2]
    return temperature, float(temperature * np.hypot((1 - share) * errors[0], share * errors[1]) / abs(slope))


def findings(config: RunConfig, results: Results) -> list[str]:
    """One sentence or two for every comparison that the run allows."""
    sentences = []
    problems = list(dict.fromkeys(problem for problem, _ in results))
    for backend in config.backends:
        present = {p: results[p, backend] for p in problems if (p, backend) in results}
        sentences += _without_temperature(backend, present)
        sentences += _measured_temperatures(backend, present)
        for (first, a), (second, b) in itertools.combinations(present.items(), 2):
            if (comparison := compare_curves(a, b)) is not None:
                sentences.append(_difference(f"{first}", f"{second}", f"With {backend}", comparison))
        sentences += _controls(config, backend, present)
    for problem in problems:
        present = {b: results[problem, b] for b in config.backends if (problem, b) in results}
        for (first, a), (second, b) in itertools.combinations(present.items(), 2):
            if (comparison := compare_curves(a, b)) is not None:
                sentences.append(_difference(first, second, f"On {problem}", comparison))
        sentences += _against_thermostats(problem, present)
    return sentences or ["Nothing can be compared: no two curves share a temperature."]


def trust(results: Results) -> list[str]:
    """Every warning of every task, with the task it belongs to."""
    return [
        f"{problem} with {backend}: {warning}"
        for (problem, backend), result in results.items()
        for warning in json.loads(result.attrs["warnings"])
    ]


def with_error(value: float, error: float) -> str:
    """Value with its standard error in parentheses, in units of the last digit.

    Examples
    --------
    >>> with_error(0.66731, 0.0042), with_error(12.3, 1.4), with_error(0.5, float("nan")), with_error(1, 0)
    ('0.667(4)', '12.3(1.4)', '0.500', '1.000')
    """
    if not np.isfinite(error) or error <= _NO_ERROR:
        return f"{value:.3f}"
    digits = max(0, -int(np.floor(np.log10(error))))
    rounded = round(error * 10**digits)
    if rounded == 10:  # 0.0096 rounds up to 0.010
        digits, rounded = max(digits - 1, 0), 1
    if digits == 0 or error >= 1:
        return f"{value:.1f}({error:.1f})"
    return f"{value:.{digits}f}({rounded})"


def _difference(first: str, second: str, where: str, c: Comparison) -> str:
    shared = len(c.temperature)
    if np.isnan(c.error).any():
        return (
            f"{where}, {first} and {second} cannot be told apart with certainty: an error bar needs at "
            "least three replicas."
        )
    if not c.significant.any():
        return (
            f"{where}, mean |q| of {first} and {second} agree within {STANDARD_ERRORS:g} standard errors at "
            f"all {shared} shared temperatures; the largest difference is "
            f"{with_error(abs(c.difference[c.largest]), c.error[c.largest])}."
        )
    k = c.largest
    sides = [
        f"{first} lies {side} {second} {_ranges(c.temperature, c.significant & (c.difference * sign > 0))}"
        for side, sign in (("above", 1), ("below", -1))
        if (c.significant & (c.difference * sign > 0)).any()
    ]
    return (
        f"{where}, mean |q| of {first} and {second} differ by more than {STANDARD_ERRORS:g} standard errors "
        f"at {int(c.significant.sum())} of {shared} temperatures: {' and '.join(sides)}. The difference is "
        f"largest at T = {c.temperature[k]:.3g}, {with_error(c.first[k], c.first_error[k])} against "
        f"{with_error(c.second[k], c.second_error[k])}."
    )


def _ranges(temperature: NDArray[np.float64], chosen: NDArray[np.bool_]) -> str:
    """``at T = 0.3 to 2.1 and at T = 4`` for the runs of neighbouring chosen temperatures."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    parts = []
    for start, end in edges.reshape(-1, 2):
        low, high = f"{temperature[start]:.3g}", f"{temperature[end - 1]:.3g}"
        parts.append(low if low == high else f"{low} to {high}")
    return "at T = " + ", ".join(parts)


def _controls(config: RunConfig, backend: str, present: Mapping[str, xr.Dataset]) -> list[str]:
    """How much is scale, how much structure: for networks with an untrained twin and a shuffled control."""
    specs = {p: spec for p, spec in config.problems.items() if p in present and isinstance(spec, MlpSpec)}
    sentences = []
    for trained, spec in specs.items():
        if spec.shuffle or spec.epoch == 0:
            continue
        untrained = _sibling(specs, spec, epoch=0, shuffle=False)
        shuffled = _sibling(specs, spec, epoch=spec.epoch, shuffle=True)
        if untrained and shuffled:
            shift = compare_curves(present[trained], present[untrained])
            control = compare_curves(present[shuffled], present[untrained])
            if shift is not None and control is not None and shift.significant.any():
                sentences.append(_share(trained, untrained, shuffled, backend, shift, control))
    return sentences


def _sibling(specs: Mapping[str, MlpSpec], spec: MlpSpec, *, epoch: int | None, shuffle: bool) -> str | None:
    wanted = spec.model_copy(update={"epoch": epoch, "shuffle": shuffle})
    return next((label for label, other in specs.items() if other == wanted), None)


def _share(
    trained: str, untrained: str, shuffled: str, backend: str, shift: Comparison, control: Comparison
) -> str:
    """How much of the shift from `untrained` to `trained` the shuffled control shows as well."""
    at = {round(float(t), 12): k for k, t in enumerate(control.temperature)}
    k = shift.largest
    if (j := at.get(round(float(shift.temperature[k]), 12))) is None:
        return f"With {backend}, {shuffled} was not sampled where {trained} and {untrained} differ most."
    share = control.difference[j] / shift.difference[k]
    error = np.hypot(control.error[j], share * shift.error[k]) / abs(shift.difference[k])
    percent = f"{with_error(100 * share, 100 * error)} %"
    head = (
        f"With {backend}, at T = {shift.temperature[k]:.3g}, where {trained} and {untrained} differ most, "
        f"{shuffled} shows {percent} of that difference. "
    )
    if abs(share - 1) <= STANDARD_ERRORS * error:
        return head + "The growth of the weights explains it; nothing of it can be laid to their arrangement."
    if share > 1:
        return head + "The arrangement of the trained weights works against the growth of their size there."
    if share <= STANDARD_ERRORS * error:
        return head + "The growth of the weights does not explain it; their arrangement does."
    return head + "That part is the growth of the weights alone; the rest needs their arrangement."


def _without_temperature(backend: str, present: Mapping[str, xr.Dataset]) -> list[str]:
    values = [
        f"{with_error(float(d['q_abs'][0]), float(d['q_abs_error'][0]))} for {problem}"
        for problem, d in present.items()
        if "q_abs" in d and "beta_effective" not in d and np.isnan(d["beta"].values).all()
    ]
    if not values:
        return []
    return [
        f"{backend} states no temperature, so its overlaps are single values that belong to no point of a "
        f"curve: mean |q| is {', '.join(values)}."
    ]


def _measured_temperatures(backend: str, present: Mapping[str, xr.Dataset]) -> list[str]:
    """Which temperatures a device without a thermostat has reached."""
    sentences = []
    for problem, d in present.items():
        if "beta_effective" not in d:
            continue
        reached = [
            _reached(float(t), float(e), float(beta))
            for t, e, beta in zip(
                d["temperature"].values,
                d["temperature_error"].values,
                d["beta_effective"].values,
                strict=True,
            )
        ]
        by_scale = ""
        if "coupling_scale" in d:
            by_scale = ", by coupling scale,"
            scales = d["coupling_scale"].values
            reached = [f"{text} at {scale:.3g}" for text, scale in zip(reached, scales, strict=True)]
        sentences.append(
            f"{backend} has no thermostat. From its samples of {problem} the effective temperature "
            f"is{by_scale} {', '.join(reached)}."
        )
    return sentences


def _reached(temperature: float, error: float, beta: float) -> str:
    if np.isfinite(temperature):
        return with_error(temperature, error)
    return "unknown" if np.isnan(beta) else "infinite within its error"


def _against_thermostats(problem: str, present: Mapping[str, xr.Dataset]) -> list[str]:
    """Samples of a device held against curves of samplers with a thermostat, at the temperatures it
    reached.
    """
    sentences = []
    for device, d in present.items():
        for other, curve in present.items():
            if "beta_effective" in d and np.isfinite(curve["beta"].values).any():
                sentences += _at_reached(problem, device, d, other, curve)
    return sentences


def _at_reached(problem: str, device: str, d: xr.Dataset, other: str, curve: xr.Dataset) -> list[str]:
    if "q_abs" not in d or "q_abs" not in curve:
        return []
    temperature = d["temperature"].values
    expected, error = interpolated(curve, "q_abs", temperature, d["temperature_error"].values)
    inside = np.isfinite(expected)
    if not inside.any():
        return [f"On {problem}, {device} reached no known temperature that {other} covers."]
    measured, own = d["q_abs"].values, np.nan_to_num(d["q_abs_error"].values)
    deviation = np.where(inside, np.abs(measured - expected) / np.hypot(error, own), 0.0)
    wrong, k = deviation > STANDARD_ERRORS, int(np.argmax(deviation))
    where = (
        f"at T = {temperature[k]:.3g}, {with_error(float(measured[k]), float(own[k]))} against "
        f"{with_error(float(expected[k]), float(error[k]))}"
    )
    n = int(inside.sum())
    which = "the effective temperature" if n == 1 else f"the {n} effective temperatures"
    head = f"On {problem}, at {which} of {device} that {other} covers, "
    if wrong.any():
        text = f"mean |q| differs from that of {other} by more than {STANDARD_ERRORS:g} standard errors at "
        text += f"{int(wrong.sum())}: most {where}." if n > 1 else f"that temperature: {where}."
    else:
        text = f"mean |q| agrees with that of {other} within {STANDARD_ERRORS:g} standard errors; "
        text += f"farthest apart {where}." if n > 1 else f"{where}."
    matched = matched_temperature(curve, float(d["energy"][k]), float(d["energy_error"][k]))
    if np.isfinite(matched[0]):
        text += f" Its mean energy there is that of {other} at T = {with_error(*matched)}."
    return [head + text]


def _positions(curve: xr.Dataset, betas: NDArray[np.float64]) -> NDArray[np.intp]:
    order = np.argsort(curve["beta"].values)
    return order[np.searchsorted(curve["beta"].values[order], betas)]
