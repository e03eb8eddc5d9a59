"""What an annealer would do with a problem, told without annealing or buying anything."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qspin_backends.annealer.device import Device, Request
from qspin_backends.annealer.pipeline import Plan, Stages

__all__ = ["embedded"]


def embedded(
    planned: Plan, device: Device, stages: Stages, request: Request, limit: float | None
) -> dict[str, Any]:
    """Embeddings, and what reading them takes, as JSON values.

    Parameters
    ----------
    request : programs of the plan, and after them those that calibrate
    limit : ``max_qpu_seconds``, if there is one

    Returns
    -------
    ``solver``, ``topology``, ``shape``, ``qubits`` and ``couplers`` that work, absent where every problem is
    its own graph; ``labels`` of the spins; ``chains`` (placement, copy, spin, qubit); ``methods`` (placement,
    copy); ``lengths``, how many chains there are of each; ``n_copies``; ``n_reads`` of all scales together,
    ``n_anneals`` and ``n_programmings`` that they and calibrations take, ``n_calibrating`` anneals in
    ``n_calibrations`` of them for the latter; ``seconds`` of QPU access time for all, None where that is not
    known, and ``max_qpu_seconds`` that they may take; ``factor`` on all energies, and the ``limit`` that asks
    for it
    """
    calibrating = request.programs[len(planned.programs) :]
    lengths = Counter(len(chain) for p in planned.placements for copy in p.copies for chain in copy.chains)
    told: dict[str, Any] = {"solver": device.identity["name"]}
    if (hardware := device.hardware) is not None:
        told |= {"topology": hardware.topology, "shape": list(hardware.shape)}
        told |= {"qubits": hardware.qubits.tolist(), "couplers": hardware.couplers.tolist()}
    return told | {
        "labels": list(planned.problem.labels),
        "chains": [placement.chains for placement in planned.placements],
        "methods": [[copy.method for copy in placement.copies] for placement in planned.placements],
        "lengths": dict(sorted(lengths.items())),
        "n_copies": planned.n_copies,
        "n_reads": len(stages.scales) * stages.n_reads,
        "n_anneals": sum(program.n_reads for program in request.programs),
        "n_programmings": len(request.programs),
        "n_calibrating": sum(program.n_reads for program in calibrating),
        "n_calibrations": len(calibrating),
        "seconds": device.expected_seconds(request),
        "max_qpu_seconds": limit,
        "factor": planned.fit.factor,
        "limit": planned.fit.limit,
    }
