"""What a call of `Annealer` will take, told before anything is annealed or bought."""

from __future__ import annotations

import os

from qspin.sampler import Workload, samples_bytes
from qspin_backends.annealer.device import Device, Request
from qspin_backends.annealer.pipeline import Plan
from qspin_backends.common.temperature import temperature_bytes

__all__ = ["expected_workload"]

_CALL = 6e7  # nanoseconds, of a core of an AMD EPYC: plans, programs, temperatures of the reads
_BYTES_A_COUPLER = 200  # of a program on its way to a sampler: dimod's model and its dictionaries
_BYTES_OF_HARDWARE = 800  # of each coupler of a device: its graph, and the dictionaries of Ocean's mock
_COPIES_OF_READS = 4  # of the qubits that are read: as the sampler gives them, ordered, and unembedded


def expected_workload(planned: Plan, request: Request, device: Device, n_scales: int) -> Workload:
    """What a request takes, with everything before and after it.

    Parameters
    ----------
    planned : with these programs
    n_scales : that share the reads
    """
    kernel, work = device.work(request)
    work += _CALL
    expected = device.expected_seconds(request)
    programs = request.programs
    n_anneals = sum(program.n_reads for program in programs)
    n_reads = n_anneals * planned.n_copies
    at_once = min(len(programs), os.cpu_count() or 1)
    largest = max((len(p.qubits) + len(p.couplers) for p in programs), default=0)
    n_couplers = 0 if device.hardware is None else len(device.hardware.couplers)
    kept = samples_bytes(1, n_reads, 1, planned.problem.n_spins)
    memory = (
        kept
        + temperature_bytes(n_reads // max(1, n_scales), planned.problem.n_spins)
        + _COPIES_OF_READS * n_anneals * max((len(p.qubits) for p in programs), default=0)
        + at_once * _BYTES_A_COUPLER * largest
        + _BYTES_OF_HARDWARE * n_couplers
    )
    charged = expected if device.is_paid else 0.0
    return Workload(f"annealer {kernel}", work, memory, kept, charged, n_parts=max(1, len(programs)))
