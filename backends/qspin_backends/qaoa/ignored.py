"""Settings that mean nothing to a circuit or a device, whatever is given for them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from qspin.sampler import Level, Remark, setting_names
from qspin_backends.common.paid import PAID

if TYPE_CHECKING:
    from qspin_backends.qaoa.settings import QaoaSettings

__all__ = ["ignored_settings", "on_ignored"]

_BY_IBM = ("method", "noise", "noise_drift", "coupling_map", "basis_gates")
_BY_AER = ("channel", "instance", *PAID)
_BY_OTHERS = (*_BY_IBM, "channel", "instance")
_BY_DEVICE = {"ibm": _BY_IBM, "aer": _BY_AER, "backend": _BY_OTHERS}
_OF_STATES = ("max_bond_dimension", "truncation_threshold")
_OF_QUENCHES = ("quench_time", "schedule", "annealing_time", "transverse_field")
_OF_TRAINING = frozenset({"objective", "cvar_fraction", "gibbs_eta", "n_iterations"})
_OF_ANGLES = _OF_TRAINING | {"ramp_step", "fourier_terms", "n_starts", "multi_angle", "angles_from"}
_USED = {
    "linear_ramp": frozenset({"ramp_step"}),
    "interp": _OF_TRAINING,
    "fourier": _OF_TRAINING | {"fourier_terms"},
    "optimise": _OF_TRAINING | {"ramp_step", "n_starts", "multi_angle"},
    "transfer": frozenset({"angles_from"}),
}
"""What decides on angles, by where they come from; tables and given angles need none of it."""
_OF_OBJECTIVES = {"expectation": None, "cvar": "cvar_fraction", "gibbs": "gibbs_eta"}


def ignored_settings(given: QaoaSettings, method: str | None = None) -> list[str]:
    """Names of the settings that decide nothing about the shots, as the others are given.

    Parameters
    ----------
    method : that Aer took, where it ran; those of a matrix product state mean nothing to the others
    """
    ignored = _on_angles(given)
    ignored.update(_BY_DEVICE[given.device])
    if given.device != "aer" or method not in (None, "matrix_product_state"):
        ignored.update(_OF_STATES)
    if given.depths is not None:
        ignored.add("depth")
    if given.device == "aer" and not (
        isinstance(given.noise, str) or given.backend or given.coupling_map or given.basis_gates
    ):
        ignored.update(("optimization_level", "transpiler_seed"))
    if given.warm_start is None:
        ignored.add("regularisation")
    return [name for name in setting_names(type(given)) if name in ignored]


def on_ignored(given: QaoaSettings) -> list[Remark]:
    """Settings that were given beside others of the same meaning, which decide."""
    changed = {one.name for one in dataclasses.fields(given) if getattr(given, one.name) != one.default}
    found = []
    if given.depths is not None and "depth" in changed:
        found.append(f"depth {given.depth} means nothing beside depths {list(given.depths)}")
    if given.followed_schedule is not None and "quench_time" in changed:
        found.append(
            f"quench_time {given.quench_time:g} means nothing along the schedule of an annealer, which runs "
            "for annealing_time"
        )
    return [Remark("settings-without-meaning", text, Level.NOTE) for text in found]


def _on_angles(given: QaoaSettings) -> set[str]:
    if given.ansatz == "quench":
        return {"angles", *_OF_ANGLES, *_of_other_quenches(given)}
    used = set(_USED.get(given.angles, ())) if isinstance(given.angles, str) else set()
    if "objective" in used:
        own = _OF_OBJECTIVES[given.objective]
        used -= {name for name in _OF_OBJECTIVES.values() if name not in (None, own)}
    return {*_OF_QUENCHES, *(_OF_ANGLES - used)}


def _of_other_quenches(given: QaoaSettings) -> set[str]:
    """Settings of quenches along schedules of another kind."""
    if isinstance(given.schedule, tuple):
        return {"transverse_field"}  # annealing_time is refused
    return {"quench_time"} if isinstance(given.schedule, str) else {"quench_time", "transverse_field"}
