"""What an annealer would do with a problem, told without annealing or buying anything."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qspin_backends.annealer.device import Device, Request
from qspin_backends.annealer.pipeline import Plan, Stages

__all__ = ["embedded"]


def embedded(planned: Plan, device: Device, stages: Stages, request: Request) -> dict[str, Any]:
    """Embeddings, and what reading them takes, as JSON values.

    Returns
    -------
    ``solver``, ``topology``, ``shape``, ``qubits`` and ``couplers`` that work, absent where every problem is
    its own graph; ``labels`` of the spins; ``chains`` (placement, copy, spin, qubit); ``methods`` (placement,
    copy); ``lengths``, how many chains there are of each; ``n_copies``; ``n_reads`` of all scales together,
    ``n_anneals`` and ``n_programmings`` that they and calibrations take; ``seconds`` of QPU access time for
    these, None where that is not known; ``factor`` on all energies, and the ``limit`` that asks for it
    """
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
        "seconds": device.expected_seconds(request),
        "factor": planned.fit.factor,
        "limit": planned.fit.limit,
    }
