"""Calls of a calibration: what they program, and the spins that come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin_backends.annealer.anneal import Anneal
from qspin_backends.annealer.calibration.shims import Shims
from qspin_backends.annealer.chains import unembed
from qspin_backends.annealer.control import FLUX_A_FIELD
from qspin_backends.annealer.device import Device, Limits, Program
from qspin_backends.annealer.embeddings.layout import Layout
from qspin_backends.annealer.embeddings.placement import side_by_side
from qspin_backends.annealer.pipeline import Plan, Stages
from qspin_backends.annealer.programs import calls, program, streams
from qspin_backends.common.journal import Answer

__all__ = ["Trial", "corrected", "device_spins", "readout_trials", "shim_trials"]


@dataclass(frozen=True)
class Trial:
    """One call.

    Parameters
    ----------
    program : without corrections
    placement : of the copies, by number
    gauge : of the spins of all copies (n_copies * n_spins,); for the readout the direction in which each
        qubit is held (n_used,)
    """

    program: Program
    placement: int
    gauge: NDArray[np.int8]


def shim_trials(plan: Plan, stages: Stages, device: Device, number: int, seed: int) -> list[Trial]:
    """Of one round, at the largest scale, in a gauge of the run; at every placement of the copies.

    Where fields or an initial state tell up from down, the opposite gauge is programmed too: what the problem
    asks for turns round with it, what the device adds does not.

    Raises
    ------
    InputError
        If the device takes no flux biases.
    """
    properties = device.properties
    if "flux_biases" not in properties["parameters"]:
        raise InputError(
            "n_shim corrects qubits by flux biases, and this device has no parameter 'flux_biases': leave "
            "n_shim out, or choose another solver",
            key=("n_shim",),
        )
    gauge = plan.gauges[plan.gauge_of[number % len(plan.gauge_of)]].ravel()
    lopsided = plan.problem.fields.any() or stages.anneal.initial_state is not None
    parts = list(calls(stages.calibration.n_reads, stages.anneal, Limits.of(properties), properties))
    wanted = [
        (placement, sign * gauge, n_reads)
        for placement in range(len(plan.placements))
        for sign in ((1, -1) if lopsided else (1,))
        for n_reads in parts
    ]
    seeds = streams(seed, len(wanted))
    return [
        Trial(_problem(plan, stages, properties, placement, own, n_reads, one, number), placement, own)
        for (placement, own, n_reads), one in zip(wanted, seeds, strict=True)
    ]


def _problem(
    plan: Plan,
    stages: Stages,
    properties: Mapping[str, Any],
    placement: int,
    gauge: NDArray[np.int8],
    n_reads: int,
    seed: int,
    number: int,
) -> Program:
    """All copies at the largest scale and one placement, in the round of that number."""
    layout, anneal = plan.placements[placement].layout, stages.anneal.of_copies(plan.n_copies)
    asked = program(
        side_by_side(plan.problem, plan.n_copies),
        layout,
        gauge,
        plan.strengths[placement],
        plan.fit.factor,
        max(stages.scales),
        n_reads,
        anneal.parameters(layout, gauge, properties),
        seed,
    )
    return replace(asked, origin={**asked.origin, "calibration": f"shim {number + 1}"})


def readout_trials(plan: Plan, stages: Stages, device: Device, seed: int) -> list[Trial]:
    """Strong fields alone that hold half of the qubits up and half of them down, and the other way round."""
    properties, limits = device.properties, Limits.of(device.properties)
    anneal = _plain(stages.anneal, is_paid=device.is_paid)
    strongest = min(-limits.h[0], limits.h[1])
    parts = list(calls(stages.calibration.n_reads, anneal, limits, properties))
    rng = np.random.default_rng(seed)
    trials = []
    for number, placement in enumerate(plan.placements):
        qubits = placement.layout.qubits
        held = rng.choice(np.array([-1, 1], dtype=np.int8), size=len(qubits))
        for pattern in (held, -held):
            for n_reads in parts:
                held_up = Program(
                    qubits=qubits,
                    fields=-strongest * pattern.astype(np.float64),
                    couplers=np.zeros((0, 2), dtype=np.int64),
                    couplings=np.zeros(0),
                    n_reads=n_reads,
                    parameters=anneal.parameters(placement.layout, held, properties),
                    seed=int(rng.integers(2**63)),
                    origin={"calibration": "readout", "held": "".join("-+"[int(s > 0)] for s in pattern)},
                )
                trials.append(Trial(held_up, number, pattern))
    return trials


def _plain(anneal: Anneal, *, is_paid: bool) -> Anneal:
    """Forward and without anything beside: how qubits came where they are does not matter here.

    A QPU takes no fields in fast anneals, so it makes one of its default time; a simulated device may need
    to be told a time, and takes them.
    """
    time = anneal.annealing_time
    if is_paid:
        time = None if anneal.fast else time
    elif anneal.schedule is not None:
        time = float(anneal.schedule[-1][0])
    return Anneal(
        time, anneal.fast and not is_paid, None, None, True, False, True, None,
        anneal.programming_thermalization, anneal.readout_thermalization,
    )  # fmt: skip


def corrected(program: Program, layout: Layout, shims: Shims, n_qubits: int) -> Program:
    """With flux biases and couplings changed by shims; as it is where these change nothing.

    Parameters
    ----------
    n_qubits : of the device, working or not: it takes a flux bias for each. Without a graph there may be more
    """
    if not (shims.fields.any() or shims.couplings.any()):
        return program
    couplings = program.couplings.copy()
    couplings[: layout.n_between] += shims.couplings[layout.edge_of] * layout.coupling_share
    given = np.array(program.parameters.get("flux_biases", []))
    biases = np.zeros(max(n_qubits, 1 + int(layout.qubits.max())))
    biases[: len(given)] = given
    biases[layout.qubits] -= FLUX_A_FIELD * layout.fields(shims.fields)
    parameters = {**program.parameters, "flux_biases": biases.tolist()}
    return replace(program, couplings=couplings, parameters=parameters)


def device_spins(
    plan: Plan, placement: int, trials: Sequence[Trial], answers: Sequence[Answer], rng: np.random.Generator
) -> tuple[list[NDArray[np.int8]], list[NDArray[np.int8]]]:
    """Reads of the spins of all copies (n_reads, n_copies * n_spins) in each gauge, and the gauges.

    They are in the variables of the device; broken chains are decided by their majority.
    """
    found: dict[bytes, list[NDArray[np.int8]]] = {}
    gauges: dict[bytes, NDArray[np.int8]] = {}
    for trial, answer in zip(trials, answers, strict=True):
        if trial.placement != placement:
            continue
        copies = [
            unembed(answer.spins[:, own], spin_of, "majority_vote", plan.problem, rng).spins
            for own, spin_of in plan.placements[placement].parts
        ]
        name = trial.gauge.tobytes()
        gauges[name] = trial.gauge
        found.setdefault(name, []).append(np.concatenate(copies, axis=1))
    return [np.concatenate(parts) for parts in found.values()], list(gauges.values())
