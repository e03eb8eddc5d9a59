"""Rows of the samples: one for each depth, with a seed of its own, its circuit, and what was read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import STANDARD_ERRORS, Remark
from qspin_backends.common.copies import Chance
from qspin_backends.common.journal import Answer
from qspin_backends.qaoa.copies import copies_apart, copies_record
from qspin_backends.qaoa.device import Request
from qspin_backends.qaoa.steps import on_steps, steps_record
from qspin_backends.qaoa.strategies import Chosen

__all__ = ["Reads", "Row", "added_remarks", "drift_of", "seed_at", "told_of", "variables_of"]

_FEWEST_BATCHES = 3  # for a change to have an error


@dataclass(frozen=True)
class Row:
    """A circuit of one depth.

    Parameters
    ----------
    depth : its layers
    seed : of everything random about it but its angles
    chosen : angles
    request : what is asked of the device
    """

    depth: int
    seed: int
    chosen: Chosen
    request: Request

    @staticmethod
    def seed_of(seed: int, depth: int) -> int:
        """Of a depth among several: the same whichever the others are."""
        return int(np.random.SeedSequence(seed, spawn_key=(4, depth)).generate_state(1, np.uint32)[0])

    @staticmethod
    def streams_of(seed: int) -> list[np.random.SeedSequence]:
        """Of warm starts, training, shots, and what is done to shots."""
        return np.random.SeedSequence(seed).spawn(4)


@dataclass(frozen=True)
class Reads:
    """Shots of one circuit after what was asked for.

    Parameters
    ----------
    spins : (n_shots, n_spins)
    copy : that each was read from (n_shots,)
    remarks : on what was done to them
    done : names of it
    apart : how likely it is that copies are as uneven as they were, feature by feature, before that
    """

    spins: NDArray[np.int8]
    copy: NDArray[np.int64]
    remarks: list[Remark]
    done: list[str]
    apart: list[Chance] = field(default_factory=list)


def seed_at(stream: np.random.SeedSequence) -> int:
    """A number of 64 bits."""
    return int(stream.generate_state(1, np.uint64)[0])


def told_of(row: Row, answers: Sequence[Answer], reads: Reads, asked: Any) -> dict[str, Any]:
    """What copies and batches of shots differ by, and the steps of a quench; plain JSON.

    Parameters
    ----------
    asked : the setting ``n_copies``
    """
    told: dict[str, Any] = {}
    request = row.request
    if row.chosen.is_quench:
        origin = row.chosen.origin
        told["trotter"] = steps_record(request.problem, request.angles, origin.get("annealing_time_ns"))
    if request.copies.n > 1:
        told["copies"] = copies_record(request.problem, reads.spins, reads.copy, request.copies, asked)
    if len(answers) >= _FEWEST_BATCHES:
        energies = [request.problem.energies(request.copies.apart(answer.spins)) for answer in answers]
        told["drift"] = drift_of(energies)
    return told


def drift_of(batches: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    """By how much the mean energy changes from the first batch to the last: a line through all shots.

    Parameters
    ----------
    batches : energies of the shots of each

    Examples
    --------
    >>> drift_of([np.array([0.0, 0.5]), np.array([1.0, 1.5]), np.array([2.0, 2.5])])["energy_change"]
    2.0
    """
    means = [float(energies.mean()) for energies in batches]
    at = np.repeat(np.linspace(0.0, 1.0, len(batches)), [len(energies) for energies in batches])
    energies = np.concatenate(batches)
    x = at - at.mean()
    slope = float(x @ energies / (x @ x))
    left = energies - energies.mean() - slope * x
    error = float(np.sqrt(x**2 @ left**2) / (x @ x))
    return {"mean_energies": means, "energy_change": slope, "energy_change_error": error}


def added_remarks(facts: Mapping[str, Any], reads: Sequence[Reads]) -> list[Remark]:
    """On what was done to shots, on long steps, on copies that differ, and on a drift; each told once."""
    found: dict[Remark, None] = {remark: None for read in reads for remark in read.remarks}
    for record in facts.get("depths", [facts]):
        where = f" at depth {record['depth']}" if "depths" in facts else ""
        if "trotter" in record:
            found |= dict.fromkeys(on_steps(record["trotter"]))
        if "drift" in record:
            found |= dict.fromkeys(_on_drift(record["drift"], where))
    if "copies" in facts:
        tests = [chance for read in reads for chance in read.apart]
        found |= dict.fromkeys(copies_apart(tests, facts["copies"]["qubits"]))
    return list(found)


def _on_drift(drift: Mapping[str, Any], where: str) -> list[Remark]:
    change, error = drift["energy_change"], drift["energy_change_error"]
    if not abs(change) > STANDARD_ERRORS * error:
        return []
    text = (
        f"the mean energy{where} changes by {change:.3g} +- {error:.2g} from the first shots to the last: "
        "the device drifts, and the shots follow no common distribution"
    )
    return [Remark("device-drifts", text)]


def variables_of(copy: NDArray[np.int64], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of the dataset: the copy of each shot, where there are several."""
    return {"copy": (("beta", "replica"), copy)} if "copies" in facts else {}
