"""Energy and heat capacity at every temperature."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.resampling import jackknife
from qspin.samples import SampleSet

__all__ = ["energy_curve", "energy_moments"]


def energy_moments(energies: ArrayLike, betas: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean energy and heat capacity ``beta^2 (<E^2> - <E>^2)`` with jackknife errors over replicas.

    Parameters
    ----------
    energies : array (beta, replica, draw), units of energy
    betas : array (beta,); the heat capacity is NaN where it is

    Returns
    -------
    estimates, errors : arrays (beta, 2), mean energy and heat capacity; with one replica errors are NaN
    """
    array = np.asarray(energies, dtype=np.float64)
    estimates, errors = [], []
    for at_beta, beta in zip(array, np.asarray(betas, dtype=np.float64), strict=True):
        centre = at_beta.mean()  # variances do not depend on it, rounding errors do
        moments = np.stack([(at_beta - centre).mean(1), ((at_beta - centre) ** 2).mean(1)], axis=1)

        def energy_and_capacity(mean: NDArray[np.float64], b=beta, c=centre) -> NDArray[np.float64]:
            return np.array([c + mean[0], b**2 * (mean[1] - mean[0] ** 2)])

        estimate, error = jackknife(moments, energy_and_capacity)
        estimates.append(estimate)
        errors.append(error)
    return np.array(estimates), np.array(errors)


def energy_curve(samples: SampleSet) -> xr.Dataset:
    """Energy and heat capacity per spin at every temperature, with standard errors over replicas.

    Returns
    -------
    dataset over ``beta`` with ``energy``, ``heat_capacity`` and their ``..._error``, per spin
    """
    n = max(samples.n_spins, 1)
    estimates, errors = energy_moments(samples.energies.values, samples.betas)
    return xr.Dataset(
        {
            "energy": ("beta", estimates[:, 0] / n),
            "energy_error": ("beta", errors[:, 0] / n),
            "heat_capacity": ("beta", estimates[:, 1] / n),
            "heat_capacity_error": ("beta", errors[:, 1] / n),
        },
        coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)},
    )
