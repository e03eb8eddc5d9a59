"""Fixed points of one problem as a dataset shaped like measured curves, with all that tells how they
ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.remarks import Level, Remark
from qspin.theory._equations import Floats
from qspin.theory._results import beta_curve, listed, told, unsettled
from qspin.theory.one_instance.iteration import Effort, Ended
from qspin.validate import checked_array

__all__ = ["FixedPoint", "checked_betas", "curve"]


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
    further : more of it, by name
    """

    spin_mean: Floats
    energy: float
    entropy: float
    free_energy: float
    ended: Ended
    stability: float = np.nan
    further: Mapping[str, Floats] = field(default_factory=dict)

    def rank(self, tolerance: float) -> tuple[bool, bool, float]:
        """Converged ones first, stable ones among them, then by free energy; else by residual."""
        if self.ended.residual > tolerance:
            return True, True, self.ended.residual
        return False, self.stability < 0, self.free_energy


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
        remarks=[*_unconverged(betas, best, effort), *_unstable(betas, best, effort)],
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


def _unstable(betas: Floats, best: Sequence[FixedPoint], effort: Effort) -> list[Remark]:
    wrong = [
        float(beta)
        for beta, point in zip(betas, best, strict=True)
        if point.stability < 0 and point.ended.residual <= effort.tolerance
    ]
    if not wrong:
        return []
    return [
        Remark(
            "unstable-solution",
            f"the fixed point at {listed('beta', wrong)} is no minimum of its free energy: others are more "
            "likely; start from elsewhere, or more often",
            Level.CAUTION,
        )
    ]
