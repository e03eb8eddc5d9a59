"""Labels of spins: as JSON and back, and what is given by them.

A label may be given as the text of it, as keys of YAML and JSON are, unless another spin has that for its
label.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qspin.archives import parse_json
from qspin.errors import InputError, shown

if TYPE_CHECKING:
    from qspin.problem import IsingProblem

__all__ = ["coordinate_of", "in_order", "labels_from_json", "labels_to_json", "order_of", "places_of"]

T = TypeVar("T")

_NAMED = 5  # labels that a message shows
_PLAIN = (int, str)  # JSON has them as they are: no need of dimod, whose import takes longer than a small run


def labels_to_json(labels: Iterable[Hashable]) -> str:
    """Labels of a problem as JSON: numbers, strings and (nested) tuples of them; a `range` in short form."""
    if isinstance(labels, range):
        return json.dumps({"range": len(labels)})
    labels = list(labels)
    if all(type(label) in _PLAIN for label in labels):
        return json.dumps(labels)
    from dimod.variables import iter_serialize_variables

    return json.dumps(list(iter_serialize_variables(labels)))


def labels_from_json(text: str) -> Sequence[Hashable]:
    """The inverse of `labels_to_json`; raises InputError if `text` is nothing that it wrote."""
    stored = parse_json(text)
    if isinstance(stored, dict) and type(stored.get("range")) is int and 0 <= stored["range"] < 2**63:
        return range(stored["range"])
    if not isinstance(stored, list):
        raise InputError(f"expected stored labels, a list; got {text[:60]!r}")
    if all(type(label) in _PLAIN for label in stored):
        return tuple(stored)
    from dimod.variables import iter_deserialize_variables

    try:
        return tuple(iter_deserialize_variables(stored))
    except RecursionError:
        raise InputError("stored labels are nested too deeply") from None


def coordinate_of(labels: Sequence[Hashable]) -> NDArray[Any]:
    """Labels as an index that NetCDF can hold: integers and strings as they are, the rest by repr."""
    if isinstance(labels, range) or all(type(label) is int for label in labels):
        return np.asarray(labels, dtype=np.int64)
    names = [label if isinstance(label, str) else repr(label) for label in labels]
    if len(set(names)) < len(names):  # text that reads as another label, such as "1" beside 1
        names = [repr(label) for label in labels]
    return np.array(names, dtype=object)


def places_of(labels: Iterable[Hashable], problem: IsingProblem, *, what: str) -> list[int]:
    """Where spins of a problem stand, by their labels.

    Raises
    ------
    InputError
        If a label is none of the problem's, or two of them name one spin.
    """
    places = {label: k for k, label in enumerate(problem.labels)}
    by_text = {str(label): k for label, k in places.items()}
    found: dict[int, Hashable] = {}
    for label in labels:
        place = places.get(label, by_text.get(str(label)))
        if place is None:
            raise InputError(f"{what} names {shown(label)}, which is none of the {_told(problem)}")
        if place in found:
            raise InputError(
                f"{what} names one spin twice, as {shown(found[place])} and as {shown(label)}; give it once"
            )
        found[place] = label
    return list(found)


def _told(problem: IsingProblem) -> str:
    names = ", ".join(shown(label) for label in list(problem.labels[:_NAMED]))
    return f"{problem.n_spins} spins: {names}{', ...' if problem.n_spins > _NAMED else ''}"


def in_order(values: Mapping[Any, T], problem: IsingProblem, *, setting: str, what: str) -> list[T]:
    """Values in the order of the spins; a label may be written as text, as keys of YAML and JSON often are,
    unless that is the label of another spin.

    Parameters
    ----------
    setting, what : that they are given by, and what each of them is, for messages

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
