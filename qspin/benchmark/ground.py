"""The lowest energy that a problem has, where that can be known: what a success is held against."""

from __future__ import annotations

from typing import Literal, NamedTuple

from qspin.arguments import checked_arguments
from qspin.problem import IsingProblem
from qspin.spectrum import ground_states, without_offset

__all__ = ["MOST_ENUMERATED", "GroundEnergy", "ground_energy"]

MOST_ENUMERATED = 20
"""Spins up to which all configurations are gone through, which takes less than a tenth of a second."""


class GroundEnergy(NamedTuple):
    """The lowest energy of a problem.

    Parameters
    ----------
    value : less the offset of the problem, units of energy; NaN where it is not known
    proof : how it is known: ``known`` by construction, ``enumerated``, or not at all
    """

    value: float
    proof: Literal["known", "enumerated", ""]


@checked_arguments
def ground_energy(problem: IsingProblem, *, most_spins: int = MOST_ENUMERATED) -> GroundEnergy:
    """What is known of the problem (`IsingProblem.known`), else by enumeration.

    Parameters
    ----------
    most_spins : up to which problems are enumerated

    Examples
    --------
    >>> ground_energy(IsingProblem([[0, -1], [-1, 0]], offset=5.0))
    GroundEnergy(value=-1.0, proof='enumerated')
    """
    bare = without_offset(problem)
    known = bare.known
    if known is not None and known.ground_states is not None:  # an offset rounds energies, no states
        return GroundEnergy(float(bare.energies(known.ground_states[0])), "known")
    if known is not None and known.ground_energy is not None:
        return GroundEnergy(float(known.ground_energy), "known")
    if problem.n_spins <= most_spins:
        return GroundEnergy(ground_states(bare, most=1, max_spins=most_spins)[0], "enumerated")
    return GroundEnergy(float("nan"), "")
