"""What is told of an anneal beside its reads: what a reader must know of them, and what a device took."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qspin.sampler import Level, Remark
from qspin_backends.annealer.anneal import Anneal
from qspin_backends.annealer.device import Device
from qspin_backends.annealer.ignored import QPU_ONLY
from qspin_backends.annealer.physics.choices import physics_of
from qspin_backends.annealer.pipeline import Plan, Reads

if TYPE_CHECKING:
    from qspin_backends.annealer.settings import AnnealerSettings

__all__ = ["device_clocks", "remarks_on", "remarks_on_settings", "told_before"]


def remarks_on_settings(given: AnnealerSettings, planned: Plan) -> list[Remark]:
    """Settings that were given and that nothing, or less than was asked for, comes of."""
    remarks = []
    if given.device == "simulated":
        remarks += [*_left_out(given), *_without_effect(given)]
    if given.n_copies != "auto" and planned.n_copies < given.n_copies:
        text = (
            f"n_copies is {given.n_copies} and n_reads {given.n_reads}: {planned.n_copies} copies give all "
            "reads in one anneal, and no more were placed"
        )
        remarks.append(Remark("fewer-copies", text, Level.NOTE))
    return remarks


def _left_out(given: AnnealerSettings) -> Iterator[Remark]:
    """What means something to a QPU alone, or to another physics."""
    if names := [name for name in QPU_ONLY if getattr(given, name) is not None]:
        text = f"{', '.join(names)} left out: without meaning for a simulated device"
        yield Remark("settings-left-out", text)
    default = {field.name: field.default for field in dataclasses.fields(given)}
    ignored = physics_of(given).ignores
    if names := [name for name in ignored if getattr(given, name) != default[name]]:
        text = f"{', '.join(names)} left out: without meaning for physics {given.physics!r}"
        yield Remark("settings-without-physics", text, Level.NOTE)


def _without_effect(given: AnnealerSettings) -> Iterator[Remark]:
    """What a simulated device has nothing to show for."""
    if given.n_copies != 1 and given.topology == "none":
        text = (
            f"n_copies {given.n_copies} on topology 'none': there is no device on which copies would lie in "
            "different places, so that they are alike; anneals are fewer, and nothing else is to be seen"
        )
        yield Remark("copies-alike", text, Level.NOTE)
    if given.n_shim and (given.noise_seed is None or not (given.h_noise or given.j_noise)):
        text = (
            "n_shim corrects what a device does wrong in the same way in every programming, and this one has "
            "no such errors: corrections are noise of the calibration. Give noise_seed with h_noise or "
            "j_noise for a chip that has, or leave n_shim out"
        )
        yield Remark("nothing-to-shim", text)


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
