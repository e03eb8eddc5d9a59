"""Which settings of a simulated physics go together, and which of them mean something to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qspin.sampler import SHAPES
from qspin_backends.annealer.physics.dynamics import Dynamics
from qspin_backends.annealer.physics.substitute import dynamics_class

if TYPE_CHECKING:
    from qspin_backends.annealer.settings import AnnealerSettings

__all__ = ["ignored_by_physics", "ignores_time", "physics_of", "refuse_misfits_of_physics"]


def physics_of(given: AnnealerSettings) -> type[Dynamics]:
    """What a simulated device anneals by."""
    return dynamics_class(given.physics)


def refuse_misfits_of_physics(given: AnnealerSettings) -> None:
    """Raises ValueError for settings of a simulated device that do not go together."""
    if given.device != "simulated":
        return
    physics = physics_of(given)
    if given.anneal_schedule is not None and not physics.has_transverse_field:
        raise ValueError(
            f"physics {given.physics!r} has no transverse field, so no anneal_schedule; leave it out"
        )
    if given.temperature_mk is not None and _is_a_shape(given):
        raise ValueError(
            "temperature_mk needs a schedule in GHz, a CSV file of s, A and B; without one give temperature, "
            "in units of the couplings"
        )
    if given.temperature_mk is not None and given.temperature is not None:
        raise ValueError("temperature and temperature_mk both say how cold the device is; give one of them")
    if physics.needs_time and not _has_time(given):
        raise ValueError(
            f"physics {given.physics!r} evolves in real time: give annealing_time in microseconds (0.02 is "
            "20 ns) or an anneal_schedule"
        )
    if given.sweeps_per_ns is not None and not _has_time(given):
        raise ValueError(
            "sweeps_per_ns needs the time of an anneal: give annealing_time in microseconds (0.02 is 20 ns), "
            "or n_sweeps in its place"
        )


def ignored_by_physics(given: AnnealerSettings) -> set[str]:
    """Settings that decide nothing about the reads of a simulated device."""
    physics = physics_of(given)
    ignored = set(physics.ignores)
    if _is_a_shape(given):
        ignored.discard("temperature_mk")  # refused
    else:
        ignored.add("transverse_field")
    if given.sweeps_per_ns is not None:
        ignored.add("n_sweeps")
    if ignores_time(given):
        ignored.add("annealing_time")
    return ignored


def ignores_time(given: AnnealerSettings) -> bool:
    """Whether the time of a simulated anneal means nothing, so that only its sweeps count."""
    return given.sweeps_per_ns is None and not physics_of(given).needs_time


def _is_a_shape(given: AnnealerSettings) -> bool:
    return given.schedule is None or given.schedule in SHAPES


def _has_time(given: AnnealerSettings) -> bool:
    return given.annealing_time is not None or given.anneal_schedule is not None
