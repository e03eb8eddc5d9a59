"""Random numbers of instances, and limits on what would not fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, shown
from qspin.memory import require_bytes
from qspin.settings import checked_seed
from qspin.validate import checked_count

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Distribution", "draw", "generator", "random_patterns", "require_edges", "require_numbers"]

Distribution = Literal["gaussian", "bimodal", "seven_bit"]
"""N(0, 1); +-1; or a / 128 with integer a from -128 to 128, not 0, as devices resolve them."""

_BYTES_PER_EDGE = 600  # of a networkx graph, with what is made of it


def generator(seed: int | Sequence[int]) -> Generator:
    """By one number, or several as `numpy.random.SeedSequence` takes them."""
    return np.random.default_rng(checked_seed(seed))


def draw(rng: Generator, distribution: str, size: int) -> NDArray[np.float64]:
    if not isinstance(distribution, str) or distribution not in _DISTRIBUTIONS:
        raise InputError(f"couplings must be one of {', '.join(_DISTRIBUTIONS)}; got {shown(distribution)}")
    return _DISTRIBUTIONS[distribution](rng, size)


_DISTRIBUTIONS: dict[str, Callable[[Generator, int], NDArray[np.float64]]] = {
    "gaussian": lambda rng, size: rng.normal(size=size),
    "bimodal": lambda rng, size: rng.choice([-1.0, 1.0], size=size),
    "seven_bit": lambda rng, size: rng.integers(1, 129, size=size) * rng.choice([-1, 1], size=size) / 128,
}


def require_numbers(count: int, what: str) -> None:
    """Refuse arrays of so many float64 before they are made."""
    require_bytes(8 * count, what, "take a smaller problem")


def random_patterns(
    n_spins: int, n_patterns: int, *, seed: int | Sequence[int], squares: int, rows: int, least: int = 1
) -> NDArray[np.int64]:
    """Patterns (n_patterns, n_spins) of -1 and +1.

    Parameters
    ----------
    squares, rows : numbers that the rule takes which stores them: so often n_spins^2, and n_spins n_patterns
    least : patterns that it needs
    """
    n_spins = checked_count(n_spins, "n_spins", least=1)
    n_patterns = checked_count(n_patterns, "n_patterns", least=least)
    room = squares * n_spins**2 + rows * n_spins * n_patterns
    require_numbers(room, f"{n_patterns} patterns of {n_spins} spins")
    return generator(seed).choice([-1, 1], size=(n_patterns, n_spins))


def require_edges(count: int, what: str) -> None:
    """Refuse a networkx graph of so many edges before it is made."""
    require_bytes(_BYTES_PER_EDGE * count, what, "take a smaller one")
