"""What was measured of samples without a thermostat, and p-values corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from qspin.analysis import holm
from qspin.settings import given_settings
from qspin.studies.cells import by_place, is_beside, result_at
from qspin.studies.inspection.draws import agreeing
from qspin.studies.series import told
from qspin.study import BackendLine, Cell, Point, Results

__all__ = ["CHAINS", "CURVE", "OWN", "THERE", "Compared", "Held", "held_of", "judged"]

THERE, OWN = "compare_there", "compare_own"
"""Labels of `compare` at the temperature of the samples, and at that of the model."""

CURVE, CHAINS = "overlap_curve", "chain_diagnostics"

_NUMBERS = (
    "beta", "beta_error", "p_value", "wasserstein", "overlap_distance", "overlap_noise",
    "correlation_error", "correlation_noise", "expected_missed",
)  # fmt: skip
_NAN = math.nan


class Compared(NamedTuple):
    """Samples against equilibrium at one temperature; numbers are NaN where they could not be compared.

    Parameters
    ----------
    beta, beta_error : where; 0 for an error of what was set
    p_value, p_corrected : of "the same ensemble", alone and after Holm's correction for all tests
    telling : the view of the configurations that speaks loudest against it
    reason : why they could not be compared
    is_sure : whether the replicas of the reference agree there
    is_other : whether "the same ensemble" is rejected
    """

    beta: float = _NAN
    beta_error: float = _NAN
    p_value: float = _NAN
    wasserstein: float = _NAN
    overlap_distance: float = _NAN
    overlap_noise: float = _NAN
    correlation_error: float = _NAN
    correlation_noise: float = _NAN
    expected_missed: float = _NAN
    n_valleys: int = 0
    n_missed: int = 0
    telling: str = ""
    reason: str = ""
    is_sure: bool = True
    p_corrected: float = _NAN
    is_other: bool = False

    @property
    def is_compared(self) -> bool:
        return not math.isnan(self.p_value)


class Held(NamedTuple):
    """One row of samples.

    Parameters
    ----------
    place : name of an axis -> its value
    settings : of the sampler that are not its defaults, in words
    scale : factor on the energies that was programmed; NaN where there is none
    measured, measured_error : inverse temperature by pseudo-likelihood, NaN where it is not known
    there, own : against equilibrium at the temperature of the samples, and at that of the model
    """

    problem: str
    reference: str
    backend: str
    place: Mapping[str, Any]
    settings: str
    scale: float
    measured: float
    measured_error: float
    there: Compared
    own: Compared

    @property
    def contradiction(self) -> float:
        """Standard errors between the two estimates of beta; NaN where one is not known."""
        error = math.hypot(self.measured_error, self.there.beta_error)
        return abs(self.measured - self.there.beta) / error if error > 0 else _NAN


def held_of(results: Results, reference: str, beta: float) -> list[Held]:
    """Every row of every backend that was held against the reference, not yet judged.

    Parameters
    ----------
    beta : of the model
    """
    there, own, curves, chains = (by_place(results, label) for label in (THERE, OWN, CURVE, CHAINS))
    found: list[Held] = []
    for key, cell in there.items():
        settings = _settings(results.asked.backends[cell.backend])
        sure = chains.get((cell.problem, reference))
        for point in cell.points:
            beside = result_at(own.get(key), point.at)
            curve = result_at(curves.get(key), point.at)
            for k in range(point.result.sizes["row"]):
                own_test = _test(beside, k, sure, point)._replace(beta=beta, beta_error=0.0)
                tests = _test(point.result, k, sure, point), own_test
                facts = _value(point.result, "coupling_scale", k), *_measured(curve, k)
                at = dict(point.at)
                found.append(Held(cell.problem, reference, cell.backend, at, settings, *facts, *tests))
    return found


def _settings(line: BackendLine) -> str:
    """``annealer: physics thermal, betas 0.05``; those that are swept are told with the place."""
    swept = {axis.name for axis in line.axes}
    given = {name: value for name, value in given_settings(line.sampler).items() if name not in swept}
    parts = [f"{name} {_told(value)}" for name, value in given.items()]
    return f"{line.name}: {', '.join(parts)}" if parts else line.name


def _told(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
        return ", ".join(map(told, value))
    return told(value)


def _value(result: xr.Dataset | None, name: str, k: int) -> float:
    return _NAN if result is None or name not in result else float(result[name].values[k])


def _measured(curve: xr.Dataset | None, k: int) -> tuple[float, float]:
    """By the sampler itself."""
    return _value(curve, "beta_effective", k), _value(curve, "beta_effective_error", k)


def _test(result: xr.Dataset | None, k: int, chains: Cell | None, at: Point) -> Compared:
    if result is None:
        return Compared(reason="it could not be measured")
    if reason := str(result["reason"].values[k]):
        return Compared(reason=reason)
    numbers: dict[str, Any] = {name: float(result[name].values[k]) for name in _NUMBERS}
    numbers |= {name: int(result[name].values[k]) for name in ("n_valleys", "n_missed")}
    beta = np.array([numbers["beta"]])
    diagnostics = [p.result for p in chains.points if is_beside(p, at)] if chains else []
    is_sure = all(bool(agreeing(one, beta)[0]) for one in diagnostics)
    return Compared(**numbers, telling=str(result["telling"].values[k]), is_sure=is_sure)


def judged(held: Sequence[Held], level: float) -> list[Held]:
    """With p-values corrected for the number of all tests, and what they say.

    Parameters
    ----------
    level : corrected p-value at or below which "the same ensemble" is rejected
    """
    known = [test.p_value for one in held for test in (one.there, one.own) if test.is_compared]
    corrected = iter(holm(known))
    return [
        one._replace(there=_judged(one.there, corrected, level), own=_judged(one.own, corrected, level))
        for one in held
    ]


def _judged(test: Compared, corrected: Iterator[float], level: float) -> Compared:
    if not test.is_compared:
        return test
    p = next(corrected)
    return test._replace(p_corrected=p, is_other=p <= level)
