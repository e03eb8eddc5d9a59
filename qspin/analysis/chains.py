"""Are the chains in equilibrium? ESS and R-hat per temperature by ArviZ, swap rates of tempering."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qspin.analysis.temperature import has_measured_temperatures
from qspin.arguments import checked_arguments
from qspin.remarks import Level, Remark
from qspin.samples import SampleSet

__all__ = [
    "chain_diagnostics",
    "disagreeing",
    "effective_sample_size",
    "equilibrium_remarks",
    "paired_overlaps",
    "r_hat",
]

R_HAT_LIMIT = 1.05  # ours; Vehtari et al. ask for 1.01, which hundreds of independent draws exceed by chance
ALARM_LEVEL = 0.05  # of all sets of independent draws, the share that may be warned of
ESS_LIMIT = 100
_FEWEST_DRAWS = 4
_LONG_HALF = 25  # draws from which on R-hat of independent draws follows the F distribution
_DEALS_AT_ONCE = 200


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


@checked_arguments
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


@checked_arguments
def equilibrium_remarks(samples: SampleSet, diagnostics: xr.Dataset | None = None) -> list[Remark]:
    """What to know before trusting these samples: the sampler's own remarks, R-hat and ESS.

    R-hat is held against 1.05 and against what independent draws would show by chance: of all sets of
    independent draws, whatever the number of temperatures, at most one in twenty is remarked on.

    Not a measure of its own: they are an attribute of the measure `chain_diagnostics`.

    Parameters
    ----------
    samples : of any sampler
    diagnostics : `chain_diagnostics` of them, if at hand already

    Returns
    -------
    one for each fault, the sampler's own first, then ``interrupted``, ``few-draws``, ``r-hat-energy``,
    ``r-hat-overlap`` and ``few-effective-samples``; none of them is no proof of equilibrium. What cannot be
    tested by the nature of the sampler, ``measured-temperature`` and ``no-temperature``, has the level of a
    note and stands last
    """
    diagnostics = chain_diagnostics(samples) if diagnostics is None else diagnostics
    return [
        *samples.remarks,
        *_on_length(samples, diagnostics["ess"].values),
        *_on_disagreement(samples, diagnostics),
        *_on_effective_samples(samples, diagnostics["ess"].values),
        *_on_untested(samples),
    ]


def _on_length(samples: SampleSet, ess: NDArray[np.float64]) -> Iterator[Remark]:
    """Runs that ended too early, or kept too little."""
    status = samples.info["status"]
    if status != "complete":
        text = f"the samples are {status}: the run did not reach its end"
        yield Remark("interrupted", text, Level.SERIOUS)
    if np.isfinite(samples.betas).all() and np.isnan(ess).any() and not samples.has_averages:
        n_draws = samples.spins.sizes["draw"]
        yield Remark(
            "few-draws",
            f"equilibrium cannot be tested with {n_draws} draws a replica: keep at least {_FEWEST_DRAWS}",
        )


def _on_disagreement(samples: SampleSet, diagnostics: xr.Dataset) -> Iterator[Remark]:
    """Replicas that differ more than independent draws would."""
    names = {"r_hat": "energy", "r_hat_overlap": "overlap"}
    n_judged = sum(int((~np.isnan(diagnostics[name].values)).sum()) for name in names)
    for name, what in names.items():
        split = diagnostics[name].values
        if not (split > R_HAT_LIMIT).any():
            continue
        chains = samples.energies.values if what == "energy" else np.abs(paired_overlaps(samples))
        if (wrong := disagreeing(chains, split, ALARM_LEVEL / n_judged)).any():
            worst = int(np.argmax(np.where(wrong, split, -np.inf)))
            yield Remark(
                f"r-hat-{what}",
                f"R-hat of the {what} exceeds {R_HAT_LIMIT} at {_count(wrong)}, more than independent draws "
                f"would, up to {split[worst]:.3g} {_place(samples, worst)}: replicas disagree, "
                "run longer",
                Level.SERIOUS,
            )


def _on_effective_samples(samples: SampleSet, ess: NDArray[np.float64]) -> Iterator[Remark]:
    if (wrong := ess < ESS_LIMIT).any():
        yield Remark(
            "few-effective-samples",
            f"the energy has fewer than {ESS_LIMIT} effective samples at {_count(wrong)}, at least "
            f"{np.nanmin(ess):.0f} {_place(samples, int(np.nanargmin(ess)))}: rough error bars",
        )


def _on_untested(samples: SampleSet) -> Iterator[Remark]:
    """What cannot be tested by the nature of the sampler, which is no fault of these samples."""
    if has_measured_temperatures(samples):
        text = "temperatures were measured from the reads, not set: equilibrium at them is not tested"
        yield Remark("measured-temperature", text, Level.NOTE)
    elif np.isnan(samples.betas).any():
        text = "the sampler states no temperature, so equilibrium at one cannot be tested"
        yield Remark("no-temperature", text, Level.NOTE)


def disagreeing(
    values: NDArray[np.float64], r_hats: NDArray[np.float64], level: float, *, seed: int = 0
) -> NDArray[np.bool_]:
    """Where R-hat exceeds both 1.05 and what independent draws would reach with probability `level`.

    For independent draws the ratio of the variances between and within halves of chains follows the F
    distribution. Where halves are short, and energies take few values, it does not; then the draws are dealt
    to the chains at random, which independent draws allow, and R-hat is ranked among those of the deals.

    Parameters
    ----------
    values : (beta, chain, draw)
    r_hats : (beta,), of them
    level : probability of a false alarm at one temperature
    seed : of the deals
    """
    n_chains, n_draws = values.shape[-2:]
    half = n_draws // 2
    if half >= _LONG_HALF:
        quantile = stats.f.isf(level / 2, 2 * n_chains - 1, 2 * n_chains * (half - 1))  # of bulk and tail
        return r_hats > max(R_HAT_LIMIT, float(np.sqrt((half - 1 + quantile) / half)))
    alarmed = r_hats > R_HAT_LIMIT
    rng = np.random.default_rng(seed)
    for k in np.flatnonzero(alarmed):
        alarmed[k] = _permutation_p_value(values[k], level, rng) <= level
    return alarmed


def _permutation_p_value(chains: NDArray[np.float64], level: float, rng: np.random.Generator) -> float:
    """Share of random deals of the draws (chain, draw) to the chains with an R-hat at least as large.

    As many deals as `level` needs; fewer where the first ones show that it will not be reached.
    """
    half = chains.shape[1] // 2
    halves = np.concatenate([chains[:, :half], chains[:, -half:]])
    pooled = np.stack([_normal_scores(v) for v in (halves, np.abs(halves - np.median(halves)))])
    observed = _split_r_hat(pooled.reshape(2, 1, *halves.shape))[0]
    wanted, larger, n_deals = int(np.ceil(4 / level)), 0, 0
    while n_deals < wanted and (larger + 1) / (wanted + 1) <= level:
        orders = rng.permuted(np.tile(np.arange(halves.size), (_DEALS_AT_ONCE, 1)), axis=1)
        dealt = _split_r_hat(pooled[:, orders].reshape(2, _DEALS_AT_ONCE, *halves.shape))
        larger += int((dealt >= observed * (1 - 1e-9)).sum())
        n_deals += _DEALS_AT_ONCE
    return (larger + 1) / (n_deals + 1)


def _split_r_hat(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """R-hat of normal scores of the values and of their distances from the median, (2, deal, half, draw)."""
    n = scores.shape[-1]
    within = scores.var(axis=-1, ddof=1).mean(axis=-1)
    between = n * scores.mean(axis=-1).var(axis=-1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(within > 0, between / within, np.where(between > 1e-12, np.inf, 1.0))
    return np.sqrt((ratio + n - 1) / n).max(axis=0)


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank-normalised values, flat (Vehtari et al. 2021, equation 14)."""
    return stats.norm.ppf((stats.rankdata(values) - 3 / 8) / (values.size + 1 / 4))


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


def _place(samples: SampleSet, index: int) -> str:
    """Where a row stands: at its temperature, or where there is none at its coupling scale, or by number."""
    beta = samples.betas[index]
    if not np.isnan(beta):
        return f"at T = {'infinity' if beta == 0 else f'{1 / beta:.4g}'}"
    if "coupling_scale" in samples.dataset:
        return f"at coupling scale {float(samples.dataset['coupling_scale'][index]):.4g}"
    return f"in row {index + 1} of {len(samples.betas)}"
