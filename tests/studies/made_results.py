"""Results of a study made to order: cells whose numbers a test chooses, without sampling anything."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from qspin.measure import Measure
from qspin.registry import get_backend, get_source
from qspin.sampler import settings
from qspin.study import Asked, Axis, BackendLine, Cell, Point, PreparedFor, ProblemLine


def asked(
    problems: Sequence[str] | Mapping[str, Any],
    backends: Sequence[str] | Mapping[str, Any],
    axes: Mapping[str, Sequence[Axis]] = {},
) -> Asked:
    """Problems by label or label -> source, backends by label or label -> sampler, axes by either label."""
    sources = problems if isinstance(problems, Mapping) else dict.fromkeys(problems)
    samplers = backends if isinstance(backends, Mapping) else dict.fromkeys(backends)
    return Asked(
        {
            label: ProblemLine(
                label, "mattis", source or get_source("mattis", n_spins=4), tuple(axes.get(label, ()))
            )
            for label, source in sources.items()
        },
        {
            label: BackendLine(
                label, "exact", sampler or get_backend("exact", betas=[0.5, 1.0]), tuple(axes.get(label, ()))
            )
            for label, sampler in samplers.items()
        },
    )


@settings
class Declared:
    """A sampler that only says what it offers."""

    offers: frozenset[str]

    def sample(self, problem: Any, *, seed: Any = None) -> Any:
        raise NotImplementedError


THERMOSTAT = Declared(offers=frozenset({"thermostat", "ladder", "replicas", "draws", "spins"}))
DEVICE = Declared(offers=frozenset({"replicas", "spins"}))
ONE_REPLICA = Declared(offers=frozenset({"thermostat", "ladder", "draws", "spins"}))


class MadeResults:
    """What a study concludes from, by (label of a measure, problem, backend) -> one dataset, or those of all
    points of the axes, None where a point could not be measured.
    """

    def __init__(
        self,
        asked: Asked,
        found: Mapping[tuple[str, str, str], Any],
        *,
        measures: Mapping[str, Measure] = {},
        references: Mapping[str, str] = {},
        prepared: Sequence[PreparedFor] = (),
        failures: Sequence[str] = (),
    ):
        self.asked = asked
        self._found, self._measures, self._references = found, measures, references
        self._prepared, self._failures = list(prepared), list(failures)

    def cells(self, label: str) -> list[Cell]:
        return [
            self._cell(label, problem, backend, values)
            for (own, problem, backend), values in self._found.items()
            if own == label
        ]

    def _cell(self, label: str, problem: str, backend: str, values: Any) -> Cell:
        axes = (*self.asked.problems[problem].axes, *self.asked.backends[backend].axes)
        several = values if isinstance(values, list) else [values]
        places = itertools.product(*(axis.values for axis in axes))
        points = [
            Point(dict(zip((axis.name for axis in axes), place, strict=True)), value)
            for place, value in zip(places, several, strict=True)
        ]
        kept = tuple(point for point in points if point.result is not None)
        measure = self._measures.get(label, Measure())
        reference = self._references.get(label)
        return Cell(problem, backend, measure, axes, kept, len(points) - len(kept), reference)

    def samples(self, problem: str, backend: str, at: Mapping[str, Any] = {}) -> None:
        return None

    def problem(self, label: str, at: Mapping[str, Any] = {}) -> Any:
        return self.asked.problems[label].source.build({})

    def prepared(self) -> list[PreparedFor]:
        return self._prepared

    def failures(self) -> list[str]:
        return self._failures
