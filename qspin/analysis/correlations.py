"""Correlations of pairs of spins, c_ij = <s_i s_j>, and how far those of two samplers are apart.

The distance is the correlation error of King et al. 2025 (Science 388, 199; arXiv:2403.00910), eps =
[sum (c_ij - r_ij)^2 / sum r_ij^2]^(1/2) over pairs of spins, r those of a reference. Finite reads add their
noise to it: of n reads from the reference itself, eps^2 is sum (1 - r_ij^2) / n / sum r_ij^2 on average, and
not zero; `distance.correlation_error` is eps of two sets as it is. Here sums of squares are taken over pairs
of different blocks of reads, whose noise is independent, so that eps^2 has no such bias (and may come out
negative); what exact reads would have shown stands beside it, as a distribution.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from qspin.analysis.resampling import confidence_factor, jackknife_pairs, require_problem
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.memory import require_bytes
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

__all__ = ["CorrelationDistance", "Reads", "correlation_distance", "kink_density", "pair_correlations"]

_Array = NDArray[np.float64]

Pairs = Literal["all", "couplings"]


@checked_arguments
def pair_correlations(
    samples: SampleSet, problem: IsingProblem, *, pairs: Pairs = "all", n_blocks: int = 50
) -> xr.Dataset:
    """Correlations of pairs of spins at every temperature, whole and by blocks of replicas.

    Parameters
    ----------
    samples : of `problem`, with configurations of two replicas or more
    pairs : ``all``, or those with a coupling
    n_blocks : about equal parts of the replicas, in their order; at most one a replica

    Returns
    -------
    dataset over ``beta`` and ``pair``: ``correlation`` with its standard error over blocks, ``coupling``
    (pair,) with zeros where there is none, ``first`` and ``second`` (pair,), positions of the spins,
    ``block_correlation`` (beta, block, pair), and ``n_reads``, replicas where each has one draw, else NaN.
    Where samples carry the ``exact_correlations`` of the distribution that they are drawn from, ``exact``
    (beta, pair) holds them.

    Raises
    ------
    InputError
        If the samples are of another problem, keep no configurations, or have a single replica.
    """
    require_problem(samples, problem)
    first, second, coupling = _pairs(problem, pairs)
    spins = samples.spins.values
    n_betas, n_replicas, n_draws, _ = spins.shape
    if samples.has_averages or n_replicas < 2:
        raise InputError(
            "correlations with their errors need configurations of two replicas or more; sample with n_reads "
            "or n_replicas of 2 or more, and keep configurations"
        )
    n_blocks = min(n_blocks, n_replicas)
    require_bytes(8 * n_betas * (n_blocks + 3) * len(first), "correlations of pairs", "take pairs: couplings")
    blocks = np.empty((n_betas, n_blocks, len(first)))
    for k, part in enumerate(np.array_split(np.arange(n_replicas), n_blocks)):
        own = spins[:, part].astype(np.float32).reshape(n_betas, -1, spins.shape[-1])
        products = own.swapaxes(1, 2) @ own  # sums of +-1, exact in float32
        blocks[:, k] = products[:, first, second] / own.shape[1]
    variables = {
        "correlation": (("beta", "pair"), blocks.mean(axis=1)),
        "correlation_error": (("beta", "pair"), blocks.std(axis=1, ddof=1) / np.sqrt(n_blocks)),
        "block_correlation": (("beta", "block", "pair"), blocks),
        "coupling": ("pair", coupling),
        "first": ("pair", first),
        "second": ("pair", second),
        "n_reads": ((), float(n_replicas) if n_draws == 1 else np.nan),
    }
    if "exact_correlations" in samples.dataset:
        whole = samples.dataset["exact_correlations"].values
        variables["exact"] = (("beta", "pair"), whole[:, first, second])
    coordinates = {"beta": samples.betas, "block": np.arange(n_blocks), "pair": np.arange(len(first))}
    return xr.Dataset(variables, coords=coordinates)


def _pairs(problem: IsingProblem, pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64], _Array]:
    """Both spins and the coupling of each pair; pairs in the order of the first spin, then the second."""
    edges = problem.edges
    if pairs == "couplings":
        return edges.i.astype(np.int64), edges.j.astype(np.int64), edges.couplings
    n = problem.n_spins
    require_bytes(24 * n * (n - 1) // 2, f"all pairs of {n} spins", "take pairs: couplings")
    first, second = np.triu_indices(n, 1)
    coupling = np.zeros(len(first))
    low, high = np.minimum(edges.i, edges.j), np.maximum(edges.i, edges.j)
    coupling[low * n - low * (low + 1) // 2 + high - low - 1] = edges.couplings
    return first, second, coupling


# -- how far apart -------------------------------------------------------------------------------


class Reads(NamedTuple):
    """What is known of the correlations of one sampler.

    Parameters
    ----------
    blocks : means over blocks of independent reads (n_blocks, n_pairs)
    n_reads : in all blocks together; NaN where they are not independent
    exact : of the distribution that they are drawn from (n_pairs,), where it is known
    """

    blocks: _Array
    n_reads: float = float("nan")
    exact: _Array | None = None

    @classmethod
    def of(cls, found: xr.Dataset, row: int = 0) -> Reads:
        """One row of `pair_correlations`."""
        exact = found["exact"].values[row] if "exact" in found else None
        return cls(found["block_correlation"].values[row], float(found["n_reads"]), exact)


class CorrelationDistance(NamedTuple):
    """Distance of correlations to those of a reference.

    Parameters
    ----------
    squared, error : eps^2 without the bias of finite reads, and its standard error by jackknife over blocks.
        Where the distance is smaller than the noise the error is up to sqrt(2) too large
        (`resampling.jackknife_pairs`)
    value, low, high : eps, and a 95 % interval; 0 where `squared` is negative
    raw : eps as it is without any correction
    null, null_high : what `raw` would be of as many reads from the reference: root mean square, and what one
        in twenty exceeds. NaN where that is not known
    p_value : of a `raw` as large or larger from reads of the reference
    """

    squared: float
    error: float
    value: float
    low: float
    high: float
    raw: float
    null: float = float("nan")
    null_high: float = float("nan")
    p_value: float = float("nan")


def correlation_distance(found: Reads, reference: Reads) -> CorrelationDistance:
    """Distance of one sampler's correlations to those of a reference, over the same pairs.

    Parameters
    ----------
    found : its exact correlations are not looked at: it is its reads that are judged
    reference : exact correlations are taken where they are known; else its own noise is taken off as well,
        and adds to the error

    Raises
    ------
    InputError
        If the pairs are not as many, or the reference has no correlations at all to be relative to.
    """
    if found.blocks.shape[1] != reference.blocks.shape[1]:
        raise InputError(
            f"correlations of {found.blocks.shape[1]} pairs cannot be held against those of "
            f"{reference.blocks.shape[1]}: measure the same pairs of one problem"
        )
    mean = found.blocks.mean(axis=0)
    if reference.exact is not None:
        centre, noise, scale = reference.exact, 0.0, float((reference.exact**2).sum())
    else:
        centre = reference.blocks.mean(axis=0)
        scale = float(_squares(reference.blocks, 0.0)[0])
        noise = float((centre**2).sum()) - scale
    if not scale > 0:
        raise InputError("the reference has no correlations beyond its noise: take more reads of it")
    squared, error = (float(x) for x in _squares(found.blocks, centre, lambda d: (d - noise) / scale))
    if reference.exact is None:
        error = float(np.hypot(error, _error_of_reference(reference.blocks, found.blocks)))
    reach = confidence_factor(len(found.blocks)) * error
    value, low, high = (float(np.sqrt(max(x, 0.0))) for x in (squared, squared - reach, squared + reach))
    raw = float(((mean - centre) ** 2).sum()) / scale
    known = CorrelationDistance(squared, error, value, low, high, float(np.sqrt(raw)))
    return known._replace(**_null(reference, centre, scale, found.n_reads, raw))


def _squares(blocks: _Array, centre: _Array | float, statistic: Any = None) -> tuple[_Array, _Array]:
    """sum_pairs (c - centre)^2 over pairs of different blocks, and its error by jackknife."""
    away = blocks - centre
    gram = away @ away.T
    return jackknife_pairs(gram.sum(axis=1) - np.diag(gram), statistic)


def _error_of_reference(reference: _Array, found: _Array) -> float:
    """What the blocks of a reference add to the error of eps^2, its denominator included."""
    mean = found.mean(axis=0)
    noise = float((mean**2).sum() - _squares(found, 0.0)[0])
    rows = []
    for centre in (mean, 0.0):
        away = reference - centre
        gram = away @ away.T
        rows.append(gram.sum(axis=1) - np.diag(gram))
    return float(jackknife_pairs(np.stack(rows, axis=1), lambda m: (m[0] - noise) / m[1])[1])


def _null(reference: Reads, centre: _Array, scale: float, n_reads: float, raw: float) -> dict[str, float]:
    """What as many reads from the reference would show: squares of its blocks, brought to that many reads,
    are draws of raw eps^2, which a gamma distribution of their mean and variance follows."""
    n_blocks = len(reference.blocks)
    if not np.isfinite([n_reads, reference.n_reads]).all() or n_blocks < 3:
        return {}
    away = ((reference.blocks - centre) ** 2).sum(axis=1)
    if reference.exact is None:
        away *= n_blocks / (n_blocks - 1)  # the centre is their own mean
    noise = (1 - centre**2).sum()
    drawn = away * reference.n_reads / n_blocks / n_reads / scale
    mean, spread = float(noise / n_reads / scale), float(drawn.std(ddof=1))
    if not mean > 0 or not spread > 0:
        return {"null": float(np.sqrt(max(mean, 0.0)))}
    shape = (float(drawn.mean()) / spread) ** 2
    law = stats.gamma(shape, scale=mean / shape)
    return {
        "null": float(np.sqrt(mean)),
        "null_high": float(np.sqrt(law.ppf(0.95))),
        "p_value": float(law.sf(raw)),
    }


# -- kinks ---------------------------------------------------------------------------------------


@checked_arguments
def kink_density(found: xr.Dataset, row: int = 0) -> tuple[float, float]:
    """Share of couplings that are not satisfied, and its standard error over blocks: on a ferromagnetic ring
    the density of kinks.

    Parameters
    ----------
    found : result of `pair_correlations`

    Raises
    ------
    InputError
        If there are no couplings.
    """
    coupling = found["coupling"].values
    own = coupling != 0
    if not own.any():
        raise InputError("a problem without couplings has no kinks")
    blocks = found["block_correlation"].values[row][:, own]
    shares = (1 + np.sign(coupling[own]) * blocks).mean(axis=1) / 2
    return float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares)))
