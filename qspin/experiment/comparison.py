"""Do two backends see the same landscape? One verdict for every pair of a reference and another backend."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from qspin.analysis import (
    Reweighting,
    compare,
    equilibrium_warnings,
    find_states,
    overlap_matrix,
    valley_coverage,
)
from qspin.benchmark import (
    TimeToSolution,
    energy_distribution,
    runs_of,
    seconds_of,
    time_to_solution,
)
from qspin.errors import InputError
from qspin.experiment.findings import with_error
from qspin.experiment.store import RunFolder, Task
from qspin.samples import SampleSet

__all__ = ["LEVEL", "Compared", "Pair", "Verdict", "compared", "shown", "verdict_table"]

LEVEL = 0.05
"""p-value at or below which "the same ensemble" is rejected."""

_MOST = 1_000  # configurations of each side of a test
_PERMUTATIONS = 499
_SHOWN = 60  # configurations of each side in a map of overlaps
_ROWS = 3  # temperatures of a ladder that are compared with another ladder


class Verdict(NamedTuple):
    """One row of the verdict table; numbers are NaN where they cannot be told."""

    problem: str
    reference: str
    backend: str
    at: str
    temperature: float
    temperature_error: float
    p_value: float
    telling: str
    correlation_error: float
    correlation_noise: float
    total_variation: float
    total_variation_noise: float
    wasserstein: float
    n_valleys: int
    n_missed: int
    expected_missed: float
    verdict: str


class Pair(NamedTuple):
    """What the figures of one pair of backends show, at the coldest temperature that was compared."""

    problem: str
    reference: str
    backend: str
    temperature: float
    overlaps: xr.Dataset
    matrix: np.ndarray
    order: np.ndarray


class Compared(NamedTuple):
    """Verdicts and pairs; by problem and backend the lowest energies of runs, and the time to the lowest of
    all.
    """

    verdicts: list[Verdict]
    pairs: list[Pair]
    energies: dict[str, dict[str, xr.Dataset]]
    times: dict[tuple[str, str], TimeToSolution]


def compared(folder: RunFolder) -> Compared:
    """Hold the backends of a run against each other; of a family of instances, the first stands for all."""
    verdicts: list[Verdict] = []
    pairs: list[Pair] = []
    energies: dict[str, dict[str, xr.Dataset]] = {}
    times: dict[tuple[str, str], TimeToSolution] = {}
    later = {label for members in folder.config.families.values() for label in members[1:]}
    for problem, tasks in _by_problem(folder).items():
        if problem in later:
            continue
        samples = {label: folder.samples(task) for label, task in tasks.items()}
        energies[problem] = {label: energy_distribution(s) for label, s in samples.items() if s.energies.size}
        times |= {(problem, label): time for label, time in _times(samples)}
        reference = next((label for label, s in samples.items() if _is_reference(s)), None)
        if reference is None:
            continue
        reweighting: Reweighting | None = None
        for label, other in samples.items():
            if label == reference or other.n_spins == 0 or other.has_averages:
                continue
            reweighting = reweighting or Reweighting.of(samples[reference])
            own, pair = _against(tasks[label], reference, samples[reference], reweighting, label, other)
            verdicts += own
            pairs += [] if pair is None else [pair]
    return Compared(verdicts, pairs, energies, times)


def _times(samples: Mapping[str, SampleSet]) -> Iterator[tuple[str, TimeToSolution]]:
    """Time to the lowest energy that any of the backends found, by their clock of sampling."""
    lowest = min((s.best.energy for s in samples.values() if s.energies.size), default=math.nan)
    for label, own in samples.items():
        if own.energies.size and own.info.get("clocks", {}).get("sample", 0.0) > 0:
            runs = runs_of(own, lowest)
            yield label, time_to_solution(runs.successes, len(runs.lowest), seconds_of(own))


def _by_problem(folder: RunFolder) -> dict[str, dict[str, Task]]:
    found: dict[str, dict[str, Task]] = {}
    for task in folder.tasks():
        if folder.has_samples(task):
            found.setdefault(task.problem_label, {})[task.backend_label] = task
    return found


def _is_reference(samples: SampleSet) -> bool:
    """Whether it has a ladder of temperatures and stored spins."""
    return bool(samples.n_spins and not samples.has_averages and np.isfinite(samples.betas).all())


def _against(
    task: Task,
    reference: str,
    base: SampleSet,
    reweighting: Reweighting,
    label: str,
    other: SampleSet,
) -> tuple[list[Verdict], Pair | None]:
    faults = [
        f"{name} warns: {warning}"
        for name, samples in ((reference, base), (label, other))
        for warning in equilibrium_warnings(samples)
        if "R-hat" in warning or "effective samples" in warning
    ]
    verdicts, coldest = [], None
    for row in _rows(other):
        scale = other.dataset.get("coupling_scale")
        at = f"scale {float(scale[row]):.3g}" if scale is not None else ""
        try:
            found = compare(
                base, other, task.problem, row=row, n_permutations=_PERMUTATIONS, most=_MOST,
                reweighting=reweighting,
            )  # fmt: skip
        except InputError as error:
            verdicts.append(_unknown(task.problem_label, reference, label, at, str(error)))
            continue
        coverage = valley_coverage(task.problem, found.first.spins, found.second.spins)
        temperature = math.inf if found.beta == 0 else 1 / found.beta
        spread = found.beta_error / found.beta**2 if found.beta else math.nan
        verdicts.append(
            Verdict(
                task.problem_label, reference, label, at, temperature, spread, found.test.p_value,
                found.test.telling, found.correlation_error, found.correlation_noise, found.total_variation,
                found.total_variation_noise, found.wasserstein, coverage.n_valleys, coverage.n_missed,
                coverage.expected_missed, _words(found.test.p_value, found.test.telling, temperature, faults),
            )
        )  # fmt: skip
        if coldest is None or temperature < coldest[0]:
            coldest = temperature, found
    if coldest is None:
        return verdicts, None
    temperature, found = coldest
    shown = np.concatenate([found.first.spins[:_SHOWN], found.second.spins[:_SHOWN]])
    states = find_states(shown, n_null=2, symmetric=not task.problem.fields.any())
    order = np.concatenate([states.order[states.order < _SHOWN], states.order[states.order >= _SHOWN]])
    pair = Pair(
        task.problem_label, reference, label, temperature, found.overlaps, overlap_matrix(shown), order
    )
    return verdicts, pair


def _rows(samples: SampleSet) -> Iterator[int]:
    n = len(samples.betas)
    if np.isnan(samples.betas).any():
        return iter(range(n))
    return iter(sorted({round(k * (n - 1) / max(_ROWS - 1, 1)) for k in range(_ROWS)}))


def _words(p_value: float, telling: str, temperature: float, faults: list[str]) -> str:
    if p_value <= LEVEL:
        text = f"not the same ensemble at T = {temperature:.3g} (p = {p_value:.2g}, {telling})"
    else:
        text = f"same ensemble at T = {temperature:.3g} not rejected (p = {p_value:.2g})"
    return "; ".join([text, *faults])


def _unknown(problem: str, reference: str, backend: str, at: str, reason: str) -> Verdict:
    nan = math.nan
    return Verdict(
        problem, reference, backend, at, nan, nan, nan, "", nan, nan, nan, nan, nan, 0, 0, nan,
        f"not compared: {reason}",
    )  # fmt: skip


def verdict_table(verdicts: list[Verdict]) -> str:
    """As CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Verdict._fields)
    for verdict in verdicts:
        writer.writerow(
            [
                "" if isinstance(v, float) and math.isnan(v) else f"{v:.6g}" if isinstance(v, float) else v
                for v in verdict
            ]
        )
    return text.getvalue()


def shown(verdict: Verdict) -> Mapping[str, str]:
    """A row for people."""

    def number(value: float, form: str = "{:.2g}") -> str:
        return "–" if math.isnan(value) else form.format(value)

    temperature = "–"
    if not math.isnan(verdict.temperature):
        temperature = (
            with_error(verdict.temperature, verdict.temperature_error)
            if verdict.temperature_error
            else f"{verdict.temperature:.3g}"
        )
    row = {
        "problem": verdict.problem,
        "backend": f"{verdict.backend} {verdict.at}".strip(),
        "reference": verdict.reference,
        "temperature": temperature,
        "p_value": number(verdict.p_value, "{:.3f}"),
        "verdict": verdict.verdict,
        **dict.fromkeys(("same", "correlations", "variation", "valleys"), "–"),
    }
    if math.isnan(verdict.p_value):
        return row
    row["same"] = "no" if verdict.p_value <= LEVEL else "not rejected"
    row["correlations"] = f"{number(verdict.correlation_error)} ({number(verdict.correlation_noise)})"
    row["valleys"] = f"{verdict.n_missed} of {verdict.n_valleys} ({verdict.expected_missed:.1f})"
    if not math.isnan(verdict.total_variation):
        row["variation"] = f"{number(verdict.total_variation)} ({number(verdict.total_variation_noise)})"
    return row
