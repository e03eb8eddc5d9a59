"""Everything before and after the one call of a device, the same for a simulated annealer and a QPU.

problem -> gauges -> scaling to the range -> embedding with chains -> programs | answers -> spins without
chains -> gauge undone. `plan` does what stands before the bar, `read_out` what stands behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, RunError
from qspin.problem import IsingProblem
from qspin_backends.annealer.anneal import Anneal
from qspin_backends.annealer.chains import chain_strengths, unembed
from qspin_backends.annealer.device import Device, Limits, Program
from qspin_backends.annealer.embedding import Embedding, Layout, embed, lay_out
from qspin_backends.annealer.gauges import draw_gauges, gauged_couplings
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
    embedding: Any
    embedding_seed: int
    chain_strength: Any
    unembedding: Any
    anneal: Anneal


@dataclass(frozen=True)
class Batch:
    """One programming: which scale, which gauge, how many reads."""

    scale: int
    gauge: int
    n_reads: int


@dataclass(frozen=True)
class Plan:
    """What will be asked of the device, and how its answers are to be read."""

    problem: IsingProblem
    embedding: Embedding
    layout: Layout
    gauges: NDArray[np.int8]
    strengths: NDArray[np.float64]
    fit: Fit
    batches: Sequence[Batch]
    programs: Sequence[Program]
    unembedding_seed: int

    def to_json(self, stages: Stages, anneal_time: float | None) -> dict[str, Any]:
        """Each stage, for the record."""
        given = stages.anneal
        return {
            "gauges": {"n_gauges": stages.n_gauges and len(self.gauges)},
            "scaling": {
                "factor": self.fit.factor,
                "limit": self.fit.limit,
                "auto_scale": stages.auto_scale,
                "extended_j_range": stages.extended_j_range,
            },
            "embedding": self.embedding.to_json(),
            "chain_strength": {
                "rule": str(stages.chain_strength),
                "strength": float(self.strengths.max(initial=0.0)),
                "programmed": float(self.strengths.max(initial=0.0)) * self.fit.factor,
            },
            "anneal": {
                "annealing_time": anneal_time,
                "fast_anneal": given.fast,
                "schedule": None if given.schedule is None else [list(point) for point in given.schedule],
                "reverse": given.initial_state is not None,
            },
            "unembedding": str(stages.unembedding),
        }


@dataclass(frozen=True)
class Reads:
    """Reads of spins at every scale, cut to equally many.

    Parameters
    ----------
    spins : int8 (n_scales, n_reads, n_spins), in the variables of the problem
    break_fraction : share of broken chains (n_scales, n_reads)
    gauge : index of the gauge (n_scales, n_reads)
    batch : index of the programming (n_scales, n_reads)
    n_left_out : reads that were not kept, because a chain was broken or another scale has fewer
    """

    spins: NDArray[np.int8]
    break_fraction: NDArray[np.float64]
    gauge: NDArray[np.int64]
    batch: NDArray[np.int64]
    n_left_out: int


def plan(problem: IsingProblem, device: Device, stages: Stages, seed: int) -> Plan:
    """Programs for a problem.

    Raises
    ------
    CapacityError
        If no embedding was found.
    InputError
        If values lie out of range and scaling is off, or the device would refuse the anneal.
    """
    limits = Limits.of(device.properties)
    stages.anneal.check(problem, device.properties)
    embedding = embed(problem, device.hardware, stages.embedding, stages.embedding_seed)
    layout = lay_out(problem, embedding, device.hardware)
    gauge_seed, program_seed, unembedding_seed = _streams(seed, 3)
    gauges = draw_gauges(min(stages.n_gauges, stages.n_reads), problem.n_spins, gauge_seed)
    strengths, fitted = _strong_and_fitting(problem, embedding, layout, limits, device, stages)
    if fitted.factor < 1 and not stages.auto_scale:
        raise InputError(
            f"the problem at scale {max(stages.scales):g} exceeds the {fitted.limit} of the device by a "
            f"factor {1 / fitted.factor:.3g} and auto_scale is off: lower betas or chain_strength, or switch "
            "it on",
            key=("auto_scale",),
        )
    batches = list(_batches(stages, len(gauges), limits, device.properties))
    seeds = _streams(program_seed, len(batches))
    parameters = [stages.anneal.parameters(layout, gauge, device.properties) for gauge in gauges]
    programs = [
        _program(
            problem,
            layout,
            gauges[batch.gauge],
            strengths,
            fitted.factor,
            stages.scales[batch.scale],
            batch.n_reads,
            parameters[batch.gauge],
            own,
        )
        for batch, own in zip(batches, seeds, strict=True)
    ]
    return Plan(problem, embedding, layout, gauges, strengths, fitted, batches, programs, unembedding_seed)


def read_out(plan: Plan, answers: Iterable[Answer], stages: Stages) -> tuple[Reads, list[Mapping[str, Any]]]:
    """Spins from the answers of a device, and what it said beside them, batch by batch.

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
        gauge_of = plan.gauges[batch.gauge]
        got = unembed(answer.spins, plan.layout, stages.unembedding, plan.problem, rng, gauge_of)
        n_kept = len(got.kept)
        columns[batch.scale].append(
            (
                got.spins * gauge_of,
                got.break_fraction[got.kept],
                np.full(n_kept, batch.gauge),
                np.full(n_kept, k),
            )
        )
        facts.append({"scale": stages.scales[batch.scale], "gauge": batch.gauge, **answer.facts})
    rows = [[np.concatenate(parts) for parts in zip(*column, strict=True)] for column in columns]
    n_reads = min(len(row[0]) for row in rows)
    if n_reads == 0:
        raise RunError(
            "no read is left: every one has a broken chain. Choose unembedding 'majority_vote', or a larger "
            "chain_strength"
        )
    spins, broken, gauge, batch_of = (np.stack([row[q][:n_reads] for row in rows]) for q in range(4))
    return Reads(spins, broken, gauge, batch_of, n_scales * stages.n_reads - spins[..., 0].size), facts


def _strong_and_fitting(
    problem: IsingProblem,
    embedding: Embedding,
    layout: Layout,
    limits: Limits,
    device: Device,
    stages: Stages,
) -> tuple[NDArray[np.float64], Fit]:
    """Strengths of chains, and the factor that fits problem and chains into the range."""
    scale = max(stages.scales) or 1.0
    groups = coupling_groups(layout, device.hardware, limits)

    def fitted(strengths: NDArray[np.float64]) -> Fit:
        return fit(
            problem,
            layout,
            scale,
            strengths,
            limits,
            gauged=stages.n_gauges > 0,
            extended=stages.extended_j_range,
            groups=groups,
            gains=stages.anneal.gains,
        )

    without_chains = fitted(np.zeros(problem.n_spins)).factor
    strengths = chain_strengths(
        problem, embedding, scale, stages.chain_strength, device.temperature(without_chains)
    )
    return strengths, fitted(strengths)


def _program(
    problem: IsingProblem,
    layout: Layout,
    gauge: NDArray[np.int8],
    strengths: NDArray[np.float64],
    factor: float,
    scale: float,
    n_reads: int,
    parameters: Mapping[str, Any],
    seed: int,
) -> Program:
    energy = factor * scale
    return Program(
        qubits=layout.qubits,
        fields=layout.fields(energy * problem.fields * gauge),
        couplers=layout.couplers,
        couplings=layout.couplings(energy * gauged_couplings(problem, gauge), factor * strengths),
        n_reads=n_reads,
        parameters=parameters,
        seed=seed,
        origin={"scale": scale, "gauge": "".join("-+"[int(g > 0)] for g in gauge)},
    )


def _batches(stages: Stages, n_gauges: int, limits: Limits, properties: Mapping[str, Any]) -> Iterator[Batch]:
    """Reads shared evenly among gauges, in calls that the device accepts."""
    anneal_time = stages.anneal.time(properties)
    most = limits.reads_a_call(anneal_time, *stages.anneal.waits(properties))
    if most < 1:
        raise InputError(
            f"one anneal of {anneal_time:g} microseconds and the waits around it exceed what the device runs "
            f"in a call ({limits.duration:g}); shorten annealing_time, anneal_schedule or thermalizations",
            key=("annealing_time",),
        )
    for scale in range(len(stages.scales)):
        for gauge in range(n_gauges):
            for n_reads in _calls(len(range(gauge, stages.n_reads, n_gauges)), limits.least_reads, most):
                yield Batch(scale, gauge, n_reads)


def _calls(n_reads: int, least: int, most: int) -> Iterator[int]:
    """Reads of each call: as many as may be in the first ones, and never fewer than the device accepts."""
    for left in range(-(-n_reads // most) - 1, -1, -1):  # calls that follow
        now = min(most, n_reads - least * left)
        if now < least:
            raise InputError(
                f"this device takes {least} to {most} reads in a call, which those of one gauge cannot be "
                "split into: raise n_reads, or lower n_gauges",
                key=("n_reads",),
            )
        yield now
        n_reads -= now


def _streams(seed: int, n: int) -> list[int]:
    """Independent seeds of 64 bits."""
    return [int(s.generate_state(1, np.uint64)[0]) for s in np.random.SeedSequence(seed).spawn(n)]
