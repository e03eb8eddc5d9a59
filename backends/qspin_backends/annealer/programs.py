"""Programs of a device: a problem in a gauge, in calls that the device accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.annealer.anneal import Anneal
from qspin_backends.annealer.device import Limits, Program
from qspin_backends.annealer.embeddings.layout import Layout
from qspin_backends.annealer.gauges import gauged_couplings

__all__ = ["calls", "program", "streams"]


def program(
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
    """A problem at a scale and in a gauge, its energies multiplied by a factor that fits the device."""
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


def calls(n_reads: int, anneal: Anneal, limits: Limits, properties: Mapping[str, Any]) -> Iterator[int]:
    """Reads of each call: as many as may be in the first ones, and never fewer than the device accepts."""
    anneal_time, least = anneal.time(properties), limits.least_reads
    most = limits.reads_a_call(anneal_time, *anneal.waits(properties))
    if most < 1:
        raise InputError(
            f"one anneal of {anneal_time:g} microseconds and the waits around it exceed what the device runs "
            f"in a call ({limits.duration:g}); shorten annealing_time, anneal_schedule or thermalizations",
            key=("annealing_time",),
        )
    for left in range(-(-n_reads // most) - 1, -1, -1):  # calls that follow
        now = min(most, n_reads - least * left)
        if now < least:
            raise InputError(
                f"this device takes {least} to {most} reads in a call, which those of one programming cannot "
                "be split into: raise n_reads, or lower n_gauges",
                key=("n_reads",),
            )
        yield now
        n_reads -= now


def streams(seed: int, n: int) -> list[int]:
    """Independent seeds of 64 bits."""
    return [int(s.generate_state(1, np.uint64)[0]) for s in np.random.SeedSequence(seed).spawn(n)]
