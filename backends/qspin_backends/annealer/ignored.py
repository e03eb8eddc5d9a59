"""Settings that mean nothing to a device, whatever is given for them, so that a study moves by one word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qspin.sampler import setting_names
from qspin_backends.annealer.choices import is_reverse
from qspin_backends.annealer.physics.choices import ignored_by_physics
from qspin_backends.common.paid import PAID

if TYPE_CHECKING:
    from qspin_backends.annealer.settings import AnnealerSettings

__all__ = ["QPU_ONLY", "ignored_settings"]

QPU_ONLY = ("programming_thermalization", "readout_thermalization", "h_gain_schedule", "anneal_offsets")
"""Settings that a simulated device has nothing for, and says so where they are given."""

_BY_QPU = (
    "size", "working", "yield_seed", "physics", "schedule", "n_sweeps", "sweeps_per_ns", "transverse_field",
    "temperature", "temperature_mk", "dephasing", "tolerance", "h_noise", "j_noise", "noise_seed",
    "readout_error", "solver_file",
)  # fmt: skip
_BY_SIMULATED = (
    *QPU_ONLY, "reduce_intersample_correlation", "flux_drift_compensation", "solver", "region", *PAID,
)  # fmt: skip
_WITHOUT_GRAPH = (
    "size", "working", "yield_seed", "embedding", "embedding_seed", "embedding_tries", "embedding_score",
    "n_embeddings",
)  # fmt: skip


def ignored_settings(given: AnnealerSettings) -> list[str]:
    """Names of the settings that decide nothing about the reads, as the others are given."""
    ignored = set(_BY_QPU if given.device == "qpu" else _BY_SIMULATED)
    if not is_reverse(given):
        ignored.add("reinitialize_state")
    if given.device == "simulated":
        ignored |= ignored_by_physics(given)
    if given.device == "simulated" and given.topology == "none":
        ignored.update(_WITHOUT_GRAPH)
    if given.embedding_tries == given.n_copies == 1:
        ignored.add("embedding_score")
    if given.working == 1:
        ignored.add("yield_seed")
    if not given.h_noise and not given.j_noise:
        ignored.add("noise_seed")
    if not given.n_shim and not given.readout_mitigation:
        ignored.add("shim_reads")
    return [name for name in setting_names(type(given)) if name in ignored]
