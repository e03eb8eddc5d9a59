"""Labels of spins as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence

from qspin.archives import parse_json
from qspin.errors import InputError

__all__ = ["labels_from_json", "labels_to_json"]


def labels_to_json(labels: Iterable[Hashable]) -> str:
    """Labels of a problem as JSON: numbers, strings and (nested) tuples of them; a `range` in short form."""
    from dimod.variables import iter_serialize_variables

    if isinstance(labels, range):
        return json.dumps({"range": len(labels)})
    return json.dumps(list(iter_serialize_variables(labels)))


def labels_from_json(text: str) -> Sequence[Hashable]:
    """The inverse of `labels_to_json`; raises InputError if `text` is nothing that it wrote."""
    from dimod.variables import iter_deserialize_variables

    stored = parse_json(text)
    if isinstance(stored, dict) and type(stored.get("range")) is int and 0 <= stored["range"] < 2**63:
        return range(stored["range"])
    if not isinstance(stored, list):
        raise InputError(f"expected stored labels, a list; got {text[:60]!r}")
    try:
        return tuple(iter_deserialize_variables(stored))
    except RecursionError:
        raise InputError("stored labels are nested too deeply") from None
