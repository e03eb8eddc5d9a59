"""Critical points of the spherical glass: where they lie, and how many directions lead down from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.instances._drawing import generator, require_numbers
from qspin.networks.loss_landscapes.descent import depth_of, lowered
from qspin.networks.loss_landscapes.spherical import SphericalGlass, on_sphere, roughness, tangents
from qspin.theory.spherical import index_share, p_spin_spherical
from qspin.validate import checked_count, checked_real

__all__ = ["critical_points"]

Floats = NDArray[np.float64]

_STARTS_AT = 1e-4  # roughness at which the descent to a start ends, if its level was too low
_MOST_DESCENT = 2_000
_FIRST_DAMPING = 1.0
_EASED, _STIFFENED = 0.2, 4.0
_STUCK = 1e8  # damping at which no step lowers the gradient any more


def critical_points(
    glass: SphericalGlass,
    n_points: int = 50,
    *,
    tolerance: float = 1e-8,
    max_steps: int = 200,
    seed: int | Sequence[int],
) -> xr.Dataset:
    """Points of zero gradient, by lowering |dE|^2 (Levenberg and Marquardt, exact Hessians).

    Searches start on descents from random configurations, at energies spread evenly from 0 to the threshold.
    What ends where |dE|^2 has a minimum above zero is no critical point, and is told by ``converged``. Which
    points are found is a matter of the search: their index at a given energy can be held against theory,
    their number cannot.

    Parameters
    ----------
    glass : of `spherical_glass`; Hessians are decomposed at every step, so of some 100 spins at most
    n_points : searches
    tolerance : of the root mean square of the gradient of E over spins
    max_steps : of a search
    seed : of the starts

    Returns
    -------
    over ``point``: ``energy`` a spin and ``depth``, see `descend`; ``index``, negative eigenvalues of the
    Hessian on the sphere, and ``index_share`` of all N - 1; ``index_share_expected`` at that energy for N ->
    infinity; ``smallest_curvature``, the eigenvalue next to 0 in size; ``residual``, ``converged``,
    ``n_steps``; ``spins`` (point, spin)

    Raises
    ------
    InputError
        If a setting cannot be.
    CapacityError
        If the Hessians would not fit in memory.
    """
    n_points = checked_count(n_points, "n_points", least=1)
    max_steps = checked_count(max_steps, "max_steps", least=1)
    tolerance = checked_real(tolerance, "tolerance")
    if tolerance <= 0:
        raise InputError(f"tolerance must be positive; got {tolerance:g}")
    require_numbers(6 * n_points * glass.n_spins**2, f"Hessians of {n_points} points")
    of_starts, of_levels = (int(part) for part in generator(seed).integers(2**63, size=2))
    threshold = float(p_spin_spherical(glass.p)["threshold_energy"])
    levels = threshold * generator(of_levels).uniform(size=n_points)
    starts, _ = lowered(
        glass,
        glass.random_spins(n_points, seed=of_starts),
        tolerance=_STARTS_AT,
        max_steps=_MOST_DESCENT,
        levels=levels,
    )
    return _described(glass, *_levelled(glass, starts, tolerance, max_steps), tolerance)


def _levelled(
    glass: SphericalGlass, s: Floats, tolerance: float, max_steps: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Configurations (n, N) after lowering |dE|^2, and the steps of each."""
    s = s.copy()
    slopes = glass.gradients(s)
    dampings, n_steps = np.full(len(s), _FIRST_DAMPING), np.zeros(len(s), dtype=np.int64)
    for _ in range(max_steps):
        on = np.flatnonzero((roughness(slopes) > tolerance) & (dampings < _STUCK))
        if not len(on):
            break
        tried = on_sphere(s[on] + _steps(glass, s[on], slopes[on], dampings[on]))
        new = glass.gradients(tried)
        taken = roughness(new) < roughness(slopes[on])
        s[on[taken]], slopes[on[taken]] = tried[taken], new[taken]
        dampings[on] *= np.where(taken, _EASED, _STIFFENED)
        n_steps[on] += 1
    return s, n_steps


def _steps(glass: SphericalGlass, s: Floats, slopes: Floats, dampings: Floats) -> Floats:
    """``-(H^2 + damping)^-1 H dE`` along the sphere, (n, N)."""
    bases = tangents(s)
    curvatures, axes = np.linalg.eigh(glass.hessians(s))
    axes = bases @ axes
    along = np.einsum("nik,ni->nk", axes, slopes)
    return np.einsum("nik,nk->ni", axes, -curvatures * along / (curvatures**2 + dampings[:, None]))


def _described(glass: SphericalGlass, s: Floats, n_steps: NDArray[np.int64], tolerance: float) -> xr.Dataset:
    energies, slopes = glass.slopes(s)
    curvatures = np.linalg.eigvalsh(glass.hessians(s))
    indices = (curvatures < 0).sum(axis=1)
    residuals = roughness(slopes)
    variables = {
        "energy": energies,
        "depth": depth_of(energies, glass.p),
        "index": indices,
        "index_share": indices / curvatures.shape[1],
        "index_share_expected": index_share(energies, glass.p),
        "smallest_curvature": np.take_along_axis(
            curvatures, np.abs(curvatures).argmin(axis=1)[:, None], axis=1
        )[:, 0],
        "residual": residuals,
        "converged": residuals <= tolerance,
        "n_steps": n_steps,
    }
    return xr.Dataset(
        {name: ("point", values) for name, values in variables.items()} | {"spins": (("point", "spin"), s)},
        attrs={"n_spins": glass.n_spins, "p": glass.p},
    )
