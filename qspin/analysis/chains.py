"""Are the chains in equilibrium? ESS and R-hat per temperature by ArviZ, swap rates of tempering."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.temperature import has_measured_temperatures
from qspin.samples import SampleSet

__all__ = [
    "chain_diagnostics",
    "effective_sample_size",
    "equilibrium_warnings",
    "paired_overlaps",
    "r_hat",
]

R_HAT_LIMIT = 1.05  # ours; Vehtari et al. ask for 1.01, which hundreds of independent draws exceed by chance
ESS_LIMIT = 100
_FEWEST_DRAWS = 4


def effective_sample_size(values: ArrayLike) -> NDArray[np.float64]:
    """Bulk effective sample size over all chains (Vehtari et al. 2021, Bayesian Anal. 16, 667), by ArviZ.

    Parameters
    ----------
    values : array (..., chain, draw)

    Returns
    -------
    array (...); chains of one draw are independent samples and count as such; NaN for two or three draws,
    which are too few to tell
    """
    array = np.asarray(values, dtype=np.float64)
    chains, draws = array.shape[-2:]
    if draws == 1:
        return np.full(array.shape[:-2], float(chains))
    if draws < _FEWEST_DRAWS:
        return np.full(array.shape[:-2], np.nan)
    from arviz_stats.base import array_stats

    return np.asarray(array_stats.ess(array), dtype=np.float64)


def r_hat(values: ArrayLike) -> NDArray[np.float64]:
    """Rank-normalised split R-hat over chains (Vehtari et al. 2021), by ArviZ.

    Parameters
    ----------
    values : array (..., chain, draw)

    Returns
    -------
    array (...); 1 where every value is the same, infinite where chains are frozen at different values, NaN
    for fewer than two chains or four draws
    """
    array = np.asarray(values, dtype=np.float64)
    chains, draws = array.shape[-2:]
    if chains < 2 or draws < _FEWEST_DRAWS:
        return np.full(array.shape[:-2], np.nan)
    from arviz_stats.base import array_stats

    constant = np.ptp(array, axis=(-2, -1)) == 0
    frozen = (np.ptp(array, axis=-1) == 0).all(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values_by_arviz = np.asarray(array_stats.rhat(array), dtype=np.float64)
    return np.where(constant, 1.0, np.where(frozen, np.inf, values_by_arviz))


def chain_diagnostics(samples: SampleSet) -> xr.Dataset:
    """Mixing at every temperature; temperatures are never mixed with each other.

    Returns
    -------
    dataset over ``beta``: ``ess`` and ``r_hat`` of the energy, whose chains are the replicas; ``ess_overlap``
    and ``r_hat_overlap`` of |q| between replicas (0, 1), (2, 3), ..., whose chains are these pairs and which
    see what the energy cannot: replicas that sit in different valleys of equal depth; ``swap_rate`` where the
    sampler gives it. Where averages were taken while sampling there are no chains: all NaN but the last
    """
    variables = {}
    unknown = np.full((len(samples.betas), 1, 2), np.nan)
    chains_of = (
        (unknown, unknown)
        if samples.has_averages
        else (samples.energies.values, np.abs(paired_overlaps(samples)))
    )
    for suffix, chains in zip(("", "_overlap"), chains_of, strict=True):
        variables[f"ess{suffix}"] = ("beta", effective_sample_size(chains))
        variables[f"r_hat{suffix}"] = ("beta", r_hat(chains))
    diagnostics = xr.Dataset(variables, coords={"beta": samples.betas})
    if "swap_rate" in samples.dataset:
        diagnostics["swap_rate"] = ("beta", samples.dataset["swap_rate"].values)
    return diagnostics


def equilibrium_warnings(samples: SampleSet) -> list[str]:
    """What to know before trusting these samples: the sampler's own warnings, R-hat and ESS.

    Returns
    -------
    one sentence a fault, empty if nothing was found (which is no proof of equilibrium)
    """
    found = list(samples.info["warnings"])
    if samples.info["status"] != "complete":
        found.append(f"the samples are {samples.info['status']}: the run did not reach its end")
    diagnostics = chain_diagnostics(samples)
    few = diagnostics["ess"].values
    if has_measured_temperatures(samples):
        found.append("temperatures were measured from the reads, not set: equilibrium at them is not tested")
    elif np.isnan(samples.betas).any():
        found.append("the sampler states no temperature, so equilibrium at one cannot be tested")
    elif np.isnan(few).any() and not samples.has_averages:
        n_draws = samples.spins.sizes["draw"]
        found.append(
            f"equilibrium cannot be tested with {n_draws} draws a replica: keep at least {_FEWEST_DRAWS}"
        )
    for name, what in (("r_hat", "energy"), ("r_hat_overlap", "overlap")):
        split = diagnostics[name].values
        if (wrong := split > R_HAT_LIMIT).any():
            found.append(
                f"R-hat of the {what} exceeds {R_HAT_LIMIT} at {_count(wrong)}, up to {np.nanmax(split):.3g} "
                f"at T = {_temperature(samples, int(np.nanargmax(split)))}: replicas disagree, run longer"
            )
    if (wrong := few < ESS_LIMIT).any():
        found.append(
            f"the energy has fewer than {ESS_LIMIT} effective samples at {_count(wrong)}, at least "
            f"{np.nanmin(few):.0f} at T = {_temperature(samples, int(np.nanargmin(few)))}: rough error bars"
        )
    return found


def paired_overlaps(samples: SampleSet, row: int | None = None) -> NDArray[np.float64]:
    """q of replicas (0, 1), (2, 3), ... draw by draw, (beta, pair, draw): pairs that share no replica.

    Parameters
    ----------
    row : of one temperature only, (pair, draw)
    """
    spins = samples.spins.values if row is None else samples.spins.values[row]
    n_pairs = spins.shape[-3] // 2
    first, second = spins[..., 0 : 2 * n_pairs : 2, :, :], spins[..., 1 : 2 * n_pairs : 2, :, :]
    return np.einsum("...pdi,...pdi->...pd", first, second, dtype=np.float64) / max(samples.n_spins, 1)


def _count(which: NDArray[np.bool_]) -> str:
    return f"{int(which.sum())} of {len(which)} temperatures"


def _temperature(samples: SampleSet, index: int) -> str:
    beta = samples.betas[index]
    return "unknown" if np.isnan(beta) else "infinity" if beta == 0 else f"{1 / beta:.4g}"
