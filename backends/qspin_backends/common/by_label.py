"""Values that a user gives by label, such as chains and initial states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from qspin.errors import InputError
from qspin.problem import IsingProblem

__all__ = ["in_order", "order_of"]

T = TypeVar("T")


def in_order(values: Mapping[Any, T], problem: IsingProblem, *, setting: str, what: str) -> list[T]:
    """Values in the order of the spins; a label may be written as text, as keys of YAML and JSON often are,
    unless that is the label of another spin.

    Raises
    ------
    InputError
        Naming the first spin without one.
    """
    labels = set(problem.labels)
    by_text = {str(label): value for label, value in values.items() if label not in labels}
    if missing := [label for label in problem.labels if label not in values and str(label) not in by_text]:
        raise InputError(
            f"{setting} has no {what} for {missing[0]!r}; it needs one for each of {problem.n_spins} spins",
            key=(setting,),
        )
    return [values[label] if label in values else by_text[str(label)] for label in problem.labels]


def order_of(labels: Sequence[Any], problem: IsingProblem, *, setting: str) -> list[int]:
    """Where each spin of a problem stands among labels that were given in another order.

    Raises
    ------
    InputError
        If they are not those of all spins, each once.
    """
    if len(labels) != problem.n_spins or len(set(labels)) < len(labels):
        raise InputError(
            f"{setting} names each of the {problem.n_spins} spins once; got {len(labels)} labels, "
            f"{len(set(labels))} of them different",
            key=(setting,),
        )
    places = {label: k for k, label in enumerate(labels)}
    return in_order(places, problem, setting=setting, what="place")
