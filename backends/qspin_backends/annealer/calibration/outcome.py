"""What is told of a calibration beside the samples: curves, rates, trends, remarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import Level, Remark
from qspin_backends.annealer.calibration.drift import drifts
from qspin_backends.annealer.calibration.readout import Flips, of_chains, unfolded
from qspin_backends.annealer.calibration.rounds import Learned, most_corrected
from qspin_backends.annealer.calibration.shims import HEADROOM, measured, together
from qspin_backends.annealer.device import Device
from qspin_backends.annealer.embeddings.placement import side_by_side
from qspin_backends.annealer.pipeline import Plan, Reads, Stages

__all__ = ["Outcome", "outcome"]

Variables = dict[str, tuple[str | tuple[str, ...], Any]]


@dataclass(frozen=True)
class Outcome:
    """What a calibration, and the anneals after it, tell of the device.

    Parameters
    ----------
    told : plain JSON: shims, readout, drift, and what the device said of each call
    variables : of the dataset
    remarks : what a reader must know
    """

    told: dict[str, Any]
    variables: Variables
    remarks: list[Remark]


def outcome(learned: Learned, stages: Stages, reads: Reads, device: Device) -> Outcome:
    """From the rounds of a calibration and the anneals after it."""
    wheres = [f"at scale {scale:g}" for scale in stages.scales]
    drift, remarks = _drift(learned.plan, reads, wheres)
    told: dict[str, Any] = {"drift": drift}
    variables: Variables = {}
    if learned.shims:
        told["shims"] = _shims(learned, stages, reads)
        remarks += _shims_remarks(learned, most_corrected(device))
    if learned.flips:
        told["readout"], variables = _mitigated(learned, reads)
        remarks += _mitigated_remarks(variables, stages.calibration.n_reads)
    if learned.batches:
        told["batches"] = learned.batches
    return Outcome(told, variables, remarks)


def _drift(planned: Plan, reads: Reads, wheres: list[str]) -> tuple[list[dict[str, Any]], list[Remark]]:
    """Trends over the programmings of each scale.

    Calls of one programming count as one, since programmings differ by their gauges; of a single one the
    calls themselves are compared.
    """
    programming = np.array([batch.programming for batch in planned.batches])
    order = programming[reads.batch] if len(planned.gauge_of) > 1 else reads.batch
    return drifts(planned.problem, reads.spins, order, planned.gauges[reads.gauge], wheres)


def _shims(learned: Learned, stages: Stages, reads: Reads) -> dict[str, Any]:
    """Curves of the rounds and of the anneals after them, how large corrections were after each, and what
    they were at the end; energies in units of the device's couplings.
    """
    names = [name for name in learned.curves[0] if name not in ("beta", "beta_from")]
    after = _after(learned, stages, reads)
    sizes = np.bincount(learned.orbits) if learned.orbits is not None else np.zeros(0, dtype=np.int64)
    return {
        "n_rounds": len(learned.curves),
        "n_reads": stages.calibration.n_reads,
        "n_compared_couplings": int(sizes[sizes > 1].sum()),
        "n_orbits": int((sizes > 1).sum()),
        **{name: [row[name] for row in learned.curves] for name in names},
        "after": after,
        "beta": [row["beta"] for row in learned.curves],
        "beta_from": [row["beta_from"] for row in learned.curves],
        "fields": [own.fields.tolist() for own in learned.shims],
        "couplings": [own.couplings.tolist() for own in learned.shims],
    }


def _shims_remarks(learned: Learned, most: float) -> list[Remark]:
    """What limits the corrections.

    Parameters
    ----------
    most : that a coupling may be corrected by
    """
    remarks = []
    if learned.orbits is None:
        text = (
            "couplers were not shimmed: the symmetry of the problem is not searched in a graph of that size; "
            "flux biases were, which need none"
        )
        remarks.append(Remark("couplers-not-compared", text, Level.NOTE))
    bounded = sum(int((np.abs(own.couplings) >= 0.999 * most).sum()) for own in learned.shims)
    if bounded:
        text = (
            f"{bounded} coupling{'s' * (bounded > 1)} would be corrected by more than the {HEADROOM:.0%} of "
            "their range that are kept free for it: what is left of their errors stays"
        )
        remarks.append(Remark("shims-bounded", text))
    return remarks


def _after(learned: Learned, stages: Stages, reads: Reads) -> dict[str, float | None]:
    """Curves of the anneals of the largest scale, all gauges together; of magnetisations none with fields."""
    planned = learned.plan
    copies = side_by_side(planned.problem, planned.n_copies)
    curves = []
    for placement in range(len(planned.placements)):
        spins, gauges = _by_programming(planned, reads, placement)
        if spins:
            curves.append(measured(copies, spins, gauges, learned.orbits).curves)
    found = together(curves)
    if planned.problem.fields.any() or stages.anneal.initial_state is not None:
        return {name: None if "magnetisation" in name else value for name, value in found.items()}
    return dict(found)


def _by_programming(
    planned: Plan, reads: Reads, placement: int
) -> tuple[list[NDArray[np.int8]], list[NDArray[np.int8]]]:
    """Reads of all copies side by side in the variables of the device, and their gauges."""
    spins, gauges = [], []
    programming = np.array([batch.programming for batch in planned.batches])[reads.batch[-1]]
    for number, own in enumerate(planned.gauge_of):
        if planned.placed(number) != placement:
            continue
        copies = [
            reads.spins[-1, (programming == number) & (reads.copy[-1] == copy)] * planned.gauges[gauge]
            for copy, gauge in enumerate(own)
        ]
        if (n_reads := min(map(len, copies))) > 0:
            spins.append(np.concatenate([copy[:n_reads] for copy in copies], axis=1))
            gauges.append(planned.gauges[own].ravel())
    return spins, gauges


def _mitigated(learned: Learned, reads: Reads) -> tuple[dict[str, Any], Variables]:
    """Rates of wrong readings, and means without them as variables of the dataset."""
    planned = learned.plan
    problem, n = planned.problem, planned.problem.n_spins
    flips = [
        of_chains(own, placement.layout, n * planned.n_copies)
        for own, placement in zip(learned.flips, planned.placements, strict=True)
    ]
    rows = []
    for k in range(len(reads.spins)):
        place = reads.embedding[k] * planned.n_copies + reads.copy[k]
        rates = [Flips(own.down[c * n : c * n + n], own.up[c * n : c * n + n], own.n_reads)
                 for own in flips for c in range(planned.n_copies)]  # fmt: skip
        rng = np.random.default_rng([planned.calibration_seed, k])
        rows.append(unfolded(problem, reads.spins[k], reads.gauge[k], planned.gauges, place, rates, rng))
    edges = problem.edges
    variables: Variables = {
        "edge_ends": (("edge", "end"), np.stack([edges.i, edges.j], axis=1)),
        **_pair("magnetisation_unfolded", ("beta", "spin"), [row.magnetisation for row in rows]),
        **_pair("correlation_unfolded", ("beta", "edge"), [row.correlation for row in rows]),
        **_pair("energy_unfolded", ("beta",), [row.energy for row in rows]),
    }
    return {"placements": [own.to_json() for own in learned.flips]}, variables


def _mitigated_remarks(variables: Variables, n_reads: int) -> list[Remark]:
    """What is to be known of means without wrong readings.

    Parameters
    ----------
    n_reads : of each of the programmings that measured these
    """
    text = (
        "readout errors were measured and taken out of magnetisation_unfolded, correlation_unfolded and "
        "energy_unfolded; the reads, and all that is computed from them, are as they were read"
    )
    remarks = [Remark("means-unfolded", text, Level.NOTE)]
    unknown = np.isnan(variables["magnetisation_unfolded"][1]).any(axis=0)
    if unknown.any():
        text = (
            f"{unknown.sum()} of {len(unknown)} spins are read wrongly about as often as rightly, as far as "
            f"{n_reads} reads in each direction tell: nothing is known of their means, which are NaN, nor of "
            "correlations and energies that they take part in. Raise shim_reads, or leave "
            "readout_mitigation out"
        )
        remarks.append(Remark("readings-at-random", text, Level.SERIOUS))
    return remarks if not unknown.all() else remarks[1:]


def _pair(name: str, dims: tuple[str, ...], rows: list[NDArray[np.float64]]) -> Variables:
    values = np.array(rows)
    return {name: (dims, values[:, 0]), f"{name}_error": (dims, values[:, 1])}
