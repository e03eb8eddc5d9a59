"""Who ends where the Schrodinger equation does? Quenches of a transverse field, after King et al. 2025
(Science 388, 199; arXiv:2403.00910).

Correlations of every sampler are held against those of the exact state at each time, Binder ratios of
overlaps of several sizes are brought onto one curve, and kinks of a ring stand beside theory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from qspin.errors import nearest_name
from qspin.registry import get_measure
from qspin.studies.finite_size.sizes import families_of
from qspin.studies.quench.errors import best_of, errors_of, reference_of
from qspin.studies.quench.figures import figures_of
from qspin.studies.quench.found import Found
from qspin.studies.quench.kinks import kinks_of, rings_of
from qspin.studies.quench.records import RECORD, expected_remarks, steps_of
from qspin.studies.quench.scaling import binder_curves, collapses_of
from qspin.studies.quench.states import CORRELATIONS, DENSITIES, OVERLAPS, State, families_in, states_of
from qspin.studies.quench.tables import datasets_of, tables_of
from qspin.studies.quench.theory import theories_of
from qspin.studies.quench.words import bottom_line, findings, notes, verdicts
from qspin.study import (
    Asked,
    Conclusion,
    InputError,
    Plan,
    Results,
    Section,
    Study,
    Wanted,
    settings,
)

__all__ = ["Quench"]

_FEW = 64  # spins, up to which all pairs are correlated


@settings
class Quench(Study):
    """How far from the exact state does every sampler end, at every time of a quench?

    Parameters
    ----------
    reference : label of the backend that others are held against; default the first whose samples come with
        the exact correlations of the state that they are drawn from
    time : axis, or setting, that is the time of the quench, microseconds. A backend without it has a dynamics
        of its own: it is held against every time of the reference, with the best of its settings
    pairs : of spins whose correlations are compared: ``all``, those with ``couplings``, or ``auto``: all up
        to 64 spins
    tolerance : correlation error up to which a sampler is said to follow the exact state
    """

    reference: str | None = None
    time: str = "annealing_time"
    pairs: Literal["all", "couplings", "auto"] = "auto"
    tolerance: Annotated[float, Field(gt=0)] = 0.1

    def plan(self, asked: Asked) -> Plan:
        """Correlations and overlaps of every sampler that keeps configurations.

        Raises
        ------
        InputError
            If none does, or the reference is no backend.
        """
        if self.reference is not None and self.reference not in asked.backends:
            raise InputError(
                f"reference {self.reference!r} is no backend of this config: "
                f"{nearest_name(self.reference, asked.backends)}",
                key=("reference",),
            )
        measure = get_measure(CORRELATIONS)
        cells = [(p.label, b.label) for p, b in asked.cells() if not asked.unmet(measure, p.label, b.label)]
        if not cells:
            lacking = "; ".join(
                f"{label} has no {', no '.join(asked.unmet(measure, problem, label))}"
                for problem in list(asked.problems)[:1]
                for label in asked.backends
            )
            raise InputError(f"quench compares correlations of independent reads, and {lacking}")
        wanted = []
        for problem, backend in cells:
            pairs = {"pairs": self._pairs(asked, problem)}
            wanted.append(Wanted(CORRELATIONS, problem, backend, pairs))
            wanted += [Wanted(name, problem, backend) for name in (OVERLAPS, DENSITIES, RECORD)]
        return Plan(wanted)

    def _pairs(self, asked: Asked, problem: str) -> str:
        if self.pairs != "auto":
            return self.pairs
        line = asked.problems[problem]
        return "all" if line.outline.n_spins <= _FEW else "couplings"

    def conclude(self, results: Results) -> Conclusion:
        """Errors of correlations, a collapse, kinks."""
        states = states_of(results, self.time)
        if not states:
            return Conclusion()
        found = self._found(results, states)
        section = Section(
            "Quench",
            "quench",
            "Who ends where the Schrödinger equation does, and until when?",
            list(findings(found, self.tolerance)),
            list(figures_of(found)),
            list(tables_of(found)),
            list(notes(found)),
        )
        answer = bottom_line(found.errors, self.tolerance)
        return Conclusion(
            [section],
            list(verdicts(found.errors, self.tolerance)),
            {} if answer is None else {"ensemble": answer},
            datasets_of(found),
            list(expected_remarks(results)),
        )

    def _found(self, results: Results, states: Sequence[State]) -> Found:
        reference = reference_of(states, self.reference)
        every, reasons = ([], []) if reference is None else errors_of(states, reference)
        curves = binder_curves(families_in(states))
        rings = rings_of(states, results)
        kinks = list(kinks_of(states, rings))
        theories, unknown = theories_of(kinks, results.asked)
        return Found(
            states, best_of(every), every, curves, collapses_of(families_of(results.asked), curves),
            kinks, theories, [*reasons, *unknown], steps_of(results),
        )  # fmt: skip
