"""What to know before trusting a run: the same remark on many tasks is one remark, the most serious first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

import xarray as xr

from qspin.studies.wording import line_of
from qspin.studies.wording import without_numbers as kind_of

__all__ = ["grouped", "kind_of", "notes", "trust"]

Results = Mapping[tuple[str, str], xr.Dataset]

_SERIOUS = (
    re.compile(r"did not reach its end|interrupted|damaged"),
    re.compile(r"R-hat|drift|not in equilibrium|Boltzmann|families"),
    None,  # whatever else a sampler says
    re.compile(r"effective samples|cannot be tested|fewer than two replicas"),
)
"""Kinds of remarks, the most serious first; until samplers give their remarks codes, by their words."""


def trust(results: Results) -> list[str]:
    """The warnings of all tasks, each kind once, with how many tasks and which, the most serious first."""
    return grouped(_told(results, "warnings"), len(results))


def notes(results: Results) -> list[str]:
    """What cannot be tested by the nature of the samplers, told as `trust` does."""
    return grouped(_told(results, "notes"), len(results))


def _told(results: Results, name: str) -> Iterable[tuple[str, str, str]]:
    for (problem, backend), result in results.items():
        for text in json.loads(result.attrs.get(name, "[]")):
            yield problem, backend, text


def grouped(remarks: Iterable[tuple[str, str, str]], n_tasks: int, noun: str = "tasks") -> list[str]:
    """Remarks (problem, backend, text) that differ in their numbers alone as one line each.

    Parameters
    ----------
    remarks : in the order of the config
    n_tasks : of how many, called by the `noun`

    Examples
    --------
    >>> grouped([("a", "x", "3 of 5 reads broke"), ("b", "x", "4 of 5 reads broke"), ("b", "y", "late")], 4)
    ['2 of 4 tasks (x on a, b): 3 of 5 reads broke', 'b with y: late']
    """
    kinds: dict[str, list[tuple[str, str, str]]] = {}
    for remark in remarks:
        kinds.setdefault(kind_of(remark[2]), []).append(remark)
    ordered = sorted(kinds.values(), key=lambda group: (_rank(group[0][2]), -len(group)))
    return [line_of(group, n_tasks, noun) for group in ordered]


def _rank(text: str) -> int:
    matching = (k for k, pattern in enumerate(_SERIOUS) if pattern is not None and pattern.search(text))
    return next(matching, _SERIOUS.index(None))
