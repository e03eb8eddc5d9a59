"""What a model is held against: its own numbers without their arrangement, or numbers that are drawn anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.validate import checked_count

__all__ = ["Draw", "as_it_is", "drawing"]

Floats = NDArray[np.float64]

Draw = Callable[[Floats, float], Floats]
"""What becomes of numbers of one kind, such as the weights of a layer, that were drawn uniformly from minus
to plus a half-width before they learned."""

_SHUFFLE, _ANEW = 1, 2  # streams of random numbers


def as_it_is(values: Floats, half_width: float) -> Floats:
    """The numbers themselves."""
    return values


def drawing(shuffle: int | None, reinitialise: int | None) -> Draw:
    """How the numbers of a model are drawn; without a seed they are left as they are.

    Parameters
    ----------
    shuffle : seed of a permutation of the numbers of each kind
    reinitialise : seed of numbers from the distribution that they had before they learned

    Raises
    ------
    InputError
        If both are given, or a seed is no whole number from 0 on.
    """
    if shuffle is not None and reinitialise is not None:
        raise InputError("numbers are shuffled or drawn anew, not both: leave out shuffle or reinitialise")
    if shuffle is not None:
        order = np.random.default_rng([_SHUFFLE, checked_count(shuffle, "shuffle")])
        return lambda values, half_width: order.permutation(values.ravel()).reshape(values.shape)
    if reinitialise is not None:
        anew = np.random.default_rng([_ANEW, checked_count(reinitialise, "reinitialise")])
        return lambda values, half_width: anew.uniform(-half_width, half_width, values.shape)
    return as_it_is
