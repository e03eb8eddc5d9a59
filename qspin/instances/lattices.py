"""Square lattices of one to three dimensions: glasses and the ferromagnet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, shown
from qspin.instances._drawing import Distribution, draw, generator
from qspin.memory import require_spins
from qspin.problem import IsingProblem
from qspin.validate import checked_count

__all__ = ["checked_shape", "edwards_anderson", "lattice_edges", "lattice_ferromagnet"]


def edwards_anderson(
    shape: Sequence[int], *, couplings: Distribution = "gaussian", periodic: bool = True, seed: int
) -> IsingProblem:
    """Glass on a 1-, 2- or 3-dimensional square lattice (Edwards, Anderson 1975).

    Parameters
    ----------
    shape : lattice lengths, e.g. ``(8, 8, 8)``; spins are numbered in C order
    couplings : ``gaussian`` N(0, 1), or ``bimodal`` +-1
    periodic : close every direction; a direction of length 2 then has one bond a pair, not two
    seed : of the couplings
    """
    i, j = lattice_edges(shape, periodic)
    rng = generator(seed)
    return IsingProblem.from_edges(math.prod(checked_shape(shape)), i, j, draw(rng, couplings, len(i)))


def lattice_ferromagnet(shape: Sequence[int], *, periodic: bool = True) -> IsingProblem:
    """Ising ferromagnet on a square lattice: J = -1 on every bond; in 2D T_c = 2.269185 (Onsager 1944).

    All spins up and all spins down are its only ground states, which the problem knows.
    """
    i, j = lattice_edges(shape, periodic)
    n_spins = math.prod(checked_shape(shape))
    problem = IsingProblem.from_edges(n_spins, i, j, np.full(len(i), -1.0))
    up = np.ones(n_spins, dtype=np.int8)
    return problem.with_known(ground_states=[up, -up])


def lattice_edges(shape: Sequence[int], periodic: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bonds of a square lattice, each once, sites numbered in C order."""
    if not isinstance(periodic, bool | np.bool_):
        raise InputError(f"periodic must be true or false; got {shown(periodic)}")
    shape = checked_shape(shape)
    require_spins(math.prod(shape), len(shape) * math.prod(shape))
    sites = np.arange(np.prod(shape)).reshape(tuple(shape))
    i, j = [], []
    for axis, length in enumerate(shape):
        first = sites if periodic and length > 2 else np.delete(sites, -1, axis=axis)
        i.append(first.ravel())
        j.append(np.roll(sites, -1, axis=axis)[tuple(map(slice, first.shape))].ravel())
    return np.concatenate(i), np.concatenate(j)


def checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    try:
        lengths = tuple(checked_count(length, "a length", least=1) for length in shape)
    except (TypeError, InputError):
        lengths = ()
    if not 1 <= len(lengths) <= 3:
        raise InputError(f"shape must be one to three positive lengths; got {shown(shape)}")
    return lengths
