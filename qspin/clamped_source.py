"""Sources with ``clamp``: whatever builds a problem, some of its spins held."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import xarray as xr
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from qspin.clamping import binary_hint
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.settings import setting_names, settings
from qspin.source import Mark, Prepared, Source

__all__ = ["CLAMP", "clamped_class"]

CLAMP = "clamp"
"""Setting of every source: label of a spin -> -1 or +1, at which it is held."""

_NAMED = 5  # clamped spins that a note names


def _by_text(given: Any) -> Any:
    """Labels as text: so they come back from files."""
    if not isinstance(given, Mapping):
        return given
    texts = {str(label): spin for label, spin in given.items()}
    if len(texts) < len(given):
        raise ValueError("names a spin twice, as a number and as text; give it once")
    for label, spin in texts.items():
        if isinstance(spin, bool) or spin not in (-1, 1):
            raise ValueError(f"holds spins at -1 or +1, but {label!r} at {spin!r}{binary_hint(spin)}")
    return texts


Clamp = Annotated[
    dict[str, Literal[-1, 1]],
    BeforeValidator(_by_text),
    Field(description="label of a spin -> -1 or +1, at which it is held: the problem is that of the others"),
]


class _Clamped:
    """What a source with clamped spins does otherwise than the source without."""

    clamp: dict[str, int]
    whole: ClassVar[type[Source]]

    @property
    def unclamped(self) -> Source:
        """The source of the whole problem."""
        return type(self).whole(**{name: getattr(self, name) for name in setting_names(type(self).whole)})

    def outline(self) -> IsingProblem:
        return _left(self.unclamped.outline(), self.clamp)

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        return _left(self.unclamped.build(prepared), self.clamp)

    def identity(self) -> dict[str, Any]:
        """That of the whole, where nothing is clamped."""
        return self.unclamped.identity() | ({CLAMP: self.clamp} if self.clamp else {})

    @classmethod
    def names_theory(cls) -> bool:
        return cls.whole.names_theory()

    def predicted(self, betas: NDArray[Any]) -> xr.Dataset | None:
        """That of the whole, where nothing is clamped: theory knows of no held spins."""
        return None if self.clamp else self.unclamped.predicted(betas)

    def marks(self, problem: Callable[[], IsingProblem]) -> Sequence[Mark]:
        return () if self.clamp else self.unclamped.marks(problem)

    def predicted_overlaps(self, betas: NDArray[Any]) -> xr.Dataset | None:
        return None if self.clamp else self.unclamped.predicted_overlaps(betas)

    def notes(self) -> list[str]:
        if not self.clamp:
            return self.unclamped.notes()
        return [
            *self.unclamped.notes(),
            f"Spins are clamped ({_told(self.clamp)}): samples and measures are of the others, to which "
            "clamped ones are fields; energies are those of the whole.",
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """By the whole: a class that is made here has no name to be found by."""
        return _again, (self.unclamped, self.clamp)


@functools.cache
def clamped_class(source: type[Source]) -> type[Source]:
    """A source with the setting ``clamp`` beside its own; one that has such a setting itself as it is."""
    if CLAMP in setting_names(source):
        return source
    members = {
        "__annotations__": {CLAMP: Clamp},
        "__doc__": source.__doc__,
        "__module__": __name__,
        "whole": source,
        CLAMP: Field(default_factory=dict),
    }
    return settings(type(source.__name__, (_Clamped, source), members))


def _again(whole: Source, clamp: dict[str, int]) -> Source:
    cls: Any = type(whole)
    made: Any = clamped_class(cls)
    return made(**{name: getattr(whole, name) for name in setting_names(cls)}, clamp=clamp)


def _left(problem: IsingProblem, clamp: Mapping[str, int]) -> IsingProblem:
    """The problem of the spins that are not clamped."""
    for text, count in Counter(map(str, problem.labels)).items():
        if text in clamp and count > 1:
            raise InputError(f"{CLAMP}: {count} spins read {text!r}; rename them to clamp one", key=(CLAMP,))
    try:
        return problem.clamped(clamp)
    except InputError as error:
        raise InputError(f"{CLAMP}: {error}", key=(CLAMP,)) from None


def _told(clamp: Mapping[str, int]) -> str:
    first = ", ".join(f"{label}: {spin:+d}" for label, spin in list(clamp.items())[:_NAMED])
    return first if len(clamp) <= _NAMED else f"{first} and {len(clamp) - _NAMED} more"
