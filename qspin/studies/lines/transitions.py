"""Temperatures that theory knows of the kinds of problems that qspin brings.

Each function takes the source of a problem and what builds it, and returns a list of `Mark`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from qspin import theory
from qspin.predicted import Mark
from qspin.problem import IsingProblem

__all__ = [
    "edwards_anderson",
    "hopfield",
    "lattice_ferromagnet",
    "mattis",
    "maxcut_regular",
    "sherrington_kirkpatrick",
]

Built = Callable[[], IsingProblem]

_CUBIC_GLASS = {
    "bimodal": Mark(
        "T_c",
        1.1019,
        "the transition of the glass on the infinite cubic lattice, measured (Baity-Jesi et al. 2013, Phys. "
        "Rev. B 88, 224416)",
        0.0029,
    ),
    "gaussian": Mark(
        "T_c",
        0.951,
        "the transition of the glass on the infinite cubic lattice, measured (Katzgraber, Koerner, Young "
        "2006, Phys. Rev. B 73, 224432)",
        0.009,
    ),
}

_SQUARE = Mark(
    "T_c", 2 / math.log(1 + math.sqrt(2)), "the transition of the infinite square lattice (Onsager 1944)"
)
_CUBIC = Mark(
    "T_c",
    1 / 0.221654626,
    "the transition of the infinite cubic lattice, measured (Ferrenberg, Xu, Landau 2018, Phys. Rev. E 97, "
    "043301)",
    1e-7,
)


def sherrington_kirkpatrick(source: Any, problem: Built) -> list[Mark]:
    told = "the transition to a glass of infinitely many spins (Sherrington, Kirkpatrick 1975)"
    return [Mark("T_c", 1.0, told)]


def mattis(source: Any, problem: Built) -> list[Mark]:
    return [Mark("T_c", 1.0, "below it infinitely many spins remember the pattern (Mattis 1976)")]


def hopfield(source: Any, problem: Built) -> list[Mark]:
    """T_g, T_M and T_c, as far as there are such at the load of the problem."""
    if not source.n_patterns:
        return []
    found = _memory(source.n_patterns / source.n_spins)
    told = {
        ("T_g", "spin_glass"): "below it the paramagnet becomes a glass",
        ("T_M", "retrieval"): "up to it patterns are retrieved",
        ("T_c", "ground_state"): "below it patterns are the states of lowest free energy",
    }
    whose = "at this load and infinitely many spins (Amit, Gutfreund, Sompolinsky 1987)"
    marks = [Mark(symbol, found[name], f"{text}, {whose}") for (symbol, name), text in told.items()]
    return [mark for mark in marks if math.isfinite(mark.temperature)]


@functools.lru_cache(maxsize=16)
def _memory(load: float) -> dict[str, float]:
    return {str(name): float(value) for name, value in theory.hopfield_transitions(load).data_vars.items()}


def maxcut_regular(source: Any, problem: Built) -> list[Mark]:
    if source.degree < 3:
        return []
    temperature = float(theory.cavity_transition(source.degree).glass_temperature)
    told = "the transition to a glass of infinitely large random graphs of this degree (Thouless 1986)"
    return [Mark("T_c", temperature, told)]


def lattice_ferromagnet(source: Any, problem: Built) -> list[Mark]:
    """Of lattices that are wide in every direction, closed or not."""
    shape = tuple(source.shape)
    return {2: [_SQUARE], 3: [_CUBIC]}.get(len(shape), []) if _is_wide(shape) else []


def edwards_anderson(source: Any, problem: Built) -> list[Mark]:
    """In three dimensions; in one and two the glass is at T = 0."""
    shape = tuple(source.shape)
    known = len(shape) == 3 and _is_wide(shape) and source.couplings in _CUBIC_GLASS
    return [_CUBIC_GLASS[source.couplings]] if known else []


def _is_wide(shape: tuple[int, ...]) -> bool:
    return min(shape) >= 3
