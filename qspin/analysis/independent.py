"""Draws that may be taken for independent: what two-sample tests need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.analysis.chains import effective_sample_size, paired_overlaps
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.samples import SampleSet
from qspin.validate import checked_row

__all__ = ["Configurations", "independent_configurations", "spacing"]

MOST = 2000
"""Configurations of one side of a test; more are thinned evenly."""


_AS_GOOD_AS_ALL = 0.95  # effective share of the draws from which on they count as independent


class Configurations(NamedTuple):
    """Configurations that may be taken for independent.

    spins int8 (n, n_spins), energies (n,), and how many draws apart they were taken along one replica.
    """

    spins: NDArray[np.int8]
    energies: NDArray[np.float64]
    spacing: int


def spacing(samples: SampleSet, row: int) -> int:
    """Draws between configurations of one replica that may be taken for independent.

    By the least effective sample size of the energy, of the overlap between pairs of replicas and of its
    square.
    """
    energies = samples.energies.values[row]
    n_draws = energies.shape[1]
    if n_draws == 1:
        return 1
    shares = [effective_sample_size(energies) / energies.size]
    if len(energies) > 1:
        overlaps = paired_overlaps(samples, row)
        shares += [effective_sample_size(chains) / chains.size for chains in (overlaps, overlaps**2)]
    share = min((float(s) for s in shares if np.isfinite(s) and s > 0), default=1 / n_draws)
    return 1 if share >= _AS_GOOD_AS_ALL else int(np.clip(np.ceil(2 / share), 1, n_draws))


@checked_arguments
def independent_configurations(samples: SampleSet, row: int, *, most: int = MOST) -> Configurations:
    """Configurations at one temperature, far enough apart along their replica, at most so many.

    Not a measure of its own: configurations are kept as samples are; measures that need them take them.

    Raises
    ------
    InputError
        If there is no such row, there are no stored configurations, or an energy is not a number.
    """
    row = checked_row(row, len(samples.betas))
    energies = samples.energies.values[row]
    if not energies.size:
        raise InputError("there are no samples to compare")
    if np.isnan(energies).any():
        raise InputError(f"{int(np.isnan(energies).sum())} energies are not a number")
    step = spacing(samples, row)
    spins = samples.spins.values[row][:, ::step].reshape(-1, samples.n_spins)
    values = energies[:, ::step].ravel()
    kept = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int))
    return Configurations(spins[kept], values[kept], step)
