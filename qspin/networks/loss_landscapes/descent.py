"""Energies of the spherical glass that descent and slow cooling reach.

For N -> infinity descent from random starts ends at the threshold E_th, above the ground state, whatever the
time (Cugliandolo, Kurchan 1993, Phys. Rev. Lett. 71, 173). Choromanska et al. (arXiv:1412.0233) give energies
sqrt(2) times larger; ``depth``, the ratio to the ground state, is the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError, RunError
from qspin.instances._drawing import generator
from qspin.networks.loss_landscapes.spherical import SphericalGlass, on_sphere, projected, roughness
from qspin.theory.spherical import p_spin_spherical
from qspin.validate import checked_array, checked_count, checked_real

__all__ = ["anneal", "depth_of", "descend", "lowered"]

Floats = NDArray[np.float64]

_FIRST_STEP = 0.1  # of eigenvalues up to 2 p |E|, below what oscillates
_DECREASE = 0.1  # of what the slope promises, which a step must keep
_GROWTH, _SHRINKING = 1.5, 0.5
_SHORTEST = 1e-12
_SETTLED = 0.5  # share of the steps at a temperature that is left out of its means


def descend(
    glass: SphericalGlass,
    n_starts: int = 16,
    *,
    spins: ArrayLike | None = None,
    tolerance: float = 1e-4,
    max_steps: int = 20_000,
    seed: int | Sequence[int] = 0,
) -> xr.Dataset:
    """Gradient descent on the sphere.

    Parameters
    ----------
    glass : of `spherical_glass`
    n_starts : random ones
    spins : start from these configurations (n, N) in their place
    tolerance : of the root mean square of the gradient of E over spins
    max_steps : at most
    seed : of the random starts

    Returns
    -------
    over ``start``: ``energy`` a spin; ``depth``, energy / ground state energy of an infinite system, 0 at
    random starts; ``index``, negative eigenvalues of the Hessian on the sphere; ``residual``, ``converged``
    and ``n_steps``; ``spins`` (start, spin)

    Raises
    ------
    InputError
        If there are no starts, or a setting cannot be.
    """
    tolerance, max_steps = _checked_limits(tolerance, max_steps)
    if spins is None:
        starts = glass.random_spins(n_starts, seed=seed)
    else:
        starts = checked_array(spins, "spins").astype(np.float64)
    reached, n_steps = lowered(glass, starts, tolerance=tolerance, max_steps=max_steps)
    return _described(glass, reached, n_steps, tolerance)


def anneal(
    glass: SphericalGlass,
    temperatures: ArrayLike,
    n_walkers: int = 16,
    *,
    n_steps: int = 500,
    time_step: float = 0.02,
    tolerance: float = 1e-4,
    max_steps: int = 20_000,
    seed: int | Sequence[int],
) -> xr.Dataset:
    """Langevin dynamics on the sphere, cooled from random starts, and descent at its end.

    ``ds = -dE dt + sqrt(2 T dt) noise``, both along the sphere, by Euler's rule: means are off by a share of
    order time_step.

    Parameters
    ----------
    glass : of `spherical_glass`
    temperatures : in the order in which they are visited, positive
    n_walkers : independent ones
    n_steps : at each temperature; the second half is averaged over
    time_step : of Euler's rule, below 2 / (2 p |E|) or it is not stable
    tolerance, max_steps : of the descent, see `descend`
    seed : of starts and noise

    Returns
    -------
    what `descend` returns, over ``start``, a walker each; ``energy_mean`` (temperature, start), over the
    second half of the steps

    Raises
    ------
    InputError
        If a temperature is not positive, or a setting cannot be.
    RunError
        If a step is too long, and the walkers do not stay finite.
    """
    ladder = np.atleast_1d(checked_array(temperatures, "temperatures").astype(np.float64))
    if ladder.ndim != 1 or not ladder.size or not (np.isfinite(ladder) & (ladder > 0)).all():
        raise InputError(f"temperatures must be positive, and at least one; got {temperatures!s:.60}")
    n_steps = checked_count(n_steps, "n_steps", least=2)
    time_step = checked_real(time_step, "time_step")
    if time_step <= 0:
        raise InputError(f"time_step must be positive; got {time_step:g}")
    tolerance, max_steps = _checked_limits(tolerance, max_steps)
    of_starts, of_noise = (int(part) for part in generator(seed).integers(2**63, size=2))
    s = glass.random_spins(n_walkers, seed=of_starts)
    rng = generator(of_noise)
    means = np.empty((len(ladder), len(s)))
    for k, temperature in enumerate(ladder.tolist()):
        s, means[k] = _walked(glass, s, temperature, n_steps, time_step, rng)
    reached, taken = lowered(glass, s, tolerance=tolerance, max_steps=max_steps)
    found = _described(glass, reached, taken, tolerance)
    return found.assign(energy_mean=(("temperature", "start"), means)).assign_coords(temperature=ladder)


def lowered(
    glass: SphericalGlass,
    spins: Floats,
    *,
    tolerance: float,
    max_steps: int,
    levels: Floats | None = None,
) -> tuple[Floats, NDArray[np.int64]]:
    """Configurations (n, N) after descent, and the steps of each.

    Every configuration has a step of its own, which grows while the energy falls as its slope promises.

    Parameters
    ----------
    levels : energies (n,) at which descent ends before
    """
    s = spins.copy()
    levels = np.full(len(s), -np.inf) if levels is None else levels
    energies, slopes = glass.slopes(s)
    lengths, n_steps = np.full(len(s), _FIRST_STEP), np.zeros(len(s), dtype=np.int64)
    for _ in range(max_steps):
        falling = (roughness(slopes) > tolerance) & (energies > levels) & (lengths > _SHORTEST)
        on = np.flatnonzero(falling)
        if not len(on):
            break
        tried = on_sphere(s[on] - lengths[on, None] * slopes[on])
        new_energies, new_slopes = glass.slopes(tried)
        promised = _DECREASE * lengths[on] * (slopes[on] ** 2).mean(axis=1)
        taken = new_energies <= energies[on] - promised
        moved = on[taken]
        s[moved], energies[moved], slopes[moved] = tried[taken], new_energies[taken], new_slopes[taken]
        lengths[on] *= np.where(taken, _GROWTH, _SHRINKING)
        n_steps[on] += 1
    return s, n_steps


def depth_of(energies: Floats, p: int) -> Floats:
    """Energies over the ground state energy of an infinite system."""
    return energies / float(p_spin_spherical(p)["ground_energy"])


def _walked(
    glass: SphericalGlass,
    s: Floats,
    temperature: float,
    n_steps: int,
    time_step: float,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Walkers after so many steps, and their mean energies over the later ones."""
    begin = int(_SETTLED * n_steps)
    total = np.zeros(len(s))
    for step in range(n_steps):
        energies, slopes = glass.slopes(s)
        if step >= begin:
            total += energies
        noise = projected(rng.normal(size=s.shape), s)
        with np.errstate(over="ignore", invalid="ignore"):
            s = on_sphere(s - time_step * slopes + np.sqrt(2 * temperature * time_step) * noise)
        if not np.isfinite(s).all():
            raise RunError(f"walkers left every sphere; take a time_step below {time_step:g}")
    return s, total / (n_steps - begin)


def _described(glass: SphericalGlass, s: Floats, n_steps: NDArray[np.int64], tolerance: float) -> xr.Dataset:
    energies, slopes = glass.slopes(s)
    residuals = roughness(slopes)
    variables = {
        "energy": energies,
        "depth": depth_of(energies, glass.p),
        "index": glass.indices(s),
        "residual": residuals,
        "converged": residuals <= tolerance,
        "n_steps": n_steps,
    }
    return xr.Dataset(
        {name: ("start", values) for name, values in variables.items()} | {"spins": (("start", "spin"), s)},
        attrs={"n_spins": glass.n_spins, "p": glass.p},
    )


def _checked_limits(tolerance: float, max_steps: int) -> tuple[float, int]:
    tolerance = checked_real(tolerance, "tolerance")
    if tolerance <= 0:
        raise InputError(f"tolerance must be positive; got {tolerance:g}")
    return tolerance, checked_count(max_steps, "max_steps", least=1)
