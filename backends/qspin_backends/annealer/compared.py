"""What each of several copies of an annealed problem is like, and which of them differ from the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Remark
from qspin_backends.annealer.pipeline import Plan, Reads
from qspin_backends.common.copies import Feature, chances, features_of, on_copies
from qspin_backends.common.effective import finite_or_none, pseudo_likelihood

__all__ = ["copies_apart", "copy_groups", "of_each_copy"]


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

    Features of a read: its energy, a broken chain, and how each spin points: of problems without fields as
    the device sees it, where a bias of a qubit shows in spite of gauges.
    """
    if plan.n_copies == 1:
        return []
    tests = [
        chance
        for k, scale in enumerate(scales)
        for chance in chances(_features(plan, reads, k), reads.copy[k], plan.n_copies, f"at scale {scale:g}")
    ]
    return on_copies(tests, [str(copy) for copy in range(plan.n_copies)])


def _features(plan: Plan, reads: Reads, scale: int) -> Iterator[Feature]:
    spins = reads.spins[scale]
    yield "broken chains", reads.break_fraction[scale] > 0
    turned = spins if plan.problem.fields.any() else spins * plan.gauges[reads.gauge[scale]]
    yield from features_of(plan.problem, spins, turned)
