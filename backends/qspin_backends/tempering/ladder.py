"""A ladder for a problem that nobody has tuned: range from local fields and gaps, spacing from swaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move
from qspin_backends.tempering.exchange import temper
from qspin_backends.tempering.excitations import FREE, independent_gaps
from qspin_backends.tempering.monotone import interpolated, zero_of
from qspin_backends.tempering.packs import Grid, Seeds, start_packs
from qspin_backends.tempering.planning import SINGLE
from qspin_backends.tempering.tempering import Pack, Rules, Schedule, run_packs, start_tempering
from qspin_backends.tempering.walkers import run_sweeps

__all__ = [
    "FEWEST_BETAS",
    "MOST_BETAS",
    "PILOT_BETAS",
    "PILOT_LADDERS",
    "TunedLadder",
    "annealing_ladder",
    "combined",
    "ladder_range",
    "tuned_ladder",
]

_HOT = 0.1  # beta x largest rms field at the hot end: nearly free spins
_COLD_GUESS = 10.0  # beta x median rms field at which a quick quench ends
_ANNEALING_HOT, _ANNEALING_COLD, _ANNEALING_BETAS = 1.0, 30.0, 64
_QUENCH_STEPS, _QUENCH_WALKERS = 64, 16
_EXCITED_SHARE, _EXCITED_LARGE = 0.02, 1 / 2_000  # see `ladder_range`
_FROZEN_WITHIN = 1e-4  # of ln beta
_MOST_CLUSTERED = 4_096  # spins up to which clusters are looked at; of more, a share may be excited anyway
_POLISH = 16  # sweeps at the coldest beta there can be, which leave walkers in local minima
PILOT_BETAS, PILOT_LADDERS = 32, 2
_ROUNDS = (0.2, 0.3, 0.5)  # shares of the pilot's sweeps between which its ladder is spaced anew
_REJECTION = 0.5  # between neighbours: twice the barrier is the best number of betas (Syed et al. 2022)
FEWEST_BETAS, MOST_BETAS = 4, 64


@dataclass(frozen=True)
class TunedLadder:
    """Inverse temperatures (n_betas,), units of 1/energy, and what they were derived from.

    Parameters
    ----------
    barrier : sum of the rejection rates of the pilot's swaps, the length of the ladder in units of rejected
        swaps
    cold_end : what it follows from: ``spins`` or ``clusters``
    """

    betas: NDArray[np.float64]
    barrier: float
    cold_end: str = "spins"

    def facts(self) -> dict[str, Any]:
        """For the record of a run."""
        return {"betas": self.betas.tolist(), "barrier": self.barrier, "cold_end": self.cold_end}


def ladder_range(problem: IsingProblem, graph: Graph, seeds: Seeds) -> tuple[float, float] | None:
    """Inverse temperatures of nearly free and of frozen spins, units of 1/energy; None without any energy.

    The hot end is 0.1 / (largest root mean square local field at infinite temperature). The cold end follows
    from the gaps 2 |l_i| of single flips in the best of 16 quickly quenched configurations: it is where the
    expected number of flipped spins, sum_i 1 / (1 + exp(2 beta |l_i|)) over spins that are not free, falls to
    one, or to 2 % of the spins of a small problem, or to one in 2000 of a large one. These numbers are ours.
    Scaling all energies by a factor scales both ends by its inverse.
    """
    spread = graph.spreads[graph.spreads > 0]
    if not spread.size:
        return None
    hot, guess = _HOT / spread.max(), _COLD_GUESS / np.median(spread)
    gaps = _gaps(problem, graph, max(hot, min(guess, 2.0**40 / graph.largest_field)) / graph.unit, seeds)
    cold = _frozen(gaps, _allowed(len(gaps)), hot)
    return hot / graph.unit, max(cold, 10 * hot) / graph.unit


def annealing_ladder(graph: Graph, n_sweeps: int) -> NDArray[np.float64]:
    """Up to 64 betas in geometric progression, from 1 / (largest rms field) to 30 / (median rms field), units
    of 1/energy.

    A walker that is cooled need not be free at the start, and must be frozen at the end. The numbers are
    ours: among ranges within a factor of ten of this one it found the optima of the public test instances
    most often.
    """
    spread = graph.spreads[graph.spreads > 0]
    if not spread.size:
        return np.array([1.0])
    ends = _ANNEALING_HOT / spread.max(), _ANNEALING_COLD / np.median(spread)
    return np.geomspace(*ends, min(_ANNEALING_BETAS, n_sweeps)) / graph.unit


def tuned_ladder(
    problem: IsingProblem, graph: Graph, seeds: Seeds, rules: Rules, n_sweeps: int
) -> TunedLadder:
    """Betas at which swaps are accepted equally often, from nearly free spins to frozen clusters.

    A pilot of two ladders is run for about `n_sweeps`, with the cluster moves of the run, and its ladder is
    laid out anew in between. It begins between the ends of `ladder_range`, whose cold end sees single spins;
    where walkers came to, clusters are seen that cost less than any spin of theirs, and the cold end goes
    on to where these are frozen, too, by the same rule. The rejection rates of the swaps, added up along the
    ladder, are a length (Syed, Bouchard-Cote, Deligiannidis, Doucet 2022, J. R. Stat. Soc. B 84, 321), and
    betas are put at equal distances in it, as many as make swaps be rejected half of the time, between 4 and
    64.
    """
    ends = ladder_range(problem, graph, seeds)
    if ends is None:
        return TunedLadder(np.array([1.0]), 0.0)
    betas = np.geomspace(*ends, PILOT_BETAS)
    pilot = replace(rules, cluster_pace=1, n_threads=1)  # at every turn: it has few sweeps to come down in
    packs: list[Pack] = []
    rejection = np.zeros(0)
    for share, seed in zip(_ROUNDS, seeds.pilot.spawn(len(_ROUNDS)), strict=True):
        bits = [pack.walkers.bits() for pack in packs]
        if packs:
            cold = _cold_end(graph, packs, ends[1])
            betas = _spaced(*_lengthened(betas, rejection, cold), PILOT_BETAS)
        packs = start_tempering(problem, graph, betas, PILOT_LADDERS, Seeds.of(seed), pilot)
        for pack, own in zip(packs, bits, strict=False):
            pack.walkers.set_bits(own)
        rejection = _piloted(packs, pilot, max(32, round(share * n_sweeps)))
    count = int(np.clip(np.ceil(rejection.sum() / _REJECTION) + 1, FEWEST_BETAS, MOST_BETAS))
    cold_end = "clusters" if betas[-1] > ends[1] else "spins"
    return TunedLadder(_spaced(betas, rejection, count), float(rejection.sum()), cold_end)


def _piloted(packs: list[Pack], rules: Rules, n_sweeps: int) -> NDArray[np.float64]:
    """Rejection rates of swaps (n_betas - 1,) after so many sweeps."""
    schedule = Schedule(n_sweeps // 4, n_sweeps - n_sweeps // 4)
    if run_packs(packs, schedule, rules, tell=lambda fraction, **figures: None).status == "interrupted":
        raise KeyboardInterrupt
    attempts, accepted = (
        sum(getattr(p.ladders, name).sum(axis=1) for p in packs) for name in ("attempts", "accepted")
    )
    return 1 - accepted / np.maximum(attempts, 1)


def _cold_end(graph: Graph, packs: list[Pack], spins_end: float) -> float:
    """Inverse temperature at which clusters are frozen, too, units of 1/energy.

    It is not before the cold end of single spins, and not so cold that kernels would have to go over to
    double precision for it. The walkers of the pilot are left in local minima, of which the lower half is
    looked at.
    """
    if graph.n_spins > _MOST_CLUSTERED:
        return spins_end
    reach = SINGLE / graph.largest_field / 2
    spins = []
    for pack in packs:
        w = pack.walkers
        w.set_betas(np.full(w.n_lanes, max(reach / graph.unit, float(pack.betas[-1]) / graph.unit)))
        alike = np.full(len(pack.betas), pack.betas[-1])
        temper(
            w.kernel, w.words, w.walker, w.energies, alike, pack.ladders, pack.bonds,
            False, 0, False, 0, _POLISH,
        )  # fmt: skip
        lower = np.argsort(w.energies[: w.n_lanes], kind="stable")[: w.n_lanes // 2]
        spins.append(w.spins()[lower])
    end = spins_end * graph.unit
    gaps = independent_gaps(graph, np.concatenate(spins), end)
    cold = _frozen(gaps, _allowed(graph.n_spins), end)
    return max(end, min(cold, reach)) / graph.unit


def combined(ladders: Sequence[NDArray[np.float64]], most: int | None = None) -> NDArray[np.float64]:
    """One ladder that covers several and is nowhere coarser than any of them.

    Along ln beta every ladder has a density, one step between two of its neighbours. The combined ladder
    takes the largest of the densities everywhere, and as many betas as make its steps no longer than one:
    between two neighbours of it no ladder has more than a step. Where ladders do not touch, the gap is one
    step, since on either side of it no problem changes any more. Ladders of one beta are of problems without
    any energy and count only where there are no others.

    Parameters
    ----------
    ladders : ascending inverse temperatures each, units of 1/energy
    most : betas at the most, spaced wider then
    """
    several = [betas for betas in ladders if len(betas) > 1]
    if not several:
        return ladders[0]
    known = [np.log(betas) for betas in several]
    ends = np.unique(np.concatenate(known))
    middles = (ends[1:] + ends[:-1]) / 2
    steps = [
        np.where(
            (middles > own[0]) & (middles < own[-1]),
            np.diff(np.interp(ends, own, np.arange(len(own)))),
            0.0,
        )
        for own in known
    ]
    longest = np.max(steps, axis=0)
    length = np.concatenate([[0.0], np.cumsum(np.where(longest > 0, longest, 1.0))])
    count = math.ceil(length[-1] - 1e-9) + 1
    wanted = np.linspace(0.0, length[-1], count if most is None else min(count, max(most, 2)))
    betas = np.exp(np.interp(wanted, length, ends))
    betas[[0, -1]] = min(own[0] for own in several), max(own[-1] for own in several)
    return betas


def _allowed(n_spins: int) -> float:
    """How many excitations may be met at the cold end, see `ladder_range`."""
    return max(min(1.0, _EXCITED_SHARE * n_spins), _EXCITED_LARGE * n_spins)


def _frozen(gaps: NDArray[np.float64], allowed: float, hot: float) -> float:
    """The beta, not below `hot`, at which sum_g 1 / (1 + exp(beta g)) falls to what is allowed."""

    def excess(log_beta: float) -> float:
        return float((1 / (1 + np.exp(np.minimum(np.exp(log_beta) * gaps, 700)))).sum()) - allowed

    lowest = float(np.log(hot))
    return float(np.exp(zero_of(excess, lowest, lowest + 60, _FROZEN_WITHIN))) if excess(lowest) > 0 else hot


def _lengthened(
    betas: NDArray[np.float64], rejection: NDArray[np.float64], cold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ladder with a step to `cold`, which takes as much rejection along ln beta as the last one did."""
    if cold <= betas[-1]:
        return betas, rejection
    last = rejection[-1] * np.log(cold / betas[-1]) / np.log(betas[-1] / betas[-2])
    return np.append(betas, cold), np.append(rejection, last)


def _spaced(betas: NDArray[np.float64], rejection: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """`count` betas between the same ends, at equal distances of summed rejection."""
    length = np.concatenate([[0.0], np.cumsum(np.maximum(rejection, 1e-3))])
    inner = interpolated(np.linspace(0, length[-1], count)[1:-1], length, np.log(betas))
    return np.concatenate([betas[:1], np.exp(inner), betas[-1:]])


def _gaps(problem: IsingProblem, graph: Graph, cold: float, seeds: Seeds) -> NDArray[np.float64]:
    """2 |local field| of the spins that are not free, in units of the kernel, in the best of some quenched
    walkers.
    """
    grid = Grid(1, _QUENCH_WALKERS, _QUENCH_WALKERS)
    (walkers,) = start_packs(
        problem, graph, grid, Seeds.of(seeds.pilot), kernel="sparse", move=Move.HEAT_BATH, largest_beta=cold
    )
    for beta in np.geomspace(cold / 100, cold, _QUENCH_STEPS):
        walkers.set_betas(np.full(_QUENCH_WALKERS, beta))
        run_sweeps(walkers.kernel, walkers.words, walkers.walker, walkers.energies, 1)
    walkers.refresh()
    best = walkers.spins()[int(np.argmin(walkers.energies[:_QUENCH_WALKERS]))]
    local = graph.fields + graph.row_sums(graph.couplings * best[graph.indices])
    gaps = 2 * np.abs(local)
    return gaps[gaps > FREE]
