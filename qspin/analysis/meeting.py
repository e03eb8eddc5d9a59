"""Where two sample sets meet: configurations of both at one temperature.

The reference has a ladder of temperatures; the other set need not have any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.analysis.effective import (
    EffectiveTemperature,
    fitted_temperature,
    require_same_problem,
    shared_tolerance,
)
from qspin.analysis.independent import MOST, Configurations, independent_configurations, spacing
from qspin.analysis.resampling import require_problem
from qspin.analysis.reweighting import Reweighting
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

__all__ = ["Meeting", "meeting"]

_ONE_DRAW = 1e-6  # chance below which equal configurations in equal order are one draw


class Meeting(NamedTuple):
    """Configurations of a reference and of another sample set at one temperature; see `meeting`.

    beta and its error, NaN for two sets without one; the fit, if the other set has no thermostat; the
    configurations; what a reader must know; and the generator that chose them, for what follows.
    """

    beta: float
    beta_error: float
    fit: EffectiveTemperature | None
    first: Configurations
    second: Configurations
    remarks: Sequence[str]
    rng: np.random.Generator


@checked_arguments
def meeting(
    reference: SampleSet,
    other: SampleSet,
    problem: IsingProblem,
    *,
    row: int = 0,
    beta: float | None = None,
    most: int = MOST,
    seed: int = 0,
    reweighting: Reweighting | None = None,
    fit: EffectiveTemperature | None = None,
) -> Meeting:
    """Configurations of both sets at one temperature, that of a row of the other one.

    Without a temperature of its own, the other set is given that at which the reference has its mean energy;
    configurations of the reference at exactly that temperature are chosen from its whole ladder.

    Parameters and errors are those of `qspin.analysis.compare`.
    """
    for samples in (reference, other):
        require_problem(samples, problem)
    require_same_problem(other, reference)
    own = independent_configurations(other, row, most=most)
    rng = np.random.default_rng(seed)
    error = 0.0
    if beta is None:
        beta = float(other.betas[row])
    if np.isnan(beta) and not np.isnan(reference.betas).all():
        reweighting = reweighting or Reweighting.of(reference)
        fit = fit or fitted_temperature(own.energies, reweighting, shared_tolerance(other, reference), rng)
        if fit.reason:
            raise InputError(f"no temperature to compare at: {fit.reason}")
        beta, error = fit.beta, fit.error
    else:
        fit = None
    base, remarks = _at(reference, beta, most, rng, reweighting)
    _require_two_draws(base.spins, own.spins)
    return Meeting(beta, error, fit, base, own, remarks, rng)


def _at(
    reference: SampleSet,
    beta: float,
    most: int,
    rng: np.random.Generator,
    reweighting: Reweighting | None,
) -> tuple[Configurations, list[str]]:
    """Configurations of the reference at a temperature, from the row that has it or from the whole ladder."""
    if np.isnan(beta):
        return independent_configurations(reference, 0, most=most), []
    exact = np.flatnonzero(np.isclose(reference.betas, beta, rtol=1e-9, atol=0))
    if exact.size:
        return independent_configurations(reference, int(exact[0]), most=most), []
    hottest, coldest = reference.betas.min(), reference.betas.max()
    if not hottest <= beta <= coldest:
        raise InputError(
            f"beta = {beta:.4g} lies outside the ladder of the reference, {hottest:.4g} to {coldest:.4g}: "
            "extend it"
        )
    chosen = (reweighting or Reweighting.of(reference)).chosen(beta, rng)
    near = int(np.argmin(np.abs(np.log(np.maximum(reference.betas, 1e-300) / beta))))
    step = spacing(reference, near)
    chosen[:, :, np.arange(chosen.shape[2]) % step != 0] = False
    places = np.argwhere(chosen)
    if len(places) < 2:
        raise InputError(
            f"the reference has no samples near beta = {beta:.4g}: refine its ladder or sample longer"
        )
    places = places[rng.permutation(len(places))[:most]]
    index = tuple(places.T)
    spins, energies = reference.spins.values[index], reference.energies.values[index]
    return Configurations(spins, energies, step), [
        f"{len(places)} configurations of the reference were chosen from its ladder for beta = {beta:.4g}"
    ]


def _require_two_draws(first: NDArray[np.int8], second: NDArray[np.int8]) -> None:
    """Refuse the same configurations in the same order, unless two draws could well look like that.

    With shares p_c of the configurations c, n_c times each, the chance of it is prod_c p_c^(n_c).
    """
    if not np.array_equal(first, second):
        return
    counts = np.unique(first, axis=0, return_counts=True)[1]
    if float((counts * np.log(counts / counts.sum())).sum()) < np.log(_ONE_DRAW):
        raise InputError(
            f"both sides hold the same {len(first)} configurations in the same order: one draw compared with "
            "itself, of which every test would say 'the same'. Sample one of them with another seed, which "
            "its sampler must use"
        )
