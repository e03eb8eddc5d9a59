"""Fixed points of one problem as a dataset shaped like measured curves, with all that tells how they
ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.remarks import Level, Remark
from qspin.theory._equations import Floats
from qspin.theory._results import beta_curve, listed, told, unsettled
from qspin.theory.one_instance.iteration import Effort, Ended
from qspin.validate import checked_array

__all__ = ["FixedPoint", "checked_betas", "curve", "fixed_point_remarks", "physical", "unphysical_where"]

_ROUNDING = 1e-9  # of free energies


@dataclass(frozen=True)
class FixedPoint:
    """What one start came to at one temperature.

    Parameters
    ----------
    spin_mean : <s_i> (N,)
    energy, entropy : per spin, the offset in the energy
    free_energy : per spin
    ended : how the iteration did
    stability : above 0 where the free energy has a minimum; NaN where nothing is known of it
    plefka : above 0 where the expansion in couplings that the free energy ends early converges; NaN where
        there is none
    further : more of it, by name
    """

    spin_mean: Floats
    energy: float
    entropy: float
    free_energy: float
    ended: Ended
    stability: float = np.nan
    plefka: float = np.nan
    further: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def is_physical(self) -> bool:
        """See `physical`."""
        return bool(physical(self.plefka, self.energy, self.free_energy))

    def rank(self, tolerance: float) -> tuple[bool, bool, bool, float]:
        """Converged ones first, of them physical and then stable ones, then by free energy; else by
        residual."""
        if self.ended.residual > tolerance:
            return True, True, True, self.ended.residual
        return False, not self.is_physical, self.stability < 0, self.free_energy


def physical(plefka: ArrayLike, energy: ArrayLike, free_energy: ArrayLike) -> NDArray[np.bool_]:
    """Whether solutions may be states of the problem: Plefka's condition holds, where there is one, and the
    entropy beta (energy - free energy) is not negative."""
    return np.asarray(~(np.asarray(plefka) < 0) & ~_entropy_is_negative(energy, free_energy))


def _entropy_is_negative(energy: ArrayLike, free_energy: ArrayLike) -> NDArray[np.bool_]:
    free = np.asarray(free_energy)
    return np.asarray(np.asarray(energy) < free - _ROUNDING * np.abs(free))


def checked_betas(beta: ArrayLike) -> Floats:
    """Positive inverse temperatures (n_betas,), ascending."""
    betas = np.atleast_1d(checked_array(beta, "betas").astype(np.float64))
    ascends = betas.ndim == 1 and betas.size > 0 and bool((np.diff(betas) > 0).all())
    if not ascends or not (np.isfinite(betas) & (betas > 0)).all():
        raise InputError(
            f"beta is a positive inverse temperature in 1/energy, or an ascending list of them; got {beta!s}"
        )
    return betas


def curve(
    problem: IsingProblem,
    betas: Floats,
    solve: Callable[[float, int], FixedPoint],
    n_starts: int,
    effort: Effort,
    *,
    source: str,
    valid: str,
) -> xr.Dataset:
    """Of every temperature the best of all starts, and of every start how it ended.

    Parameters
    ----------
    solve : of beta and the number of a start
    source, valid : see `told`
    """
    found = [[solve(float(beta), start) for start in range(n_starts)] for beta in betas]
    best = [min(points, key=lambda point: point.rank(effort.tolerance)) for points in found]
    further = {name: [point.further[name] for point in best] for name in best[0].further}
    values: dict[str, Any] = {
        "spin_mean": [point.spin_mean for point in best],
        "energy": [point.energy for point in best],
        "entropy": [point.entropy for point in best],
        "free_energy": [point.free_energy for point in best],
        "q": [float(np.mean(point.spin_mean**2)) for point in best],
        "stability": [point.stability for point in best],
        "plefka": [point.plefka for point in best],
        "residual": [point.ended.residual for point in best],
        "converged": [point.ended.residual <= effort.tolerance for point in best],
        "start_free_energy": [[point.free_energy for point in points] for points in found],
        "start_residual": [[point.ended.residual for point in points] for points in found],
        "start_steps": [[point.ended.steps for point in points] for points in found],
        "start_damping": [[point.ended.damping for point in points] for points in found],
    }
    dims = {"spin_mean": "spin"} | {name: "start" for name in values if name.startswith("start_")}
    curves = beta_curve(betas, values | further, dims | dict.fromkeys(further, "pair"))
    return told(
        curves.assign_coords(spin=np.arange(problem.n_spins)),
        source=source,
        valid=valid,
        error=f"of the equations {effort.tolerance:.2g}, see residual",
        remarks=[*_unconverged(betas, best, effort), *fixed_point_remarks(curves)],
    )


def _unconverged(betas: Floats, best: Sequence[FixedPoint], effort: Effort) -> list[Remark]:
    residuals = np.array([point.ended.residual for point in best])
    wrong = residuals > effort.tolerance
    if not wrong.any():
        return []
    advice = (
        f"what stands there is no solution (tolerance {effort.tolerance:.2g}); take a larger damping, more "
        "steps or more starts, or a higher temperature"
    )
    return [unsettled("beta", betas[wrong], residuals[wrong], effort.max_steps, advice)]


def fixed_point_remarks(found: xr.Dataset) -> list[Remark]:
    """What is to be said of fixed points over ``beta`` that are no minima, or no states of the problem."""
    at_rest = found.converged.values
    unstable = found.beta.values[at_rest & (found.stability.values < 0)]
    unphysical = at_rest & ~physical(found.plefka, found.energy, found.free_energy)
    remarks = []
    if unphysical.any():
        wrong = found.isel(beta=unphysical)
        remarks.append(
            unphysical_where(
                f"the fixed point at {listed('beta', wrong.beta)} is no state",
                wrong,
                "start from configurations of low energy (`initial`), or sample",
            )
        )
    if unstable.size:
        remarks.append(
            Remark(
                "unstable-solution",
                f"the fixed point at {listed('beta', unstable)} is no minimum of its free energy: others are "
                "more likely; start from elsewhere, or more often",
                Level.CAUTION,
            )
        )
    return remarks


def unphysical_where(where: str, wrong: xr.Dataset, advice: str) -> Remark:
    """What is to be said of solutions that are none of the problem's states.

    Parameters
    ----------
    where : which ones
    wrong : with ``plefka``, ``energy``, ``free_energy`` and ``entropy`` of them
    advice : what to take instead
    """
    reasons = []
    if (lowest := float(wrong.plefka.min())) < 0:
        reasons.append(f"Plefka's condition does not hold (plefka down to {lowest:.3g}, to be above 0)")
    if _entropy_is_negative(wrong.energy, wrong.free_energy).any():
        reasons.append(f"the entropy is negative (down to {float(wrong.entropy.min()):.3g} per spin)")
    return Remark("unphysical-solution", f"{where}: {', and '.join(reasons)}; {advice}", Level.SERIOUS)
