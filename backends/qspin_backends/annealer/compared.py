"""Copies of a problem held against each other: what each of them is like, and which differ from the rest.

If copies are equally good, it is chance which of them gave a read: how many of its reads share a feature is
hypergeometric, whatever the distribution of the reads (Fisher's exact test). A feature is one bit of a read:
of rare events, such as broken chains, the test is no less exact than of common ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from qspin.problem import IsingProblem
from qspin.sampler import BY_CHANCE, Remark
from qspin_backends.annealer.pipeline import Plan, Reads
from qspin_backends.common.effective import finite_or_none, pseudo_likelihood

__all__ = ["copies_apart", "copy_groups", "of_each_copy"]

_NAMED = 5  # copies that a remark names


def copy_groups(plan: Plan, reads: Reads) -> NDArray[np.int64]:
    """Ways in which reads share errors (n_ways, n_scales, n_reads): of one call on a copy, and of a copy."""
    calls = reads.batch * plan.n_copies + reads.copy
    return np.stack([calls, reads.copy]) if plan.n_copies > 1 else calls[None]


def of_each_copy(plan: Plan, reads: Reads, scales: Sequence[float]) -> dict[str, Any]:
    """Broken chains and temperatures, copy by copy, as JSON values.

    Returns
    -------
    ``n_reads``, ``break_fraction``, ``beta_effective``, ``beta_effective_error``: of each scale a list, with
    None in place of what cannot be told; nothing where there is one copy
    """
    if plan.n_copies == 1:
        return {}
    rows: dict[str, list[list[float | int | None]]] = {
        name: [] for name in ("n_reads", "break_fraction", "beta_effective", "beta_effective_error")
    }
    for scale in range(len(scales)):
        own = [np.flatnonzero(reads.copy[scale] == copy) for copy in range(plan.n_copies)]
        broken = [float(reads.break_fraction[scale, k].mean()) if len(k) else np.nan for k in own]
        betas = [_beta(plan.problem, reads, scale, k, b) for k, b in zip(own, broken, strict=True)]
        rows["n_reads"].append([len(k) for k in own])
        rows["break_fraction"].append([finite_or_none(b) for b in broken])
        rows["beta_effective"].append([finite_or_none(beta) for beta, _ in betas])
        rows["beta_effective_error"].append([finite_or_none(error) for _, error in betas])
    return dict(rows)


def _beta(
    problem: IsingProblem, reads: Reads, scale: int, own: NDArray[np.intp], broken: float
) -> tuple[float, float]:
    if not len(own):
        return np.nan, np.nan
    found = pseudo_likelihood(problem, reads.spins[scale, own], reads.batch[scale, own], broken)
    return found.beta, found.error


def copies_apart(plan: Plan, reads: Reads, scales: Sequence[float]) -> list[Remark]:
    """A remark on the copies that differ from all others by more than chance, if there are any.

    Features of a read: an energy above the median, a broken chain, and how each spin points: of problems
    without fields as the device sees it, where a bias of a qubit shows in spite of gauges.
    """
    if plan.n_copies == 1:
        return []
    tests = [
        (p, copy, f"{what} at scale {scales[scale]:g}")
        for scale in range(len(scales))
        for what, bits in _features(plan, reads, scale)
        for copy, p in enumerate(_chances(bits, reads.copy[scale], plan.n_copies))
    ]
    limit = BY_CHANCE / max(len(tests), 1)  # whichever of them it is
    worst: dict[int, tuple[float, str]] = {}
    for p, copy, what in sorted(tests):
        if p < limit:
            worst.setdefault(copy, (p, what))
    if not worst:
        return []
    named = ", ".join(f"{copy} ({what})" for copy, (_, what) in list(worst.items())[:_NAMED])
    more = f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
    text = (
        f"of {plan.n_copies} copies {len(worst)} differ from the others by more than chance: {named}{more}; "
        "the reads are a mixture, which the variable copy takes apart"
    )
    return [Remark("copies-differ", text)]


def _features(plan: Plan, reads: Reads, scale: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Names and bits (n_reads,)."""
    energies = plan.problem.energies(reads.spins[scale])
    yield "energies", energies > np.median(energies)
    yield "broken chains", reads.break_fraction[scale] > 0
    spins = reads.spins[scale]
    if not plan.problem.fields.any():
        spins = spins * plan.gauges[reads.gauge[scale]]
    for k in range(plan.problem.n_spins):
        yield f"spin {plan.problem.labels[k]!r}", spins[:, k] > 0


def _chances(bits: NDArray[np.bool_], copy: NDArray[np.int64], n_copies: int) -> NDArray[np.float64]:
    """Of so uneven a share of a feature among the reads of each copy, two-sided (n_copies,)."""
    sizes = np.bincount(copy, minlength=n_copies)
    counts = np.bincount(copy, weights=bits, minlength=n_copies).astype(np.int64)
    law = stats.hypergeom(len(bits), int(bits.sum()), sizes)
    return np.minimum(1.0, 2 * np.minimum(law.sf(counts - 1), law.cdf(counts)))
