"""The landscape behind cold configurations: the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from qspin.measure import unmet
from qspin.registry import get_measure
from qspin.remarks import remarks_of
from qspin.studies.cells import wherever_met
from qspin.studies.landscape.figures import datasets_of, landscape_figures
from qspin.studies.landscape.glass import MEASURES, places_of
from qspin.studies.landscape.theory import beside_theory
from qspin.studies.landscape.words import bottom_line, family_table, findings, matrix, signs_table
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

__all__ = ["AS_A_WHOLE", "DOUBTS", "Landscape", "doubts_of"]

AS_A_WHOLE = frozenset({"interrupted", "energy-drift", "few-families"})
"""Codes of remarks on a run as a whole, whatever its replicas say at a single temperature."""

DOUBTS = AS_A_WHOLE | {"r-hat-energy", "r-hat-overlap"}
"""Codes of remarks on samples whose landscape is not that of equilibrium."""

_RULE = (
    "Each statistic is held against its null, configurations whose spins were dealt anew among them, each "
    "on its own: independent spins of the same magnetisations. Without fields, configurations are turned "
    "towards the principal one first, and mirror images are one. Glassy: more overlaps of at most 0.2 in "
    "size than the null, by 2 % of all, four standard deviations of the null and two standard errors, and "
    "besides several states (5 % of the configurations each, further apart than clusters of the null by "
    "four deviations) or ultrametric triangles (p at most 5 %, an effect of 5 %, overlaps spread three "
    "times as wide as those of the null). Not glassy: none of these, and less than two valleys or spins "
    "as free as without couplings. Everything else is open, and so is what is not in equilibrium. A "
    "problem is what any of its temperatures shows, a family what most of its instances are, or glassy "
    "where none is not and the mean excess of small overlaps is one beyond its 95 % interval. Few "
    "well-separated patterns, as of a Hopfield network at low load, look alike: patterns that are known "
    "tell them from a glass."
)


@settings
class Landscape(Study):
    """Is it glassy?

    Parameters
    ----------
    temperatures : that are looked at, the nearest of each ladder; or so many of the coldest
    most : configurations of each
    n_null : sets of configurations of every null
    theory : ``auto``: sizes of overlaps have the density of the theory that the kind of a problem names;
        ``none``
    """

    temperatures: PositiveInt | Annotated[tuple[float, ...], Field(min_length=1)] = 3
    most: PositiveInt = 200
    n_null: Annotated[int, Field(ge=2)] = 49
    theory: Literal["auto", "none"] = "auto"

    def plan(self, asked: Asked) -> Plan:
        """Overlaps, states, triangles and valleys of every backend that keeps configurations.

        Raises
        ------
        InputError
            If no backend does.
        """
        own = [backend.label for backend in asked.backends.values() if not self._unmet(backend.offers)]
        if not own:
            lacking = "; ".join(
                f"{label} lacks {', '.join(self._unmet(line.offers))}"
                for label, line in asked.backends.items()
            )
            raise InputError(f"landscape needs configurations: {lacking}")
        wanted = [
            Wanted(name, problem, backend, chosen)
            for problem in asked.problems
            for backend in own
            for name, chosen in self._measures().items()
        ]
        wanted += [other for other in wherever_met(asked, ("chain_diagnostics",)) if other.backend in own]
        return Plan(wanted)

    def _unmet(self, offered: frozenset[str] | None) -> list[str]:
        return unmet(get_measure("landscape_nulls"), offered)

    def _measures(self) -> dict[str, dict[str, Any]]:
        rows = {"temperatures": self.temperatures, "most": self.most}
        own = {
            "landscape_nulls": {"n_null": self.n_null},
            "find_states": {"n_null": self.n_null},
            "ultrametricity": {"n_null": self.n_null},
            "valleys": {"n_valleys": 20},
        }
        return {name: {**rows, **own.get(name, {})} for name in MEASURES}

    def conclude(self, results: Results) -> Conclusion:
        """Verdicts, and what they rest on."""
        places = places_of(results, doubts_of(results))
        if not places:
            return Conclusion()
        if self.theory == "auto":
            places = [beside_theory(results, place) for place in places]
        family = family_table(places)
        section = Section(
            "Landscape",
            "landscape",
            "Is it glassy?",
            findings(places),
            list(landscape_figures(places)),
            [*([family] if family else []), signs_table(places)],
            [_RULE],
        )
        answer = bottom_line(places)
        return Conclusion([section], matrix(places), {"glass": answer} if answer else {}, datasets_of(places))


def doubts_of(
    results: Results, codes: frozenset[str] = DOUBTS
) -> dict[tuple[str, str], list[tuple[Mapping[str, Any], str]]]:
    """What remarks of some codes say against equilibrium, by problem and backend, each with its point."""
    found: dict[tuple[str, str], list[tuple[Mapping[str, Any], str]]] = {}
    for cell in results.cells("chain_diagnostics"):
        for point in cell.points:
            for remark in remarks_of(point.result.attrs):
                if remark.code in codes:
                    found.setdefault((cell.problem, cell.backend), []).append((point.at, remark.text))
    return found
