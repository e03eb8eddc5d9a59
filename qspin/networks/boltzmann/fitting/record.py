"""What a training tells of itself: curves over steps and evaluations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from qspin.networks.boltzmann.likelihood import FAR_APART
from qspin.remarks import Level, Remark
from qspin.significance import STANDARD_ERRORS

__all__ = ["Record", "remarks_on"]

STEPS = (
    "gradient_norm",
    "gradient_noise",
    "promised_gain",
    "persistence",
    "beta_effective",
    "beta_effective_error",
    "factor",
    "shrunk",
    "learning_rate",
    "seconds",
    "paid_seconds",
    "samples",
)
EVALUATIONS = ("log_likelihood", "log_likelihood_error", "held_out", "held_out_error", "bounds_gap")
UNITS = {
    "seconds": "s",
    "paid_seconds": "s",
    **dict.fromkeys(("promised_gain", "log_likelihood", "held_out", "bounds_gap"), "nat"),
}

_LAST = 50  # steps that stand for the end of a training, or a fifth of them if it is less
_OFTEN = 0.1  # share of these whose samples were remarked on, from which on the training is
_OFF = 0.05  # share by which samples may be off the model's temperature before it is said
_LOST = 0.1  # share of a likelihood that had been gained, from which on its loss is told ...
_LITTLE = 0.01  # ... or, if it is more, of the one before training
_SHRUNK = 0.95  # of parameters, in all: from which on it is told that a device ended before they did
_STUCK = 0.98  # persistence from which on chains tell of where they began, not of the model


@dataclass
class Record:
    """Rows of numbers, grown as training goes on.

    Parameters
    ----------
    steps : one row a step, in the order of `STEPS`
    evaluations : one row an evaluation, in the order of `EVALUATIONS`
    evaluated : steps that were done before each
    told : codes and texts of remarks on the samples of the last steps
    """

    steps: list[list[float]] = field(default_factory=list)
    evaluations: list[list[float]] = field(default_factory=list)
    evaluated: list[int] = field(default_factory=list)
    told: list[dict[str, str]] = field(default_factory=list)

    def parts(self) -> list[Any]:
        """What it is made of, in the order of its parameters."""
        return [self.steps, self.evaluations, self.evaluated, self.told]

    def step(self, remarks: Sequence[Remark] = (), **values: float) -> None:
        self.told = [*self.told, {own.code: own.text for own in remarks}][-_LAST:]
        self.steps.append([float(values.get(name, math.nan)) for name in STEPS])

    def evaluation(self, after: int, **values: float) -> None:
        self.evaluations.append([float(values.get(name, math.nan)) for name in EVALUATIONS])
        self.evaluated.append(after)

    def column(self, name: str) -> list[float]:
        """One quantity over evaluations."""
        place = EVALUATIONS.index(name)
        return [row[place] for row in self.evaluations]

    def dataset(self) -> xr.Dataset:
        """Over ``step``, and over ``evaluation`` with the coordinate ``steps_done``."""
        steps = np.array(self.steps, dtype=np.float64).reshape(-1, len(STEPS)).T
        rows = np.array(self.evaluations, dtype=np.float64).reshape(-1, len(EVALUATIONS)).T
        variables = {name: ("step", column) for name, column in zip(STEPS, steps, strict=True)}
        variables |= {name: ("evaluation", column) for name, column in zip(EVALUATIONS, rows, strict=True)}
        curves = xr.Dataset(variables, coords={"step": np.arange(1, len(self.steps) + 1)})
        curves = curves.assign_coords(steps_done=("evaluation", np.array(self.evaluated, dtype=np.int64)))
        for name, unit in UNITS.items():
            curves[name].attrs["units"] = unit
        return curves


def remarks_on(curves: xr.Dataset, told: Sequence[Mapping[str, str]] = ()) -> list[Remark]:
    """Whether samples were of the model at the end, the last fifth of the steps, at most fifty; and whether
    the likelihood did what gradients promised.
    """
    n = _last_of(curves.sizes["step"])
    last = curves.isel(step=slice(-n, None))
    return [
        *_on_samples(told[-n:]),
        *_on_temperature(last),
        *_on_gaps(curves),
        *_on_end_of_device(curves),
        *_on_chains(last),
        *_on_likelihood(curves),
        *_on_bounds(curves),
    ]


def _last_of(n_steps: int) -> int:
    """Steps that stand for the end of so many."""
    return max(1, min(_LAST, n_steps // 5))


def _on_samples(told: Sequence[Mapping[str, str]]) -> Iterator[Remark]:
    for code in dict.fromkeys(code for own in told for code in own):
        texts = [own[code] for own in told if code in own]
        if len(texts) >= _OFTEN * len(told):
            yield Remark(code, f"in {len(texts)} of the last {len(told)} steps {texts[-1]}", Level.SERIOUS)


def _on_temperature(last: xr.Dataset) -> list[Remark]:
    beta, error = (last[name].values for name in ("beta_effective", "beta_effective_error"))
    known = np.isfinite(beta) & np.isfinite(error)
    if not known.any():
        text = "no temperature of the last samples could be measured, so nobody knows which model they are of"
        return [Remark("no-effective-temperature", text, Level.SERIOUS)]
    mean, spread = float(beta[known].mean()), float(np.sqrt((error[known] ** 2).sum())) / known.sum()
    if abs(mean - 1) <= max(_OFF, STANDARD_ERRORS * spread):
        return []
    text = (
        f"the last {len(beta)} steps took samples at beta = {mean:.3f}({spread:.2g}) of the machine: it "
        "is a model of the data there, not at 1"
    )
    return [Remark("off-temperature", text, Level.SERIOUS)]


def _on_gaps(curves: xr.Dataset) -> list[Remark]:
    """Temperatures that are missing, at many steps or at the last ones."""
    missing = ~np.isfinite(curves["beta_effective"].values + curves["beta_effective_error"].values)
    n_missing, n, is_last = int(missing.sum()), len(missing), bool(missing[-1])
    n_last = _last_of(n)
    often = max(missing.mean(), missing[-n_last:].mean()) >= _OFTEN
    if missing[-n_last:].all() or not (often or is_last):  # where none is known, more is said
        return []
    among = ", the last one among them" if is_last else ""
    text = (
        f"no temperature could be measured at {n_missing} of {n} steps{among}, so nobody knows which model "
        "their samples are of: more reads a step may tell"
    )
    return [Remark("no-effective-temperature", text)]


def _on_end_of_device(curves: xr.Dataset) -> list[Remark]:
    """Parameters that gave way, and what there is to do."""
    shrunk = curves["shrunk"].values
    gave_way = shrunk < 1
    share = float(np.nanprod(shrunk))
    if share > _SHRUNK:
        return []
    before = curves.isel(step=slice(None, int(gave_way.argmax())))
    temperature = float(np.nanmedian(before["factor"].values / before["beta_effective"].values))
    text = (
        f"in {gave_way.sum()} of {len(shrunk)} steps the device sampled the machine no colder, with however "
        f"much energy it was programmed: parameters were multiplied by {share:.2g} in all, so that samples "
        "stay of the machine, and what it can learn ends where the device does. Chains of qubits freeze "
        "where they are strong and break where they are weak, and those of chain_strength 'auto' grow with "
        f"the couplings: give a number, 3 to 4 temperatures of the device, {3 * temperature:.2g} to "
        f"{4 * temperature:.2g} here. Else anneal slower, or take a machine that fits the graph without "
        "chains, or more weight_decay"
    )
    return [Remark("device-at-its-end", text, Level.SERIOUS)]


def _on_chains(last: xr.Dataset) -> list[Remark]:
    known = last["persistence"].values[np.isfinite(last["persistence"].values)]
    if not known.size or known.mean() < _STUCK:
        return []
    text = (
        f"chains of the last {last.sizes['step']} steps hardly moved (persistence {known.mean():.3f}), "
        "so they may not follow the machine: more sweeps a step, or tempering"
    )
    return [Remark("chains-stuck", text)]


def _on_likelihood(curves: xr.Dataset) -> list[Remark]:
    values, errors = curves["log_likelihood"].values, curves["log_likelihood_error"].values
    if not np.isfinite(values).all() or len(values) < 2:
        return []
    best = int(values.argmax())
    fell, gained = float(values[best] - values[-1]), float(values[best] - values[0])
    noise = STANDARD_ERRORS * float(np.hypot(errors[best], errors[-1]))
    if fell <= max(noise, _LOST * gained, _LITTLE * abs(float(values[0]))):
        return []
    since, until = curves["steps_done"].values[[best, -1]]
    promised = float(curves["promised_gain"].values[since:until].sum())
    why = (
        f"while gradients promised a gain of {promised:.3g}: samples of the negative phase were not of the "
        "machine, or steps too long. Take a lower learning rate, more sweeps a step, or tempering"
        if promised > 0
        else "as steps went too far. Take a lower learning rate, or less weight_decay"
    )
    text = f"the log-likelihood of the data fell from {values[best]:.4g} nat after step {since} to "
    return [Remark("likelihood-fell", f"{text}{values[-1]:.4g} at the end, {why}", Level.SERIOUS)]


def _on_bounds(curves: xr.Dataset) -> list[Remark]:
    gaps = curves["bounds_gap"].values[np.isfinite(curves["bounds_gap"].values)]
    if not gaps.size or abs(gaps[-1]) <= FAR_APART:
        return []
    text = (
        f"the two bounds of the last likelihood lie {gaps[-1]:.2f} nats apart, so that it says little: see "
        "log_likelihood with more betas, or by tempering"
    )
    return [Remark("bounds-apart", text, Level.SERIOUS)]
