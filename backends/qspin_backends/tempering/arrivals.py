"""Replicas that stop where they reach an energy: when that was, and where they were.

Kernels carry energies along in single precision, so a walker that seems to have arrived is looked at exactly;
a sweep ends early for that. Which sweep a replica arrives at depends on nothing else in its pack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Level, Remark, energy_tolerance, njit
from qspin_backends.tempering.recording import Extra
from qspin_backends.tempering.walkers import Walkers, sweep
from qspin_backends.tempering.words import expanded

__all__ = [
    "Arrivals",
    "Watch",
    "are_complete",
    "arrives",
    "kept_of",
    "look",
    "nobody",
    "on_watch",
    "run_until",
    "target_facts",
    "target_remarks",
    "told",
]

_SLACK = 2.0**-17  # of the sum of |J| and |h|: how far carried energies may be off


class Watch(NamedTuple):
    """What a loop of sweeps looks at, to end where a walker may have arrived.

    Parameters
    ----------
    limit : float64 (1,), in units of the kernel and without the offset; -inf: nobody is watched
    seen : float64 (all lanes,), energies that were found not to have arrived by an exact look
    is_watched : bool (n_ladders,), False for partners and for those that have arrived
    is_done : bool (n_ladders,), has arrived, or its partner has: nothing is done with it any more
    """

    limit: NDArray[np.float64]
    seen: NDArray[np.float64]
    is_watched: NDArray[np.bool_]
    is_done: NDArray[np.bool_]


def nobody(n_ladders: int, n_all: int) -> Watch:
    """Where no energy is aimed at."""
    return Watch(
        np.full(1, -np.inf),
        np.full(n_all, np.nan),
        np.zeros(n_ladders, np.bool_),
        np.zeros(n_ladders, np.bool_),
    )


@njit(inline="always")
def arrives(energies, watch, n_betas):
    """Whether a walker seems to have arrived that was not looked at where it is."""
    n_ladders = len(watch.is_watched)
    for r in range(n_ladders):
        if watch.is_watched[r]:
            for lane in range(r, n_betas * n_ladders, n_ladders):
                if energies[lane] <= watch.limit[0] and energies[lane] != watch.seen[lane]:
                    return True
    return False


@njit(cache=True, nogil=True)
def run_until(kernel, words, walker, energies, n_sweeps, watch):
    """Nothing but sweeps, up to `n_sweeps`, ended where a walker arrives; returns how many were run."""
    for done in range(n_sweeps):
        sweep(kernel, words, walker, energies)
        if arrives(energies, watch, 1):
            return done + 1
    return n_sweeps


@dataclass(eq=False)
class Arrivals:
    """Replicas of a pack that are to stop at an energy, or have.

    Parameters
    ----------
    target : energy, the offset and the tolerance of the problem included
    watch : of the pack
    stride : ladders a replica, of which the first is recorded
    sweeps : float64 (n_ladders,), sweeps to the target; NaN where it was not reached
    bits : uint64 (n_betas, n_ladders, words), spins of those that have arrived, at that moment
    """

    target: float
    watch: Watch
    stride: int
    sweeps: NDArray[np.float64]
    bits: NDArray[np.uint64]

    @property
    def are_complete(self) -> bool:
        """Whether nobody is left to arrive."""
        return not self.watch.is_watched.any()

    @property
    def n_betas(self) -> int:
        return len(self.bits)

    def look(self, walkers: Walkers, done: int) -> None:
        """Look exactly at walkers that seem to have arrived after `done` sweeps, and take down who has."""
        watch, n_ladders = self.watch, len(self.watch.is_watched)
        energies = walkers.energies[: walkers.n_lanes]
        seems = (energies <= watch.limit[0]) & (energies != watch.seen[: walkers.n_lanes])
        lanes = np.flatnonzero(seems & np.tile(watch.is_watched, self.n_betas))
        if not lanes.size:
            return
        bits = walkers.bits()
        spins = expanded(bits[None, lanes], walkers.problem.n_spins)[0, :, 0]
        here = lanes[walkers.problem.energies(spins) <= self.target] % n_ladders
        watch.seen[lanes] = energies[lanes]
        for r in np.unique(here).tolist():
            watch.is_watched[r] = False
            watch.is_done[r : r + self.stride] = True
            self.sweeps[r] = done
            self.bits[:, r] = bits[r::n_ladders]

    def settled(self, bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Bits by lane (n_lanes, words), with those of replicas that have arrived as they were then."""
        by_ladder = bits.reshape(self.n_betas, -1, bits.shape[1]).copy()
        there = ~np.isnan(self.sweeps)
        by_ladder[:, there] = self.bits[:, there]
        return by_ladder.reshape(bits.shape)

    def evolving(self) -> dict[str, NDArray[np.generic]]:
        """What a checkpoint holds."""
        return {"sweeps": self.sweeps, "bits": self.bits, **self.watch._asdict()}


def look(walkers: Walkers, arrivals: Arrivals | None, done: int) -> None:
    """At energies that are met after `done` sweeps, and at who has arrived, where anybody is to."""
    walkers.look()
    if arrivals is not None:
        arrivals.look(walkers, done)


def kept_of(arrivals: Arrivals | None) -> dict[str, NDArray[np.generic]]:
    """What a checkpoint of a pack holds of its arrivals, if there are any."""
    return {} if arrivals is None else {f"arrivals.{k}": array for k, array in arrivals.evolving().items()}


class _Stopping(Protocol):
    """A pack of any method."""

    @property
    def is_complete(self) -> bool: ...


def are_complete(packs: Sequence[_Stopping]) -> bool:
    """Whether all replicas of all packs have arrived where they were to stop."""
    return all(pack.is_complete for pack in packs)


def on_watch(walkers: Walkers, target: float, watch: Watch, n_betas: int, stride: int = 1) -> Arrivals:
    """Arrivals of the recorded ladders of a pack at an energy, with offset, units of energy.

    `watch` is that of the loop, and is set.
    """
    problem, n_ladders = walkers.problem, len(watch.is_watched)
    aim = target + energy_tolerance(problem)
    strengths = np.abs(problem.edges.couplings).sum() + np.abs(problem.fields).sum()
    watch.limit[0] = (aim - problem.offset + _SLACK * strengths) / walkers.unit
    watch.is_watched[::stride] = True
    words = walkers.bits().shape[1]
    bits = np.zeros((n_betas, n_ladders, words), np.uint64)
    return Arrivals(aim, watch, stride, np.full(n_ladders, np.nan), bits)


def told(
    arrivals: Sequence[Arrivals | None], problem: IsingProblem, target: float | None, most: int
) -> tuple[Extra, dict[str, Any], list[Remark]]:
    """Variables of the dataset, facts and remarks of replicas that were to stop at an energy.

    Parameters
    ----------
    arrivals : of all packs; without a target there is nothing to tell
    target : energy, with offset
    most : sweeps after which a replica ended that did not reach it
    """
    if target is None:
        return {}, {}, []
    sweeps = np.concatenate([own.sweeps[:: own.stride] for own in arrivals if own is not None])
    facts = target_facts(sweeps, target, most)
    return {"sweeps_to_target": (("replica",), sweeps)}, facts, list(target_remarks(problem, target, sweeps))


def target_facts(sweeps: NDArray[np.float64], target: float, most: int) -> dict[str, Any]:
    """How many of the replicas, sweeps (n_replicas,) to the target or NaN, reached it; for the rest see
    `told`.
    """
    reached = int((~np.isnan(sweeps)).sum())
    return {"target": {"energy": target, "n_reached": reached, "most_sweeps": most}}


def target_remarks(problem: IsingProblem, target: float, sweeps: NDArray[np.float64]) -> Iterator[Remark]:
    """What is to be said where replicas were to stop at an energy."""
    n_replicas = len(sweeps)
    reached = int((~np.isnan(sweeps)).sum())
    if reached:
        yield Remark(
            "stopped-at-target",
            f"{reached} of {n_replicas} replicas were stopped where they reached the energy {target:.10g}: "
            "chosen by their energy, configurations do not follow exp(-beta E)",
        )
    least, why = _least(problem)
    if target + energy_tolerance(problem) < least:
        yield Remark(
            "target-out-of-reach",
            f"no configuration reaches the energy {target:.10g}: {why} allow none below {least:.10g}",
        )
    elif reached < n_replicas:
        text = f"{n_replicas - reached} of {n_replicas} replicas did not reach the energy {target:.10g}"
        yield Remark("target-not-reached", text, Level.NOTE if reached else Level.CAUTION)


def _least(problem: IsingProblem) -> tuple[float, str]:
    """An energy that no configuration falls below, and by what."""
    strengths = np.abs(problem.edges.couplings).sum() + np.abs(problem.fields).sum()
    bound = problem.offset - float(strengths)
    known = None if problem.known is None else problem.known.ground_energy
    return (
        (bound, "couplings and fields") if known is None else (max(bound, known), "the known ground states")
    )
