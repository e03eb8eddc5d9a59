"""What a kind of problem says of its theory: import paths, followed when a line or a mark is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

__all__ = ["Mark", "predicted_by"]

Generator = TypeVar("Generator", bound=Callable[..., Any])


class Mark(NamedTuple):
    """A temperature that theory knows of a problem: a vertical line beside measured curves.

    Parameters
    ----------
    symbol : as TeX has it: ``T_c``, ``T_g``
    temperature : above 0, in units of energy
    told : what is there, and whose result it is: ``the transition of infinitely many spins (Onsager 1944)``
    error : standard error of a temperature that was measured, 0 of one that is known
    """

    symbol: str
    temperature: float
    told: str
    error: float = 0.0


def predicted_by(
    path: str | None = None, *, marks: str | None = None, overlaps: str | None = None
) -> Callable[[Generator], Generator]:
    """Name what predicts the measured curves of a generator's problems; its source then has it as ``theory``,
    ``theory_marks`` and ``theory_overlaps``.

    Parameters
    ----------
    path : ``module:function``, a function of the source and of inverse temperatures (n_betas,) that returns a
        dataset over ``beta`` whose variables are named as measures name them, or None where nothing is known
        at these settings; see `qspin.source.Source.predicted`
    marks : of a function of the source and of what builds its problem that returns a list of `Mark`; see
        `qspin.source.Source.marks`
    overlaps : of a function of the source and of inverse temperatures that returns P(q), or None; see
        `qspin.source.Source.predicted_overlaps`
    """

    def named(generator: Generator) -> Generator:
        own: Any = generator
        own.theory, own.theory_marks, own.theory_overlaps = path, marks, overlaps
        return generator

    return named
