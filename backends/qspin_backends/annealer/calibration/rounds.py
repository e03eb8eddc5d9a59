"""Programmings that are bought to learn of a device: rounds of shims one after the other, then its readout.

Each round programs what the ones before it have taught, so none can be sent before the last was answered. All
of them cost as much as their uncorrected programs do, so that the price of everything is known before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import report_progress
from qspin_backends.annealer.calibration.readout import Flips, flips_of
from qspin_backends.annealer.calibration.shims import HEADROOM, Shims, measured, stepped, together
from qspin_backends.annealer.calibration.symmetry import coupler_orbits
from qspin_backends.annealer.calibration.trials import (
    Trial,
    corrected,
    device_spins,
    readout_trials,
    shim_trials,
)
from qspin_backends.annealer.device import Device, Limits, Program
from qspin_backends.annealer.embeddings.placement import side_by_side
from qspin_backends.annealer.pipeline import Plan, Stages
from qspin_backends.annealer.programs import streams
from qspin_backends.common.effective import pseudo_likelihood
from qspin_backends.common.journal import Answer

__all__ = ["Learned", "calibrated", "calibrations", "most_corrected"]

NOMINAL_BETA = 9.0
"""Inverse temperature of an Advantage2 where its qubits freeze out, in units of its couplings (an effective
temperature of 0.112, by D-Wave's published numbers): the rate of steps where reads tell no temperature."""

Ask = Callable[[Sequence[Program], str, Sequence[Program]], Sequence[Answer]]
"""Answers to programs bought under a name; those in the end will follow, and count in what may be spent."""


@dataclass(frozen=True)
class Learned:
    """What programmings of a calibration have taught.

    Parameters
    ----------
    plan : of the anneals themselves, corrected at the end
    n_qubits : of the device, working or not
    shims : what corrects it, one for each placement of the copies; empty without shims
    orbits : which couplings are compared, see `coupler_orbits`, copies among them; None: none are
    curves : what every round has shown, round by round
    flips : how often qubits of each placement are read wrongly; empty where that was not measured
    batches : what the device said of each call
    """

    plan: Plan
    n_qubits: int
    shims: list[Shims] = field(default_factory=list)
    orbits: NDArray[np.int64] | None = None
    curves: list[dict[str, Any]] = field(default_factory=list)
    flips: list[Flips] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)

    def corrected(self, programs: Sequence[Program], placements: Sequence[int]) -> list[Program]:
        """Programs with the shims of their placements."""
        if not self.shims:
            return list(programs)
        layouts = [placement.layout for placement in self.plan.placements]
        return [
            corrected(program, layouts[k], self.shims[k], self.n_qubits)
            for program, k in zip(programs, placements, strict=True)
        ]


def calibrations(planned: Plan, stages: Stages, device: Device) -> list[list[Trial]]:
    """Calls of every round, without what they will be corrected by; none where nothing is to be learned.

    Raises
    ------
    InputError
        If the device lacks what they need.
    """
    asked = stages.calibration
    *seeds, last = streams(planned.calibration_seed, asked.n_shim + 1)
    rounds = [shim_trials(planned, stages, device, number, seed) for number, seed in enumerate(seeds)]
    return [*rounds, readout_trials(planned, stages, device, last)] if asked.readout else rounds


def calibrated(
    planned: Plan, stages: Stages, device: Device, rounds: Sequence[Sequence[Trial]], ask: Ask
) -> Learned:
    """Buy the rounds of `calibrations`, and correct the plan by what they teach."""
    learned = Learned(planned, int(device.properties["num_qubits"]))
    if stages.calibration.n_shim:
        copies = side_by_side(planned.problem, planned.n_copies)
        nothing = [Shims.none(copies) for _ in planned.placements]
        learned = replace(learned, shims=nothing, orbits=_compared(planned))
    for number, trials in enumerate(rounds):
        is_shim = number < stages.calibration.n_shim
        name = f"shim {number + 1}" if is_shim else "readout"
        report_progress(0.0, f"calibration, {name}")
        later = [trial.program for following in rounds[number + 1 :] for trial in following]
        programs = [trial.program for trial in trials]
        sent = learned.corrected(programs, [trial.placement for trial in trials]) if is_shim else programs
        answers = ask(sent, name, [*later, *planned.programs])
        facts = [{"calibration": name, **answer.facts} for answer in answers]
        learned = replace(learned, batches=[*learned.batches, *facts])
        learned = (_shimmed if is_shim else _misread)(learned, stages, device, trials, answers)
    placements = [planned.placed(batch.programming) for batch in planned.batches]
    return replace(learned, plan=replace(planned, programs=learned.corrected(planned.programs, placements)))


def _compared(planned: Plan) -> NDArray[np.int64] | None:
    """Orbits of the couplings of all copies together: a coupling is in every copy what it is in one."""
    orbits = coupler_orbits(planned.problem)
    if orbits is None and planned.n_copies == 1:
        return None
    own = np.arange(planned.problem.n_couplings) if orbits is None else orbits
    return np.tile(own, planned.n_copies)


def _shimmed(
    learned: Learned, stages: Stages, device: Device, trials: Sequence[Trial], answers: Sequence[Answer]
) -> Learned:
    """After one more round."""
    planned, number = learned.plan, len(learned.curves)
    rng = np.random.default_rng(streams(planned.calibration_seed, stages.calibration.n_shim + 2)[-1] + number)
    read = [device_spins(planned, k, trials, answers, rng) for k in range(len(planned.placements))]
    beta, source = _beta(planned, stages, device, read)
    copies = side_by_side(planned.problem, planned.n_copies)
    seen = [measured(copies, spins, gauges, learned.orbits) for spins, gauges in read]
    shims = [
        stepped(own, one, learned.orbits, beta, number, most_corrected(device))
        for own, one in zip(learned.shims, seen, strict=True)
    ]
    row: dict[str, Any] = {**together([one.curves for one in seen]), **_sizes(shims)}
    row = {**row, "beta": beta, "beta_from": source}
    return replace(learned, shims=shims, curves=[*learned.curves, row])


def _sizes(shims: Sequence[Shims]) -> dict[str, float]:
    """Of the corrections at all placements after a round."""
    own = [one.sizes for one in shims]
    largest = {name: max(size[name] for size in own) for name in own[0] if name.endswith("_largest")}
    return {**together(own), **largest}


def most_corrected(device: Device) -> float:
    """By which a coupling may be corrected, units of the device."""
    low, high = Limits.of(device.properties).j
    return HEADROOM * min(-low, high)


def _beta(
    planned: Plan,
    stages: Stages,
    device: Device,
    read: list[tuple[list[NDArray[np.int8]], list[NDArray[np.int8]]]],
) -> tuple[float, str]:
    """Inverse temperature of the device, 1/units of its couplings, and where it is from."""
    factor, n = planned.fit.factor, planned.problem.n_spins
    spins = np.concatenate(
        [(several * gauge).reshape(-1, n) for own, gauges in read
         for several, gauge in zip(own, gauges, strict=True)]
    )  # fmt: skip
    problem = planned.problem.scaled(factor * max(stages.scales))
    found = pseudo_likelihood(problem, spins, np.zeros(len(spins), dtype=np.int64)).beta
    if found > 0:
        return found, "reads"
    temperature = device.temperature(factor)
    return (NOMINAL_BETA, "nominal") if temperature is None else (1 / (temperature * factor), "device")


def _misread(
    learned: Learned, stages: Stages, device: Device, trials: Sequence[Trial], answers: Sequence[Answer]
) -> Learned:
    """With how often qubits are read wrongly."""
    flips = []
    for placement in range(len(learned.plan.placements)):
        own = [(t.gauge, a.spins) for t, a in zip(trials, answers, strict=True) if t.placement == placement]
        held = own[0][0]
        first, second = (
            np.concatenate([spins for gauge, spins in own if (gauge == pattern).all()])
            for pattern in (held, -held)
        )
        flips.append(flips_of(held, [first, second]))
    return replace(learned, flips=flips)
