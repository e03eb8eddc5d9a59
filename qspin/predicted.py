"""What a kind of problem says of its theory: an import path, followed when somebody asks for the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["predicted_by"]

Generator = TypeVar("Generator", bound=Callable[..., Any])


def predicted_by(path: str) -> Callable[[Generator], Generator]:
    """Name what predicts the measured curves of a generator's problems; its source then has it as ``theory``.

    Parameters
    ----------
    path : ``module:function``, a function of the source and of inverse temperatures (n_betas,) that returns a
        dataset over ``beta`` whose variables are named as measures name them, or None where nothing is known
        at these settings; see `qspin.source.Source.predicted`
    """

    def named(generator: Generator) -> Generator:
        generator.theory = path  # type: ignore[attr-defined]
        return generator

    return named
