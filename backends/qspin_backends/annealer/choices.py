"""What settings of an annealer may be: names or functions, values by order or by label, and which of them go
together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PositiveFloat

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import Initial, PositiveInt, imported, in_order, initial_spins, refuse_initial
from qspin_backends.annealer.embeddings.methods import METHODS
from qspin_backends.annealer.physics.choices import physics_of

if TYPE_CHECKING:
    from qspin_backends.annealer.settings import AnnealerSettings

__all__ = [
    "NAMED",
    "ChainStrength",
    "Copies",
    "Embeddings",
    "Score",
    "State",
    "Unembedding",
    "function_of",
    "is_reverse",
    "ordered",
    "refuse_misfits",
    "starting_state",
]

NAMED = {
    "embedding": ("auto", "native", *METHODS),
    "chain_strength": ("auto", "uniform_torque_compensation"),
    "unembedding": ("majority_vote", "minimize_energy", "discard"),
}
"""Settings that take a name in the place of a function, and the names."""


def _named_or_imported(setting: str, other: str = "") -> Any:
    """One of a few names, or the import path of a function in their place."""
    names = NAMED[setting]

    def check(value: Any) -> Any:
        if isinstance(value, str) and value not in names and ":" not in value:
            raise ValueError(
                f"expected {', '.join(map(repr, names))}{other} or the import path of a function, "
                "'module:name'"
            )
        return value

    return BeforeValidator(check)


def _number_or_auto(value: Any) -> Any:
    if value != "auto" and (isinstance(value, bool | str) or not isinstance(value, int) or value < 1):
        raise ValueError("expected a number of copies from 1, or 'auto': as many as fit")
    return value


Embeddings = Annotated[
    str | dict[str | int, tuple[int, ...]], _named_or_imported("embedding", ", chains of qubits by spin")
]
ChainStrength = Annotated[PositiveFloat | str, _named_or_imported("chain_strength", ", a positive number")]
Unembedding = Annotated[str, _named_or_imported("unembedding")]
Copies = Annotated[PositiveInt | Literal["auto"], BeforeValidator(_number_or_auto)]
Score = Literal["longest_chain", "n_qubits", "spread"]
State = tuple[Literal[-1, 1], ...] | dict[str | int, Literal[-1, 1]]


def function_of(value: Any, setting: str) -> Any:
    """The function behind an import path; whatever else was given as it is."""
    if isinstance(value, str) and value not in NAMED.get(setting, ()):
        return imported(value, setting, key=setting)
    return value


def ordered(state: State | None, problem: IsingProblem) -> NDArray[np.int8] | None:
    """An initial state in the order of the spins."""
    if isinstance(state, dict):
        state = tuple(in_order(state, problem, setting="initial_state", what="value"))
    return None if state is None else np.array(state, dtype=np.int8)


def is_reverse(given: AnnealerSettings) -> bool:
    """Whether an anneal starts at s = 1, from a configuration."""
    return given.anneal_schedule is not None and given.anneal_schedule[0][1] == 1


def starting_state(
    given: AnnealerSettings, problem: IsingProblem, initial: Initial | None
) -> NDArray[np.int8] | None:
    """What a reverse anneal starts from, (n_spins,) in the order of the spins; None for a forward one.

    Raises
    ------
    InputError
        If a reverse anneal has nothing to start from, or an initial configuration no reverse anneal.
    """
    if initial is None:
        if is_reverse(given) and given.initial_state is None:
            raise InputError(
                "a reverse anneal starts from a configuration: give the setting initial_state, or initial to "
                "sample",
                key=("initial_state",),
            )
        return ordered(given.initial_state, problem)
    if given.device == "simulated" and not physics_of(given).has_transverse_field:
        refuse_initial(
            "annealer", initial, f"physics {given.physics!r} has no reverse anneal, as the others do"
        )
    if not is_reverse(given):
        raise InputError(
            "initial is what a reverse anneal starts from: it needs an anneal_schedule that starts at s = 1, "
            "such as [[0, 1], [10, 0.45], [90, 0.45], [100, 1]]",
            key=("anneal_schedule",),
        )
    if given.initial_state is not None:
        raise InputError("initial and the setting initial_state are both given; leave one of them out")
    return initial_spins(problem, initial, n_replicas=1)[0, 0]


def refuse_misfits(given: AnnealerSettings) -> None:
    """Raises ValueError for settings that do not go together."""
    if given.annealing_time is not None and given.anneal_schedule is not None:
        raise ValueError("annealing_time and anneal_schedule both say how long to anneal; give one of them")
    if given.anneal_schedule is not None and len(given.anneal_schedule) < 2:
        raise ValueError(
            "an anneal_schedule has at least two points [time in microseconds, s]; got "
            f"{len(given.anneal_schedule)}"
        )
    if given.initial_state is not None and not is_reverse(given):
        raise ValueError(
            "an initial_state is of a reverse anneal, which needs an anneal_schedule that starts at s = 1"
        )
    if given.fast_anneal and given.h_gain_schedule is not None:
        raise ValueError("fast_anneal takes no fields, so no h_gain_schedule; leave one of them out")
    if given.fast_anneal and given.anneal_schedule is not None:
        raise ValueError("fast_anneal takes an annealing_time, no anneal_schedule; leave one of them out")
    if given.device == "qpu" and given.topology == "none":
        raise ValueError("a QPU has a topology: leave topology out, or choose zephyr or pegasus")
    if given.device == "simulated" and given.topology == "none" and given.n_copies == "auto":
        raise ValueError("topology 'none' has room for any number of copies: say how many, as n_copies")
    if given.device == "simulated" and given.solver_file is not None:
        _refuse_beside_a_description(given)


def _refuse_beside_a_description(given: AnnealerSettings) -> None:
    """A solver that is described has the qubits that it has."""
    usual = {"topology": None, "size": None, "working": 1.0}
    if also := [name for name, value in usual.items() if getattr(given, name) != value]:
        raise ValueError(
            f"solver_file says which qubits there are: leave {', '.join(also)} out, or leave solver_file out"
        )
