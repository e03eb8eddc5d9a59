"""What a run says about itself: swap rates, round trips, equilibration, families, and remarks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Level, Remark
from qspin_backends.tempering.annealing import Cooling
from qspin_backends.tempering.arrivals import told
from qspin_backends.tempering.asked import Asked
from qspin_backends.tempering.clusters.graph import BONDS, NO_MOVE, BondGraph
from qspin_backends.tempering.exchange import N_BINS
from qspin_backends.tempering.monotone import students_quantile
from qspin_backends.tempering.recording import Extra
from qspin_backends.tempering.tempering import Pack, Progress, Schedule

__all__ = ["diagnose_arrivals", "diagnose_ladders", "diagnose_populations"]

_LOW_SWAP_RATE = 0.1
_SIGNIFICANCE = 0.01  # of the equilibration test, over all temperatures together
_FEW_FAMILIES = 50
_LOW_OVERLAP = 0.1


def diagnose_ladders(
    packs: list[Pack], betas: NDArray[np.float64], schedule: Schedule, progress: Progress
) -> tuple[Extra, dict[str, Any], list[Remark]]:
    """Variables of the dataset, facts and remarks of a tempering run."""
    rates, trips = _exchanged(packs)
    offset, unit = packs[0].walkers.problem.offset, packs[0].walkers.unit
    counts = _sweeps_a_bin(min(pack.done for pack in packs), N_BINS)
    filled = counts > 0
    binned = np.concatenate(
        [
            pack.of_replicas(pack.ladders.energy_sums)[filled]
            / _sweeps_a_bin(pack.done, N_BINS)[filled, None, None]
            for pack in packs
        ],
        axis=-1,
    )
    binned = binned * unit + offset
    extra: Extra = {
        "swap_rate": (("beta",), np.append(rates, np.nan)),
        "round_trips": (("replica",), trips),
        "energy_log2": (("beta", "replica", "log2_sweep"), np.moveaxis(binned, 0, -1)),
    }
    if progress.done > schedule.n_burn_in:
        extra |= _energy_moments(packs, schedule.n_burn_in, unit, offset)
    facts = _progress_facts(packs, progress)
    remarks = _on_mixing(betas, rates, trips)
    if (tested := _equilibration(binned, counts[filled])) is not None:
        facts["equilibration"], drifting = tested
        if drifting.any():
            remarks.append(_on_drift(betas, facts["equilibration"], drifting))
    return extra, facts, remarks


def diagnose_arrivals(
    packs: list[Pack], asked: Asked, schedule: Schedule, progress: Progress
) -> tuple[Extra, dict[str, Any], list[Remark]]:
    """The same of a run whose replicas were to stop at an energy, and did not run for equally long."""
    rates, trips = _exchanged(packs)
    arrivals = [pack.arrivals for pack in packs]
    extra, facts, remarks = told(arrivals, packs[0].walkers.problem, asked.target, schedule.total)
    extra |= {"swap_rate": (("beta",), np.append(rates, np.nan)), "round_trips": (("replica",), trips)}
    return extra, facts | _progress_facts(packs, progress), remarks


def _exchanged(packs: list[Pack]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Accepted share of swaps (n_betas - 1,), and round trips (n_replicas,), of recorded ladders."""
    attempts, accepted = (
        np.concatenate([getattr(pack.ladders, name)[:, :: pack.stride] for pack in packs], axis=1).sum(axis=1)
        for name in ("attempts", "accepted")
    )
    trips = np.concatenate([pack.ladders.round_trips[:: pack.stride] for pack in packs])
    return accepted / np.maximum(attempts, 1), trips


def _progress_facts(packs: list[Pack], progress: Progress) -> dict[str, Any]:
    facts: dict[str, Any] = {"sweeps_per_second": progress.sweeps_per_second, "sweeps_done": progress.done}
    return facts | _cluster_facts(packs[0].bonds)


def _cluster_facts(bonds: BondGraph) -> dict[str, Any]:
    """At which betas, or pairs of neighbouring ones, cluster moves were made at the end, and why so."""
    if bonds.move == NO_MOVE:
        return {}
    is_of_pairs = bonds.move == BONDS
    active = (bonds.pace[:-1] if is_of_pairs else bonds.pace) > 0
    facts: dict[str, Any] = {"cluster_moves_active": active.tolist()}
    if is_of_pairs and np.isfinite(bonds.flow[0]):
        facts["cluster_why"] = (
            f"in the burn-in walkers made {bonds.flow[0]:.2g} of the round trips that the swaps would allow; "
            f"moves at {active.sum()} of {len(active)} pairs of betas"
        )
    return facts


def diagnose_populations(
    packs: list[Cooling], betas: NDArray[np.float64], problem: IsingProblem
) -> tuple[Extra, list[Remark]]:
    """Variables of the dataset and remarks of population annealing."""

    def gathered(name: str) -> NDArray[Any]:
        return np.stack([pack.more[name][: len(betas)] for pack in packs], axis=1)

    both = ("beta", "replica")
    log_partition = gathered("log_partition") + problem.n_spins * np.log(2) - betas[:, None] * problem.offset
    families, overlap = gathered("n_families"), gathered("overlap")
    extra: Extra = {
        "log_partition": (both, log_partition),
        "n_families": (both, families),
        "mean_square_family": (both, gathered("mean_square_family")),
    }
    remarks = []
    if len(betas) and families[-1].min() < _FEW_FAMILIES:
        text = (
            f"at the coldest beta a population descends from {families[-1].min()} ancestors, fewer than "
            f"{_FEW_FAMILIES}: raise n_population or n_sweeps"
        )
        remarks.append(Remark("few-families", text, Level.SERIOUS))
    if len(betas) and overlap.min() < _LOW_OVERLAP:
        k = int(np.argmin(overlap.min(axis=1)))
        text = (
            f"the step to beta {betas[k]:.4g} leaves {overlap.min():.1%} of a population effective, below "
            f"{_LOW_OVERLAP:.0%}: add betas before it"
        )
        remarks.append(Remark("wide-step", text))
    return extra, remarks


def _energy_moments(packs: list[Pack], n_burn_in: int, unit: float, offset: float) -> Extra:
    """Mean and variance of the energy over the sweeps of the recorded phase, (beta, replica)."""
    moments = np.concatenate(
        [pack.of_replicas(pack.ladders.moments) / (pack.done - n_burn_in) for pack in packs], axis=-1
    )
    origin = np.concatenate([pack.of_replicas(pack.ladders.origin) for pack in packs], axis=-1)
    variance = np.maximum(moments[1] - moments[0] ** 2, 0)
    both = ("beta", "replica")
    return {
        "energy_mean": (both, (moments[0] + origin) * unit + offset),
        "energy_variance": (both, variance * unit**2),
    }


def _sweeps_a_bin(done: int, n_bins: int) -> NDArray[np.int64]:
    """How many of the sweeps 1 .. `done` lie in 2^k .. 2^(k+1) - 1, for every k."""
    first = 2 ** np.arange(n_bins, dtype=np.int64)
    return np.clip(done + 1 - first, 0, first)


def _equilibration(
    binned: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[dict[str, Any], NDArray[np.bool_]] | None:
    """Do mean energies of the last two logarithmic bins agree? binned (bins, beta, replica).

    The last bin counts if it is at least half full. None where there is nothing to compare: fewer than two
    replicas or too few sweeps.
    """
    last = len(counts) - 1 - int(counts[-1:].sum() < 2 ** (len(counts) - 1) / 2)
    if last < 3 or binned.shape[2] < 2:
        return None
    change = binned[last] - binned[last - 1]
    n = change.shape[1]
    error = change.std(axis=1, ddof=1) / np.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.where(error > 0, np.abs(change.mean(axis=1)) / error, 0.0)
    limit = students_quantile(n - 1, _SIGNIFICANCE / 2 / len(change))
    worst = int(np.argmax(deviation))
    facts = {
        "sweeps": [[2 ** (last - 1), 2**last - 1], [2**last, 2**last - 1 + int(counts[last])]],
        "largest_deviation": float(deviation[worst]),
        "at_beta_number": worst,
        "allowed": float(limit),
    }
    return facts, deviation > limit


def _on_drift(betas: NDArray[np.float64], facts: dict[str, Any], drifting: NDArray[np.bool_]) -> Remark:
    (a, b), (c, d) = facts["sweeps"]
    return Remark(
        "energy-drift",
        f"not in equilibrium: mean energies of sweeps {a} to {b} and {c} to {d} differ at "
        f"{int(drifting.sum())} of {len(drifting)} betas, most at beta "
        f"{betas[facts['at_beta_number']]:.4g} by {facts['largest_deviation']:.1f} standard errors "
        f"({facts['allowed']:.1f} allowed, which chance exceeds in {_SIGNIFICANCE:.0%} of runs): run longer",
        Level.SERIOUS,
    )


def _on_mixing(
    betas: NDArray[np.float64], rates: NDArray[np.float64], trips: NDArray[np.int64]
) -> list[Remark]:
    remarks = []
    if rates.size and rates.min() < _LOW_SWAP_RATE:
        k = int(np.argmin(rates))
        text = (
            f"swaps between beta {betas[k]:.4g} and {betas[k + 1]:.4g} are accepted in {rates[k]:.1%} of "
            f"attempts, below {_LOW_SWAP_RATE:.0%}: add temperatures between them"
        )
        remarks.append(Remark("low-swap-rate", text))
    if rates.size and (stuck := int(np.count_nonzero(trips == 0))):
        text = (
            f"in {stuck} of {len(trips)} replicas no walker travelled from the hottest beta to the coldest "
            "and back: run longer or add temperatures"
        )
        remarks.append(Remark("no-round-trip", text))
    return remarks
