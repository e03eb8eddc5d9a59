"""Square lattices of one to three dimensions, and the diamond: glasses and the ferromagnet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, shown
from qspin.instances._drawing import Distribution, draw, generator
from qspin.memory import require_spins
from qspin.predicted import predicted_by
from qspin.problem import IsingProblem
from qspin.validate import checked_count

__all__ = ["checked_shape", "diamond", "edwards_anderson", "lattice_edges", "lattice_ferromagnet"]

_Edges = tuple[NDArray[np.int64], NDArray[np.int64]]


@predicted_by(marks="qspin.studies.lines.transitions:edwards_anderson")
def edwards_anderson(
    shape: Sequence[int],
    *,
    couplings: Distribution = "gaussian",
    periodic: bool | Sequence[bool] = True,
    seed: int,
) -> IsingProblem:
    """Glass on a 1-, 2- or 3-dimensional square lattice (Edwards, Anderson 1975).

    Parameters
    ----------
    shape : lattice lengths, e.g. ``(8, 8, 8)``; spins are numbered in C order
    couplings : ``gaussian`` N(0, 1), ``bimodal`` +-1, or ``seven_bit``: multiples of 1/128 up to 1 in size
    periodic : close every direction, or one truth a direction: ``(False, True)`` is a cylinder; a closed
        direction of length 2 has one bond a pair, not two
    seed : of the couplings
    """
    i, j = lattice_edges(shape, periodic)
    rng = generator(seed)
    return IsingProblem.from_edges(math.prod(checked_shape(shape)), i, j, draw(rng, couplings, len(i)))


def diamond(
    shape: Sequence[int],
    *,
    couplings: Distribution = "bimodal",
    periodic: bool | Sequence[bool] = True,
    seed: int,
) -> IsingProblem:
    """Glass on the diamond lattice, for quenches (King et al. 2025, Science 388, 199).

    A primitive cell of the face-centred cubic lattice has two spins, which are coupled to each other; the
    first of them besides to the second ones of the three cells before it, one a direction: four neighbours
    inside, rings of six. The two sublattices are the groups ``a`` and ``b`` of the problem.

    Parameters
    ----------
    shape : three numbers of primitive cells: ``(4, 4, 4)`` has 128 spins; numbered in C order, the two of a
        cell one after the other
    couplings : ``bimodal`` +-1, ``seven_bit``: multiples of 1/128 up to 1 in size, or ``gaussian`` N(0, 1)
    periodic : close every direction, or one truth a direction; a direction of length 1 stays open, since
        closing it would double a bond
    seed : of the couplings
    """
    i, j = _diamond_edges(shape, periodic)
    n_spins = 2 * math.prod(checked_shape(shape))
    values = draw(generator(seed), couplings, len(i))
    problem = IsingProblem.from_edges(n_spins, i, j, values)
    return problem.with_known(groups={"a": range(0, n_spins, 2), "b": range(1, n_spins, 2)})


@predicted_by(
    "qspin.studies.lines.kinds:lattice_ferromagnet",
    marks="qspin.studies.lines.transitions:lattice_ferromagnet",
)
def lattice_ferromagnet(shape: Sequence[int], *, periodic: bool | Sequence[bool] = True) -> IsingProblem:
    """Ising ferromagnet on a square lattice: J = -1 on every bond; in 2D T_c = 2.269185 (Onsager 1944).

    All spins up and all spins down are its only ground states, which the problem knows. In one dimension it
    is the ring that a quench leaves with kinks (Dziarmaga 2005, Phys. Rev. Lett. 95, 245701).
    """
    i, j = lattice_edges(shape, periodic)
    n_spins = math.prod(checked_shape(shape))
    problem = IsingProblem.from_edges(n_spins, i, j, np.full(len(i), -1.0))
    up = np.ones(n_spins, dtype=np.int8)
    return problem.with_known(ground_states=[up, -up])


def lattice_edges(shape: Sequence[int], periodic: bool | Sequence[bool]) -> _Edges:
    """Bonds of a square lattice, each once, sites numbered in C order."""
    shape = checked_shape(shape)
    closed = _checked_closed(periodic, len(shape))
    require_spins(math.prod(shape), len(shape) * math.prod(shape))
    sites = np.arange(np.prod(shape)).reshape(tuple(shape))
    i, j = [], []
    for axis, length in enumerate(shape):
        first = sites if closed[axis] and length > 2 else np.delete(sites, -1, axis=axis)
        i.append(first.ravel())
        j.append(np.roll(sites, -1, axis=axis)[tuple(map(slice, first.shape))].ravel())
    return np.concatenate(i), np.concatenate(j)


def _diamond_edges(shape: Sequence[int], periodic: bool | Sequence[bool]) -> _Edges:
    """Bonds of a diamond lattice, each once: those inside cells, then those of each direction."""
    cells = checked_shape(shape)
    if len(cells) != 3:
        raise InputError(f"shape must be three positive numbers of primitive cells; got {shown(shape)}")
    closed = _checked_closed(periodic, 3)
    require_spins(2 * math.prod(cells), 4 * math.prod(cells))
    first = 2 * np.arange(math.prod(cells)).reshape(cells)
    i, j = [first.ravel()], [first.ravel() + 1]
    for axis, length in enumerate(cells):
        before = np.roll(first, 1, axis=axis) + 1
        inside = slice(None) if closed[axis] and length > 1 else slice(1, None)
        own = tuple(inside if k == axis else slice(None) for k in range(3))
        i.append(first[own].ravel())
        j.append(before[own].ravel())
    return np.concatenate(i), np.concatenate(j)


def _checked_closed(periodic: bool | Sequence[bool], n: int) -> tuple[bool, ...]:
    """One truth for each of `n` directions."""
    given = periodic if isinstance(periodic, list | tuple) else (periodic,) * n
    if not all(isinstance(one, bool | np.bool_) for one in given):
        raise InputError(f"periodic must be true or false, or one of them a direction; got {shown(periodic)}")
    if len(given) != n:
        raise InputError(f"periodic must be one truth, or one for each of {n} directions; got {len(given)}")
    return tuple(map(bool, given))


def checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    try:
        lengths = tuple(checked_count(length, "a length", least=1) for length in shape)
    except (TypeError, InputError):
        lengths = ()
    if not 1 <= len(lengths) <= 3:
        raise InputError(f"shape must be one to three positive lengths; got {shown(shape)}")
    return lengths
