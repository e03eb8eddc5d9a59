"""What is told of an anneal beside its reads: what a reader must know of them, and what a device took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qspin.sampler import Level, Remark
from qspin_backends.annealer.anneal import Anneal
from qspin_backends.annealer.device import Device
from qspin_backends.annealer.pipeline import Plan, Reads

__all__ = ["device_clocks", "remarks_on", "told_before"]


def told_before(remarks: Sequence[Remark]) -> list[Remark]:
    """Those for which a user may want to stop long computing before it starts."""
    return [remark for remark in remarks if remark.level is not Level.NOTE]


def device_clocks(batches: list[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds in the queue and on the device during this call, where it tells them."""
    if not any("timing" in batch for batch in batches):
        return {}
    now = [batch for batch in batches if not batch["from_journal"]]
    return {
        "device": 1e-6 * sum(batch["timing"].get("qpu_access_time", 0.0) for batch in now),
        "queue": sum(batch.get("queue", 0.0) for batch in now),
    }


def remarks_on(planned: Plan, anneal: Anneal, reads: Reads, device: Device) -> list[Remark]:
    """What the scaling, the anneal and the unembedding did to the problem."""
    remarks = []
    if anneal.h_gain_schedule is not None and (gain := anneal.h_gain_schedule[-1][1]) != 1:
        text = (
            f"h_gain_schedule ends at {gain:g}: what was annealed is the problem with its fields multiplied "
            "by that, and effective betas are no temperatures of the problem itself"
        )
        remarks.append(Remark("fields-multiplied", text))
    factor = planned.fit.factor
    if factor < 1 and device.temperature(factor) != 1:  # a temperature that does not follow
        text = (
            f"all energies were multiplied by {factor:.4g} to fit the {planned.fit.limit} of the device, and "
            "effective betas with them"
        )
        remarks.append(Remark("energies-multiplied", text))
    if reads.n_left_out:
        text = f"unembedding left out {reads.n_left_out} reads; every scale keeps equally many"
        remarks.append(Remark("reads-left-out", text))
    return remarks
