"""The random energy model, the limit of couplings of ever more spins: 2^N independent energies, variance N/2
(Derrida 1981, Phys. Rev. B 24, 2613).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.theory._results import checked_temperatures, temperature_curve, told

__all__ = ["random_energy"]

_CRITICAL = 1 / (2 * np.sqrt(np.log(2)))


def random_energy(temperature: ArrayLike) -> xr.Dataset:
    """The random energy model of infinitely many spins, with J = 1: energies of variance N/2, as those of the
    Sherrington-Kirkpatrick model and of `p_spin_ising` are. T_c = 1 / (2 sqrt(ln 2)) = 0.600561.

    Parameters
    ----------
    temperature : one or several, from 0 on

    Returns
    -------
    over ``beta``, with ``temperature``, per spin: ``energy``, ``free_energy``, ``entropy`` and
    ``heat_capacity``; ``q_ea``, 1 below T_c and 0 above; ``q_abs`` = ``q2``, the probability 1 - T/T_c that
    two replicas share one state, which is q = 1; ``breaking_point`` m = T/T_c. Attribute
    ``critical_temperature``. Exact

    Raises
    ------
    InputError
        If a temperature is negative.

    Examples
    --------
    >>> found = random_energy([0.3, 1.0])
    >>> found.energy.values.round(6).tolist(), round(found.attrs["critical_temperature"], 6)
    ([-0.832555, -0.5], 0.600561)
    """
    temperatures = checked_temperatures(temperature)
    t = np.maximum(temperatures, _CRITICAL)  # below T_c nothing but P(q) changes any more
    frozen = temperatures < _CRITICAL
    condensed = np.maximum(1 - temperatures / _CRITICAL, 0.0)
    entropy = np.where(frozen, 0.0, np.log(2) - (0.5 / t) ** 2)
    energy = -1 / (2 * t)
    variables = {
        "energy": energy,
        "free_energy": energy - temperatures * entropy,
        "entropy": entropy,
        "heat_capacity": np.where(frozen, 0.0, 0.5 / t / t),
        "q_abs": condensed,
        "q2": condensed,
        "q_ea": frozen.astype(np.float64),
        "breaking_point": np.minimum(temperatures / _CRITICAL, 1.0),
    }
    found = temperature_curve(temperatures, variables).assign_attrs(critical_temperature=float(_CRITICAL))
    return told(
        found, source="Derrida 1981, Phys. Rev. B 24, 2613", valid="infinitely many spins", error="exact"
    )
