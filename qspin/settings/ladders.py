"""Ladders of inverse temperatures, as lists or by a rule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

__all__ = ["AutoLadder", "Ladder"]

_MOST_BETAS = 100_000


def _expanded(value: Any) -> Any:
    """Spell out ``{geometric: [first, last, count]}``, ``{linear: ...}`` and ``{temperatures: [...]}``."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Mapping):
        return [value] if isinstance(value, int | float) else value
    forms = ("geometric", "linear", "temperatures")
    if len(value) != 1 or next(iter(value)) not in forms:
        raise ValueError(f"a ladder is a list of betas or a mapping with one key of {', '.join(forms)}")
    form, given = next(iter(value.items()))
    numbers = _numbers(given)
    if form == "temperatures":
        if numbers is None:
            raise ValueError("temperatures takes a list of numbers")
        return sorted(map(_beta_of, numbers))
    if numbers is not None and not all(map(math.isfinite, numbers)):
        raise ValueError(f"{form} takes finite numbers")
    if numbers is None or len(numbers) != 3 or numbers[2] < 1 or numbers[2] % 1:
        raise ValueError(f"{form} takes [first beta, last beta, how many]")
    first, last, count = *numbers[:2], int(numbers[2])
    if count > _MOST_BETAS:
        raise ValueError(f"{form} takes at most {_MOST_BETAS} betas; got {count}")
    if form == "geometric" and min(first, last) <= 0:
        raise ValueError("a geometric ladder starts above 0; linear may start there")
    space = np.geomspace if form == "geometric" else np.linspace
    return space(first, last, count).tolist()


def _numbers(values: Any) -> list[float] | None:
    """Numbers, or texts that read as such, as YAML may give them; None if they are something else."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, list | tuple):
        return None
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None


def _beta_of(temperature: float) -> float:
    """Infinitely hot is beta = 0; absolute zero has no finite beta, which is refused as such."""
    if not temperature >= 0:
        raise ValueError(f"temperatures are numbers and not negative; got {temperature:g}")
    return 1 / temperature if temperature else math.inf


def _ascending(betas: tuple[float, ...]) -> tuple[float, ...]:
    for lower, upper in itertools.pairwise(betas):
        if not lower < upper:
            raise ValueError(f"must ascend strictly, but {lower:g} stands before {upper:g}")
    return betas


_NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_LadderForm = list[_NonNegative] | dict[str, list[float]]

Ladder = Annotated[
    tuple[_NonNegative, ...],
    Field(min_length=1),
    BeforeValidator(_expanded, json_schema_input_type=_LadderForm),
    AfterValidator(_ascending),
]
"""Ascending inverse temperatures, units of 1/energy."""

AutoLadder = Annotated[
    Annotated[Literal["auto"], Tag("<auto>")] | Annotated[Ladder, Tag("<ladder>")],
    Discriminator(lambda value: "<auto>" if isinstance(value, str) else "<ladder>"),
]
"""A `Ladder`, or ``auto``: the backend finds one for the problem."""
