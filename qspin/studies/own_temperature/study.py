"""Samples without a thermostat held against equilibrium twice: where they are, and where the model is."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveFloat

from qspin.analysis.correction import LEVEL
from qspin.studies.cells import wherever_met
from qspin.studies.comparison.figures import datasets_of, pair_figures, pairs_of
from qspin.studies.matching import reference_of, require_named
from qspin.studies.own_temperature.held import CHAINS, CURVE, OWN, THERE, held_of, judged
from qspin.studies.own_temperature.words import bottom_line, findings, held_table, matrix
from qspin.study import (
    Asked,
    Conclusion,
    InputError,
    Plan,
    PositiveInt,
    Results,
    Section,
    Study,
    Wanted,
    settings,
)

__all__ = ["OwnTemperature"]

_METHOD = (
    "A sampler without a thermostat is asked two things: are its samples those of equilibrium at the "
    "temperature that they have, and is that the temperature of the model? They have the temperature at "
    "which the reference, reweighted, has their mean energy; pseudo-likelihood, which looks at one spin "
    "beside its neighbours at a time, is told beside it. Where the two contradict each other the samples "
    "follow no Boltzmann distribution of the problem: spins may be in equilibrium with their neighbours, and "
    "configurations as a whole not. A device is programmed with a factor times the energy and has a "
    "temperature of its own, that of a simulated one being a setting, in units of its couplings: a slow "
    "anneal samples at beta = factor / temperature."
)
_TESTS = (
    "p is that of a permutation test over energies, single spins, pairs of spins and whole configurations "
    "together. The distance between two P(q) is the largest one of their cumulative distributions; noise is "
    "what two samples of one ensemble would differ by."
)


@settings
class OwnTemperature(Study):
    """Are samples without a thermostat in equilibrium, and at the temperature of the model?

    Parameters
    ----------
    temperature : of the model, in units of energy over beta = 1 / T; that of a Boltzmann machine is 1
    reference : label of a backend; default the first that has a thermostat, a ladder and spins
    permutations : of each test, before a finer one is needed
    level : corrected p-value at or below which "the same ensemble" is rejected
    """

    settles: ClassVar[frozenset[str]] = frozenset({"measured-temperature", "no-temperature"})
    temperature: PositiveFloat = 1.0
    reference: str | None = None
    permutations: PositiveInt = 499
    level: Annotated[float, Field(gt=0, lt=1)] = LEVEL

    def plan(self, asked: Asked) -> Plan:
        """Every backend without a thermostat against the reference, at two temperatures.

        Raises
        ------
        InputError
            If there is no reference, or nothing to hold against it.
        """
        reference, own = self._sides(asked)
        cells = [(problem, backend) for problem in asked.problems for backend in own]
        finest = self.level / 2 ** math.ceil(math.log2(max(2 * len(cells), 1)))
        tests = {"permutations": self.permutations, "finest": finest}
        measures: tuple[tuple[str, dict[str, Any], str], ...] = (
            ("compare", tests, THERE),
            ("compare", {**tests, "beta": 1 / self.temperature}, OWN),
            ("cross_overlaps", {}, ""),
        )
        wanted = [
            Wanted(measure, problem, backend, chosen, reference, label)
            for problem, backend in cells
            for measure, chosen, label in measures
        ]
        wanted += [Wanted(CURVE, problem, backend) for problem, backend in cells]
        wanted += [one for one in wherever_met(asked, (CHAINS,)) if one.backend == reference]
        return Plan(wanted)

    def _sides(self, asked: Asked) -> tuple[str, list[str]]:
        """The reference and what is held against it."""
        require_named(asked, self.reference)
        reference = reference_of(asked) if self.reference is None else self.reference
        if reference is None:
            raise InputError(
                "own_temperature holds samples against equilibrium: add a backend with a thermostat, such as "
                "tempering"
            )
        own = [
            label
            for label, line in asked.backends.items()
            if label != reference
            and line.offers is not None
            and "thermostat" not in line.offers
            and {"spins", "replicas"} <= line.offers
        ]
        if not own:
            raise InputError(
                "own_temperature asks at which temperature samplers without a thermostat are: add one beside "
                f"{reference}, such as an annealer, with two reads or more"
            )
        return reference, own

    def conclude(self, results: Results) -> Conclusion:
        """Sentences, verdicts, and P(q) of both sides."""
        reference, _ = self._sides(results.asked)
        held = judged(held_of(results, reference, 1 / self.temperature), self.level)
        if not held:
            return Conclusion()
        pairs = pairs_of(results)
        section = Section(
            "At its own temperature?",
            "own-temperature",
            "Are the samples in equilibrium, and at the temperature of the model?",
            findings(held, self.temperature),
            pair_figures(pairs),
            [held_table(held, self.level)],
            [_METHOD, _TESTS],
        )
        answer = bottom_line(held, self.temperature)
        return Conclusion(
            [section], matrix(held), {"ensemble": answer} if answer else {}, datasets_of({}, pairs)
        )
