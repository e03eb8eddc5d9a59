"""At which temperature are samples? Where a reference with a ladder, reweighted, has their mean energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from qspin.analysis.independent import independent_configurations
from qspin.analysis.reweighting import FEWEST, Reweighting
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.samples import SampleSet
from qspin.spectrum import levelled

__all__ = [
    "EffectiveTemperature",
    "effective_temperature",
    "fitted_temperature",
    "require_same_problem",
    "shared_tolerance",
]


@dataclass(frozen=True)
class EffectiveTemperature:
    """Where a reference has the mean energy of some samples.

    Parameters
    ----------
    beta, error : inverse temperature and its standard error, units of 1/energy; NaN where the reference has
        no such energy, which `reason` explains
    goodness : p-value of the energies against those of the reference at that temperature; since the
        temperature was fitted to them, a little too large
    reason : why there is no temperature
    """

    beta: float
    error: float
    goodness: float = float("nan")
    reason: str = ""

    @property
    def temperature(self) -> float:
        return 1 / self.beta if self.beta else float("inf")


@checked_arguments
def effective_temperature(
    samples: SampleSet,
    reference: SampleSet,
    *,
    row: int = 0,
    seed: int = 0,
    reweighting: Reweighting | None = None,
) -> EffectiveTemperature:
    """The inverse temperature at which the reference, reweighted, has the mean energy of the samples.

    It is the maximum-likelihood estimate in the family exp(-beta E). The error holds that of the samples, and
    that of the reference over its replicas. A mean energy at or below what the coldest row of the reference
    shows is only a bound: there is no temperature then, and a reason. Energies equal but for rounding are
    equal.

    Parameters
    ----------
    samples : of any sampler; one row of it
    reference : of the same problem, with a ladder of temperatures and stored energies
    reweighting : of the reference, if it is at hand already

    Raises
    ------
    InputError
        If the two are of different problems, or the reference states no temperatures.
    """
    require_same_problem(samples, reference)
    reweighting = reweighting or Reweighting.of(reference)
    own = independent_configurations(samples, row)
    return fitted_temperature(
        own.energies, reweighting, shared_tolerance(samples, reference), np.random.default_rng(seed)
    )


def fitted_temperature(
    energies: NDArray[np.float64], reweighting: Reweighting, tolerance: float, rng: np.random.Generator
) -> EffectiveTemperature:
    """The fit to `energies` (n,); those that differ by no more than the tolerance are equal."""
    if len(energies) < 2:
        return _unknown(f"a mean energy with its error needs two samples or more; got {len(energies)}")
    target, order = float(energies.mean()), np.argsort(reweighting.betas)
    betas = reweighting.betas[order]
    means = np.array([reweighting.rough_mean(reweighting.energies, beta)[0] for beta in betas])
    lowest = float(energies.max()) <= float(reweighting.energies.min()) + tolerance
    if reason := _unreachable(target, means, reweighting, lowest, tolerance):
        return _unknown(reason)
    k = int(np.flatnonzero((means[:-1] >= target) & (means[1:] < target))[-1])
    if not reweighting.covers((betas[k] + betas[k + 1]) / 2):
        return _unknown(
            f"the mean energy {target:.4g} falls into a gap of the reference between beta = {betas[k]:.4g} "
            f"and {betas[k + 1]:.4g}, whose energies do not overlap: add betas there"
        )

    def excess(beta: float) -> float:
        return reweighting.rough_mean(reweighting.energies, beta)[0] - target

    beta = float(optimize.brentq(excess, betas[k], betas[k + 1], xtol=1e-9 * betas[k + 1]))
    if reason := _too_few(reweighting, beta):
        return _unknown(reason)
    _, mean_error = reweighting.mean(reweighting.energies, beta)
    variance, deviation = reweighting.variance(reweighting.energies, beta).value, float(energies.std(ddof=1))
    if deviation <= tolerance:  # samples that happen to be alike do not make it exact
        deviation = float(np.sqrt(variance))
    spread = np.hypot(deviation / np.sqrt(len(energies)), np.nan_to_num(mean_error))
    kept = reweighting.energies[reweighting.chosen(beta, rng)]
    both = levelled(np.concatenate([energies, kept]), tolerance)
    test = stats.ks_2samp(both[: len(energies)], both[len(energies) :]) if len(kept) > 1 else None
    goodness = float("nan") if test is None else float(test.pvalue)
    return EffectiveTemperature(beta, float(spread / variance), goodness)


def _unreachable(
    target: float,
    means: NDArray[np.float64],
    reweighting: Reweighting,
    lowest: bool,
    tolerance: float,
) -> str:
    """Why no temperature of the ladder has the mean energy; empty if one has.

    Parameters
    ----------
    means : of the reference, from its hottest temperature to its coldest
    lowest : whether all samples have the lowest energy of the reference, or less
    """
    between = f"those of the reference, {means[-1]:.4g} to {means[0]:.4g}"
    if lowest:
        told = "all samples have the lowest energy, which every low enough temperature gives"
        return told if target >= means[-1] - tolerance else f"{told}; {target:.4g} lies below {between}"
    if means[-1] + tolerance < target < means[0] - tolerance:
        return ""
    above = target >= means[0] - tolerance
    if reason := _too_few(reweighting, float(reweighting.betas.min() if above else reweighting.betas.max())):
        return reason
    side = "above" if above else "below"
    return f"the mean energy {target:.4g} lies {side} {between}: extend its ladder"


def _too_few(reweighting: Reweighting, beta: float) -> str:
    """Why averages at `beta` cannot be trusted; empty if they can."""
    if (left := reweighting.effective_samples(beta)) >= FEWEST:
        return ""
    return (
        f"at beta = {beta:.4g} only {left:.0f} effective samples of the reference are left and {FEWEST:.0f} "
        "are needed: add betas there or sample it longer"
    )


def shared_tolerance(samples: SampleSet, reference: SampleSet) -> float:
    """Energies of two sets of samples no further apart than this are equal."""
    return max(samples.energy_tolerance, reference.energy_tolerance)


def _unknown(reason: str) -> EffectiveTemperature:
    return EffectiveTemperature(float("nan"), float("nan"), reason=reason)


def require_same_problem(samples: SampleSet, reference: SampleSet) -> None:
    mine, theirs = samples.info.get("problem"), reference.info.get("problem")
    if mine is not None and theirs is not None and mine != theirs:
        raise InputError(f"the samples are of different problems: digests {mine[:12]} and {theirs[:12]}")
    if samples.n_spins != reference.n_spins:
        raise InputError(
            f"the samples have {samples.n_spins} and {reference.n_spins} spins: they are of different "
            "problems"
        )
