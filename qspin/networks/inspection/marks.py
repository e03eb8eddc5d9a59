"""Where a network freezes, as a mark beside what is measured of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qspin.networks.inspection.temperatures import formula_temperature, tap_temperature
from qspin.predicted import Mark
from qspin.problem import IsingProblem

__all__ = ["critical_marks"]

_MOST_COUPLINGS = 100_000  # up to which TAP takes a second


def critical_marks(source: Any, problem: Callable[[], IsingProblem]) -> list[Mark]:
    """T_c of these couplings by TAP; of very many of them that of couplings of the same variances, drawn at
    random.

    Parameters
    ----------
    source : whatever built the problem: its couplings tell
    problem : gives it
    """
    own = problem()
    if not own.n_couplings or not own.edges.couplings.any():
        return []
    aside = ", fields left out" if own.fields.any() else ""
    temperature = tap_temperature(own) if own.n_couplings <= _MOST_COUPLINGS else float("nan")
    if temperature > 0:
        told = f"where the paramagnet of these couplings is unstable, or nearest to it, by TAP{aside}"
        return [Mark("T_c", temperature, f"{told} (Barney, Winer, Galitski 2024)")]
    told = f"where couplings of the same variances, drawn at random, freeze{aside}; TAP would take too long"
    return [Mark("T_c", formula_temperature(own), told)]
