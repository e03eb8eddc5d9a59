"""Correlations of a problem in the distribution that its reads are drawn from, where a device knows them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin_backends.annealer.device import Device, Request
from qspin_backends.annealer.pipeline import Plan

__all__ = ["exact_correlations"]


def exact_correlations(planned: Plan, request: Request, device: Device) -> NDArray[np.float64] | None:
    """<s_i s_j> of all spins at each scale (n_scales, n_spins, n_spins).

    All gauges, copies and placements of a device that knows them have the same ones, so that those of the
    first programming of each scale stand for all.

    Returns
    -------
    None where nobody knows the distribution, or spins are chains: what becomes of broken ones is another
    question
    """
    first = {batch.scale: k for k, batch in reversed(list(enumerate(planned.batches)))}
    found = []
    for scale in sorted(first):
        k = first[scale]
        own, spin_of = planned.placements[planned.placed(planned.batches[k].programming)].parts[0]
        if len(own) != planned.problem.n_spins:
            return None
        known = device.correlations(request, planned.programs[k])
        if known is None:
            return None
        gauge = planned.gauges[planned.gauge_of[planned.batches[k].programming, 0]]
        of_spins = np.empty_like(known, shape=(len(own), len(own)))
        of_spins[np.ix_(spin_of, spin_of)] = known[np.ix_(own, own)]
        found.append(of_spins * np.outer(gauge, gauge))
    return np.stack(found)
