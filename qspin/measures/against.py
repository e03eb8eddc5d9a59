"""Samples held against those of a reference on the same problem.

The reference is at temperatures that it sets and keeps its configurations; what is reweighted of it is kept
as long as its samples are, for all that is held against them.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat
from scipy import stats

from qspin import analysis
from qspin.analysis import Comparison, EffectiveTemperature, Reweighting
from qspin.analysis.ensembles import VIEWS
from qspin.analysis.meeting import Meeting, meeting
from qspin.arguments import checked_samples
from qspin.measure import (
    InputError,
    IsingProblem,
    PositiveInt,
    SampleSet,
    is_thermal,
    require_needs,
    settings,
)
from qspin.measures.averaging import Rule, averaged
from qspin.measures.base import MEASURED_RULES, NamedMeasure, checked, storable

__all__ = ["Compare", "CrossOverlaps", "FittedTemperature"]

_OF_REFERENCE = frozenset({"thermostat", "spins"})
_NAN = float("nan")

_reweightings: weakref.WeakKeyDictionary[SampleSet, Reweighting] = weakref.WeakKeyDictionary()


class AgainstMeasure(NamedMeasure):
    """A measure of one sample set beside another one."""

    against: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"spins"})

    def measure(  # type: ignore[override]
        self, samples: SampleSet, problem: IsingProblem, reference: SampleSet
    ) -> xr.Dataset:
        """What samples and reference have in common.

        Raises
        ------
        InputError
            As `Measure.measure`, or if the reference is of another problem, or has no temperatures or no
            configurations.
        """
        checked(self, self.name, samples, problem)
        checked(self, self.name, checked_samples(reference, "reference"), problem)
        require_needs(_OF_REFERENCE, reference, problem, f"the reference of {self.name}")
        return storable(self.held(samples, problem, reference), samples)

    def held(self, samples: SampleSet, problem: IsingProblem, reference: SampleSet) -> xr.Dataset:
        """What is found, of samples that can be held against each other."""
        raise NotImplementedError


def reweighting_of(reference: SampleSet) -> Reweighting:
    """Of a reference, once as long as it lives."""
    if reference not in _reweightings:
        _reweightings[reference] = Reweighting.of(reference)
    return _reweightings[reference]


def compared_rows(samples: SampleSet, most: int) -> list[int]:
    """Rows that are compared: all without a thermostat, or so many of a ladder, from hot to cold."""
    n = len(samples.betas)
    if np.isnan(samples.betas).any():
        return list(range(n))
    order = np.argsort(samples.betas, kind="stable")
    return [int(order[k]) for k in sorted({round(k * (n - 1) / max(most - 1, 1)) for k in range(most)})]


def fit_of(samples: SampleSet, reference: SampleSet, row: int) -> EffectiveTemperature | None:
    """Where the reference has the mean energy of a row without a temperature; None for one that has any."""
    return None if np.isfinite(samples.betas[row]) else _fitted(samples, reference, row)


def _require_ensemble(samples: SampleSet) -> None:
    """Refuse samples whose replicas stopped at an energy: they carry temperatures that they do not follow."""
    if np.isfinite(samples.betas).all() and not is_thermal(samples):
        raise InputError("replicas stopped where they reached an energy: they follow no distribution")


def _fitted(samples: SampleSet, reference: SampleSet, row: int) -> EffectiveTemperature:
    try:
        _require_ensemble(samples)
        return analysis.effective_temperature(
            samples, reference, row=row, reweighting=reweighting_of(reference)
        )
    except InputError as error:
        return EffectiveTemperature(_NAN, _NAN, reason=str(error))


# -- the same ensemble? --------------------------------------------------------------------------


@settings
class Compare(AgainstMeasure):
    """Are samples of the ensemble of the reference, at which temperature, and what do they miss
    (`qspin.analysis.compare`, `valley_coverage`)?

    Over ``row``, the rows of the samples that were compared: ``temperature``, ``beta`` and their ``_error``
    (0 for those that were set), ``is_fitted``, ``p_value`` of "the same ensemble", ``p_values`` by ``view``,
    ``telling`` (the view that speaks loudest against), ``correlation_error``, ``magnetisation_error``,
    ``overlap_distance`` (of the cumulative P(q), with ``overlap_noise``), ``total_variation`` with their
    ``_noise``, ``wasserstein``, ``kolmogorov_smirnov``, valleys
    (``n_valleys``, ``n_missed``, ``expected_missed``, ``missed_weight``), ``n_first`` and ``n_second``
    configurations, and ``coupling_scale`` of an annealer. ``reason`` says why a row could not be compared;
    its numbers are NaN. Averages over instances are of those that could be, ``n_compared`` of them, with
    p-values of "the same ensemble in all of them" (Fisher's method).

    Parameters
    ----------
    rows : temperatures of a ladder that are compared, its ends among them; all rows without a thermostat
    permutations : of the test
    most : configurations of each side
    finest : p-value to be reached where no permutation lies as far apart, for tests that are corrected for
        their number
    beta : inverse temperature at which rows without a thermostat are compared, units of 1/energy; default
        that at which the reference has their mean energy
    seed : of choices and permutations
    """

    name: ClassVar[str] = "compare"
    version: ClassVar[int] = 2
    rules: ClassVar = {"is_fitted": Rule.FIRST}

    rows: PositiveInt = 3
    permutations: PositiveInt = 499
    most: PositiveInt = 1_000
    finest: float | None = Field(default=None, gt=0, le=1)
    beta: PositiveFloat | None = None
    seed: int = Field(default=0, ge=0)

    def held(self, samples: SampleSet, problem: IsingProblem, reference: SampleSet) -> xr.Dataset:
        rows = compared_rows(samples, self.rows)
        found = [self._row(samples, problem, reference, row) for row in rows]
        columns = {name: np.array([line[name] for line in found]) for name in found[0]}
        dims = {"p_values": ("row", "view")}
        result = xr.Dataset(
            {name: (dims.get(name, "row"), column) for name, column in columns.items()},
            coords={"row": rows, "view": np.array(VIEWS)},
        )
        if "coupling_scale" in samples.dataset:
            result["coupling_scale"] = ("row", samples.dataset["coupling_scale"].values[rows])
        return result

    def _row(
        self, samples: SampleSet, problem: IsingProblem, reference: SampleSet, row: int
    ) -> dict[str, Any]:
        try:
            _require_ensemble(samples)
            found = analysis.compare(
                reference, samples, problem, row=row, n_permutations=self.permutations, finest=self.finest,
                most=self.most, seed=self.seed, reweighting=reweighting_of(reference),
                **self._place(samples, reference, row),
            )  # fmt: skip
        except InputError as error:
            return _line(None, str(error))
        coverage = analysis.valley_coverage(problem, found.first.spins, found.second.spins)
        return {**_line(found), **{name: float(getattr(coverage, name)) for name in _VALLEYS}}

    def _place(self, samples: SampleSet, reference: SampleSet, row: int) -> dict[str, Any]:
        """Where a row is compared."""
        if self.beta is not None and np.isnan(samples.betas[row]):
            return {"beta": self.beta}
        return {"fit": fit_of(samples, reference, row)}

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        average = averaged(results, {**MEASURED_RULES, **self.rules}, skip_unknown=True)
        single = np.stack([result["p_value"].values for result in results])
        views = np.stack([result["p_values"].values for result in results])
        together = _combined(views)
        loudest = [VIEWS[int(np.nanargmin(row))] if np.isfinite(row).any() else "" for row in together]
        return average.drop_vars(["p_value_error", "p_values_error"]).assign(
            p_value=("row", _combined(single)),
            p_values=(("row", "view"), together),
            telling=("row", np.array(loudest)),
            n_compared=("row", np.isfinite(single).sum(axis=0)),
        )


def _combined(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values (...) of instances (instance, ...) together; those that are not known do not count."""
    together = np.full(p_values.shape[1:], _NAN)
    for place in np.ndindex(together.shape):
        known = p_values[(slice(None), *place)]
        known = known[np.isfinite(known)]
        if known.size:
            together[place] = stats.combine_pvalues(known).pvalue
    return together


_VALLEYS = ("n_valleys", "n_missed", "expected_missed", "missed_weight")
_NUMBERS = (
    "beta", "beta_error", "correlation_error", "correlation_noise", "magnetisation_error",
    "magnetisation_noise", "overlap_distance", "overlap_noise", "total_variation", "total_variation_noise",
    "wasserstein", "kolmogorov_smirnov",
)  # fmt: skip


def _line(found: Comparison | None, reason: str = "") -> dict[str, Any]:
    names = (*_NUMBERS, "temperature", "temperature_error", "p_value", "is_fitted", "n_first", "n_second")
    if found is None:
        unknown: dict[str, Any] = dict.fromkeys((*names, *_VALLEYS), _NAN)
        return {**unknown, "p_values": [_NAN] * len(VIEWS), "telling": "", "reason": reason}
    temperature, spread = _temperature(found.beta, found.beta_error)
    return {
        **{name: float(getattr(found, name)) for name in _NUMBERS},
        "temperature": temperature,
        "temperature_error": spread,
        "p_value": found.test.p_value,
        "is_fitted": float(found.temperature is not None),
        "n_first": float(len(found.first.spins)),
        "n_second": float(len(found.second.spins)),
        "p_values": [found.test.p_values[view] for view in VIEWS],
        "telling": found.test.telling,
        "reason": "",
    }


def _temperature(beta: float, error: float) -> tuple[float, float]:
    """1 / beta, infinite for 0, and its standard error."""
    return (float("inf"), _NAN) if beta == 0 else (1 / beta, error / beta**2)


# -- what figures of a pair show -----------------------------------------------------------------


@settings
class CrossOverlaps(AgainstMeasure):
    """Overlaps within samples, within the reference and between them, at the coldest temperature at which
    they can be compared (`qspin.analysis.cross_overlaps`).

    Over ``q``: ``first`` (within the reference), ``second`` (within the samples) and ``cross``, each summing
    to 1. Over ``configuration`` and ``other``: ``matrix``, overlaps of the first configurations of both
    sides, ``order`` that puts similar ones beside each other, those of the reference first, and ``side`` (0
    for the reference). ``temperature``, ``temperature_error`` and ``row`` say where; the attribute
    ``reason`` why nowhere, in which case there are no variables.

    Parameters
    ----------
    rows : temperatures of a ladder that are tried, as `compare` has them
    most : configurations of each side
    shown : configurations of each side in the matrix
    seed : of choices, as that of `compare`
    """

    name: ClassVar[str] = "cross_overlaps"
    rules: ClassVar = {name: Rule.FIRST for name in ("matrix", "order", "side", "row")}

    rows: PositiveInt = 3
    most: PositiveInt = 1_000
    shown: PositiveInt = Field(default=60, ge=2, le=60)
    seed: int = Field(default=0, ge=0)

    def held(self, samples: SampleSet, problem: IsingProblem, reference: SampleSet) -> xr.Dataset:
        found, reasons = [], []
        for row in compared_rows(samples, self.rows):
            try:
                _require_ensemble(samples)
                met = meeting(
                    reference, samples, problem, row=row, most=self.most, seed=self.seed,
                    reweighting=reweighting_of(reference), fit=fit_of(samples, reference, row),
                )  # fmt: skip
            except InputError as error:
                reasons.append(str(error))
                continue
            if min(len(met.first.spins), len(met.second.spins)) < 2:
                reasons.append("a pair figure needs two configurations of each side or more")
                continue
            found.append((met.beta, row, met))
        if not found:
            return xr.Dataset(attrs={"reason": reasons[-1]})
        beta, row, met = max(found, key=lambda one: one[0])
        temperature, spread = _temperature(beta, met.beta_error)
        where = {"temperature": temperature, "temperature_error": spread, "row": row}
        overlaps = analysis.cross_overlaps(met.first.spins, met.second.spins)
        return overlaps.assign({**where, **_matrix(met, self.shown, symmetric=not problem.fields.any())})

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        return averaged(results, self.rules, skip_unknown=True)


def _matrix(met: Meeting, shown: int, *, symmetric: bool) -> dict[str, Any]:
    half = min(shown, len(met.first.spins))
    spins = np.concatenate([met.first.spins[:shown], met.second.spins[:shown]])
    states = analysis.find_states(spins, n_null=2, symmetric=symmetric)
    order = np.concatenate([states.order[states.order < half], states.order[states.order >= half]])
    return {
        "matrix": (("configuration", "other"), analysis.overlap_matrix(spins)),
        "order": ("configuration", order),
        "side": ("configuration", (np.arange(len(spins)) >= half).astype(np.int8)),
    }


# -- at which temperature? -----------------------------------------------------------------------


@settings
class FittedTemperature(AgainstMeasure):
    """Where the reference has the mean energy of each row of samples
    (`qspin.analysis.effective_temperature`).

    Over ``beta``, as many rows as the samples have: ``beta_matched`` and ``beta_matched_error``, ``goodness``
    (p-value of the energies there), ``reason`` where there is none; coordinates ``temperature`` and
    ``temperature_error`` are those that were matched. A row is fitted whether it states a temperature or not:
    ``beta`` is the one that it states.
    """

    name: ClassVar[str] = "effective_temperature"
    rules: ClassVar = {"goodness": Rule.LEAST}

    def held(self, samples: SampleSet, problem: IsingProblem, reference: SampleSet) -> xr.Dataset:
        fits = [_fitted(samples, reference, row) for row in range(len(samples.betas))]
        rows = xr.Dataset(
            {
                "goodness": ("beta", np.array([fit.goodness for fit in fits])),
                "reason": ("beta", np.array([fit.reason for fit in fits])),
            },
            coords={"beta": samples.betas},
        )
        if "coupling_scale" in samples.dataset:
            rows["coupling_scale"] = ("beta", samples.dataset["coupling_scale"].values)
        reached = [fit.beta for fit in fits], [fit.error for fit in fits]
        matched = analysis.at_matched_temperatures(rows, *reached, "the reference")
        del matched.attrs["temperature_of"]  # its label is not known here
        return matched
