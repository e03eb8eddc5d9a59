"""Energies that can be told apart: for counts of ground states, ties and bins that no unit and no offset
changes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.analysis.independent import Configurations
from qspin.analysis.resampling import require_problem
from qspin.problem import IsingProblem
from qspin.samples import SampleSet
from qspin.spectrum import energy_tolerance, without_offset

__all__ = ["Energies", "binned_levels", "comparable_energies"]


class Energies(NamedTuple):
    """Energies to compare with each other.

    values, of any shape, which are `offset` below those of the sample set; those no further apart
    than `tolerance` are equal.
    """

    values: NDArray[np.float64]
    offset: float
    tolerance: float

    def reach(self, target: float) -> NDArray[np.bool_]:
        """Which lie at or below an energy of the problem, offset included."""
        rounding = np.finfo(np.float64).eps * abs(target)  # of the target itself
        return self.values <= target - self.offset + (self.tolerance + rounding)


def comparable_energies(
    samples: SampleSet, problem: IsingProblem | None = None, *, part: Configurations | None = None
) -> Energies:
    """Energies of a sample set; where its problem is given, anew and without the offset.

    An offset of 2^40 rounds energies to multiples of 2^-12: what differs by less can be told apart only by
    the problem.

    Parameters
    ----------
    problem : that was sampled
    part : configurations of the set; default all of it

    Raises
    ------
    InputError
        If the samples are of another problem.
    """
    spins, energies = (samples.spins.values, samples.energies.values) if part is None else part[:2]
    if problem is None:
        return Energies(energies, 0.0, samples.energy_tolerance)
    require_problem(samples, problem)
    centred = without_offset(problem)
    if problem.offset:
        energies = centred.energies(spins)
    return Energies(energies, problem.offset, energy_tolerance(centred))


def binned_levels(
    energies: NDArray[np.float64], bins: int, tolerance: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Bin of every energy, and the edges of equally wide bins from the lowest to the highest of them.

    An energy on an edge, but for rounding, belongs to the bin above, the highest to the last one; where all
    are equal, all lie in the first.
    """
    lowest, highest = float(energies.min()), float(energies.max())
    edges = np.linspace(lowest, highest, bins + 1)
    if highest - lowest <= tolerance:
        return np.zeros(energies.shape, dtype=np.intp), edges
    index = np.digitize(energies, edges[1:-1] - tolerance)
    return index, edges
