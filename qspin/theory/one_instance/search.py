"""How a fixed point of one problem is looked for: the keywords that mean field, TAP and beliefs share."""

from __future__ import annotations

from typing import Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from qspin.errors import InputError, nearest_name
from qspin.problem import IsingProblem
from qspin.sizes import checked_size
from qspin.theory._equations import Floats
from qspin.theory.one_instance.iteration import Effort, checked_effort
from qspin.validate import checked_array, checked_count

__all__ = ["Search", "checked_search", "checked_starts"]

_TOLERANCE = 1e-10
_MAX_STEPS = 10_000
_BYTES_A_START = 64  # a spin: where it starts and where it ends


class Search(TypedDict, total=False):
    """Where to start, and when an iteration is over: see `qspin.theory.tap`."""

    seed: int
    n_starts: int
    initial: ArrayLike | None
    damping: float | Literal["auto"]
    tolerance: float
    max_steps: int


def checked_search(
    problem: IsingProblem, search: Search, *, tolerance: float = _TOLERANCE
) -> tuple[list[Floats], Effort]:
    """Magnetisations to start from, and the effort of each start.

    Parameters
    ----------
    tolerance : where none is given

    Raises
    ------
    InputError
        For a keyword that is none, starts that do not fit the problem, or a setting out of range.
    """
    for name in search:
        if name not in Search.__annotations__:
            raise InputError(f"no keyword {name!r}: {nearest_name(name, Search.__annotations__)}")
    effort = checked_effort(
        search.get("tolerance", tolerance), search.get("max_steps", _MAX_STEPS), search.get("damping", "auto")
    )
    starts = checked_starts(problem, search.get("initial"), search.get("n_starts", 1), search.get("seed", 0))
    return starts, effort


def checked_starts(
    problem: IsingProblem, initial: ArrayLike | None, n_starts: int, seed: int
) -> list[Floats]:
    """Magnetisations to start from: those that were given (N,) or (n_starts, N), or random ones."""
    n = problem.n_spins
    if n == 0:
        raise InputError("a problem without spins has no magnetisations; give one with spins")
    if initial is None:
        rng = np.random.default_rng(checked_count(seed, "seed"))
        count = checked_size(n_starts, "n_starts", each=_BYTES_A_START * n)
        return list(rng.uniform(-1, 1, (count, n)))
    given = np.atleast_2d(checked_array(initial, "magnetisations").astype(np.float64))
    if given.ndim != 2 or given.shape[1] != n or not (np.abs(given) <= 1).all():
        raise InputError(
            f"initial takes magnetisations between -1 and 1, ({n},) or (n_starts, {n}); got shape "
            f"{given.shape}"
        )
    return list(given)
