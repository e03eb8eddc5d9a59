"""Which cells have what measures need."""

from __future__ import annotations

from collections.abc import Iterable

from qspin.registry import get_measure
from qspin.study import Asked, Wanted

__all__ = ["wherever_met"]


def wherever_met(asked: Asked, names: Iterable[str]) -> list[Wanted]:
    """Measures on every cell that has what they need; on others nobody wants them.

    Parameters
    ----------
    names : of measures, with their default settings
    """
    measures = {name: get_measure(name) for name in names}
    return [
        Wanted(name, problem.label, backend.label)
        for problem, backend in asked.cells()
        for name, measure in measures.items()
        if not asked.unmet(measure, problem.label, backend.label)
    ]
