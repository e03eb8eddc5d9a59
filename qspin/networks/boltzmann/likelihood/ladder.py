"""ln Z by tempering: a ladder from the free machine, every configuration alike, to the model at beta = 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student_t

from qspin.analysis.free_energy import free_energy_curve
from qspin.analysis.reweighting import LEAST_OVERLAP, row_overlaps, two_states
from qspin.errors import InputError, RunError
from qspin.problem import IsingProblem
from qspin.registry import get_backend
from qspin.remarks import Level, Remark, remarks_of
from qspin.sampler import Sampler
from qspin.significance import STANDARD_ERRORS

__all__ = ["log_partition_by_tempering"]

_FIRST = 0.3  # standard deviations of the energy at beta = 0, that the hottest temperature weighs
_RATIO = 1.4  # of neighbouring betas at first
_ROUNDS = 4
_FEWEST_DRAWS = 10  # of half of a run, which says something of it
_SAFE = 3.0  # times the least overlap, below which a beta is put between two


def log_partition_by_tempering(
    problem: IsingProblem,
    *,
    betas: Sequence[float] | None,
    n_replicas: int,
    n_burn_in: int,
    n_sweeps: int,
    seed: int,
) -> tuple[float, float, list[Remark]]:
    """ln Z at beta = 1 by the multistate Bennett acceptance ratio, its standard error over replicas, remarks.

    Parameters
    ----------
    betas : that end at 1; None: as close as the energies at neighbouring ones must lie to overlap

    Raises
    ------
    InputError
        If the betas do not end at 1, or their hottest is not tied to beta = 0.
    RunError
        If no ladder was found on which neighbours overlap.
    """
    ladder = _first_ladder(problem) if betas is None else np.asarray(betas, dtype=np.float64)
    if ladder[-1] != 1:
        raise InputError(f"betas of a likelihood end at 1, the temperature of the model; got {ladder[-1]:g}")
    for k in range(_ROUNDS):
        sampler: Sampler = get_backend(
            "tempering", betas=ladder.tolist(), n_replicas=n_replicas, n_burn_in=n_burn_in, n_sweeps=n_sweeps
        )
        samples = sampler.sample(problem, seed=int(np.random.SeedSequence([seed, k]).generate_state(1)[0]))
        narrow = row_overlaps(samples.energies.values, ladder) < _SAFE * LEAST_OVERLAP
        if betas is not None or not narrow.any():
            break
        ladder = _refined(ladder, narrow)
    curve = free_energy_curve(samples, problem)
    value, error = (float(curve[name][-1]) for name in ("log_partition", "log_partition_error"))
    remarks = [*samples.remarks, *remarks_of(curve.attrs), *_drifted(samples.energies.values, ladder)]
    if not np.isfinite(value):
        told = "; ".join(remark.text for remark in remarks)
        raise RunError(f"the ladder of {len(ladder)} betas does not lead to beta = 1: {told}")
    return value, error, remarks


def _drifted(energies: NDArray[np.float64], betas: NDArray[np.float64]) -> list[Remark]:
    """Whether ln Z of the two halves of the draws differ by more than replicas do; energies (beta, replica,
    draw)."""
    half = energies.shape[2] // 2
    if half < _FEWEST_DRAWS:
        return []
    first, second = (_risen(part, betas) for part in (energies[..., :half], energies[..., -half:]))
    rise = second - first
    error = float(rise.std(ddof=1) / np.sqrt(len(rise)))
    allowed = float(student_t.isf(norm.sf(STANDARD_ERRORS), len(rise) - 1))  # as rare, of so few replicas
    if not error or abs(rise.mean()) <= allowed * error:
        return []
    apart = abs(rise.mean()) / error
    text = (
        f"not in equilibrium: ln Z of the two halves of the draws lie {apart:.1f} standard "
        f"errors apart ({allowed:.1f} allowed of {len(rise)} replicas): take a longer burn-in"
    )
    return [Remark("log-partition-drift", text, Level.SERIOUS)]


def _risen(energies: NDArray[np.float64], betas: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln Z at the last beta less that at the first, of each replica alone."""
    return np.array(
        [
            -sum(
                two_states(own[k : k + 2] * step).difference for k, step in enumerate(np.diff(betas).tolist())
            )
            for own in energies.swapaxes(0, 1)
        ]
    )


def _first_ladder(problem: IsingProblem) -> NDArray[np.float64]:
    """Geometric, from where the energy still is about that of beta = 0."""
    deviation = float(np.sqrt((problem.edges.couplings**2).sum() + (problem.fields**2).sum()))
    first = min(_FIRST / deviation, 0.5) if deviation else 0.5
    n = int(np.ceil(np.log(1 / first) / np.log(_RATIO))) + 1
    return np.append(np.geomspace(first, 1, n)[:-1], 1.0)


def _refined(ladder: NDArray[np.float64], narrow: NDArray[np.bool_]) -> NDArray[np.float64]:
    between = np.sqrt(ladder[:-1] * ladder[1:])[narrow]
    return np.sort(np.concatenate([ladder, between]))
