"""What the curves of a run say, in words computed from the data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import xarray as xr

from qspin.analysis.curves import STANDARD_ERRORS, Comparison, compare_curves
from qspin.experiment.backend_findings import (
    against_thermostats,
    reached_temperatures,
    verdict_sentences,
    verdict_summary,
    without_temperature,
)
from qspin.experiment.config import RunConfig
from qspin.experiment.problem_specs import MlpSpec
from qspin.experiment.verdicts import Verdict
from qspin.studies.wording import ranges, with_error

__all__ = ["findings"]

_MOST_SENTENCES = 15  # of one kind on a page

Results = Mapping[tuple[str, str], xr.Dataset]


def findings(config: RunConfig, results: Results, verdicts: Sequence[Verdict] = ()) -> list[str]:
    """One sentence or two for every comparison that the run allows, of each kind the first few.

    Parameters
    ----------
    config : of the run
    results : by problem and backend
    verdicts : of backends against their reference; where there is one, it is what is told
    """
    sentences: list[str] = []
    problems = list(dict.fromkeys(problem for problem, _ in results))
    for backend in config.backends:
        present = {p: results[p, backend] for p in problems if (p, backend) in results}
        sentences += without_temperature(backend, present)
        sentences += _capped(reached_temperatures(backend, present), len(present), f"of {backend}")
        sentences += _capped(_between_problems(backend, present), math.comb(len(present), 2), f"of {backend}")
        sentences += _controls(config, backend, present)
    told: list[str] = []
    for problem in problems:
        present = {b: results[problem, b] for b in config.backends if (problem, b) in results}
        own = [verdict for verdict in verdicts if verdict.problem == problem]
        told += _between_backends(problem, present, own)
        told += verdict_sentences(problem, present, own)
        told += against_thermostats(problem, present, {(v.backend, v.reference) for v in own})
    for problem in dict.fromkeys(v.problem for v in verdicts if v.problem not in problems):
        # an instance that stands for its family
        told += verdict_sentences(problem, {}, [v for v in verdicts if v.problem == problem])
    if len(told) > _MOST_SENTENCES:
        sentences += verdict_summary(verdicts)
    sentences += _capped(told, len(told), "of backends")
    return sentences or ["Nothing can be compared: no two curves share a temperature."]


def _capped(sentences: Iterable[str], expected: int, of_what: str) -> list[str]:
    """The first few; of more, how many there are and where their numbers lie."""
    found = list(itertools.islice(sentences, _MOST_SENTENCES))
    if expected > _MOST_SENTENCES and len(found) == _MOST_SENTENCES:
        found.append(
            f"{expected - _MOST_SENTENCES} more comparisons {of_what} are not told one by one: their numbers "
            "are in the tables, metrics.csv and comparison.csv."
        )
    return found


def _between_problems(backend: str, present: Mapping[str, xr.Dataset]) -> Iterator[str]:
    for (first, a), (second, b) in itertools.combinations(present.items(), 2):
        if (comparison := compare_curves(a, b)) is not None:
            yield _difference(first, second, f"With {backend}", comparison)


def _between_backends(
    problem: str, present: Mapping[str, xr.Dataset], verdicts: Sequence[Verdict]
) -> Iterator[str]:
    """Pairs of backends with thermostats that no verdict speaks of."""
    judged = {frozenset((v.backend, v.reference)) for v in verdicts}
    for (first, a), (second, b) in itertools.combinations(present.items(), 2):
        if frozenset((first, second)) in judged:
            continue
        if (comparison := compare_curves(a, b)) is not None:
            yield _difference(first, second, f"On {problem}", comparison)


def _difference(first: str, second: str, where: str, c: Comparison) -> str:
    if np.isnan(c.error).any():
        return (
            f"{where}, {first} and {second} cannot be told apart with certainty: an error bar needs at "
            "least three replicas."
        )
    if not c.significant.any():
        return (
            f"{where}, mean |q| of {first} and {second} agree within {STANDARD_ERRORS:g} standard errors at "
            f"all {_temperatures(c, 'shared ')}; the largest difference is "
            f"{with_error(abs(c.difference[c.largest]), c.error[c.largest])}."
        )
    k = c.largest
    sides = [
        f"{first} lies {side} {second} {ranges(c.temperature, c.significant & (c.difference * sign > 0))}"
        for side, sign in (("above", 1), ("below", -1))
        if (c.significant & (c.difference * sign > 0)).any()
    ]
    return (
        f"{where}, mean |q| of {first} and {second} differ by more than {STANDARD_ERRORS:g} standard errors "
        f"at {int(c.significant.sum())} of {_temperatures(c)}: {' and '.join(sides)}. The difference is "
        f"largest at T = {c.temperature[k]:.3g}, {with_error(c.first[k], c.first_error[k])} against "
        f"{with_error(c.second[k], c.second_error[k])}."
    )


def _temperatures(c: Comparison, shared: str = "") -> str:
    """``4 shared temperatures``, or between which temperatures the curves were compared."""
    n, noun = len(c.temperature), "temperature" if len(c.temperature) == 1 else "temperatures"
    if not c.is_interpolated:
        return f"{n} {shared}{noun}"
    return f"{n} {noun} from T = {c.temperature[0]:.3g} to {c.temperature[-1]:.3g}, one curve interpolated"


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
            if shift is not None and shift.significant.any():
                at = shift.temperature[[shift.largest]]
                control = compare_curves(present[shuffled], present[untrained], at=at)
                sentences.append(_share(trained, untrained, shuffled, backend, shift, control))
    return sentences


def _sibling(specs: Mapping[str, MlpSpec], spec: MlpSpec, *, epoch: int | None, shuffle: bool) -> str | None:
    wanted = spec.model_copy(update={"epoch": epoch, "shuffle": shuffle})
    return next((label for label, other in specs.items() if other == wanted), None)


def _share(
    trained: str, untrained: str, shuffled: str, backend: str, shift: Comparison, control: Comparison | None
) -> str:
    """How much of the shift from `untrained` to `trained` the shuffled control shows as well."""
    k = shift.largest
    if control is None or np.isnan(control.difference[0]):
        return f"With {backend}, {shuffled} was not sampled where {trained} and {untrained} differ most."
    share = control.difference[0] / shift.difference[k]
    error = np.hypot(control.error[0], share * shift.error[k]) / abs(shift.difference[k])
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
