"""Do two backends see the same landscape? Every other backend of a problem is held against its reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from qspin.analysis import (
    Comparison,
    EffectiveTemperature,
    Reweighting,
    compare,
    effective_temperature,
    find_states,
    overlap_matrix,
    valley_coverage,
)
from qspin.analysis.correction import LEVEL
from qspin.benchmark import (
    TimeToSolution,
    energy_distribution,
    lowest_without_offset,
    seconds_of,
    time_to_solution,
)
from qspin.errors import InputError
from qspin.experiment.config import RunConfig
from qspin.experiment.store import Task
from qspin.experiment.verdicts import Verdict, judged
from qspin.problem import IsingProblem
from qspin.samples import SampleSet
from qspin.spectrum import energy_tolerance, without_offset

__all__ = ["MOST_PAIRS", "Compared", "Comparing", "Fits", "Pair", "reference_of"]

MOST_PAIRS = 8
"""Pairs of backends on one problem that get figures: the first ones."""

_MOST = 1_000  # configurations of each side of a test
_PERMUTATIONS = 499
_SHOWN = 60  # configurations of each side in a map of overlaps
_ROWS = 3  # temperatures of a ladder that are compared with another ladder


class Pair(NamedTuple):
    """What the figures of one pair of backends show, at the coldest temperature that was compared."""

    problem: str
    reference: str
    backend: str
    temperature: float
    overlaps: xr.Dataset
    matrix: np.ndarray
    order: np.ndarray


class Fits(NamedTuple):
    """Of a backend without a thermostat: where the reference has its mean energy, row by row."""

    reference: str
    rows: list[EffectiveTemperature]


class Compared(NamedTuple):
    """Verdicts; the pairs that get figures, of `n_pairs` that could be compared; by problem and backend the
    lowest energies of runs, the time to the lowest of all, and fitted temperatures; and what failed that
    should not have.
    """

    verdicts: list[Verdict]
    pairs: list[Pair]
    energies: dict[str, dict[str, xr.Dataset]]
    times: dict[tuple[str, str], TimeToSolution]
    faults: list[str]
    n_pairs: int = 0


class Comparing:
    """Holds the backends of one problem after the other against their reference.

    The reference of a problem is its first backend with a ladder of temperatures and stored spins. Of a
    family of instances, the first stands for all in verdicts and figures.

    Parameters
    ----------
    config : of the run
    """

    def __init__(self, config: RunConfig):
        self.found = Compared([], [], {}, {}, [])
        self._later = {label for members in config.families.values() for label in members[1:]}
        self._n_problems = len(config.problems) - len(self._later)
        self._finest: float | None = None
        self._n_pairs = 0

    def fitted(
        self, samples: Mapping[str, SampleSet]
    ) -> tuple[Reweighting | None, dict[str, Fits], dict[str, Exception]]:
        """Where the reference has the mean energies of samples that state no temperature; and for which of
        them looking for it failed that should not have.
        """
        reference = reference_of(samples)
        if reference is None:
            return None, {}, {}
        try:
            reweighting = Reweighting.of(samples[reference])
        except Exception as error:
            return None, {}, {reference: error}
        fits: dict[str, Fits] = {}
        failed: dict[str, Exception] = {}
        for label, own in samples.items():
            if label == reference or not own.n_spins or not own.energies.size or np.isfinite(own.betas).any():
                continue
            try:
                rows = [_fit(own, samples[reference], reweighting, row) for row in _rows(own)]
                fits[label] = Fits(reference, rows)
            except Exception as error:  # costs this task only; whoever asked tells it
                failed[label] = error
        return reweighting, fits, failed

    def add(
        self,
        tasks: Mapping[str, Task],
        samples: Mapping[str, SampleSet],
        warnings: Mapping[str, Sequence[str]],
        reweighting: Reweighting | None,
        fits: Mapping[str, Fits],
    ) -> None:
        """Compare on one problem.

        Parameters
        ----------
        tasks, samples, warnings : by label of the backend
        reweighting, fits : what `fitted` gave
        """
        first = next(iter(tasks.values()))
        problem = first.problem_label
        if not samples or problem in self._later:
            return
        self.found.energies[problem] = {
            k: energy_distribution(s) for k, s in samples.items() if s.energies.size
        }
        self.found.times.update({(problem, label): time for label, time in _times(samples, first.problem)})
        reference = reference_of(samples)
        if reference is None or reweighting is None:
            return
        others = {k: s for k, s in samples.items() if k != reference and s.n_spins and not s.has_averages}
        if self._finest is None:
            rows = sum(len(_rows(other)) for other in others.values())
            self._finest = LEVEL / max(rows * self._n_problems, 1)
        for label, other in others.items():
            faults = [
                f"{name} warns: {warning}"
                for name in (reference, label)
                for warning in warnings.get(name, ())
                if "R-hat" in warning or "effective samples" in warning
            ]
            against = _Against(
                tasks[label], reference, samples[reference], reweighting, other, fits.get(label), self._finest
            )
            verdicts, coldest = against.verdicts(faults, self.found.faults)
            self.found.verdicts.extend(verdicts)
            if coldest is None:
                continue
            self._n_pairs += 1
            if self._n_pairs <= MOST_PAIRS and (pair := against.pair(*coldest, self.found.faults)):
                self.found.pairs.append(pair)

    def judged(self) -> Compared:
        """All that was found, with verdicts in words and p-values corrected for the number of all rows."""
        return self.found._replace(verdicts=judged(self.found.verdicts), n_pairs=self._n_pairs)


def reference_of(samples: Mapping[str, SampleSet]) -> str | None:
    """Label of the first that has a ladder of temperatures and stored spins."""
    return next(
        (
            label
            for label, s in samples.items()
            if s.n_spins and s.energies.size and not s.has_averages and np.isfinite(s.betas).all()
        ),
        None,
    )


def _fit(own: SampleSet, reference: SampleSet, reweighting: Reweighting, row: int) -> EffectiveTemperature:
    try:
        return effective_temperature(own, reference, row=row, reweighting=reweighting)
    except InputError as error:
        return EffectiveTemperature(math.nan, math.nan, reason=str(error))


def _times(samples: Mapping[str, SampleSet], problem: IsingProblem) -> Iterator[tuple[str, TimeToSolution]]:
    """Time to the lowest energy that any of the backends found, by their clock of sampling."""
    found = {label: lowest_without_offset(s, problem) for label, s in samples.items() if s.energies.size}
    if not found:
        return
    aim = min(lowest.min() for lowest in found.values()) + energy_tolerance(without_offset(problem))
    for label, lowest in found.items():
        if samples[label].info.get("clocks", {}).get("sample", 0.0) > 0:
            reached = int((lowest <= aim).sum())
            yield label, time_to_solution(reached, len(lowest), seconds_of(samples[label]))


class _Against(NamedTuple):
    """One backend held against the reference on one problem."""

    task: Task
    reference: str
    base: SampleSet
    reweighting: Reweighting
    other: SampleSet
    fits: Fits | None
    finest: float

    def verdicts(
        self, faults: Sequence[str], failed: list[str]
    ) -> tuple[list[Verdict], tuple[float, Comparison] | None]:
        """A verdict for every row, and the temperature and comparison of the coldest that could be compared.

        Parameters
        ----------
        faults : of the samples, told with every verdict
        failed : takes what failed that should not have
        """
        verdicts, coldest = [], None
        for row in _rows(self.other):
            try:
                found = self._compared(row)
                verdict = self._verdict(row, found, faults)
            except InputError as error:
                verdicts.append(self._unknown(row, str(error)))
                continue
            except Exception as error:  # one comparison never costs the report; it is told, and exits 1
                reason = f"{type(error).__name__}: {error}"
                verdicts.append(self._unknown(row, reason))
                failed.append(f"comparing {self.task.label} with {self.reference}: {reason}")
                continue
            verdicts.append(verdict)
            if coldest is None or verdict.temperature < coldest[0]:
                coldest = verdict.temperature, found
        return verdicts, coldest

    def pair(self, temperature: float, found: Comparison, failed: list[str]) -> Pair | None:
        """What figures show; `failed` takes why it cannot be had."""
        try:
            return self._pair(temperature, found)
        except Exception as error:  # one figure costs no report either
            failed.append(f"figure of {self.task.label} against {self.reference}: {error!r}")
            return None

    def _compared(self, row: int) -> Comparison:
        return compare(
            self.base, self.other, self.task.problem, row=row, n_permutations=_PERMUTATIONS,
            finest=self.finest, most=_MOST, reweighting=self.reweighting,
            fit=None if self.fits is None else self.fits.rows[row],
        )  # fmt: skip

    def _verdict(self, row: int, found: Comparison, faults: Sequence[str]) -> Verdict:
        coverage = valley_coverage(self.task.problem, found.first.spins, found.second.spins)
        temperature = math.inf if found.beta == 0 else 1 / found.beta
        spread = found.beta_error / found.beta**2 if found.beta else math.nan
        return Verdict(
            self.task.problem_label, self.reference, self.task.backend_label, self._at(row), temperature,
            spread, found.test.p_value, math.nan, found.test.telling, found.correlation_error,
            found.correlation_noise, found.total_variation, found.total_variation_noise, found.wasserstein,
            coverage.n_valleys, coverage.n_missed, coverage.expected_missed, "; ".join(faults),
        )  # fmt: skip

    def _unknown(self, row: int, reason: str) -> Verdict:
        nan = math.nan
        return Verdict(
            self.task.problem_label, self.reference, self.task.backend_label, self._at(row), nan, nan, nan,
            nan, "", nan, nan, nan, nan, nan, 0, 0, nan, f"not compared: {reason}",
        )  # fmt: skip

    def _at(self, row: int) -> str:
        scale = self.other.dataset.get("coupling_scale")
        return f"scale {float(scale[row]):.3g}" if scale is not None else ""

    def _pair(self, temperature: float, found: Comparison) -> Pair:
        shown = np.concatenate([found.first.spins[:_SHOWN], found.second.spins[:_SHOWN]])
        states = find_states(shown, n_null=2, symmetric=not self.task.problem.fields.any())
        half = min(_SHOWN, len(found.first.spins))
        order = np.concatenate([states.order[states.order < half], states.order[states.order >= half]])
        return Pair(
            self.task.problem_label, self.reference, self.task.backend_label, temperature, found.overlaps,
            overlap_matrix(shown), order,
        )  # fmt: skip


def _rows(samples: SampleSet) -> list[int]:
    """Rows that are compared: all without a thermostat, or hot, middle and cold ones of a ladder."""
    n = len(samples.betas)
    if np.isnan(samples.betas).any():
        return list(range(n))
    order = np.argsort(samples.betas, kind="stable")
    return [int(order[k]) for k in sorted({round(k * (n - 1) / max(_ROWS - 1, 1)) for k in range(_ROWS)})]
