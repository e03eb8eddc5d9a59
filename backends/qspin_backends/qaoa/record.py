"""What is told of a circuit beside its shots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qspin.problem import IsingProblem
from qspin.sampler import Remark
from qspin_backends.common.journal import Answer
from qspin_backends.qaoa.ansatz import Tilts
from qspin_backends.qaoa.lightcone import LightCones, largest_cone
from qspin_backends.qaoa.objective import Expectation
from qspin_backends.qaoa.statevector import StateVector
from qspin_backends.qaoa.strategies import Chosen
from qspin_backends.qaoa.tables import coupling_scale

__all__ = ["device_clocks", "headline_of", "on_truncation", "record_of"]

_EXPECTED_SPINS = 20  # up to which the noiseless mean energy of the circuit is computed for the record ...
_EXPECTED_CONE = 14  # ... or where no term sees more of them
_TRUNCATED = 0.01  # sum of discarded weights beyond which shots are remarked on


def record_of(problem: IsingProblem, chosen: Chosen, tilts: Tilts | None, depth: int) -> dict[str, Any]:
    """Angles, scale, warm start, and the mean energy without noise where it can be had cheaply."""
    record: dict[str, Any] = {
        "angles": {**chosen.angles.to_json(), "origin": chosen.origin},
        "coupling_scale": coupling_scale(problem),
        "warm_start": None if tilts is None else np.cos(tilts.tilts).tolist(),
    }
    if problem.n_spins <= _EXPECTED_SPINS:
        with StateVector(problem, tilts) as vector:
            record["expected_energy"] = vector.value(chosen.angles, Expectation())
    elif not chosen.angles.is_multi and largest_cone(problem, depth) <= _EXPECTED_CONE:
        cones = LightCones(problem, depth, tilts)
        record["expected_energy"] = cones.value(chosen.angles, Expectation())
    return record


def headline_of(circuit: Mapping[str, Any], device: Mapping[str, Any]) -> str:
    """In a line: a circuit as it ran, and what ran it."""
    by = device.get("method", device["name"])
    return f"depth {circuit['depth']}, {circuit['two_qubit_gates']} two-qubit gates, {by}"


def on_truncation(answers: Sequence[Answer]) -> list[Remark]:
    """What a reader must know of matrix product states that were cut off."""
    worst = max(answer.facts.get("truncation", 0.0) for answer in answers)
    if worst <= _TRUNCATED:
        return []
    text = (
        f"bonds of the matrix product state were cut off by {worst:.2g} in all: the shots are not those of "
        "the circuit; raise max_bond_dimension"
    )
    return [Remark("bonds-cut-off", text)]


def device_clocks(answers: Sequence[Answer], seconds: float, *, is_paid: bool) -> dict[str, float]:
    """Of the seconds of a call those of its sampling, and of them those on a device that is paid."""
    if not is_paid:
        return {"sample": seconds}
    bought = [answer.facts for answer in answers if not answer.facts["from_journal"]]
    on_device = sum(facts.get("qpu_seconds", 0.0) for facts in bought)
    return {"device": on_device, "sample": max(0.0, seconds - on_device)}
