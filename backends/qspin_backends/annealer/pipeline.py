"""Everything before and after the one call of a device, the same for a simulated annealer and a QPU.

problem -> gauges -> scaling to the range -> embedding with chains -> programs | answers -> spins without
chains -> gauge undone. `plan` does what stands before the bar, `read_out` what stands behind it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, RunError
from qspin.problem import IsingProblem
from qspin_backends.annealer.anneal import Anneal
from qspin_backends.annealer.calibration.asked import NOTHING, Asked
from qspin_backends.annealer.calibration.shims import HEADROOM
from qspin_backends.annealer.chains import chain_strengths, unembed
from qspin_backends.annealer.device import Device, Limits, Program
from qspin_backends.annealer.embeddings.choice import Wanted, placements_of
from qspin_backends.annealer.embeddings.embedding import Embedding
from qspin_backends.annealer.embeddings.placement import Placement, side_by_side
from qspin_backends.annealer.gauges import draw_gauges
from qspin_backends.annealer.programs import calls, program, streams
from qspin_backends.annealer.scaling import Fit, coupling_groups, fit
from qspin_backends.common.journal import Answer

__all__ = ["Batch", "Plan", "Reads", "Stages", "plan", "read_out"]


@dataclass(frozen=True)
class Stages:
    """How each stage is to be done; see the settings of `Annealer`."""

    scales: Sequence[float]
    n_reads: int
    n_gauges: int
    auto_scale: bool
    extended_j_range: bool
    embeddings: Wanted
    chain_strength: Any
    unembedding: Any
    anneal: Anneal
    calibration: Asked = NOTHING


@dataclass(frozen=True)
class Batch:
    """One call: which scale, which programming of it, how many anneals."""

    scale: int
    programming: int
    n_reads: int


@dataclass(frozen=True)
class Plan:
    """What will be asked of the device, and how its answers are to be read.

    Parameters
    ----------
    placements : where copies of the problem lie; programmings take turns at them
    gauges : of single copies (n_gauges, n_spins)
    gauge_of : which of these each copy of each programming has (n_programmings, n_copies)
    strengths : of the chains of each placement (n_copies * n_spins,)
    fit : of all placements
    unembedding_seed : of the coins that decide ties
    calibration_seed : of all that is random in a calibration
    """

    problem: IsingProblem
    placements: Sequence[Placement]
    gauges: NDArray[np.int8]
    gauge_of: NDArray[np.intp]
    strengths: Sequence[NDArray[np.float64]]
    fit: Fit
    batches: Sequence[Batch]
    programs: Sequence[Program]
    unembedding_seed: int
    calibration_seed: int

    @property
    def n_copies(self) -> int:
        return self.gauge_of.shape[1]

    @property
    def embedding(self) -> Embedding:
        """Of the first copy."""
        return self.placements[0].copies[0]

    def placed(self, programming: int) -> int:
        """Which placement a programming has."""
        return programming % len(self.placements)

    def to_json(self, stages: Stages, anneal_time: float | None) -> dict[str, Any]:
        """Each stage, for the record."""
        given = stages.anneal
        strength = max(float(own.max(initial=0.0)) for own in self.strengths)
        return {
            "gauges": {"n_gauges": stages.n_gauges and len(self.gauges)},
            "scaling": {
                "factor": self.fit.factor,
                "limit": self.fit.limit,
                "auto_scale": stages.auto_scale,
                "extended_j_range": stages.extended_j_range,
            },
            "embedding": self.embedding.to_json(),
            "copies": self._copies_json(stages),
            "chain_strength": {
                "rule": str(stages.chain_strength),
                "strength": strength,
                "programmed": strength * self.fit.factor,
            },
            "anneal": {
                "annealing_time": anneal_time,
                "fast_anneal": given.fast,
                "schedule": None if given.schedule is None else [list(point) for point in given.schedule],
                "reverse": given.initial_state is not None,
            },
            "unembedding": str(stages.unembedding),
        }

    def _copies_json(self, stages: Stages) -> dict[str, Any]:
        """How many copies there are; if there are several or several placements, the chains of each."""
        counted = {"n": self.n_copies, "asked": stages.embeddings.n_copies}
        if self.n_copies == len(self.placements) == 1:
            return counted
        return counted | {"chains": [placement.chains for placement in self.placements]}


@dataclass(frozen=True)
class Reads:
    """Reads of spins at every scale, cut to equally many.

    Parameters
    ----------
    spins : int8 (n_scales, n_reads, n_spins), in the variables of the problem
    break_fraction : share of broken chains (n_scales, n_reads)
    gauge : index of the gauge (n_scales, n_reads)
    batch : index of the call (n_scales, n_reads)
    copy : which copy of the problem was read (n_scales, n_reads)
    embedding : which placement of the copies (n_scales, n_reads)
    n_left_out : reads that were not kept, because a chain was broken or another scale has fewer
    """

    spins: NDArray[np.int8]
    break_fraction: NDArray[np.float64]
    gauge: NDArray[np.int64]
    batch: NDArray[np.int64]
    copy: NDArray[np.int64]
    embedding: NDArray[np.int64]
    n_left_out: int


def plan(problem: IsingProblem, device: Device, stages: Stages, seed: int) -> Plan:
    """Programs for a problem.

    Raises
    ------
    CapacityError
        If no embedding was found, or fewer copies than were asked for.
    InputError
        If values lie out of range and scaling is off, or the device would refuse the anneal.
    """
    limits = Limits.of(device.properties)
    if stages.calibration.n_shim:
        limits = limits.tightened(HEADROOM)
    stages.anneal.check(problem, device.properties)
    placements = placements_of(problem, device.hardware, stages.embeddings, stages.n_reads)
    n_copies = len(placements[0].copies)
    n_anneals = -(-stages.n_reads // n_copies)
    gauge_seed, program_seed, *other_seeds = streams(seed, 4)
    n_gauged = -(-min(stages.n_gauges, stages.n_reads) // n_copies)  # programmings
    gauges = draw_gauges(n_gauged * n_copies, problem.n_spins, gauge_seed)
    n_programmings = _programmings(max(n_gauged, 1), n_anneals, n_copies, stages)
    gauge_of = np.arange(n_programmings * n_copies).reshape(n_programmings, n_copies) % len(gauges)
    strengths, fitted = _strong_and_fitting(problem, placements, limits, device, stages)
    if fitted.factor < 1 and not stages.auto_scale:
        raise InputError(
            f"the problem at scale {max(stages.scales):g} exceeds the {fitted.limit} of the device by a "
            f"factor {1 / fitted.factor:.3g} and auto_scale is off: lower betas or chain_strength, or switch "
            "it on",
            key=("auto_scale",),
        )
    batches = list(_batches(stages, n_programmings, n_anneals, limits, device.properties))
    planned = Plan(problem, placements, gauges, gauge_of, strengths, fitted, batches, (), *other_seeds)
    programs = list(_programs(planned, stages, device.properties, streams(program_seed, len(batches))))
    return dataclasses.replace(planned, programs=programs)


def read_out(plan: Plan, answers: Iterable[Answer], stages: Stages) -> tuple[Reads, list[Mapping[str, Any]]]:
    """Spins from the answers of a device, and what it said beside them, call by call.

    Raises
    ------
    RunError
        If unembedding left no read at some scale.
    """
    n_scales = len(stages.scales)
    columns: list[list[tuple[NDArray[Any], ...]]] = [[] for _ in range(n_scales)]
    facts: list[Mapping[str, Any]] = []
    rng = np.random.default_rng(plan.unembedding_seed)
    for k, (batch, answer) in enumerate(zip(plan.batches, answers, strict=True)):
        columns[batch.scale].append(_copy_by_copy(plan, k, answer, stages, rng))
        which = {
            "gauge": int(plan.gauge_of[batch.programming, 0]),
            "embedding": plan.placed(batch.programming),
        }
        facts.append({"scale": stages.scales[batch.scale], **which, **answer.facts})
    rows = [[np.concatenate(parts) for parts in zip(*column, strict=True)] for column in columns]
    n_reads = min(stages.n_reads, *(len(row[0]) for row in rows))
    if n_reads == 0:
        raise RunError(
            "no read is left: every one has a broken chain. Choose unembedding 'majority_vote', or a larger "
            "chain_strength"
        )
    names = ("spins", "break_fraction", "gauge", "batch", "copy", "embedding")
    cut: dict[str, Any] = {name: np.stack([row[q][:n_reads] for row in rows]) for q, name in enumerate(names)}
    return Reads(**cut, n_left_out=n_scales * (stages.n_reads - n_reads)), facts


def _copy_by_copy(
    plan: Plan, k: int, answer: Answer, stages: Stages, rng: np.random.Generator
) -> tuple[NDArray[Any], ...]:
    """Reads of one call in the order in which they were annealed, copy after copy: the columns of `Reads`."""
    batch = plan.batches[k]
    which = plan.placed(batch.programming)
    found: list[tuple[NDArray[Any], ...]] = []
    for copy, (own, spin_of) in enumerate(plan.placements[which].parts):
        gauge = int(plan.gauge_of[batch.programming, copy])
        spins = answer.spins[:, own] if plan.n_copies > 1 else answer.spins
        got = unembed(spins, spin_of, stages.unembedding, plan.problem, rng, plan.gauges[gauge])
        n = len(got.kept)
        labels = [np.full(n, label) for label in (gauge, k, copy, which)]
        found.append((got.kept, got.spins * plan.gauges[gauge], got.break_fraction[got.kept], *labels))
    kept, *values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(kept, kind="stable")
    return tuple(value[order] for value in values)


def _strong_and_fitting(
    problem: IsingProblem,
    placements: Sequence[Placement],
    limits: Limits,
    device: Device,
    stages: Stages,
) -> tuple[list[NDArray[np.float64]], Fit]:
    """Strengths of chains, and the factor that fits problem and chains into the range, of all placements."""
    scale = max(stages.scales) or 1.0
    together = [side_by_side(problem, len(placement.copies)) for placement in placements]
    groups = [coupling_groups(placement.layout, device.hardware, limits) for placement in placements]

    def fitted(strengths: Sequence[NDArray[np.float64]]) -> Fit:
        fits = [
            fit(
                all_copies,
                placement.layout,
                scale,
                own,
                limits,
                gauged=stages.n_gauges > 0,
                extended=stages.extended_j_range,
                groups=group,
                gains=stages.anneal.gains,
            )
            for all_copies, placement, own, group in zip(together, placements, strengths, groups, strict=True)
        ]
        return min(fits, key=lambda one: one.factor)

    without_chains = fitted([np.zeros(all_copies.n_spins) for all_copies in together]).factor
    temperature = device.temperature(without_chains)
    strengths = [
        _strengths(problem, placement, scale, stages.chain_strength, temperature) for placement in placements
    ]
    return strengths, fitted(strengths)


def _strengths(
    problem: IsingProblem, placement: Placement, scale: float, rule: Any, temperature: float | None
) -> NDArray[np.float64]:
    """Of the chains of all copies; a function is asked about each of them, since it may look at chains."""
    if callable(rule):
        asked: Sequence[Embedding] = placement.copies
    else:
        asked = [placement.longest] * len(placement.copies)
    found = {
        chains: chain_strengths(problem, embedding, scale, rule, temperature)
        for chains, embedding in {embedding.chains: embedding for embedding in asked}.items()
    }
    return np.concatenate([found[embedding.chains] for embedding in asked])


def _programmings(n_gauged: int, n_anneals: int, n_copies: int, stages: Stages) -> int:
    """How many of each scale: one for each gauge and for each embedding."""
    n_embeddings = stages.embeddings.n_embeddings
    if n_embeddings > n_anneals:
        raise InputError(
            f"n_embeddings {n_embeddings} share {n_anneals} anneal{'s' * (n_anneals > 1)} at each scale "
            f"({stages.n_reads} reads of {n_copies} cop{'ies' if n_copies > 1 else 'y'}): lower it, or raise "
            "n_reads",
            key=("n_embeddings",),
        )
    return max(n_gauged, n_embeddings)


def _programs(
    plan: Plan, stages: Stages, properties: Mapping[str, Any], seeds: Sequence[int]
) -> Iterator[Program]:
    """One for each call."""
    problem = side_by_side(plan.problem, plan.n_copies)
    anneal = stages.anneal.of_copies(plan.n_copies)
    gauges = [plan.gauges[own].ravel() for own in plan.gauge_of]
    layouts = [plan.placements[plan.placed(p)].layout for p in range(len(gauges))]
    parameters = [
        anneal.parameters(layout, gauge, properties) for layout, gauge in zip(layouts, gauges, strict=True)
    ]
    for batch, seed in zip(plan.batches, seeds, strict=True):
        p = batch.programming
        yield program(
            problem,
            layouts[p],
            gauges[p],
            plan.strengths[plan.placed(p)],
            plan.fit.factor,
            stages.scales[batch.scale],
            batch.n_reads,
            parameters[p],
            seed,
        )


def _batches(
    stages: Stages, n_programmings: int, n_anneals: int, limits: Limits, properties: Mapping[str, Any]
) -> Iterator[Batch]:
    """Anneals shared evenly among programmings, in calls that the device accepts."""
    for scale in range(len(stages.scales)):
        for programming in range(n_programmings):
            own = len(range(programming, n_anneals, n_programmings))
            for n_reads in calls(own, stages.anneal, limits, properties):
                yield Batch(scale, programming, n_reads)
